"""What an agent does next, and what it makes of answers: truth tables."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.agent.calls import (
    Answer,
    Call,
    Cancel,
    CompilerError,
    LookUp,
    NotFetched,
    Poll,
    Prepare,
    Refused,
    Results,
    Spoiled,
    Submit,
)
from quantum_operator.agent.decide import decide, heard
from quantum_operator.agent.observed import Load, TaskObserved
from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.patience import MAX_LOOKUPS, MAX_LOST, MAX_REFUSALS, MAX_UNREADABLE
from quantum_operator.api.quantumtask import OVER, QuantumTask, QuantumTaskStatus
from quantum_operator.api.sharedtask import TaskCharge
from quantum_operator.decide.times import parse, stamp
from quantum_operator.ports.adapter import (
    Absent,
    AdapterError,
    AmbiguousError,
    Cancelled,
    Capabilities,
    Charged,
    ForbiddenError,
    Found,
    LostError,
    MalformedError,
    Progress,
    RejectedError,
    SaturatedError,
    UnavailableError,
    Unknown,
    UnsupportedError,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
OUTCOME = ArtifactRef(name="o", sha256="0" * 64, bytes=1)
CHARGE = TaskCharge(micros=5, currency="USD", seconds=1)
KINDS = (RejectedError, UnsupportedError, ForbiddenError, SaturatedError)
ERRORS: list[AdapterError] = [
    kind("why") for kind in (*KINDS, UnavailableError, AmbiguousError, LostError, MalformedError)
]


def at(seconds: float) -> str:
    return stamp(NOW + timedelta(seconds=seconds))


def claimed(deadline: float = 0.0, agent: str = "other", **status: Any) -> dict[str, Any]:
    claim = {"agent": agent, "deadline": at(deadline)}
    return {"state": "Submitting", "claim": claim, "submissions": 1, **status}


def submitted(state: str = "Queued", ago: float = 10, **status: Any) -> dict[str, Any]:
    known = {"providerId": "id-1", "submittedTime": at(-ago)}
    return claimed(-ago) | {"state": state, **known, **status}


def unknown(reason: str, times: int) -> dict[str, Any]:
    return submitted(reason=reason, lookups=times)


def task(status: dict[str, Any] | None = None, *, deleted: bool = False, **spec: Any) -> QuantumTask:
    given = {
        "job": {"namespace": "team", "name": "bell", "uid": "u"},
        "backend": "qpu",
        "device": "qpu",
        "input": "{}",
        "inputSha256": "0" * 64,
        "seed": 1,
        "token": "qo-token-1",
        "ceiling": {"micros": 10, "currency": "USD", "seconds": 60},
        "queueSeconds": 100,
        **spec,
    }
    metadata = {"name": "bell-1", "namespace": "agents", "uid": "t", "deletionTimestamp": at(0) if deleted else None}
    return QuantumTask.model_validate({"metadata": metadata, "spec": given, "status": status or {}})


def observed(one: QuantumTask, token: str = "tag", *, prepared: bool = False, **more: Any) -> TaskObserved:
    capable = Capabilities("Memory", token, 30, False, 10, 60, submit_seconds=60)  # type: ignore[arg-type]
    loads = {one.metadata.uid: Load(1, 1)} if prepared else {}
    return TaskObserved(NOW, one, "me", capable, loads=loads, **more)


CALLS: list[tuple[str, QuantumTask, dict[str, Any], type[Call] | None]] = [
    ("a new one is prepared", task(), {}, Prepare),
    ("a prepared one is claimed and submitted", task(), {"prepared": True}, Submit),
    ("the account's rate is kept", task(), {"prepared": True, "submit_in": 5.0}, None),
    ("after a refusal it waits", task({"notBefore": at(9), "refusals": 1}), {"prepared": True}, None),
    ("a claim of another is left alone", task(claimed(-29)), {}, None),
    ("until nothing can come of it any more", task(claimed(-31)), {}, LookUp),
    ("a lookup that failed is not repeated at once", task(claimed(-31, notBefore=at(3))), {}, None),
    ("a submitted one is asked after", task(submitted()), {}, Poll),
    ("at its pace", task(submitted()), {"poll_in": 2.0}, None),
    ("a cancelled one is cancelled", task(submitted(), cancel=True), {"poll_in": 2.0}, Cancel),
    ("a deleted one is cancelled", task(submitted(), deleted=True), {}, Cancel),
    ("once", task(submitted(cancellation={"confirmed": False}), cancel=True), {}, Poll),
    ("one that waits too long is cancelled", task(submitted(ago=101)), {}, Cancel),
    ("one that runs is not", task(submitted("Running", ago=101)), {}, Poll),
    ("one that is over is left alone", task({"state": "Succeeded"}, cancel=True), {}, None),
    ("a held one is left alone", task(submitted("Held"), cancel=True), {}, None),
    ("a claim is looked up before it is cancelled", task(claimed(-31), cancel=True), {}, LookUp),
]


@pytest.mark.parametrize(("one", "more", "call"), [row[1:] for row in CALLS], ids=[row[0] for row in CALLS])
def test_what_is_called_next(one: QuantumTask, more: dict[str, Any], call: type[Call] | None) -> None:
    found = decide(observed(one, **more)).call
    assert (None if found is None else type(found)) is call


def test_a_claim_is_on_record_before_the_call_and_outlives_it() -> None:
    """The call begins before the claim's deadline, by as much as it may take."""
    decision = decide(observed(task(), prepared=True))
    assert isinstance(decision.call, Submit)
    claim = decision.status.claim
    assert claim is not None
    assert claim.agent == "me"
    assert datetime.fromisoformat(claim.deadline) - decision.call.deadline >= timedelta(seconds=60)
    assert (decision.status.state, decision.status.submissions) == ("Submitting", 1)


