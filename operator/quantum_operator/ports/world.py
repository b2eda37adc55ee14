"""The ports: what the reconcile loop needs of the world. A shell is one implementation of each.

Every method is idempotent, and raises only the errors of `quantum_operator.ports.errors`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from quantum_operator.api.backend import QuantumBackend, QuantumBackendStatus
from quantum_operator.api.jobstatus import ArtifactRef, QuantumJobStatus
from quantum_operator.api.policy import BackendPolicy, BackendPolicyStatus
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import QuantumTask
from quantum_operator.decide.breaker import Ending
from quantum_operator.decide.observed import FenceTask, RunObserved, StartRun, StartTask, StopRun, StopTask, Tell
from quantum_operator.decide.replay import Replay
from quantum_operator.decide.switch import Flight
from quantum_operator.ports.batches import Batches
from quantum_operator.ports.claims import Claims
from quantum_operator.ports.ledger import Ledgers


@dataclass(frozen=True, order=True, slots=True)
class Key:
    """Names one QuantumJob."""

    namespace: str
    name: str


class Store(Protocol):
    """Resources: reads may be as old as a watch is, writes compare and set."""

    @property
    def removes_by_time(self) -> bool:
        """Whether what is over is removed once its time is up; if not, it stays until people remove it."""

    async def job(self, key: Key) -> QuantumJob | None:
        """The job, or None when there is none."""

    async def put_job_status(self, job: QuantumJob, status: QuantumJobStatus) -> None:
        """Write the status if the job is still at the resource version that was observed.

        Raises ConflictError when it is not, GoneError when the job is no longer there.
        """

    async def whole_job(self, job: QuantumJob) -> QuantumJob | None:
        """The job as it is now, also where `job` is only what is kept of it once it is over; None where it is gone."""

    async def delete_job(self, job: QuantumJob) -> None:
        """Delete the job if it is still at the resource version that was observed. A no-op when it is gone.

        Raises ConflictError when it is at another.
        """

    async def create_job(self, job: QuantumJob) -> None:
        """Create a job that the operator makes itself: a shadow. A no-op when it is there already.

        Raises RefusedError when the platform won't have it, NameTakenError when the name is somebody else's.
        """

    async def policy(self, namespace: str, name: str) -> BackendPolicy | None:
        """The policy, or None."""

    async def backends(self) -> tuple[QuantumBackend, ...]:
        """Every backend."""

    async def live_runs(self) -> Mapping[str, int]:
        """How many runs and tasks each backend has under way, by backend name; one that jobs share counts once."""

    async def namespace_labels(self, namespace: str) -> Mapping[str, str]:
        """The labels of a namespace."""

    async def replays(self, namespace: str, uid: str) -> tuple[Replay, ...]:
        """The jobs of a namespace that repeat the job of this UID, over or not, read now."""

    async def flights(self, namespace: str, policy: str) -> tuple[Flight, ...]:
        """The live attempts of the policy's jobs, with their tasks."""

    async def endings(self, namespace: str, policy: str) -> tuple[Ending, ...]:
        """How attempts of the policy's jobs ended, over or not, that say something about their backends.

        For a policy with a breaker; the latest ones of each backend, and those of deleted jobs only as long as this
        process remembers them.
        """

    async def earlier(self, job: QuantumJob) -> tuple[QuantumJob, ...]:
        """The jobs of the namespace whose accepted input is that of this job, over or not, read now."""

    async def config_map_value(self, namespace: str, name: str, key: str) -> str | None:
        """One key of a ConfigMap, read now; None when it is missing."""


class Statuses(Protocol):
    """The statuses of policies and backends; each compares and sets, and drops what changed meanwhile."""

    async def policies(self) -> tuple[BackendPolicy, ...]:
        """Every policy."""

    async def put_policy_status(self, policy: BackendPolicy, status: BackendPolicyStatus) -> bool:
        """Write the status of a policy; whether it was not dropped."""

    async def put_backend_status(self, backend: QuantumBackend, status: QuantumBackendStatus) -> None:
        """Write the status of a backend."""


class Runs(Protocol):
    """Runs: batch/v1 Jobs in a cluster, subprocesses on a laptop."""

    async def observe(
        self, job: QuantumJob, name: str, *, expected: bool, batch: str | None = None
    ) -> RunObserved | None:
        """The job's run of this name, with its outcome once finished; None when there is none.

        With `expected` the run is known to exist, and its absence from a cache is confirmed by a live read. With
        `batch` it is a part of the run of that name; where it is not, or was not brought to an end, the failure is
        `NotReached`.
        """

    async def start(self, job: QuantumJob, action: StartRun) -> None:
        """Create the run. A no-op when this job's run of that name is there already.

        Raises RefusedError when the platform won't have it, NameTakenError when the name is somebody else's.
        """

    async def stop(self, job: QuantumJob, action: StopRun) -> None:
        """End the job's run of this name and UID, and remove it. It may take a while until it is seen to be gone."""


class Tasks(Protocol):
    """QuantumTasks: what agents submit to providers."""

    async def observe(self, job: QuantumJob, agent: str, name: str, *, expected: bool) -> RunObserved | None:
        """The job's task of this name in the agent's namespace, as `Runs.observe` tells of a run."""

    async def start(self, job: QuantumJob, action: StartTask) -> None:
        """Create the task, as `Runs.start` does a run. With `action.cancel` it is cancelled from the beginning."""

    async def fence(self, action: FenceTask) -> bool:
        """Take the task's name, so that no such task is ever submitted; False where there is one already."""

    async def stop(self, job: QuantumJob, action: StopTask) -> None:
        """Have the job's task of this name and UID cancelled. It settles by itself, which may take long."""

    async def without_job(self) -> tuple[QuantumTask, ...]:
        """The tasks whose job is gone for sure, and for which there is something to be done."""

    async def cancel(self, task: QuantumTask) -> None:
        """Have the task cancelled; a no-op where it is gone."""

    async def remove(self, task: QuantumTask) -> None:
        """Remove a task that is over; a no-op where it is gone."""

    async def clear(self, job: QuantumJob, agent: str, name: str) -> None:
        """Remove the job's task of this name if it is over; a no-op where it is gone, or another job's."""


class Artifacts(Protocol):
    """Content-addressed bytes that belong to a job and go with it."""

    async def put(self, job: QuantumJob, ref: ArtifactRef, data: bytes) -> None:
        """Keep `data` under `ref`. A no-op when it is there already."""

    async def get(self, job: QuantumJob, ref: ArtifactRef) -> bytes | None:
        """What is kept under `ref`; None where that is gone, or something else."""

    async def remove(self, job: QuantumJob, ref: ArtifactRef) -> None:
        """Remove what the job keeps under `ref`. A no-op when it is gone, or somebody else's."""


class Recorder(Protocol):
    """Tells people what happened."""

    async def tell(self, about: QuantumJob | BackendPolicy, event: Tell) -> None:
        """Record an event on the job or policy. Never raises: a lost event loses nothing."""


class Clock(Protocol):
    """The time."""

    def now(self) -> datetime:
        """The present moment, in UTC."""


@dataclass(frozen=True)
class Ports:
    """All of a shell's ports."""

    store: Store
    statuses: Statuses
    runs: Runs
    tasks: Tasks
    artifacts: Artifacts
    recorder: Recorder
    clock: Clock
    claims: Claims
    ledgers: Ledgers
    batches: Batches | None = None
    """None: no runs are shared."""
