"""The ports of a MemoryWorld. Each call is counted, and fails where the world was told to let it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quantum_operator.api.backend import QuantumBackend, QuantumBackendStatus
from quantum_operator.api.jobstatus import ArtifactRef, QuantumJobStatus
from quantum_operator.api.policy import BackendPolicy, BackendPolicyStatus
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import QuantumTask
from quantum_operator.api.run import JobInput
from quantum_operator.decide.breaker import Ending, endings_among
from quantum_operator.decide.cached import same_input
from quantum_operator.decide.observed import RunObserved, StartRun, StopRun, Tell
from quantum_operator.decide.replay import Replay, replays_among
from quantum_operator.decide.status import live_attempt
from quantum_operator.decide.switch import Flight, flights_among
from quantum_operator.ports.batches import BatchPart
from quantum_operator.ports.errors import NameTakenError
from quantum_operator.ports.world import Key, Ports
from quantum_operator.testing.claims import MemoryClaims
from quantum_operator.testing.ledgers import MemoryLedgers
from quantum_operator.testing.tasks import MemoryTasks
from quantum_operator.testing.world import Artifact, MemoryRun, MemoryWorld


def memory_ports(world: MemoryWorld) -> Ports:
    """All ports of this world."""
    return Ports(
        MemoryStore(world),
        MemoryStatuses(world),
        MemoryRuns(world),
        MemoryTasks(world),
        MemoryArtifacts(world),
        MemoryRecorder(world),
        world.clock,
        MemoryClaims(world),
        MemoryLedgers(world),
        MemoryBatches(world),
    )


@dataclass(frozen=True)
class MemoryStore:
    """The Store port."""

    world: MemoryWorld
    removes_by_time: bool = True

    async def job(self, key: Key) -> QuantumJob | None:
        """The job, or None when there is none."""
        return await self.world.faults.call("store.job", lambda: self.world.seen_jobs.get(key))

    async def put_job_status(self, job: QuantumJob, status: QuantumJobStatus) -> None:
        """Write the status, or raise ConflictError or GoneError."""
        await self.world.faults.call("store.put_job_status", lambda: self.world.put_status(job, status))

    async def whole_job(self, job: QuantumJob) -> QuantumJob | None:
        """The job as it is, not as it was seen last."""
        return await self.world.faults.call("store.whole_job", lambda: self.world.namesake(job))

    async def create_job(self, job: QuantumJob) -> None:
        """Create it, unless it is there, or raise RefusedError or NameTakenError."""
        await self.world.faults.call("store.create_job", lambda: self.world.create(job))

    async def delete_job(self, job: QuantumJob) -> None:
        """Delete the job, or raise ConflictError."""
        await self.world.faults.call("store.delete_job", lambda: self.world.expire(job))

    async def policy(self, namespace: str, name: str) -> BackendPolicy | None:
        """The policy, or None."""
        return await self.world.faults.call("store.policy", lambda: self.world.policies.get((namespace, name)))

    async def backends(self) -> tuple[QuantumBackend, ...]:
        """Every backend."""
        return await self.world.faults.call("store.backends", lambda: tuple(self.world.backends.values()))

    async def live_runs(self) -> Mapping[str, int]:
        """How many attempts each backend has under way, as far as reads see."""
        return await self.world.faults.call("store.live_runs", self._live_runs)

    async def namespace_labels(self, namespace: str) -> Mapping[str, str]:
        """The labels of a namespace."""
        return await self.world.faults.call(
            "store.namespace_labels", lambda: dict(self.world.namespaces.get(namespace, {}))
        )

    async def config_map_value(self, namespace: str, name: str, key: str) -> str | None:
        """One key of a ConfigMap, or None."""
        return await self.world.faults.call(
            "store.config_map_value", lambda: self.world.config_maps.get((namespace, name, key))
        )

    async def replays(self, namespace: str, uid: str) -> tuple[Replay, ...]:
        """The jobs that repeat this one, as they are."""
        jobs = self.world.jobs
        return await self.world.faults.call("store.replays", lambda: replays_among(jobs.values(), namespace, uid))

    async def flights(self, namespace: str, policy: str) -> tuple[Flight, ...]:
        """The live attempts of the policy's jobs, as far as reads see them."""
        world = self.world
        return await world.faults.call(
            "store.flights", lambda: flights_among(world.seen_jobs.values(), namespace, policy, self._task)
        )

    async def endings(self, namespace: str, policy: str) -> tuple[Ending, ...]:
        """Of all jobs that are there."""
        jobs = self.world.seen_jobs
        return await self.world.faults.call("store.endings", lambda: endings_among(jobs.values(), namespace, policy))

    async def earlier(self, job: QuantumJob) -> tuple[QuantumJob, ...]:
        """The jobs with the same input."""
        jobs = self.world.jobs
        return await self.world.faults.call("store.earlier", lambda: same_input(jobs.values(), job))

    def _task(self, agent: str, name: str) -> QuantumTask | None:
        return self.world.tasks.get(Key(agent, name))

    def _live_runs(self) -> Mapping[str, int]:
        attempts = (live_attempt(job.status) for job in self.world.seen_jobs.values())
        names = {(one.backend, one.batch or one.name) for one in attempts if one is not None}
        return Counter(backend for backend, _ in names)


