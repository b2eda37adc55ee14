"""The port Tasks on a laptop: there are no agents, and so no tasks."""

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import QuantumTask
from quantum_operator.decide.observed import FenceTask, RunObserved, StartTask, StopTask
from quantum_operator.ports.errors import RefusedError


class NoTasks:
    """Providers are asked from a cluster only; implements the port Tasks."""

    async def observe(self, job: QuantumJob, agent: str, name: str, *, expected: bool) -> RunObserved | None:  # noqa: ARG002
        """There is none."""
        return None

    async def start(self, job: QuantumJob, action: StartTask) -> None:  # noqa: ARG002
        """Raises RefusedError."""
        raise RefusedError(f"backend {action.backend} is a provider's, whose agent works in a cluster")

    async def fence(self, action: FenceTask) -> bool:  # noqa: ARG002
        """Nobody creates any."""
        return True

    async def stop(self, job: QuantumJob, action: StopTask) -> None:
        """There is nothing to stop."""

    async def without_job(self) -> tuple[QuantumTask, ...]:
        """There is none."""
        return ()

    async def cancel(self, task: QuantumTask) -> None:
        """There is nothing to cancel."""

    async def remove(self, task: QuantumTask) -> None:
        """There is nothing to remove."""

    async def clear(self, job: QuantumJob, agent: str, name: str) -> None:
        """There is nothing to remove."""
