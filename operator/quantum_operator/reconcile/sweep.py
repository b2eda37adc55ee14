"""Tasks whose job is gone: each is cancelled, settles by itself, and goes once it is over.

A task has no owner reference, so that deleting a job or its namespace loses no task that may have to be paid. What
tells that the job is gone is a live look: the silence of a cache is no evidence.
"""

import logging

from quantum_operator.api.quantumtask import OVER, QuantumTask
from quantum_operator.ports.errors import TransientError
from quantum_operator.ports.world import Ports

log = logging.getLogger(__name__)


async def sweep(ports: Ports) -> None:
    """Take every task whose job is gone a step on. Raises TransientError after the others' turn: do it again."""
    failed: TransientError | None = None
    for task in await ports.tasks.without_job():
        try:
            await _settle(ports, task)
        except TransientError as error:
            failed = error
    if failed is not None:
        raise failed


async def _settle(ports: Ports, task: QuantumTask) -> None:
    if task.status.state in OVER:
        charge = task.status.charge
        log.info(
            "task %s/%s of job %s/%s, which is gone, is removed: %s, charged %s",
            task.metadata.namespace,
            task.metadata.name,
            task.spec.job.namespace,
            task.spec.job.name,
            task.status.state,
            "an unknown amount" if charge is None or charge.micros is None else f"{charge.micros} millionths",
        )
        await ports.tasks.remove(task)
    elif not task.spec.cancel:
        await ports.tasks.cancel(task)