def test_a_task_that_is_not_wanted_is_never_submitted() -> None:
    """It is over at once, and cost nothing."""
    status = decide(observed(task(cancel=True), prepared=True)).status
    assert (status.state, status.charge) == ("Cancelled", TaskCharge(micros=0, currency="USD", seconds=0))


def test_one_own_dead_process_is_not_waited_for() -> None:
    """Its call is surely over: only what it made may still have to show."""
    decision = decide(observed(task(claimed(200, agent="before")), former=("before",)))
    assert decision.status.claim is not None
    assert decision.status.claim.deadline == at(0)


def test_without_tokens_a_lost_answer_holds_the_task() -> None:
    assert decide(observed(task(claimed(-999)), token="none")).status.state == "Held"


@pytest.mark.parametrize(
    ("told", "state", "provider_id"),
    [({"providerId": "id-9"}, "Queued", "id-9"), ({"neverSubmitted": True}, "Pending", None)],
)
def test_a_person_resolves_a_held_task(told: dict[str, Any], state: str, provider_id: str | None) -> None:
    """What they say, and why, is on record; it is followed once."""
    resolution = {**told, "by": "ann", "why": "looked", "time": at(0)}
    status = decide(observed(task(claimed(-9) | {"state": "Held"}, resolution=resolution))).status
    assert (status.state, status.provider_id) == (state, provider_id)
    assert "ann" in status.message
    again = task(status.model_copy(update={"state": "Held"}).to_wire(), resolution=resolution)
    assert decide(observed(again)).status.state == "Held"


