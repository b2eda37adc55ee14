"""Pausing and ending a job: at each stage of its life, and what becomes of its run."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from quantum_operator.decide.halt import STOPPING_SECONDS, halted
from quantum_operator.decide.job import decide
from quantum_operator.decide.observed import Observed, StartRun, StopRun
from quantum_operator.testing.builders import job
from unit.decide.observations import (
    NOW,
    apply,
    done,
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


def asking(observed: Observed, **spec: Any) -> Observed:
    """The same after its user changed the spec."""
    changed = observed.job.spec.model_copy(update=spec)
    return replace(observed, job=observed.job.model_copy(update={"spec": changed}))


def cancelled(observed: Observed) -> Observed:
    """The same with `cancel`."""
    return asking(observed, cancel=True)


def suspended(observed: Observed) -> Observed:
    """The same with `suspend`."""
    return asking(observed, suspend=True)


def gone(observed: Observed) -> Observed:
    """The same with the run seen to be gone."""
    return replace(observed, run=None)


def paused() -> Observed:
    """A job that was suspended while it ran, with its run gone."""
    observed = gone(suspended(running()))
    return apply(observed, decide(observed))


def test_cancel_goes_before_suspend() -> None:
    """A job that is to pause and to end ends."""
    assert halted(job(suspend=True, cancel=True), NOW) == "Cancelled"
    assert halted(job(suspend=True), NOW) == "Suspended"
    assert halted(job(), NOW) is None


Row = tuple[str, Callable[[], Observed], str, list[str], str]
ACCEPTED, SCHEDULED = "Accepted=True/Accepted", "Scheduled=True/Assigned"
TABLE: list[Row] = [
    ("new, cancelled", lambda: cancelled(submitted()), "Failed", ["Cancelled"], "Complete=False/Cancelled"),
    (
        "new, suspended",
        lambda: suspended(submitted()),
        "Suspended",
        ["StoreArtifact", "Suspended"],
        f"{ACCEPTED} Suspended=True/Suspended",
    ),
    (
        "new, suspended, bad",
        lambda: suspended(submitted(programs=[{"name": "bell", "qasm3": "no"}])),
        "Failed",
        ["InvalidProgram"],
        "Accepted=False/InvalidProgram Complete=False/InvalidProgram",
    ),
    ("placed, cancelled", lambda: cancelled(placed()), "Failed", ["Cancelled"], "HALTED Complete=False/Cancelled"),
    (
        "run pending, cancelled",
        lambda: cancelled(with_run(placed(), "Pending")),
        "Queued",
        ["StopRun"],
        f"{ACCEPTED} {SCHEDULED}",
    ),
    (
        "running, cancelled",
        lambda: cancelled(running()),
        "Running",
        ["StopRun"],
        f"{ACCEPTED} Running=True/RunStarted {SCHEDULED}",
    ),
    (
        "running, suspended",
        lambda: suspended(running()),
        "Running",
        ["StopRun"],
        f"{ACCEPTED} Running=True/RunStarted {SCHEDULED}",
    ),
    (
        "run gone, suspended",
        lambda: gone(suspended(running())),
        "Suspended",
        ["Suspended"],
        f"{ACCEPTED} Running=False/Suspended {SCHEDULED} Suspended=True/Suspended",
    ),
    (
        "run over without an outcome, suspended",
        lambda: suspended(with_run(running(), "Finished", failure="Error")),
        "Suspended",
        ["Suspended"],
        f"{ACCEPTED} Running=False/Suspended {SCHEDULED} Suspended=True/Suspended",
    ),
    (
        "run over with its outcome, cancelled",
        lambda: cancelled(finished(running())),
        "Succeeded",
        ["Succeeded"],
        f"{ACCEPTED} Complete=True/Succeeded Running=False/RunFinished {SCHEDULED}",
    ),
    (
        "run lost, suspended",
        lambda: suspended(lost()),
        "Suspended",
        ["Suspended"],
        f"{ACCEPTED} Running=False/RunLost {SCHEDULED} Suspended=True/Suspended",
    ),
    (
        "paused, cancelled",
        lambda: cancelled(paused()),
        "Failed",
        ["Cancelled"],
        f"{ACCEPTED} Complete=False/Cancelled Running=False/Suspended {SCHEDULED} Suspended=True/Suspended",
    ),
    (
        "paused, resumed",
        lambda: asking(paused(), suspend=False),
        "Queued",
        ["Nominate", "Resumed"],
        f"{ACCEPTED} Running=False/Suspended {SCHEDULED} Suspended=False/Resumed",
    ),
]


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_what_follows(row: Row) -> None:
    """At each stage: the phase, the actions and events, and every condition."""
    _, make, phase, actions, conditions = row
    decision = decide(make())
    expected = conditions.replace("HALTED", f"{ACCEPTED}").split()
    found = [f"{kind}={value}" for kind, value in verdicts(decision.status).items()]
    if "HALTED" in conditions:
        expected = sorted([*expected, "Running=False/Cancelled", SCHEDULED])
    assert found == expected
    assert (str(decision.status.phase), kinds(decision)) == (phase, actions)


def test_a_paused_job_is_left_alone() -> None:
    """Nothing is written or done while nothing changes."""
    decision = decide(paused())
    assert decision.status == paused().job.status
    assert (decision.before, decision.after, decision.look_again) == ((), (), None)


def test_a_run_is_stopped_by_its_uid_and_looked_for_again() -> None:
    """The run that is seen is the one that is stopped, and a later one of its name is not."""
    decision = decide(cancelled(with_run(placed(), "Running", uid="run-9")))
    (action,) = decision.after
    assert action == StopRun(last(decision.status).name, "run-9")
    assert decision.look_again == STOPPING_SECONDS


def test_what_is_over_stays_so() -> None:
    """Neither suspend nor cancel changes a job that is over."""
    for change in (cancelled, suspended):
        observed = change(done())
        assert decide(observed).status == observed.job.status


def test_a_resumed_job_gets_a_new_run_that_has_the_time_that_is_left() -> None:
    """The clock of activeDeadlineSeconds stands still while a job is suspended, and goes on where it stood."""
    observed = gone(suspended(later(running(activeDeadlineSeconds=100), 40)))
    observed = asking(later(apply(observed, decide(observed)), 5000), suspend=False)
    observed = apply(observed, decide(observed))
    observed = told(observed)
    observed = apply(observed, decide(observed))
    assert (last(observed.job.status).number, last(observed.job.status).state) == (2, "Pending")
    assert last(observed.job.status).used_seconds == 40
    start = next(one for one in decide(observed).after if isinstance(one, StartRun))
    assert start.spec.limits.wall_seconds == 60
    assert start.spec.seed == last(running(activeDeadlineSeconds=100).job.status).seed


def test_a_job_whose_time_is_used_up_does_not_go_on() -> None:
    """Suspending is no way to run for longer than the limit."""
    observed = gone(suspended(later(running(activeDeadlineSeconds=100), 100)))
    observed = asking(apply(observed, decide(observed)), suspend=False)
    observed = told(apply(observed, decide(observed)))
    observed = apply(observed, decide(observed))
    assert verdicts(decide(observed).status)["Complete"] == "False/TimeLimitExceeded"


def test_no_time_is_forgotten_however_often_a_job_is_suspended() -> None:
    """More often than there is room for attempts; a run that is lost in between changes nothing of it."""
    observed = running(activeDeadlineSeconds=1000)
    for round_ in range(30):
        observed = gone(suspended(later(observed, 100 * round_ + 10)))
        observed = asking(apply(observed, decide(observed)), suspend=False)
        observed = later(told(later(apply(observed, decide(observed)), 100 * (round_ + 1))), 100 * (round_ + 1))
        observed = with_run(apply(observed, decide(observed)), "Running")
        observed = apply(observed, decide(observed))
    assert last(observed.job.status).used_seconds == 300
    observed = later(gone(observed), 3000)
    observed = later(apply(observed, decide(observed)), 3100)
    observed = apply(told(observed), decide(told(observed)))
    assert (last(observed.job.status).number, last(observed.job.status).used_seconds) == (32, 300)


def test_suspensions_are_no_losses() -> None:
    """However often a job is suspended, its backoffLimit stays whole."""
    observed = running(backoffLimit=0)
    for _ in range(30):
        observed = gone(suspended(observed))
        observed = asking(apply(observed, decide(observed)), suspend=False)
        observed = told(apply(observed, decide(observed)))
        observed = with_run(apply(observed, decide(observed)), "Running")
        observed = apply(observed, decide(observed))
    assert "Complete" not in verdicts(observed.job.status)
    plan = observed.job.status.plan
    assert plan is not None
    assert len(plan.steps[-1].attempts) == 20
    assert last(observed.job.status).number == 31
    assert verdicts(decide(gone(observed)).status)["Complete"] == "False/BackoffLimitExceeded"
