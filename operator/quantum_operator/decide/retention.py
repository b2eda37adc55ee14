"""How long a job stays once it is over (`spec.ttlSecondsAfterFinished`), and its payload (`spec.retention`)."""

from datetime import datetime

from quantum_operator.api.jobstatus import ArtifactRef, QuantumJobStatus
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.status import is_terminal
from quantum_operator.decide.times import parse

LOOK_SECONDS = 3600.0
"""How often, at least, a job that is to be deleted is looked at: clocks are set."""


def expires_in(job: QuantumJob, now: datetime) -> float | None:
    """Seconds until the job is to be deleted: 0 when that is now, None while it is not over, or if it may stay."""
    return _left(job, job.spec.ttl_seconds_after_finished, now)


def payload_expires_in(job: QuantumJob, now: datetime) -> float | None:
    """The same of what the job consists of; None as well once that is removed."""
    retention = job.spec.retention
    if retention is None or job.status.payload_removed_time is not None:
        return None
    return _left(job, retention.payload_seconds, now)


def payload_of(status: QuantumJobStatus) -> tuple[ArtifactRef, ...]:
    """The artifacts that the status names: what was accepted, what was changed of it, and what came of it."""
    changes = status.plan.steps[-1].changes if status.plan is not None and status.plan.steps else ()
    outcome = status.result.outcome if status.result is not None else None
    found = (status.input, *(one.input for one in changes), outcome)
    return tuple(one for one in found if one is not None)


def stays(job: QuantumJob) -> bool:
    """Whether nothing is to be done for a job that is over, at any time."""
    held = job.spec.retention is not None and job.status.payload_removed_time is None
    return job.spec.ttl_seconds_after_finished is None and not held


def _left(job: QuantumJob, seconds: int | None, now: datetime) -> float | None:
    ended = job.status.completion_time
    if seconds is None or ended is None or not is_terminal(job.status):
        return None
    return max(0.0, seconds - (now - parse(ended)).total_seconds())