HEARD: list[tuple[str, dict[str, Any], Call, Answer, str, str]] = [
    ("an id", claimed(), Submit(NOW), "id-1", "Queued", "Submitted"),
    ("a lost answer", claimed(60), Submit(NOW), AmbiguousError("reset"), "Submitting", "AnswerLost"),
    ("an unreadable answer", claimed(60), Submit(NOW), MalformedError("x"), "Submitting", "AnswerLost"),
    ("no patience", claimed(), Submit(NOW), SaturatedError("429"), "Pending", "ProviderBusy"),
    ("nobody there", claimed(), Submit(NOW), UnavailableError("down"), "Pending", "ProviderBusy"),
    ("no rights", claimed(), Submit(NOW), ForbiddenError("401"), "Pending", "CredentialsRefused"),
    ("bad input", claimed(), Submit(NOW), RejectedError("400"), "Failed", "Rejected"),
    ("not for this device", claimed(), Submit(NOW), UnsupportedError("gate"), "Failed", "Unsupported"),
    (
        "too many refusals",
        claimed(refusals=MAX_REFUSALS),
        Submit(NOW),
        SaturatedError("x"),
        "Failed",
        "SubmissionRefused",
    ),
    ("too dear", {}, Prepare(), Refused("dear"), "Failed", "CeilingExceeded"),
    ("a bad program", {}, Prepare(), Spoiled(OUTCOME, "x", CHARGE), "Failed", "Refused"),
    ("no device", {}, Prepare(), UnavailableError("x"), "Pending", "ProviderBusy"),
    ("no compiler", {}, Prepare(), CompilerError("x"), "Pending", "CompilerUnavailable"),
    (
        "no compiler for what came",
        submitted("Running"),
        Poll(),
        NotFetched(CompilerError("x")),
        "Running",
        "FetchFailed",
    ),
    ("found", claimed(-60), LookUp(), Found(("id-1",)), "Queued", "Submitted"),
    ("absent", claimed(-60), LookUp(), Absent(), "Pending", "NotFound"),
    ("unknown", claimed(-60), LookUp(), Unknown("why"), "Submitting", "LookupFailed"),
    ("unknown for good", claimed(-60, lookups=MAX_LOOKUPS), LookUp(), Unknown("y"), "Held", "SubmissionUnknown"),
    ("queued", submitted(), Poll(), Progress("Queued", queue_position=3), "Queued", "Submitted"),
    ("running", submitted(), Poll(), Progress("Running"), "Running", "Running"),
    ("done", submitted("Running"), Poll(), Results(OUTCOME, CHARGE), "Succeeded", "Succeeded"),
    ("unreadable", submitted("Running"), Poll(), Spoiled(OUTCOME, "x", CHARGE), "Failed", "ResultUnreadable"),
    ("failed", submitted("Running"), Poll(), Progress("Failed", "ions"), "Failed", "TaskFailed"),
    ("cancelled there", submitted(), Poll(), Progress("Cancelled"), "Cancelled", "Cancelled"),
    (
        "waited too long",
        submitted(cancellation={"confirmed": True}),
        Poll(),
        Progress("Cancelled"),
        "Cancelled",
        "QueueTimeExceeded",
    ),
    ("not known", submitted(), Poll(), LostError("?"), "Queued", "LookupFailed"),
    ("not known for good", unknown("LookupFailed", MAX_LOST - 1), Poll(), LostError("?"), "Held", "TaskLost"),
    (
        "not known, and not read before",
        unknown("AnswerUnreadable", 9),
        Poll(),
        LostError("?"),
        "Queued",
        "LookupFailed",
    ),
    ("known after all", unknown("LookupFailed", 2), Poll(), Progress("Running"), "Running", "Running"),
    ("no JSON", submitted(), Poll(), MalformedError("{"), "Queued", "AnswerUnreadable"),
    (
        "no JSON, and not known before",
        unknown("LookupFailed", 2),
        Poll(),
        MalformedError("{"),
        "Queued",
        "AnswerUnreadable",
    ),
    ("a question refused", submitted(), Poll(), RejectedError("400"), "Queued", "AnswerUnreadable"),
    ("an adapter at fault", submitted(), Poll(), AmbiguousError("KeyError"), "Queued", "AnswerUnreadable"),
    (
        "no JSON for good",
        unknown("AnswerUnreadable", MAX_UNREADABLE - 1),
        Poll(),
        MalformedError("{"),
        "Held",
        "AnswerUnreadable",
    ),
    ("no answer", submitted(), Poll(), UnavailableError("503"), "Queued", "ProviderUnavailable"),
    ("rights withdrawn", submitted(), Poll(), ForbiddenError("403"), "Queued", "CredentialsRefused"),
    ("to be cancelled", submitted(), Cancel(), Cancelled(confirmed=True), "Queued", ""),
    ("no cancelling", submitted(), Cancel(), RejectedError("400"), "Queued", ""),
    ("no right to cancel", submitted(), Cancel(), ForbiddenError("403"), "Queued", "CredentialsRefused"),
    ("a cancellation unanswered", submitted(), Cancel(), AmbiguousError("503"), "Queued", "ProviderUnavailable"),
    (
        "a cancellation unanswered for good",
        unknown("AnswerUnreadable", MAX_UNREADABLE),
        Cancel(),
        AmbiguousError("503"),
        "Queued",
        "ProviderUnavailable",
    ),
    ("done before it was cancelled", submitted(), Cancel(), Results(OUTCOME, CHARGE), "Succeeded", "Succeeded"),
    ("failed before it was cancelled", submitted(), Cancel(), Progress("Failed", "ions"), "Failed", "TaskFailed"),
]


