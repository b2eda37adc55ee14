"""Where a job goes on whose attempt failed for what its backend is: to a backend on which none has failed.

Every attempt that failed so is on record, and their number is bounded: that is why a reroute ends.
"""

from collections.abc import Mapping

from quantum_operator.api.failures import ELSEWHERE, MOST_FAILED
from quantum_operator.api.jobstatus import Attempt, QuantumJobStatus
from quantum_operator.decide.observed import RunObserved

Tried = Mapping[str, str]
"""The backends that are not to be tried, each with why."""


def failures(status: QuantumJobStatus) -> tuple[Attempt, ...]:
    """The attempts that failed for what their backends are, the first one first."""
    attempts = status.plan.steps[-1].attempts if status.plan is not None and status.plan.steps else ()
    return tuple(one for one in attempts if one.state == "Failed")


def may_go_on(status: QuantumJobStatus) -> bool:
    """Whether another attempt may follow one that fails now."""
    return len(failures(status)) + 1 < MOST_FAILED


def tried(status: QuantumJobStatus) -> Tried:
    """The backends on which an attempt failed: no other is made there."""
    return {one.backend: f"attempt {one.number} failed there: {one.reason}" for one in failures(status)}


def avoided(status: QuantumJobStatus) -> Tried:
    """These, and those on which attempts were lost for what may be the backend's: they come last."""
    attempts = status.plan.steps[-1].attempts if status.plan is not None and status.plan.steps else ()
    lost = (one for one in attempts if one.state == "Lost" and one.reason in ELSEWHERE)
    return {**{one.backend: f"attempt {one.number} was lost there: {one.reason}" for one in lost}, **tried(status)}


def surely_free(attempt: Attempt, run: RunObserved | None) -> bool:
    """Whether the attempt surely cost nothing: a simulator's failed run, or a task that says so."""
    charge = run.charge if run is not None else None
    return attempt.agent is None if charge is None else charge.exact and charge.micros == 0
