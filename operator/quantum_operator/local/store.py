"""The store of the laptop: jobs are files, what they refer to comes from the manifests and stays in memory."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeVar
from uuid import uuid4

from quantum_operator.api.backend import QuantumBackend, QuantumBackendStatus
from quantum_operator.api.jobstatus import QuantumJobStatus
from quantum_operator.api.meta import ObjectMeta
from quantum_operator.api.policy import BackendPolicy, BackendPolicyStatus
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.breaker import Ending, endings_among
from quantum_operator.decide.cached import same_input
from quantum_operator.decide.health import backend_status
from quantum_operator.decide.replay import Replay, replays_among
from quantum_operator.decide.status import live_attempt
from quantum_operator.decide.switch import Flight, flights_among
from quantum_operator.decide.times import stamp
from quantum_operator.local.approval import approved_here
from quantum_operator.local.ending import has_ended
from quantum_operator.local.files import write_json
from quantum_operator.local.layout import JobFolder, ResultsFolder
from quantum_operator.local.process import kill
from quantum_operator.ports.errors import ConflictError, GoneError, NameTakenError, TransientError
from quantum_operator.ports.world import Key

Stored = TypeVar("Stored", QuantumBackend, BackendPolicy)


class Catalog:
    """The policies, backends and ConfigMaps of the manifests; implements the port `Statuses`."""

    def __init__(
        self,
        policies: Mapping[Key, BackendPolicy],
        backends: Mapping[str, QuantumBackend],
        config_maps: Mapping[Key, Mapping[str, str]],
        now: datetime,
    ) -> None:
        """Hold what the manifests have, as if it had been created, and its health looked at, just now."""
        created = {name: _created(backend) for name, backend in backends.items()}
        self._backends = {
            name: backend.model_copy(update={"status": backend_status(backend, now)})
            for name, backend in created.items()
        }
        self._policies = {key: _created(policy) for key, policy in policies.items()}
        self._config_maps = config_maps

    def policy(self, key: Key) -> BackendPolicy | None:
        """The policy, or None."""
        return self._policies.get(key)

    def backends(self) -> tuple[QuantumBackend, ...]:
        """Every backend."""
        return tuple(self._backends.values())

    def config_map_value(self, key: Key, entry: str) -> str | None:
        """One entry of a ConfigMap, or None."""
        return self._config_maps.get(key, {}).get(entry)

    async def policies(self) -> tuple[BackendPolicy, ...]:
        """Every policy."""
        return tuple(self._policies.values())

    async def put_policy_status(self, policy: BackendPolicy, status: BackendPolicyStatus) -> bool:
        """Write the status of a policy, unless it has changed meanwhile."""
        key = Key(policy.metadata.namespace, policy.metadata.name)
        same = _version(self._policies.get(key)) == _version(policy)
        if same:
            self._policies[key] = policy.model_copy(update={"metadata": _next(policy.metadata), "status": status})
        return same

    async def put_backend_status(self, backend: QuantumBackend, status: QuantumBackendStatus) -> None:
        """Write the status of a backend, unless it has changed meanwhile."""
        name = backend.metadata.name
        if _version(self._backends.get(name)) == _version(backend):
            self._backends[name] = backend.model_copy(update={"metadata": _next(backend.metadata), "status": status})


class LocalStore:
    """Jobs as `job.json` files that are compared and set; implements the port `Store`.

    Only one shell at a time works on a job (it holds the lock of the job's folder), so to compare and then replace
    the file is atomic.
    """

    removes_by_time = False
    """What people ran on their machine stays until they remove it."""

    def __init__(self, folder: ResultsFolder, catalog: Catalog, changed: Callable[[QuantumJob], None]) -> None:
        """Keep jobs under `folder`; `changed` is told of every job that was written."""
        self._folder = folder
        self._catalog = catalog
        self._changed = changed
        self._live: dict[Key, str] = {}

    def create(self, job: QuantumJob, now: datetime) -> QuantumJob:
        """Take a job in: the one of the same spec that is in the folder, or a new one in its place.

        That in the folder stays where it is unfinished, or has a result and an idempotencyKey. What an earlier shell
        left of another job of that name is ended and removed.
        """
        key = Key(job.metadata.namespace, job.metadata.name)
        folder = self._folder.job(key)
        before = folder.read_job()
        if before is not None and _same(before, job) and _stays(before):
            self._note(key, before.status)
            return before
        self._clear(folder)
        if before is not None and before.status.shadow is not None:
            self._clear(self._folder.job(Key(key.namespace, before.status.shadow)))
        metadata = _next(job.metadata).model_copy(
            update={"uid": str(uuid4()), "generation": 1, "creation_timestamp": stamp(now)}
        )
        created = QuantumJob(metadata=metadata, spec=job.spec)
        self._write(key, created)
        return created

    @staticmethod
    def _clear(folder: JobFolder) -> None:
        for run in folder.runs():
            kill(run)
        folder.clear()

    def shadow_of(self, job: QuantumJob) -> QuantumJob | None:
        """The shadow of a job that is in the folder, where it has one."""
        name = job.status.shadow
        return self._folder.job(Key(job.metadata.namespace, name)).read_job() if name is not None else None

    async def create_job(self, job: QuantumJob) -> None:
        """Create it in a folder of its own, or see that it is there. Raises NameTakenError."""
        key = Key(job.metadata.namespace, job.metadata.name)
        there = await self.job(key)
        if there is None:
            self.create(job, datetime.now(UTC))
        elif there.spec.shadow_of == job.spec.shadow_of:
            self._changed(there)
        else:
            raise NameTakenError(f"{self._folder.job(key).job} is another job")

    async def job(self, key: Key) -> QuantumJob | None:
        """The job, or None when there is none."""
        return self._folder.job(key).read_job()

    async def whole_job(self, job: QuantumJob) -> QuantumJob | None:
        """The job, read now."""
        there = await self.job(Key(job.metadata.namespace, job.metadata.name))
        return there if there is not None and there.metadata.uid == job.metadata.uid else None

    async def put_job_status(self, job: QuantumJob, status: QuantumJobStatus) -> None:
        """Write the status if the job is still as it was observed."""
        key = Key(job.metadata.namespace, job.metadata.name)
        stored = await self.job(key)
        if stored is None or stored.metadata.uid != job.metadata.uid:
            raise GoneError(f"{self._folder.job(key).job} is gone")
        if stored.metadata.resource_version != job.metadata.resource_version:
            raise ConflictError(f"{self._folder.job(key).job} has changed since it was read")
        written = stored.model_copy(update={"metadata": _next(stored.metadata), "status": status})
        self._write(key, approved_here(written))

    async def delete_job(self, job: QuantumJob) -> None:
        """Leave it, see `removes_by_time`."""

    async def policy(self, namespace: str, name: str) -> BackendPolicy | None:
        """The policy, or None."""
        return self._catalog.policy(Key(namespace, name))

    async def backends(self) -> tuple[QuantumBackend, ...]:
        """Every backend."""
        return self._catalog.backends()

    async def live_runs(self) -> Mapping[str, int]:
        """How many attempts of this shell's jobs each backend has under way."""
        return Counter(self._live.values())

    async def namespace_labels(self, namespace: str) -> Mapping[str, str]:
        """The one label that every namespace has in Kubernetes: its name."""
        return {"kubernetes.io/metadata.name": namespace}

    async def replays(self, namespace: str, uid: str) -> tuple[Replay, ...]:
        """The jobs of the folder that repeat this one."""
        return replays_among(self._jobs(namespace), namespace, uid)

    async def flights(self, namespace: str, policy: str) -> tuple[Flight, ...]:
        """The live attempts of the folder's jobs: none has a task."""
        return flights_among(self._jobs(namespace), namespace, policy, lambda _agent, _name: None)

    async def endings(self, namespace: str, policy: str) -> tuple[Ending, ...]:
        """Of all jobs of the folder."""
        return endings_among(self._jobs(namespace), namespace, policy)

    async def earlier(self, job: QuantumJob) -> tuple[QuantumJob, ...]:
        """The jobs of the folder with the same input."""
        return same_input(self._jobs(job.metadata.namespace), job)

    def _jobs(self, namespace: str) -> list[QuantumJob]:
        found = (folder.read_job() for folder in self._folder.jobs(namespace))
        return [job for job in found if job is not None]

    async def config_map_value(self, namespace: str, name: str, key: str) -> str | None:
        """One entry of a ConfigMap, or None."""
        return self._catalog.config_map_value(Key(namespace, name), key)

    def _write(self, key: Key, job: QuantumJob) -> None:
        path = self._folder.job(key).job
        try:
            write_json(path, job.to_wire())
        except OSError as error:
            raise TransientError(f"{path} can't be written: {error}") from error
        self._note(key, job.status)
        self._changed(job)

    def _note(self, key: Key, status: QuantumJobStatus) -> None:
        attempt = live_attempt(status)
        if attempt is None:
            self._live.pop(key, None)
        else:
            self._live[key] = attempt.backend


def _same(before: QuantumJob, job: QuantumJob) -> bool:
    """Whether it is the same spec, whatever was approved of it."""
    return before.spec.model_copy(update={"approval": job.spec.approval}) == job.spec


def _stays(job: QuantumJob) -> bool:
    return not has_ended(job.status) or (job.spec.idempotency_key is not None and job.status.result is not None)


def _created(item: Stored) -> Stored:
    metadata = _next(item.metadata).model_copy(update={"uid": str(uuid4()), "generation": 1})
    return item.model_copy(update={"metadata": metadata})


def _next(metadata: ObjectMeta) -> ObjectMeta:
    version = int(metadata.resource_version or "0") + 1
    return metadata.model_copy(update={"resource_version": str(version)})


def _version(item: QuantumBackend | BackendPolicy | None) -> str | None:
    return None if item is None else item.metadata.resource_version
