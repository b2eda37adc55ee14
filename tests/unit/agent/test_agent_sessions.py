"""What follows for a task's session, and what is made of answers about it: truth tables."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.agent.calls import (
    Answer,
    Call,
    Cancel,
    CloseSession,
    FindSession,
    LookUp,
    OpenSession,
    Poll,
    Prepare,
    Submit,
)
from quantum_operator.agent.decide import decide, heard
from quantum_operator.agent.observed import TaskObserved
from quantum_operator.api.quantumtask import OVER, QuantumTask, QuantumTaskStatus
from quantum_operator.api.sharedtask import TaskCharge
from quantum_operator.decide.tasks import seen
from quantum_operator.decide.times import parse
from quantum_operator.ports.adapter import (
    Absent,
    AmbiguousError,
    Charged,
    Closing,
    ForbiddenError,
    Found,
    LostError,
    Progress,
    RejectedError,
    SaturatedError,
    UnavailableError,
    Unknown,
)
from unit.agent.test_agent_decide import ANSWERS, NOW, at, claimed, observed, submitted, task

IDLE = 600
ID = {"id": "s-1"}


def session(state: str = "Open", ago: float = 10, **more: Any) -> dict[str, Any]:
    return {"session": {"state": state, "since": at(-ago), **({} if state == "Opening" else ID), **more}}


def opening(deadline: float = -31, agent: str = "other", **more: Any) -> dict[str, Any]:
    claim = {"agent": agent, "deadline": at(deadline)}
    return {"state": "Opening", **session("Opening", ago=40, claim=claim), **more}


def closing(then: str = "Succeeded", **more: Any) -> dict[str, Any]:
    return submitted("Closing", **session("Closing", then=then), reason=then, message="as it was", **more)


def dedicated(status: dict[str, Any] | None = None, mode: str = "session", **spec: Any) -> QuantumTask:
    return task(status, mode=mode, **spec)


def seeing(one: QuantumTask, token: str = "tag", **more: Any) -> TaskObserved:
    seen_so = observed(one, token, **more)
    return replace(seen_so, capabilities=replace(seen_so.capabilities, idle_seconds=IDLE, modes=("job", "session")))


NEXT: list[tuple[str, QuantumTask, dict[str, Any], Call | type[Call] | None]] = [
    ("it is prepared first", dedicated(), {}, Prepare),
    ("then a session is opened", dedicated(), {"prepared": True}, OpenSession),
    ("in which it is submitted", dedicated(session()), {"prepared": True}, Submit),
    ("none for a job by itself", task(), {"prepared": True}, Submit),
    ("none while the account's rate is kept", dedicated(), {"prepared": True, "submit_in": 5.0}, None),
    ("another one once that is closed", dedicated(session("Closed")), {"prepared": True}, OpenSession),
    ("one that was empty too long is closed", dedicated(session(ago=301)), {"prepared": True}, CloseSession(True)),
    ("one that takes no more is closed", dedicated(session("Closing")), {"prepared": True}, CloseSession(True)),
    ("an opening of another is left alone", dedicated(opening(-29)), {}, None),
    ("until nothing can come of it any more", dedicated(opening()), {}, FindSession(NOW - timedelta(seconds=40))),
    ("a search that failed is not repeated at once", dedicated(opening(notBefore=at(3))), {}, None),
    ("also of one that is cancelled", dedicated(opening(), cancel=True), {}, FindSession),
    ("as soon as it has its task it is sealed", dedicated(submitted(**session())), {}, CloseSession(False)),
    ("at once", dedicated(submitted(**session()), cancel=True), {"poll_in": 9.0}, CloseSession(False)),
    ("and then it is asked after", dedicated(submitted(**session("Closing"))), {}, Poll),
    ("a cancelled one is cancelled", dedicated(submitted(**session("Closing")), cancel=True), {}, Cancel),
    ("a lost submission is looked up", dedicated(claimed(-31, **session())), {}, LookUp),
    ("what is done is closed", dedicated(closing()), {}, CloseSession(True)),
    ("again, after a while", dedicated(closing(notBefore=at(5))), {}, None),
    ("a held one takes no more", dedicated(submitted("Held", **session())), {}, CloseSession(False)),
    ("until it is closed", dedicated(submitted("Held", **session("Closed"))), {}, None),
]


@pytest.mark.parametrize(("one", "more", "call"), [row[1:] for row in NEXT], ids=[row[0] for row in NEXT])
def test_what_is_called_next(one: QuantumTask, more: dict[str, Any], call: Any) -> None:
    found = decide(seeing(one, **more)).call
    assert isinstance(found, call) if isinstance(call, type) else found == call


def test_an_opening_is_on_record_before_the_call_and_outlives_it() -> None:
    """The call begins before the claim's deadline, by as much as it may take; nothing older is looked for."""
    decision = decide(seeing(dedicated(session("Closed", openings=2)), prepared=True))
    assert isinstance(decision.call, OpenSession)
    opened = decision.status.session
    assert opened is not None
    assert opened.claim is not None
    assert (opened.claim.agent, opened.since, opened.openings, opened.id) == ("me", at(0), 3, None)
    assert parse(opened.claim.deadline) - decision.call.deadline >= timedelta(seconds=60)
    assert (decision.status.state, decision.status.submissions) == ("Opening", 0)


