"""Deletes jobs that are over and whose time is up."""

import logging

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.retention import LOOK_SECONDS, expires_in
from quantum_operator.ports.world import Ports

log = logging.getLogger(__name__)


async def expire(ports: Ports, job: QuantumJob) -> float | None:
    """Delete the job, or say after how many seconds to look again; None where it may stay.

    Raises ConflictError where the job has changed: it may have been given more time.
    """
    left = expires_in(job, ports.clock.now())
    if left is None:
        return None
    if left > 0:
        return min(left, LOOK_SECONDS)
    await ports.store.delete_job(job)
    log.info("deleted: it was over for spec.ttlSecondsAfterFinished")
    return None
