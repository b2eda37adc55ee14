"""Tasks whose job is gone: each is cancelled, settles by itself, and goes once it is over.

A task has no owner reference, so that deleting a job or its namespace loses no task that may have to be paid. What
tells that the job is gone is a live look: the silence of a cache is no evidence.
"""

import logging

from quantum_operator.api.quantumtask import OVER, QuantumTask
from quantum_operator.decide.settle import settlement_of
from quantum_operator.decide.tasks import charge_of
from quantum_operator.ports.errors import ConflictError, TransientError
from quantum_operator.ports.world import Ports
from quantum_operator.reconcile.treasury import Treasury

log = logging.getLogger(__name__)


async def sweep(ports: Ports, treasury: Treasury) -> None:
    """Take every task whose job is gone a step on. Raises TransientError after the others' turn: do it again."""
    failed: TransientError | ConflictError | None = None
    for task in await ports.tasks.without_job():
        try:
            await _settle(ports, treasury, task)
        except (TransientError, ConflictError) as error:
            failed = error
    if failed is not None:
        raise failed


async def _settle(ports: Ports, treasury: Treasury, task: QuantumTask) -> None:
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
        ledger, meta = task.spec.ceiling.ledger, task.metadata
        if ledger is not None:
            said, most = charge_of(task), task.spec.ceiling.micros
            await treasury.settle(settlement_of(ledger, meta.name, task.spec.job.uid, most, said))
        await ports.tasks.remove(task)
    elif not task.spec.cancel:
        await ports.tasks.cancel(task)