@dataclass(frozen=True)
class MemoryStatuses:
    """The Statuses port."""

    world: MemoryWorld

    async def policies(self) -> tuple[BackendPolicy, ...]:
        """Every policy."""
        return await self.world.faults.call("statuses.policies", lambda: tuple(self.world.policies.values()))

    async def put_policy_status(self, policy: BackendPolicy, status: BackendPolicyStatus) -> bool:
        """Write it, unless the policy has changed."""

        def write() -> bool:
            same = self.world.policies.get((policy.metadata.namespace, policy.metadata.name)) == policy
            if same:
                self.world.add(policy.model_copy(update={"status": status}))
            return same

        return await self.world.faults.call("statuses.put_policy_status", write)

    async def put_backend_status(self, backend: QuantumBackend, status: QuantumBackendStatus) -> None:
        """Write it, unless the backend has changed."""

        def write() -> None:
            if self.world.backends.get(backend.metadata.name) == backend:
                self.world.add(backend.model_copy(update={"status": status}))

        await self.world.faults.call("statuses.put_backend_status", write)


@dataclass(frozen=True)
class MemoryRuns:
    """The Runs port."""

    world: MemoryWorld

    async def observe(
        self,
        job: QuantumJob,
        name: str,
        *,
        expected: bool,  # noqa: ARG002 - reads are live
        batch: str | None = None,
    ) -> RunObserved | None:
        """The job's run of this name, by UID; None when there is none."""

        def read() -> RunObserved | None:
            run = self.world.runs.get((job.metadata.namespace, name))
            if run is not None:
                return run.seen if run.job_uid == job.metadata.uid else None
            if batch is None or (job.metadata.namespace, batch) not in self.world.batches:
                return None
            return RunObserved(name, "not-reached", "Finished", failure="NotReached")

        return await self.world.faults.call("runs.observe", read)

    async def start(self, job: QuantumJob, action: StartRun) -> None:
        """Create the run, unless this job has it already."""
        await self.world.faults.call("runs.start", lambda: self._start(job, action))

    async def stop(self, job: QuantumJob, action: StopRun) -> None:
        """End the run of this UID, if it is there."""

        def end() -> None:
            run = self.world.runs.get((job.metadata.namespace, action.name))
            if run is not None and run.uid == action.uid:
                self.world.delete_run(job.metadata.namespace, action.name)

        await self.world.faults.call("runs.stop", end)

    def _start(self, job: QuantumJob, action: StartRun) -> None:
        namespace, name = job.metadata.namespace, action.spec.run
        existing = self.world.runs.get((namespace, name))
        if existing is not None and existing.job_uid != job.metadata.uid:
            raise NameTakenError(f"run {name} belongs to somebody else")
        if existing is not None or job.metadata.uid not in {one.metadata.uid for one in self.world.jobs.values()}:
            return
        stored = self.world.artifacts[namespace, action.input.name]
        begin(self.world, job, action, stored.data)


