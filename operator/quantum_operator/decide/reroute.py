"""Where a job goes on whose attempt failed for what its backend is: to a backend on which none has failed so far.

Every attempt that failed so is on record, and their number is bounded: that is why a reroute ends.
"""

from collections.abc import Mapping

from quantum_operator.api.failures import ELSEWHERE, MOST_FAILED
from quantum_operator.api.jobstatus import Attempt, QuantumJobStatus
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.change import Changes, elsewhere
from quantum_operator.decide.observed import RunObserved
from quantum_operator.decide.status import attempts_of, stage_of

Tried = Mapping[str, str]
"""The backends that are not to be tried, each with why."""


def failures(status: QuantumJobStatus) -> tuple[Attempt, ...]:
    """The attempts that failed for what their backends are, the first one first."""
    return tuple(one for one in attempts_of(status) if one.state == "Failed")


def may_go_on(status: QuantumJobStatus) -> bool:
    """Whether another attempt may follow one that fails now; those before the last fallback do not count."""
    stage = stage_of(status)
    return sum(1 for one in failures(status) if one.stage == stage) + 1 < MOST_FAILED


def tried(job: QuantumJob, changes: Changes) -> Tried:
    """The backends on which an attempt failed with these changes, or with any where they are to be on another one."""
    return {
        one.backend: f"attempt {one.number} failed there: {one.reason}"
        for one in failures(job.status)
        if one.changes == changes or elsewhere(job, changes)
    }


def avoided(job: QuantumJob, changes: Changes) -> Tried:
    """These, and those on which attempts were lost for what may be the backend's: they come last."""
    attempts = (one for one in attempts_of(job.status) if one.state == "Lost" and one.reason in ELSEWHERE)
    lost = {one.backend: f"attempt {one.number} was lost there: {one.reason}" for one in attempts}
    return {**lost, **tried(job, changes)}


def surely_free(attempt: Attempt, run: RunObserved | None) -> bool:
    """Whether the attempt surely cost nothing: a simulator's failed run, or a task that says so."""
    charge = run.charge if run is not None else None
    return attempt.agent is None if charge is None else charge.exact and charge.micros == 0
