"""The claim of an idempotency key: who runs, who waits, who has another's result, and who is refused."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.jobstatus import Cost
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.claim import CLAIM_SECONDS, claim_name, needs_claim, spec_digest
from quantum_operator.decide.job import decide
from quantum_operator.decide.observed import Observed, PutClaim, SeenClaim
from quantum_operator.decide.status import is_terminal
from quantum_operator.testing.builders import estimate_job
from unit.decide.claims import KEY, PAID, claim_of, done, first, holding, input_of, keyed, succeeded, with_key, written
from unit.decide.observations import apply, condition, finished, kinds, placed, running, told, verdicts, with_run

OVER: dict[str, Any] = {"conditions": (condition(decide(finished(running())).status, ConditionType.COMPLETE),)}
FAILED = {"conditions": (OVER["conditions"][0].model_copy(update={"status": "False", "reason": "Cancelled"}),)}
OTHER = "0" * 64

TABLE: list[tuple[str, SeenClaim | None, QuantumJob | None, str]] = [
    ("no claim", None, None, "take"),
    ("of another job that is under way", claim_of(first()), first(), "KeyInUse"),
    ("of another job that runs", claim_of(first()), first(running=True), "KeyInUse"),
    ("with a result", claim_of(first(), done=done()), None, "AlreadyDone"),
    ("with a result, of another spec", claim_of(first(), done=done(), digest=OTHER), None, "KeyOfAnotherSpec"),
    ("of another spec, under way", claim_of(first(), digest=OTHER), first(), "KeyOfAnotherSpec"),
    ("of another spec, gone", claim_of(first(), digest=OTHER), None, "KeyOfAnotherSpec"),
    ("of a job that is gone", claim_of(first()), None, "take"),
    ("of a job that failed", claim_of(first()), first(**FAILED), "take"),
    ("of a job that failed for nothing", claim_of(first()), first(**FAILED, cost=Cost()), "take"),
    ("of a job that failed and paid", claim_of(first()), first(**FAILED, cost=PAID), "PaidWithoutResult"),
    ("of a job that is gone and paid", claim_of(first(), paid=PAID), None, "PaidWithoutResult"),
    ("of a job under way that paid", claim_of(first(), paid=PAID), first(running=True), "KeyInUse"),
    ("of a job whose result is not in it", claim_of(first()), succeeded(), "complete"),
]


@pytest.mark.parametrize(
    ("claim", "holder", "expected"), [row[1:] for row in TABLE], ids=[row[0].replace(" ", "-") for row in TABLE]
)
def test_what_follows_of_a_claim(claim: SeenClaim | None, holder: QuantumJob | None, expected: str) -> None:
    """One row for each thing that a claim can say, whether the job was accepted before or not."""
    new = replace(keyed(), claim=claim, holder=holder)
    waiting = replace(apply(new, decide(replace(new, claim=claim_of(first()), holder=first()))), claim=claim)
    for observed in (new, replace(waiting, holder=holder)):
        decision = decide(observed)
        if expected == "take":
            assert written(observed).uid == observed.job.metadata.uid
            assert (decision.status, decision.look_again) == (observed.job.status, 0.0)
        elif expected == "complete":
            put = written(observed)
            assert put.done is not None
            assert (put.done.result, put.done.of.uid) == (done().result, "uid-of-first")
            assert (put.uid, decision.status) == ("uid-of-first", observed.job.status)
        else:
            assert any(verdict.endswith(f"/{expected}") for verdict in verdicts(decision.status).values())
            assert not any(isinstance(one, PutClaim) for one in decision.before)
        assert not {"Nominate", "StartRun"} & set(kinds(decision))


@pytest.mark.parametrize("version", [None, "7"])
def test_a_claim_is_replaced_only_at_the_version_that_was_read(version: str | None) -> None:
    """And created only where none was."""
    observed = replace(keyed(), claim=claim_of(first()) if version else None)
    (write,) = decide(observed).before
    assert isinstance(write, PutClaim)
    assert write.version == version


def test_a_job_that_holds_its_claim_goes_on() -> None:
    """As one without a key does."""
    observed = holding(keyed())
    assert kinds(decide(observed)) == ["Nominate"]
    assert kinds(decide(told(observed))) == ["StoreArtifact", "Assigned"]


def test_a_claim_for_what_the_job_was_before_it_was_accepted_is_renewed() -> None:
    """A ConfigMap may change between the two."""
    observed = holding(keyed())
    seen = observed.claim
    assert seen is not None
    other = replace(seen, claim=seen.claim.model_copy(update={"digest": OTHER}))
    assert written(replace(observed, claim=other)) == seen.claim


def test_a_job_that_is_refused_takes_no_claim() -> None:
    """Nor one that waits for its policy: what is not valid yet is not under way."""
    assert "PutClaim" not in kinds(decide(keyed(programs=[{"name": "bell", "qasm3": "nonsense"}])))
    assert "PutClaim" not in kinds(decide(replace(keyed(), policy=None)))


@pytest.mark.parametrize("spec", [{"suspend": True}, {"cancel": True}])
def test_a_job_that_is_not_to_go_on_takes_no_claim(spec: dict[str, bool]) -> None:
    """Its key stays free for others."""
    assert "PutClaim" not in kinds(decide(keyed(**spec)))


def test_waiting_for_another_is_said_and_looked_at_again() -> None:
    """The job is accepted, and its condition names the job and the field."""
    decision = decide(replace(keyed(), claim=claim_of(first()), holder=first()))
    assert verdicts(decision.status) == {"Accepted": "True/Accepted", "Scheduled": "False/KeyInUse"}
    message = condition(decision.status, ConditionType.SCHEDULED).message
    assert message == "spec.idempotencyKey: 'nightly-7': job first is under way with it; its result will be this job's"
    assert decision.look_again == CLAIM_SECONDS


def test_another_spec_is_refused_with_field_key_job_and_remedy() -> None:
    """At once."""
    decision = decide(replace(keyed(), claim=claim_of(first(), digest=OTHER)))
    assert verdicts(decision.status) == {"Accepted": "False/KeyOfAnotherSpec", "Complete": "False/KeyOfAnotherSpec"}
    message = condition(decision.status, ConditionType.COMPLETE).message
    for part in ("spec.idempotencyKey", repr(KEY), "job first", "give this job another key"):
        assert part in message


def already_done(**outcome: Any) -> Observed:
    """A job that has the first one's result."""
    observed = replace(keyed(), claim=claim_of(first(), done=done(**outcome)))
    return apply(observed, decide(observed))


