"""What shadows need of the world: their primaries, and to be created."""

import logging
from datetime import datetime

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.events import EVENT_BYTES
from quantum_operator.decide.observed import CreateShadow, Primary, RunObserved, Tell
from quantum_operator.decide.shadowing import needs_primary
from quantum_operator.decide.size import clip
from quantum_operator.decide.status import is_accepted
from quantum_operator.ports.errors import NameTakenError, RefusedError, TransientError
from quantum_operator.ports.world import Key, Ports

PATIENCE_SECONDS = 20.0
"""How long it is tried to create the shadow of a job that is to end, where the platform gives no answer to that.

The try after that is the last one.
"""

log = logging.getLogger(__name__)


async def primary_of(ports: Ports, job: QuantumJob, run: RunObserved | None) -> Primary | None:
    """The job that this one is the shadow of, read now, with what is needed of it at this moment."""
    of = job.spec.shadow_of
    if of is None or not needs_primary(job, run):
        return None
    named = job.metadata.model_copy(update={"name": of.name, "uid": of.uid})
    primary = await ports.store.whole_job(job.model_copy(update={"metadata": named}))
    if primary is None:
        return None
    accepted, result = primary.status.input, primary.status.result
    if not is_accepted(job.status):
        return Primary(primary, await ports.artifacts.get(primary, accepted) if accepted is not None else None)
    whole = result.outcome if result is not None else None
    return Primary(primary, outcome=await ports.artifacts.get(primary, whole) if whole is not None else None)


class Shadows:
    """Creates the shadows of jobs that are about to end.

    It remembers since when the platform gives no answer to that; whoever restarts is patient anew.
    """

    def __init__(self, ports: Ports) -> None:
        """Create them by way of `ports`."""
        self._ports = ports
        self._since: dict[Key, datetime] = {}

    def forget(self, key: Key) -> None:
        """The job of this key is over, or gone."""
        self._since.pop(key, None)

    async def create(self, job: QuantumJob, action: CreateShadow) -> None:
        """Create the shadow of a job. That it can't be does nothing to the job but tell of it.

        Raises TransientError while it is too early to say so. What was asked last may have happened all the same: then
        the job, which is over by then, has its shadow.
        """
        now, key = self._ports.clock.now(), Key(job.metadata.namespace, job.metadata.name)
        try:
            await self._ports.store.create_job(action.shadow)
        except (RefusedError, NameTakenError) as error:
            await self._refused(job, action, error)
        except TransientError as error:
            if abs((now - self._since.setdefault(key, now)).total_seconds()) < PATIENCE_SECONDS:
                raise
            await self._refused(job, action, error)

    async def _refused(self, job: QuantumJob, action: CreateShadow, error: Exception) -> None:
        log.warning("shadow %s is refused: %s", action.shadow.metadata.name, error)
        message = f"its shadow {action.shadow.metadata.name} can't be created: {error}"
        await self._ports.recorder.tell(job, Tell("Warning", "ShadowRefused", clip(message, EVENT_BYTES)))
