"""`spec.timeBudgetSeconds`: all of a job's time from its creation on, waiting included. Suspended, its clock stops."""

from datetime import datetime

from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.jobstatus import QuantumJobStatus
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.status import find_condition, is_suspended
from quantum_operator.decide.times import parse

LOOK_SECONDS = 3600.0
"""How often, at least, a job with a budget is looked at: clocks are set."""


def time_left(job: QuantumJob, now: datetime) -> float | None:
    """The seconds that are left of the job's budget, 0 when it is used up; None: it has none."""
    budget, created = job.spec.time_budget_seconds, job.metadata.creation_timestamp
    if budget is None or not created:
        return None
    passed = (now - parse(created)).total_seconds()
    return max(0.0, budget - passed + suspended_seconds(job.status, now))


def suspended_seconds(status: QuantumJobStatus, now: datetime) -> float:
    """For how long the job has been on record as suspended, over all the times that it was."""
    condition = find_condition(status.conditions, ConditionType.SUSPENDED)
    before = float(status.suspended_seconds or 0)
    if condition is None or not is_suspended(status):
        return before
    return before + max(0.0, (now - parse(condition.last_transition_time)).total_seconds())


def over_budget(job: QuantumJob, now: datetime) -> bool:
    """Whether the job has used up its budget."""
    return time_left(job, now) == 0.0


def used_up(job: QuantumJob) -> str:
    """Why a job over its budget is over, for people."""
    paused = job.status.suspended_seconds
    apart = f", apart from {paused} s for which it was suspended" if paused else ""
    return f"spec.timeBudgetSeconds: {job.spec.time_budget_seconds}: so long ago the job was created{apart}"


def next_look(job: QuantumJob, wanted: float | None, now: datetime) -> float | None:
    """When to look again: as wanted, but no later than the budget's end."""
    left = time_left(job, now)
    if not left or is_suspended(job.status):
        return wanted
    end = min(left, LOOK_SECONDS)
    return end if wanted is None else min(wanted, end)
