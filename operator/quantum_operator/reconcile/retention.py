"""Deletes jobs that are over and whose time is up, and the payload of those of which only that goes."""

import logging

from quantum_operator.api.jobstatus import Attempt
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.held import LEFT
from quantum_operator.decide.ledger import find
from quantum_operator.decide.observed import StopRun
from quantum_operator.decide.retention import LOOK_SECONDS, expires_in, payload_expires_in, payload_of
from quantum_operator.decide.status import attempts_of
from quantum_operator.decide.times import stamp
from quantum_operator.ports.world import Ports

LAG_SECONDS = 5.0
"""When to look again at a job that is otherwise than it was seen."""

OPEN_SECONDS = 300.0
"""When to look again at one that has left a task."""

log = logging.getLogger(__name__)


async def expire(ports: Ports, job: QuantumJob) -> float | None:
    """Delete the job or its payload, or say after how many seconds to look again; None where both may stay.

    Raises ConflictError where the job has changed: it may have been given more time.
    """
    if not ports.store.removes_by_time:
        return None
    now = ports.clock.now()
    job_left, payload_left = expires_in(job, now), payload_expires_in(job, now)
    if job_left == 0:
        await ports.store.delete_job(job)
        log.info("deleted: it was over for spec.ttlSecondsAfterFinished")
        return None
    if payload_left == 0:
        return await _remove_payload(ports, job)
    left = [one for one in (job_left, payload_left) if one is not None]
    return min(*left, LOOK_SECONDS) if left else None


async def _remove_payload(ports: Ports, job: QuantumJob) -> float:
    """Remove everything first, then say so: whoever is interrupted finds less to remove the next time.

    The seconds after which to look again, where the job, read now, is not due: what was seen of it is old; or where a
    task that it left is still held, or not settled.
    """
    whole = await ports.store.whole_job(job)
    if whole is None or payload_expires_in(whole, ports.clock.now()) != 0:
        return LAG_SECONDS
    if any([await _is_open(ports, whole, one) for one in attempts_of(whole.status) if one.reason == LEFT]):
        return OPEN_SECONDS
    for attempt in attempts_of(whole.status):
        if attempt.agent is not None:
            await ports.tasks.clear(whole, attempt.agent, attempt.name)
        elif attempt.batch is None and attempt.run_uid is not None:
            await ports.runs.stop(whole, StopRun(attempt.name, attempt.run_uid))
    for ref in payload_of(whole.status):
        await ports.artifacts.remove(whole, ref)
    update = {"payload_removed_time": stamp(ports.clock.now())}
    await ports.store.put_job_status(whole, whole.status.model_copy(update=update))
    log.info("its payload is removed: it was over for spec.retention.payloadSeconds")
    return 0.0


async def _is_open(ports: Ports, job: QuantumJob, attempt: Attempt) -> bool:
    """Whether the task of an attempt that was left is not over, or its money still reserved."""
    if attempt.agent is not None:
        task = await ports.tasks.observe(job, attempt.agent, attempt.name, expected=True)
        if task is not None and task.state != "Finished":
            return True
    seen = await ports.ledgers.find(attempt.ledger) if attempt.ledger is not None else None
    return seen is not None and find(seen.status, attempt.name, job.metadata.uid) is not None