def test_one_own_dead_process_is_not_waited_for() -> None:
    """Its call is surely over: only what it made may still have to show."""
    status = decide(seeing(dedicated(opening(200, agent="before")), former=("before",))).status
    assert status.session is not None
    assert status.session.claim is not None
    assert status.session.claim.deadline == at(0)


@pytest.mark.parametrize(("seconds", "there"), [(IDLE - 1, True), (IDLE, False)])
def test_a_session_that_can_not_be_found_is_given_up_once_it_is_closed_by_itself(seconds: int, there: bool) -> None:
    """Not a second earlier: only then may another one be opened."""
    decision = decide(seeing(dedicated(opening(-seconds))))
    assert isinstance(decision.call, FindSession) == there
    assert (decision.status.state, decision.status.session and decision.status.session.state) == (
        ("Opening", "Opening") if there else ("Pending", "Closed")
    )


def test_sessions_of_other_tasks_are_not_looked_for() -> None:
    decision = decide(seeing(dedicated(opening()), sessions=frozenset({"s-2"})))
    assert decision.call == FindSession(NOW - timedelta(seconds=40), frozenset({"s-2"}))


OPEN, FIND, SEAL, CLOSE = OpenSession(NOW), FindSession(NOW), CloseSession(False), CloseSession(True)

HEARD: list[tuple[str, dict[str, Any], Call, Answer, str, str, str]] = [
    ("an id", opening(), OPEN, "s-1", "Pending", "Open", "SessionOpened"),
    ("a lost answer", opening(60), OPEN, AmbiguousError("reset"), "Opening", "Opening", "SessionSought"),
    ("no patience", opening(), OPEN, SaturatedError("429"), "Pending", "Closed", "ProviderBusy"),
    ("nobody there", opening(), OPEN, UnavailableError("down"), "Pending", "Closed", "ProviderBusy"),
    ("no rights", opening(), OPEN, ForbiddenError("401"), "Pending", "Closed", "CredentialsRefused"),
    ("not in this plan", opening(), OPEN, RejectedError("400"), "Failed", "Closed", "Rejected"),
    ("found", opening(), FIND, Found(("s-1",)), "Pending", "Open", "SessionOpened"),
    ("absent", opening(), FIND, Absent(), "Pending", "Closed", "NotFound"),
    ("unknown", opening(), FIND, Unknown("why"), "Opening", "Opening", "SessionSought"),
    ("no search", opening(), FIND, UnavailableError("503"), "Opening", "Opening", "SessionSought"),
    ("sealed", submitted(**session()), SEAL, Closing(False), "Queued", "Closing", ""),
    ("sealed, and done already", submitted(**session()), SEAL, Closing(True), "Queued", "Closing", ""),
    ("not sealed", submitted(**session()), SEAL, UnavailableError("503"), "Queued", "Closing", ""),
    ("closed", closing(), CLOSE, Closing(True), "Succeeded", "Closed", "Succeeded"),
    ("closed after a failure", closing("Failed"), CLOSE, Closing(True), "Failed", "Closed", "Failed"),
    ("not there", closing(), CLOSE, LostError("?"), "Succeeded", "Closed", "Succeeded"),
    ("not closed", closing(), CLOSE, Closing(False), "Closing", "Closing", "Succeeded"),
    ("no answer", closing(), CLOSE, AmbiguousError("reset"), "Closing", "Closing", "Succeeded"),
    ("an empty one is closed", session(ago=301), CLOSE, Closing(True), "Pending", "Closed", ""),
    ("an empty one is not", session(ago=301), CLOSE, ForbiddenError("no"), "Pending", "Closing", "SessionOpen"),
    ("held", submitted("Held", **session()), SEAL, Closing(False), "Held", "Closing", ""),
    ("held and closed", submitted("Held", **session()), SEAL, Closing(True), "Held", "Closed", ""),
    (
        "done",
        submitted("Running", **session("Closing")),
        Poll(),
        Progress("Failed"),
        "Closing",
        "Closing",
        "TaskFailed",
    ),
    ("refused in it", claimed(**session()), Submit(NOW), RejectedError("400"), "Closing", "Open", "Rejected"),
    ("not now", claimed(**session()), Submit(NOW), SaturatedError("429"), "Pending", "Open", "ProviderBusy"),
]