def test_the_result_of_the_first_is_that_of_the_second() -> None:
    """At no cost, and the status says whose it is and what that cost."""
    status = already_done().job.status
    assert verdicts(status) == {"Accepted": "True/Accepted", "Complete": "True/AlreadyDone"}
    assert (status.phase, status.result, status.execution) == ("Succeeded", done().result, done().execution)
    assert status.cost == Cost(micros=0, text="0.00 USD")
    assert status.result_of is not None
    assert (status.result_of.name, status.result_of.uid, status.result_of.cost) == ("first", "uid-of-first", PAID)
    assert status.result_of.run == running().job.status.plan.steps[0].attempts[0].name  # type: ignore[union-attr]
    assert status.completion_time is not None


def test_having_waited_leaves_no_trace() -> None:
    """The job that waited for the key ends as one that did not."""
    waiting = replace(keyed(), claim=claim_of(first()), holder=first())
    waiting = replace(apply(waiting, decide(waiting)), claim=claim_of(first(), done=done()))
    assert verdicts(decide(waiting).status) == {"Accepted": "True/Accepted", "Complete": "True/AlreadyDone"}


def test_what_a_status_has_no_room_for_stays_with_the_first() -> None:
    """The result says that it is cut, names no artifact that might go, and the message says where the rest is."""
    register = {"name": "c", "size": 12, "counts": {f"{n:012b}": 1 for n in range(4000)}}
    samples = [{"index": 0, "registers": [register]}]
    pubs = [{"program": "bell", "shape": [], "shots": 4000, "samples": samples}]
    status = already_done(pubs=pubs).job.status
    assert status.result is not None
    assert (status.result.truncated, status.result.outcome) == (True, None)
    assert "what is not in the status is with job first" in condition(status, ConditionType.COMPLETE).message