@pytest.mark.parametrize(
    ("status", "call", "answer", "state", "reason"), [row[1:] for row in HEARD], ids=[row[0] for row in HEARD]
)
def test_what_is_made_of_an_answer(status: dict[str, Any], call: Call, answer: Answer, state: str, reason: str) -> None:
    found = heard(observed(task(status)), call, answer)
    assert (found.state, found.reason) == (state, reason)
    if found.state in OVER:
        assert found.completion_time is not None
        assert found.charge is not None


def test_what_was_surely_not_submitted_costs_nothing() -> None:
    """And what may have been submitted before costs an unknown amount."""
    first = heard(observed(task(claimed())), Submit(NOW), RejectedError("400"))
    assert first.charge == TaskCharge(micros=0, currency="USD", seconds=0)
    second = heard(observed(task(claimed() | {"submissions": 2})), Submit(NOW), RejectedError("400"))
    assert second.charge is not None
    assert second.charge.micros is None


@pytest.mark.parametrize(
    ("status", "alone", "micros"),
    [
        (submitted(), False, 0),
        (submitted(submissions=2), False, None),
        (submitted(submissions=2), True, 0),
        (submitted(duplicates=["id-2"]), True, None),
    ],
)
@pytest.mark.parametrize("state", ["Failed", "Cancelled"])
def test_a_task_is_free_only_where_nothing_else_was_submitted(
    state: Any, status: dict[str, Any], alone: bool, micros: int | None
) -> None:
    """Its job may go elsewhere then: a duplicate that was paid for would be a second payment."""
    found = heard(replace(observed(task(status)), alone=alone), Poll(), Progress(state, charged=Charged(0, "USD", 0)))
    assert found.charge is not None
    assert found.charge.micros == micros


def test_a_provider_that_refuses_to_cancel_is_not_asked_again() -> None:
    """The task goes on, and its status says why."""
    status = heard(observed(task(submitted(), cancel=True)), Cancel(), RejectedError("it runs"))
    assert status.cancellation is not None
    assert (status.cancellation.confirmed, status.cancellation.message) == (False, "it runs")
    assert isinstance(decide(observed(task(status.to_wire(), cancel=True))).call, Poll)


def test_who_adopts_a_task_has_the_provider_asked_anew() -> None:
    """As often as at first."""
    resolution = {"providerId": "id-1", "by": "ann", "why": "looked", "time": at(0)}
    held = unknown("AnswerUnreadable", MAX_UNREADABLE) | {"state": "Held"}
    status = decide(observed(task(held, resolution=resolution))).status
    assert (status.state, status.lookups) == ("Queued", 0)


