"""The port Batches: runs that several jobs share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.observed import StartRun


@dataclass(frozen=True)
class BatchPart:
    """What one job brings to a run that it shares: its own run, and its JobInput as JSON."""

    job: QuantumJob
    action: StartRun
    data: bytes


class Batches(Protocol):
    """Runs that jobs of one namespace share. `Runs.observe` tells each of them how its part of it does."""

    async def members(self, namespace: str, name: str) -> tuple[QuantumJob, ...]:
        """The jobs whose live attempt is a part of the run of this name, as far as reads see."""

    async def input(self, job: QuantumJob, ref: ArtifactRef) -> bytes | None:
        """The job's JobInput, if it is there and passes its digest."""

    async def start(self, name: str, parts: Sequence[BatchPart]) -> None:
        """Create the run of this name with these parts; there is at least one. A no-op when it is there already.

        Raises RefusedError when the platform won't have it, NameTakenError when the name is somebody else's.
        """