@pytest.mark.parametrize(
    ("status", "call", "answer", "state", "of_session", "reason"),
    [row[1:] for row in HEARD],
    ids=[row[0] for row in HEARD],
)
def test_what_is_made_of_an_answer(
    status: dict[str, Any], call: Call, answer: Answer, state: str, of_session: str, reason: str
) -> None:
    found = heard(seeing(dedicated(status)), call, answer)
    assert found.session is not None
    assert (found.state, found.session.state, found.reason) == (state, of_session, reason)
    assert QuantumTaskStatus.model_validate(found.to_wire()) == found
    assert (found.completion_time is not None) == (found.state in OVER)


@pytest.mark.parametrize("times", [1, 40])
def test_a_session_that_is_not_closed_is_asked_for_again_without_end(times: int) -> None:
    """Later each time, and no sooner than the provider asks for; why the task ended stays said."""
    status = closing() | session("Closing", then="Succeeded", asked=times)
    found = heard(seeing(dedicated(status)), CLOSE, SaturatedError("429", retry_after=77))
    assert found.session is not None
    assert found.not_before is not None
    assert (found.state, found.session.asked, found.message) == ("Closing", times + 1, "as it was")
    assert parse(found.not_before) >= NOW + timedelta(seconds=77)


@pytest.mark.parametrize(
    ("mode", "told", "micros"),
    [("session", Charged(9, "USD", 1), 9), ("session", None, None), ("batch", Charged(9, "USD", 1), 5)],
)
def test_a_session_is_paid_by_itself_and_a_batch_by_its_task(
    mode: str, told: Charged | None, micros: int | None
) -> None:
    """Of what the provider does not say the ceiling is the most."""
    status = closing(charge={"micros": 5, "currency": "USD"})
    found = heard(seeing(dedicated(status, mode=mode)), CLOSE, Closing(True, told)).charge
    assert found == TaskCharge(micros=micros, currency="USD", seconds=1 if micros == 9 else None)


def test_what_was_never_submitted_costs_nothing_with_a_session_either() -> None:
    """It was empty: the provider charges nothing for it."""
    cancelled = decide(seeing(dedicated(session(), cancel=True))).status
    assert (cancelled.state, cancelled.charge and cancelled.charge.micros) == ("Closing", 0)
    closed = heard(seeing(dedicated(cancelled.to_wire(), cancel=True)), CLOSE, Closing(True))
    assert (closed.state, closed.charge and closed.charge.micros) == ("Cancelled", 0)


def test_a_held_task_that_was_never_submitted_gets_a_session_of_its_own_again() -> None:
    """The one before takes no more: it is closed first."""
    told = {"neverSubmitted": True, "by": "ann", "why": "looked", "time": at(0)}
    held = claimed(-99, **session("Closing")) | {"state": "Held"}
    resolved = decide(seeing(dedicated(held, resolution=told))).status
    again = decide(seeing(dedicated(resolved.to_wire(), resolution=told), prepared=True))
    assert (resolved.state, again.call) == ("Pending", CLOSE)


@pytest.mark.parametrize(
    ("status", "state", "taken"),
    [(opening(), "Pending", False), (session(), "Pending", False), (closing(), "Running", True)],
)
def test_how_it_looks_to_its_job(status: dict[str, Any], state: str, taken: bool) -> None:
    """A job that is suspended lets go of a task which has a session and was not submitted."""
    found = seen(dedicated(status), None, "")
    assert (found.state, found.claimed) == (state, taken)


STATUSES = st.sampled_from(
    [
        {},
        opening(),
        opening(60),
        session(),
        session("Closing"),
        session("Closed"),
        claimed(-99, **session()),
        submitted(**session()),
        submitted("Running", **session("Closing")),
        submitted("Held", **session()),
        closing(),
        closing("Cancelled"),
    ]
)
CALLS = st.sampled_from([Prepare(), Submit(NOW), LookUp(), Poll(), Cancel(), OPEN, FIND, SEAL, CLOSE])


@given(STATUSES, st.one_of(ANSWERS, st.sampled_from([Closing(True), Closing(False)])), CALLS, st.booleans())
def test_it_is_total_and_never_forgets_an_open_session(
    status: dict[str, Any], answer: Answer, call: Call, cancel: bool
) -> None:
    """No answer raises, no task is over while its session may be open, and none is opened while there may be one."""
    one = dedicated(status, cancel=cancel)
    decision = decide(seeing(one, prepared=True))
    before = one.status.session
    if isinstance(decision.call, OpenSession):
        assert before is None or before.state == "Closed"
    if isinstance(decision.call, Submit):
        assert before is not None
        assert (before.state, before.id) == ("Open", "s-1")
    for found in (decision.status, heard(seeing(one), call, answer)):
        assert QuantumTaskStatus.model_validate(found.to_wire()) == found
        if before is not None and before.state != "Closed":
            assert found.session is not None
            if found.state in OVER:
                assert found.session.state == "Closed"
                assert isinstance(call, CloseSession | OpenSession)
