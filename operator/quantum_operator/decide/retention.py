"""How long a job stays once it is over: `spec.ttlSecondsAfterFinished`, as of a batch/v1 Job."""

from datetime import datetime

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.status import is_terminal
from quantum_operator.decide.times import parse

LOOK_SECONDS = 3600.0
"""How often, at least, a job that is to be deleted is looked at: clocks are set."""


def expires_in(job: QuantumJob, now: datetime) -> float | None:
    """Seconds until the job is to be deleted: 0 when that is now, None while it is not over, or if it may stay."""
    ttl, ended = job.spec.ttl_seconds_after_finished, job.status.completion_time
    if ttl is None or ended is None or not is_terminal(job.status):
        return None
    return max(0.0, ttl - (now - parse(ended)).total_seconds())
