"""Whole lives of a job: whatever happens to it, in whatever order, its record stays true and it can end."""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_operator.api.conditions import REASONS
from quantum_operator.api.jobstatus import Attempt, QuantumJobStatus
from quantum_operator.decide.halt import halted
from quantum_operator.decide.job import decide
from quantum_operator.decide.observed import Decision, Nominate, Observed, StartRun, StopRun
from quantum_operator.decide.status import is_terminal, latest_attempt, live_attempt, lost_attempts, phase_of
from quantum_operator.decide.times import parse
from quantum_operator.testing.builders import backend
from unit.decide.observations import apply, finished, last, submitted, told, with_run
from unit.decide.test_halt import asking

Event = Callable[[Observed], Observed]
ENDED = ("Succeeded", "Failed", "Lost", "Suspended", "Cancelled")


# --- what may happen ------------------------------------------------------------------------------------------------


def assigned(observed: Observed) -> Observed:
    """The scheduler gives a backend, if it was asked for one."""
    return told(observed) if _asks(observed) else observed


def told_to_wait(observed: Observed) -> Observed:
    """The scheduler has none, if it was asked for one."""
    return told(observed, "Waiting", "AllBackendsBusy") if _asks(observed) else observed


def refused(observed: Observed) -> Observed:
    """The cluster refuses to create the run."""
    return replace(observed, refusal="exceeded quota") if observed.run is None else observed


def created(observed: Observed) -> Observed:
    """The run is created, if that is asked for."""
    if any(isinstance(one, StartRun) for one in decide(observed).after):
        return replace(with_run(observed, "Pending"), refusal="")
    return observed


def stuck(observed: Observed) -> Observed:
    """The run waits for a node."""
    return with_run(observed, "Pending", message="no node fits") if _is(observed, "Pending") else observed


def begun(observed: Observed) -> Observed:
    """The run executes."""
    return with_run(observed, "Running") if _is(observed, "Pending") else observed


def succeeded(observed: Observed) -> Observed:
    """The run leaves its outcome."""
    if not _is(observed, "Running"):
        return observed
    going_on = asking(observed, suspend=False, cancel=False)
    return replace(observed, run=finished(going_on, run=last(observed.job.status).name).run)


def evicted(observed: Observed) -> Observed:
    """The run is over and left nothing."""
    return with_run(observed, "Finished", failure="Evicted") if _is(observed, "Pending", "Running") else observed


def replaced(observed: Observed) -> Observed:
    """Somebody put another run of that name in place of the run."""
    return with_run(observed, "Running", uid="run-2") if _is(observed, "Running") else observed


def vanished(observed: Observed) -> Observed:
    """The run is gone."""
    return replace(observed, run=None)


def stopped(observed: Observed) -> Observed:
    """The run is gone, if it is to be stopped."""
    return vanished(observed) if any(isinstance(one, StopRun) for one in decide(observed).after) else observed


def without_backend(observed: Observed) -> Observed:
    """The attempt's backend was deleted."""
    return replace(observed, backend=None)


def suspended(observed: Observed) -> Observed:
    """The user pauses the job."""
    return asking(observed, suspend=True)


def resumed(observed: Observed) -> Observed:
    """The user lets the job go on."""
    return asking(observed, suspend=False)


def cancelled(observed: Observed) -> Observed:
    """The user ends the job."""
    return asking(observed, cancel=True)


def without_policy(observed: Observed) -> Observed:
    """The job's policy was deleted."""
    return replace(observed, policy=None)


def nothing(observed: Observed) -> Observed:
    """Only time passes."""
    return observed


def _asks(observed: Observed) -> bool:
    return any(isinstance(one, Nominate) for one in decide(observed).after)


def _is(observed: Observed, *states: str) -> bool:
    live = live_attempt(observed.job.status)
    return live is not None and observed.run is not None and observed.run.state in states


def onward(observed: Observed) -> Observed:
    """What a job that is not disturbed meets next: its backend, its run, and that run's beginning."""
    return next((seen for event in (assigned, created, begun) if (seen := event(observed)) != observed), observed)


DISTURBANCES: tuple[Event, ...] = (
    told_to_wait,
    refused,
    stuck,
    evicted,
    vanished,
    replaced,
    without_backend,
    suspended,
    cancelled,
    without_policy,
    nothing,
)
EVENTS = st.sampled_from([*(onward,) * 20, *DISTURBANCES, *(resumed, stopped) * 2, *(succeeded,) * 2])
LIVES = st.lists(st.tuples(EVENTS, st.sampled_from([0, 1, 5, 70])), min_size=12, max_size=30)
thorough = settings(max_examples=35, derandomize=True)


def step(observed: Observed, event: Event, seconds: int) -> tuple[Observed, Decision, Observed]:
    """Time passes and something happens: what is observed then, what is decided, and what is observed next."""
    seen = event(_later(replace(observed, assignment=None), seconds))
    decision = decide(seen)
    following = apply(seen, decision)
    if live_attempt(decision.status) is None or latest_attempt(decision.status) != latest_attempt(seen.job.status):
        mine = latest_attempt(decision.status)
        same = seen.run is not None and mine is not None and seen.run.name == mine.name and mine.state in _UNDER_WAY
        following = following if same else replace(following, run=None)
    return seen, decision, following