def test_a_result_is_in_the_claim_before_it_is_in_the_status() -> None:
    """Whoever sees the job over finds its result there."""
    observed = with_claim(finished(running()))
    decision = decide(observed)
    (write,) = (one for one in decision.before if isinstance(one, PutClaim))
    assert write.version == "1"
    assert write.claim.done is not None
    assert write.claim.done.result == decision.status.result
    assert write.claim.done.of.uid == observed.job.metadata.uid


def with_claim(observed: Observed) -> Observed:
    """The same, whose job has a key and holds its claim."""
    return replace(with_key(observed), claim=holding(keyed()).claim)


@pytest.mark.parametrize("version", [None, "1"])
def test_a_claim_that_somebody_deleted_is_made_anew(version: str | None) -> None:
    """With the result; one that has the result already is left as it is."""
    observed = with_claim(finished(running()))
    if version is None:
        (write,) = (one for one in decide(replace(observed, claim=None)).before if isinstance(one, PutClaim))
        assert write.version is None
    else:
        again = replace(observed, claim=SeenClaim(written(observed), version))
        assert "PutClaim" not in kinds(decide(again))


def test_a_claim_that_was_taken_over_is_left_to_its_holder() -> None:
    """The job has its own result all the same."""
    decision = decide(replace(with_key(finished(running())), claim=claim_of(first())))
    assert verdicts(decision.status)["Complete"] == "True/Succeeded"
    assert "PutClaim" not in kinds(decision)


def test_a_failure_is_not_put_into_the_claim() -> None:
    """Another job may try."""
    observed = with_run(with_claim(running()), "Finished", failure="DeadlineExceeded")
    assert is_terminal(decide(observed).status)
    assert "PutClaim" not in kinds(decide(observed))


def test_a_job_without_a_key_needs_no_claim() -> None:
    """Whatever there is of others."""
    observed = placed()
    assert kinds(decide(replace(observed, claim=claim_of(first())))) == kinds(decide(observed))


@pytest.mark.parametrize(
    ("observed", "needed"),
    [
        (keyed(), True),
        (with_key(placed()), False),
        (with_key(running()), False),
        (with_run(with_key(running()), "Finished", failure="Evicted"), False),
        (with_key(finished(running())), True),
        (already_done(), False),
        (placed(), False),
        (finished(running()), False),
    ],
)
def test_a_claim_is_read_where_something_depends_on_it(observed: Observed, needed: bool) -> None:
    """Before the first attempt, and when an outcome is there: what else happens to a run is the job's own business."""
    assert needs_claim(observed.job, observed.run) == needed


SAME: list[dict[str, Any]] = [
    {},
    {"activeDeadlineSeconds": 5},
    {"backoffLimit": 1},
    {"priority": 7},
    {"correlationId": "x", "tags": {"a": "b"}},
]
DIFFERENT: list[dict[str, Any]] = [
    {"programs": [{"name": "bell", "template": {"name": "bell"}}]},
    {"task": {"sample": {"pubs": [{"program": "bell", "shots": 5}]}}},
    {"execution": {"seed": 3}},
    {"policyRef": {"name": "other"}},
]


@pytest.mark.parametrize(("spec", "same"), [*((one, True) for one in SAME), *((one, False) for one in DIFFERENT)])
def test_a_spec_is_another_where_its_result_may_be(spec: dict[str, Any], same: bool) -> None:
    """Programs, task, execution and policy count; limits, names and the order of jobs do not."""
    digests = {spec_digest(one.job, input_of(one)) for one in (keyed(), keyed(**spec))}
    assert len(digests) == (1 if same else 2)


PLACES = st.tuples(st.from_regex(r"[a-z]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True), st.text(min_size=1, max_size=20))


@given(PLACES, PLACES)
def test_no_two_keys_share_a_claim(one: tuple[str, str], other: tuple[str, str]) -> None:
    """Nor two namespaces; and a name is one of Kubernetes, longer than any that a tenant's job could lead to."""
    assert (claim_name(*one) == claim_name(*other)) == (one == other)
    assert 63 < len(claim_name(*one)) <= 253


def test_a_task_of_another_kind_has_a_result_in_its_claim_as_well() -> None:
    """What is recorded is whatever the status has."""
    observed = finished(running(**estimate_job().spec.model_dump(by_alias=True, exclude_none=True)))
    claim = written(with_key(observed))
    assert claim.done is not None
    assert claim.done.result.pubs[0].values == (1.0,)