def begin(world: MemoryWorld, job: QuantumJob, action: StartRun, data: bytes) -> None:
    """Create the run of this action."""
    uid = f"run-{len(world.started) + 1}"
    ending = world.script(action.spec, JobInput.model_validate_json(data))
    seen = RunObserved(action.spec.run, uid, "Pending")
    key = Key(job.metadata.namespace, job.metadata.name)
    world.start(job, MemoryRun(key, job.metadata.uid, uid, action.spec, seen, ending, action.batch))


@dataclass(frozen=True)
class MemoryBatches:
    """The Batches port. Each part of a shared run is a run of its own here, which starts with the others."""

    world: MemoryWorld

    async def members(self, namespace: str, name: str) -> tuple[QuantumJob, ...]:
        """The jobs whose live attempt is a part of it, as far as reads see."""

        def read() -> tuple[QuantumJob, ...]:
            jobs = (one for one in self.world.seen_jobs.values() if one.metadata.namespace == namespace)
            return tuple(one for one in jobs if (live := live_attempt(one.status)) is not None and live.batch == name)

        return await self.world.faults.call("batches.members", read)

    async def input(self, job: QuantumJob, ref: ArtifactRef) -> bytes | None:
        """The artifact's bytes."""

        def read() -> bytes | None:
            kept = self.world.artifacts.get((job.metadata.namespace, ref.name))
            return kept.data if kept is not None else None

        return await self.world.faults.call("batches.input", read)

    async def start(self, name: str, parts: Sequence[BatchPart]) -> None:
        """Create the runs of all parts, unless the shared run is there."""

        def write() -> None:
            run = (parts[0].job.metadata.namespace, name)
            if run in self.world.batches:
                return
            self.world.batches[run] = len(parts)
            uids = {one.metadata.uid for one in self.world.jobs.values()}
            for part in parts:
                if part.job.metadata.uid in uids:
                    begin(self.world, part.job, part.action, part.data)

        await self.world.faults.call("batches.start", write)


@dataclass(frozen=True)
class MemoryArtifacts:
    """The Artifacts port."""

    world: MemoryWorld

    async def put(self, job: QuantumJob, ref: ArtifactRef, data: bytes) -> None:
        """Keep `data` under `ref`, or raise NameTakenError."""

        def write() -> None:
            kept = self.world.artifacts.setdefault((job.metadata.namespace, ref.name), Artifact(job.metadata.uid, data))
            if kept != Artifact(job.metadata.uid, data):
                raise NameTakenError(f"artifact {ref.name} belongs to somebody else")

        await self.world.faults.call("artifacts.put", write)

    async def get(self, job: QuantumJob, ref: ArtifactRef) -> bytes | None:
        """What is kept under `ref`, or None."""

        def read() -> bytes | None:
            kept = self.world.artifacts.get((job.metadata.namespace, ref.name))
            return kept.data if kept is not None else None

        return await self.world.faults.call("artifacts.get", read)

    async def remove(self, job: QuantumJob, ref: ArtifactRef) -> None:
        """Remove what the job keeps under `ref`."""

        def drop() -> None:
            kept = self.world.artifacts.get((job.metadata.namespace, ref.name))
            if kept is not None and kept.job_uid == job.metadata.uid:
                del self.world.artifacts[job.metadata.namespace, ref.name]

        await self.world.faults.call("artifacts.remove", drop)


@dataclass(frozen=True)
class MemoryRecorder:
    """The Recorder port."""

    world: MemoryWorld

    async def tell(self, about: QuantumJob | BackendPolicy, event: Tell) -> None:
        """Keep the event. Crashes, but never raises."""
        key = Key(about.metadata.namespace, about.metadata.name)
        await self.world.faults.call("recorder.tell", lambda: self.world.events.append((key, event)), raises=False)