_UNDER_WAY = ("Pending", "Running")


def _later(observed: Observed, seconds: int) -> Observed:
    return replace(observed, now=observed.now.fromtimestamp(observed.now.timestamp() + seconds, observed.now.tzinfo))


def attempts_of(status: QuantumJobStatus) -> tuple[Attempt, ...]:
    """Every attempt on record."""
    return status.plan.steps[-1].attempts if status.plan is not None and status.plan.steps else ()


# --- what holds -----------------------------------------------------------------------------------------------------


@thorough
@given(LIVES, st.integers(0, 3))
def test_the_record_only_grows(life: list[tuple[Event, int]], limit: int) -> None:
    """What was accepted stays, ended attempts stay as they ended, numbers rise, and only the last attempt is live."""
    observed = submitted(backoffLimit=limit)
    for event, seconds in life:
        seen, decision, observed = step(observed, event, seconds)
        before, after = seen.job.status, decision.status
        if before.plan is not None:
            assert after.plan is not None
            assert (after.plan.demand, after.plan.policy_uid) == (before.plan.demand, before.plan.policy_uid)
            assert (after.input, after.start_time, after.shots) == (before.input, before.start_time, before.shots)
        old = {one.number: one for one in attempts_of(before)}
        new = {one.number: one for one in attempts_of(after)}
        assert list(new) == sorted(new)
        assert all(new.get(number, one) == one for number, one in old.items() if one.state in ENDED)
        assert all(one.state in ENDED for one in attempts_of(after)[:-1])
        assert {one.seed for one in new.values()} <= {one.seed for one in old.values()} or not old
        assert max(new, default=0) <= max(old, default=0) + 1


@thorough
@given(LIVES, st.integers(0, 3))
def test_a_status_agrees_with_itself(life: list[tuple[Event, int]], limit: int) -> None:
    """Phase, conditions, attempts and times of every status that is written say the same."""
    observed = submitted(backoffLimit=limit)
    for event, seconds in life:
        seen, decision, observed = step(observed, event, seconds)
        status = decision.status
        conditions = {one.type: one for one in status.conditions}
        assert {one.reason for one in status.conditions} <= set(REASONS)
        assert status.phase == (phase_of(status) if status.conditions else None)
        assert (status.completion_time is not None) == is_terminal(status) == ("Complete" in conditions)
        assert (status.result is not None) == (status.phase == "Succeeded")
        assert all(parse(one.last_transition_time) <= seen.now for one in status.conditions)
        live = live_attempt(status)
        executes = live is not None and live.state == "Running"
        assert executes == ("Running" in conditions and conditions["Running"].status == "True")
        assert not (live is not None and is_terminal(status))
        assert all((one.completion_time is None) == (one.state not in ENDED) for one in attempts_of(status))
        assert lost_attempts(status) <= limit + (1 if is_terminal(status) else 0)


@thorough
@given(LIVES, st.integers(0, 3))
def test_the_end_is_never_left(life: list[tuple[Event, int]], limit: int) -> None:
    """From the moment a job is over, whatever happens changes nothing and does nothing."""
    observed = submitted(backoffLimit=limit)
    for event, seconds in life:
        seen, decision, observed = step(observed, event, seconds)
        if is_terminal(seen.job.status):
            assert decision == Decision(seen.job.status)


@thorough
@given(LIVES)
def test_nothing_is_begun_for_a_job_that_is_not_to_go_on(life: list[tuple[Event, int]]) -> None:
    """While a job is suspended or cancelled no backend is asked for, no attempt is made and no run is created."""
    observed = submitted()
    for event, seconds in life:
        seen, decision, observed = step(observed, event, seconds)
        if halted(seen.job, seen.now) is not None:
            assert not any(isinstance(one, Nominate | StartRun) for one in decision.after)
            assert len(attempts_of(decision.status)) <= len(attempts_of(seen.job.status))
        else:
            assert not any(isinstance(one, StopRun) for one in decision.after)


@thorough
@given(LIVES)
def test_a_cancelled_job_ends_once_its_run_is_gone(life: list[tuple[Event, int]]) -> None:
    """Whatever has happened to a job, cancelling it ends it in the next decision that sees no run."""
    observed = submitted()
    for event, seconds in life:
        _, _, observed = step(observed, event, seconds)
    _, decision, observed = step(cancelled(observed), stopped, 1)
    _, decision, _ = step(observed, nothing, 1)
    assert is_terminal(decision.status)


@thorough
@given(LIVES)
def test_a_job_can_always_still_end(life: list[tuple[Event, int]]) -> None:
    """Whatever has happened to a job, once nothing stands in its way it is over within a few steps."""
    observed = submitted(backoffLimit=10)
    for event, seconds in life:
        _, _, observed = step(observed, event, seconds)
    observed = resumed(replace(observed, policy=submitted().policy, refusal=""))
    for _ in range(3):
        for event in (nothing, onward, onward, onward, succeeded):
            ready = observed if observed.backend is None else replace(observed, backend=backend())
            _, _, observed = step(ready, event, 70)
    assert is_terminal(observed.job.status)
