"""What holds of every decision, whatever is observed."""

import json
from dataclasses import replace

from hypothesis import given, settings

from quantum_operator.api.conditions import REASONS
from quantum_operator.api.jobstatus import QuantumJobStatus
from quantum_operator.decide.assign import Snapshot, assign
from quantum_operator.decide.job import decide
from quantum_operator.decide.observed import Observed, StartRun, Tell
from quantum_operator.decide.routing import judge, ordered_backends
from quantum_operator.decide.status import is_terminal, latest_attempt, live_attempt
from unit.decide.observations import apply
from unit.decide.strategies import observations, snapshots

LIMIT = 32 * 1024
thorough = settings(max_examples=25, deadline=None, derandomize=True)


@thorough
@given(observations())
def test_every_decision_can_be_written(observed: Observed) -> None:
    """`decide` never raises; its status is valid by its own type, finite, under 32 KiB, with documented reasons."""
    status = decide(observed).status
    wire = json.dumps(status.to_wire(), allow_nan=False)
    assert QuantumJobStatus.model_validate_json(wire) == status
    assert len(json.dumps(status.to_wire(), ensure_ascii=False).encode()) < LIMIT
    before = {one.type for one in observed.job.status.conditions}
    assert {one.reason for one in status.conditions} <= set(REASONS)
    assert [one.type for one in status.conditions if one.type not in before] == sorted(
        one.type for one in status.conditions if one.type not in before
    )


@thorough
@given(observations())
def test_the_same_is_decided_of_the_same(observed: Observed) -> None:
    """A decision depends on nothing but what was observed."""
    assert decide(observed) == decide(replace(observed, job=observed.job.model_copy(deep=True)))


@thorough
@given(observations())
def test_the_end_is_the_end(observed: Observed) -> None:
    """A job that is over stays exactly as it is, and nothing is done for it."""
    decision = decide(observed)
    if is_terminal(decision.status):
        again = decide(apply(observed, decision))
        assert again.status == decision.status
        assert (again.before, again.after, again.look_again) == ((), (), None)


@thorough
@given(observations())
def test_a_decision_goes_on_or_rests(observed: Observed) -> None:
    """Deciding again and again over an unmoved world comes to rest within a few steps."""
    for _ in range(6):
        decision = decide(observed)
        following = apply(observed, decision)
        if following.job.status == observed.job.status and following.assignment == observed.assignment:
            return
        observed = replace(following, run=None if live_attempt(decision.status) is None else observed.run)
    raise AssertionError("the status keeps changing although the world does not")


@thorough
@given(observations())
def test_no_job_has_more_attempts_than_its_limit(observed: Observed) -> None:
    """An attempt is added only while there were at most backoffLimit, and never beside a live one."""
    before, after = latest_attempt(observed.job.status), latest_attempt(decide(observed).status)
    if after is not None and (before is None or after.number != before.number):
        assert after.number <= observed.job.spec.backoff_limit + 1
        assert live_attempt(observed.job.status) is None
        assert after.state == "Pending"


@thorough
@given(observations())
def test_only_recorded_attempts_are_started(observed: Observed) -> None:
    """A run is started only for the live attempt that was on record already, and whose run is not there."""
    starts = [one for one in decide(observed).after if isinstance(one, StartRun)]
    if starts:
        recorded = live_attempt(observed.job.status)
        assert recorded is not None
        assert recorded.run_uid is None
        assert observed.run is None
        assert [one.spec.run for one in starts] == [recorded.name]


@thorough
@given(observations())
def test_events_can_be_delivered(observed: Observed) -> None:
    """Every event has a documented reason and a message that Kubernetes takes."""
    for event in decide(observed).after:
        if isinstance(event, Tell):
            assert event.reason in REASONS
            assert len(event.message.encode()) <= 1024


@thorough
@given(snapshots())
def test_every_head_gets_one_assignment(snapshot: Snapshot) -> None:
    """`assign` never raises, answers every head once, and repeats itself."""
    found = assign(snapshot)
    assert sorted(one.job_uid for one in found) == sorted(head.job_uid for head in snapshot.heads)
    assert assign(replace(snapshot, heads=tuple(reversed(snapshot.heads)))) == found
    assert {one.reason for one in found} <= set(REASONS)


@thorough
@given(snapshots())
def test_no_backend_is_given_beyond_its_limit(snapshot: Snapshot) -> None:
    """However many wait, a backend gets no more than it has room for."""
    given_away = [one.backend for one in assign(snapshot) if one.verdict == "Assigned"]
    for backend in snapshot.backends:
        name, limit = backend.metadata.name, backend.spec.limits.max_concurrent_runs
        room = max(0, limit - snapshot.runs.get(name, 0))
        assert given_away.count(name) <= room


@thorough
@given(snapshots())
def test_a_rejected_candidate_is_never_chosen(snapshot: Snapshot) -> None:
    """What is assigned is of the policy, passes every rule, and is the one candidate that is called chosen."""
    heads = {head.job_uid: head for head in snapshot.heads}
    for one in assign(snapshot):
        head = heads[one.job_uid]
        chosen = [candidate.backend for candidate in one.candidates if candidate.verdict == "Chosen"]
        assert (one.verdict == "Assigned") == bool(one.backend)
        assert chosen in ([one.backend], []) if one.backend else chosen == []
        if one.backend:
            assert head.policy is not None
            reached = {each.metadata.name: each for each in ordered_backends(head.policy, snapshot.backends)}
            assert judge(reached[one.backend], head.request) is None


@thorough
@given(snapshots())
def test_no_job_waits_beside_free_room(snapshot: Snapshot) -> None:
    """A job waits only when nothing of its policy can take it after everyone before it was served."""
    runs = dict(snapshot.runs)
    heads = {head.job_uid: head for head in snapshot.heads}
    for one in assign(snapshot):
        head = heads[one.job_uid]
        reached = ordered_backends(head.policy, snapshot.backends) if head.policy is not None else ()
        free = [
            each.metadata.name
            for each in reached
            if judge(each, head.request) is None
            and runs.get(each.metadata.name, 0) < each.spec.limits.max_concurrent_runs
        ]
        assert one.backend == (free[0] if free else "")
        if one.backend:
            runs[one.backend] = runs.get(one.backend, 0) + 1
