"""A job's budget of time: what counts, what becomes of it at each stage once that is used up, and when it is seen."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.halt import STOPPING_SECONDS, halted
from quantum_operator.decide.job import WAIT_SECONDS, decide
from quantum_operator.decide.observed import Observed
from quantum_operator.decide.timebudget import LOOK_SECONDS, next_look, over_budget, time_left
from quantum_operator.decide.times import stamp
from quantum_operator.testing.builders import job
from unit.decide.observations import (
    NOW,
    after,
    apply,
    condition,
    finished,
    kinds,
    last,
    later,
    lost,
    placed,
    running,
    submitted,
    told,
    verdicts,
    with_run,
)

BUDGET = 600


def budgeted(**spec: Any) -> QuantumJob:
    """A job that was created at NOW."""
    one = job(**{"timeBudgetSeconds": BUDGET, **spec})
    return one.model_copy(update={"metadata": one.metadata.model_copy(update={"creation_timestamp": stamp(NOW)})})


def created_now(observed: Observed) -> Observed:
    """The same as if the job had been created at NOW, with a budget."""
    spec = observed.job.spec.model_copy(update={"time_budget_seconds": BUDGET})
    metadata = observed.job.metadata.model_copy(update={"creation_timestamp": stamp(NOW)})
    return replace(observed, job=observed.job.model_copy(update={"spec": spec, "metadata": metadata}))


def late(observed: Observed) -> Observed:
    """The same with its budget used up."""
    return later(created_now(observed), BUDGET)


def suspend(observed: Observed, seconds: float, *, on: bool) -> Observed:
    """What is observed after the job was suspended, or resumed, at that time."""
    spec = observed.job.spec.model_copy(update={"suspend": on})
    observed = later(replace(observed, job=observed.job.model_copy(update={"spec": spec})), seconds)
    return apply(observed, decide(observed))


# --- the clock ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "left"), [(0, 600.0), (1, 599.0), (599.5, 0.5), (600, 0.0), (10**9, 0.0), (-5, 605.0)]
)
def test_time_runs_from_the_creation(seconds: float, left: float) -> None:
    """Whatever the job waits for."""
    assert time_left(budgeted(), after(seconds)) == left
    assert over_budget(budgeted(), after(seconds)) == (left == 0.0)


def test_a_job_without_a_budget_has_all_the_time() -> None:
    """And none is looked at for its sake."""
    assert time_left(job(), after(10**9)) is None
    assert halted(job(), after(10**9)) is None
    assert next_look(job(), None, NOW) is None


@given(st.lists(st.tuples(st.integers(1, 100), st.integers(1, 10_000)), max_size=6))
def test_time_that_a_job_is_suspended_does_not_count(times: list[tuple[int, int]]) -> None:
    """However often, and however long."""
    seen, now, counted = created_now(submitted()), 0, 0
    for active, paused in times:
        now, counted = now + active, counted + active
        if counted >= BUDGET:
            break
        seen = suspend(seen, now, on=True)
        assert time_left(seen.job, after(now + paused / 2)) == BUDGET - counted
        now += paused
        assert not over_budget(seen.job, after(now))
        seen = suspend(seen, now, on=False)
        assert seen.job.status.suspended_seconds == now - counted
        assert time_left(seen.job, after(now)) == BUDGET - counted
    assert time_left(seen.job, after(now + BUDGET)) == max(0, BUDGET - counted - BUDGET)


def test_a_user_who_cancels_is_told_so() -> None:
    """Also when the time is up, and a job that is to pause does not outlive its budget."""
    assert halted(budgeted(cancel=True), after(BUDGET)) == "Cancelled"
    assert halted(budgeted(suspend=True), after(BUDGET)) == "TimeBudgetExceeded"
    assert halted(budgeted(suspend=True), after(BUDGET - 1)) == "Suspended"


# --- what becomes of a job ------------------------------------------------------------------------------------------

OVER = "Complete=False/TimeBudgetExceeded"
Row = tuple[str, Callable[[], Observed], list[str], str]
TABLE: list[Row] = [
    ("new", lambda: late(submitted()), ["TimeBudgetExceeded"], OVER),
    (
        "without a policy",
        lambda: late(replace(submitted(), policy=None)),
        ["TimeBudgetExceeded"],
        OVER,
    ),
    ("waiting for a backend", lambda: late(waiting()), ["TimeBudgetExceeded"], OVER),
    ("placed", lambda: late(placed()), ["TimeBudgetExceeded"], OVER),
    ("run pending", lambda: late(with_run(placed(), "Pending")), ["StopRun"], ""),
    ("running", lambda: late(running()), ["StopRun"], ""),
    ("run gone", lambda: late(replace(running(), run=None)), ["TimeBudgetExceeded"], OVER),
    ("run lost", lambda: late(lost()), ["TimeBudgetExceeded"], OVER),
    ("run over without an outcome", lambda: late(broken()), ["TimeBudgetExceeded"], OVER),
    ("run over with its outcome", lambda: late(finished(running())), ["Succeeded"], "Complete=True/Succeeded"),
]


def waiting() -> Observed:
    """A job that waits for a backend."""
    observed = told(submitted(), "Waiting", "NoReadyBackend")
    return apply(observed, decide(observed))


def broken() -> Observed:
    """A job whose run ended with nothing."""
    return with_run(running(), "Finished", failure="Error")


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_what_follows_once_the_time_is_up(row: Row) -> None:
    """A run under way is stopped first; what was computed is not thrown away."""
    _, make, actions, complete = row
    observed = make()
    decision = decide(observed)
    assert kinds(decision) == actions
    said = verdicts(decision.status).get("Complete")
    assert (f"Complete={said}" if said else "") == complete
    assert decision.look_again == (STOPPING_SECONDS if actions == ["StopRun"] else None)
    if complete == OVER:
        assert "Accepted=False" not in str(verdicts(decision.status))
        assert condition(decision.status, "Complete").message.startswith("spec.timeBudgetSeconds: 600: ")  # type: ignore[arg-type]


def test_the_attempt_is_on_record_as_stopped() -> None:
    """With the reason, so that nothing follows it."""
    decision = decide(late(replace(running(), run=None)))
    attempt = last(decision.status)
    assert (attempt.state, attempt.reason) == ("Cancelled", "TimeBudgetExceeded")
    assert verdicts(decision.status)["Running"] == "False/TimeBudgetExceeded"


def test_the_time_that_was_not_counted_is_told() -> None:
    """A job is older than its budget where it was suspended."""
    seen = suspend(suspend(created_now(submitted()), 10, on=True), 110, on=False)
    decision = decide(later(seen, 100 + BUDGET))
    message = (
        "spec.timeBudgetSeconds: 600: so long ago the job was created, apart from 100 s for which it was suspended"
    )
    assert condition(decision.status, "Complete").message.startswith(message)  # type: ignore[arg-type]


# --- when it is seen ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "seconds", "expected"),
    [
        (running, 10, BUDGET - 10.0),
        (running, BUDGET - 0.5, 0.5),
        (lambda: replace(submitted(), policy=None), 0, WAIT_SECONDS),
        (lambda: replace(submitted(), policy=None), BUDGET - 2, 2.0),
    ],
)
def test_a_job_is_looked_at_when_its_time_is_up(make: Callable[[], Observed], seconds: float, expected: float) -> None:
    """Where nothing else happens to it before, and where it waits for what sends no event."""
    observed = later(created_now(make()), seconds)
    observed = apply(observed, decide(observed))
    assert decide(observed).look_again == expected


def test_a_long_budget_is_looked_at_now_and_then() -> None:
    """For clocks are set."""
    assert next_look(budgeted(timeBudgetSeconds=10**6), None, NOW) == LOOK_SECONDS
    assert next_look(budgeted(timeBudgetSeconds=10**6), 5.0, NOW) == 5.0


def test_a_suspended_job_is_left_alone() -> None:
    """Its clock stands, so that nothing would be seen, however little is left."""
    seen = suspend(created_now(submitted()), BUDGET - 0.25, on=True)
    assert decide(later(seen, BUDGET + 1)).look_again is None


def test_a_job_can_not_be_given_less_time_than_its_schedule_waits() -> None:
    """It is refused at once, rather than ended just when it would start."""
    start = {"notBefore": stamp(after(BUDGET))}
    decision = decide(created_now(submitted(schedule=start)))
    assert verdicts(decision.status)["Accepted"] == "False/TimeBudgetExceeded"
    earlier = {"notBefore": stamp(after(BUDGET - 1))}
    assert "Complete" not in verdicts(decide(created_now(submitted(schedule=earlier))).status)