@pytest.mark.parametrize(
    ("told", "charge"),
    [
        (Charged(7, "USD", 3), TaskCharge(micros=7, currency="USD", seconds=3)),
        (Charged(None, "USD", 3), TaskCharge(currency="USD", seconds=3)),
        (Charged(7, "EUR", 3), TaskCharge(currency="USD")),
        (None, TaskCharge(currency="USD")),
    ],
)
@pytest.mark.parametrize("state", ["Failed", "Cancelled"])
def test_a_task_without_results_cost_what_the_provider_says(state: Any, told: Charged | None, charge: Any) -> None:
    """In the ceiling's currency; of what it does not say the ceiling is the most."""
    found = heard(observed(task(submitted("Running"))), Poll(), Progress(state, charged=told))
    assert (found.state, found.charge) == (state, charge)


def test_duplicates_are_kept_by_their_ids() -> None:
    found = heard(observed(task(claimed(-60))), LookUp(), Found(("id-1", "id-2", "id-3")))
    assert (found.provider_id, found.duplicates) == ("id-1", ("id-2", "id-3"))


def test_a_provider_is_given_the_time_that_it_asks_for() -> None:
    found = heard(observed(task(claimed())), Submit(NOW), SaturatedError("429", retry_after=77))
    assert found.not_before is not None
    assert datetime.fromisoformat(found.not_before) >= NOW + timedelta(seconds=77)


STATUSES = st.sampled_from(
    [{}, claimed(60), claimed(-99), claimed(-99, agent="me"), submitted(), submitted("Running"), submitted("Held")]
)
ANSWERS = st.sampled_from(
    [None, "id-1", Found(("id-1",)), Absent(), Unknown("?"), Progress("Succeeded"), Cancelled(confirmed=False), *ERRORS]
)


@given(
    status=STATUSES,
    answer=ANSWERS,
    call=st.sampled_from([Prepare(), Submit(NOW), LookUp(), Poll(), Cancel()]),
    cancel=st.booleans(),
    prepared=st.booleans(),
    token=st.sampled_from(["provider", "tag", "none"]),
)
def test_it_is_total_and_never_forgets_what_may_be_paid(
    status: dict[str, Any], answer: Answer, call: Call, cancel: bool, prepared: bool, token: str
) -> None:
    """No answer raises; a provider's id stays; only a claim or a lookup that found nothing lets it be submitted."""
    one = task(status, cancel=cancel)
    decision = decide(observed(one, token, prepared=prepared))
    if isinstance(decision.call, Submit):
        assert one.status.claim is None
        assert one.status.provider_id is None
    found = heard(observed(one, token), call, answer)
    assert QuantumTaskStatus.model_validate(found.to_wire()) == found
    if one.status.provider_id is not None and not isinstance(call, LookUp | Submit):
        assert found.provider_id == one.status.provider_id


@pytest.mark.parametrize("fraction", [0.0, 0.5, 0.998])
def test_what_was_taken_has_all_its_time_to_be_seen(fraction: float) -> None:
    """A lookup comes no earlier than the visibility lag after the answer was lost, or the process was known dead."""
    now = NOW + timedelta(seconds=fraction)
    lost = heard(replace(observed(task(claimed(60))), now=now), Submit(now), AmbiguousError("reset"))
    dead = decide(replace(observed(task(claimed(60, agent="dead")), former=("dead",)), now=now)).status
    for status in (lost, dead):
        assert status.claim is not None
        assert parse(status.claim.deadline) >= now
        again = replace(observed(task(status.to_wire() | claimed(0) | {"claim": status.claim.to_wire()})), now=now)
        later = decide(replace(again, former=("dead",)))
        assert later.status == again.task.status
        assert later.call is None
        assert later.look_again is not None
        assert later.look_again >= again.capabilities.visibility_seconds
