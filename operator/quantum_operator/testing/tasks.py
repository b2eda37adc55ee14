"""QuantumTasks of a MemoryWorld: the operator's port, and the agent's store."""

import hashlib
from dataclasses import dataclass
from typing import Any

from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.meta import ObjectMeta
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import OVER, QuantumTask, QuantumTaskSpec, QuantumTaskStatus, TaskJob
from quantum_operator.decide.observed import FenceTask, RunObserved, StartTask, StopTask
from quantum_operator.decide.tasks import seen
from quantum_operator.decide.times import stamp
from quantum_operator.ports.errors import ConflictError, GoneError, NameTakenError
from quantum_operator.ports.world import Key
from quantum_operator.testing.world import Artifact, MemoryWorld


@dataclass(frozen=True)
class MemoryTasks:
    """The Tasks port."""

    world: MemoryWorld

    async def observe(self, job: QuantumJob, agent: str, name: str, *, expected: bool) -> RunObserved | None:  # noqa: ARG002
        """The job's task of this name, by UID; None when there is none."""

        def read() -> RunObserved | None:
            task = self.world.tasks.get(Key(agent, name))
            if task is None or task.spec.job.uid != job.metadata.uid:
                return None
            ref = task.status.outcome
            kept = self.world.artifacts.get((agent, ref.name)) if ref is not None else None
            return seen(task, kept.data if kept is not None else None, "")

        return await self.world.faults.call("tasks.observe", read)

    async def start(self, job: QuantumJob, action: StartTask) -> None:
        """Create the task, unless this job has it already."""
        await self.world.faults.call("tasks.start", lambda: self._start(job, action))

    async def fence(self, action: FenceTask) -> bool:
        """Create a task that is cancelled, unless one of its name is there."""

        def take() -> bool:
            key = Key(action.agent, action.name)
            if key in self.world.tasks:
                return False
            spec = QuantumTaskSpec(
                job=action.job,
                backend=action.backend,
                device=action.device,
                input="{}",
                input_sha256=hashlib.sha256(b"{}").hexdigest(),
                seed=0,
                token=action.token,
                ceiling=action.ceiling,
                cancel=True,
            )
            self.world.put_task(QuantumTask(metadata=self._metadata(action), spec=spec))
            return True

        return await self.world.faults.call("tasks.fence", take)

    async def stop(self, job: QuantumJob, action: StopTask) -> None:  # noqa: ARG002
        """Set `spec.cancel` of the task of this UID."""

        def stop() -> None:
            task = self.world.tasks.get(Key(action.agent, action.name))
            if task is not None and task.metadata.uid == action.uid and not task.spec.cancel:
                self.world.put_task(_cancelled(task))

        await self.world.faults.call("tasks.stop", stop)

    async def without_job(self) -> tuple[QuantumTask, ...]:
        """The tasks whose job is gone."""

        def read() -> tuple[QuantumTask, ...]:
            uids = {job.metadata.uid for job in self.world.jobs.values()}
            return tuple(task for task in self.world.tasks.values() if task.spec.job.uid not in uids)

        return await self.world.faults.call("tasks.without_job", read)

    async def cancel(self, task: QuantumTask) -> None:
        """Set `spec.cancel`."""

        def cancel() -> None:
            there = self.world.tasks.get(_key(task))
            if there is not None and not there.spec.cancel:
                self.world.put_task(_cancelled(there))

        await self.world.faults.call("tasks.cancel", cancel)

    async def remove(self, task: QuantumTask) -> None:
        """Remove it, with its outcome."""
        await self.world.faults.call("tasks.remove", lambda: self.world.remove_task(_key(task)))

    async def clear(self, job: QuantumJob, agent: str, name: str) -> None:
        """Remove the job's task of this name, if it is over."""

        def drop() -> None:
            task = self.world.tasks.get(Key(agent, name))
            if task is not None and task.spec.job.uid == job.metadata.uid and task.status.state in OVER:
                self.world.remove_task(Key(agent, name))

        await self.world.faults.call("tasks.clear", drop)

    def _metadata(self, action: StartTask | FenceTask) -> ObjectMeta:
        return ObjectMeta(
            name=action.name,
            namespace=action.agent,
            uid=f"task-{action.name}",
            generation=1,
            creation_timestamp=stamp(self.world.clock.now()),
        )

    def _start(self, job: QuantumJob, action: StartTask) -> None:
        key = Key(action.agent, action.name)
        existing = self.world.tasks.get(key)
        if existing is not None and existing.spec.job.uid != job.metadata.uid:
            raise NameTakenError(f"task {action.name} belongs to somebody else")
        if existing is not None:
            return
        meta = job.metadata
        stored = self.world.artifacts.get((meta.namespace, action.input.name))
        if stored is None:
            raise GoneError(f"the input of {meta.name} is gone")
        spec = QuantumTaskSpec(
            job=TaskJob(namespace=meta.namespace, name=meta.name, uid=meta.uid),
            backend=action.backend,
            device=action.device,
            input=stored.data.decode(),
            input_sha256=action.input.sha256,
            seed=action.seed,
            token=action.token,
            ceiling=action.ceiling,
            queue_seconds=action.queue_seconds,
            fetch_seconds=action.fetch_seconds,
            cancel=action.cancel,
            mode=action.mode,
            correlation_id=action.correlation_id,
            tags=dict(action.tags),
            group=action.group,
        )
        self.world.put_task(QuantumTask(metadata=self._metadata(action), spec=spec))


@dataclass(frozen=True)
class MemoryTaskStore:
    """The tasks as their agent reads and writes them."""

    world: MemoryWorld

    async def task(self, key: Key) -> QuantumTask | None:
        """The task, or None."""
        return await self.world.faults.call("agent.task", lambda: self.world.tasks.get(key))

    def sessions(self) -> frozenset[str]:
        """The sessions on record."""
        found = (task.status.session for task in self.world.tasks.values())
        return frozenset(one.id for one in found if one is not None and one.id is not None)

    def company(self, task: QuantumTask) -> tuple[QuantumTask, ...]:
        """The other tasks of its group that are not over."""
        return tuple(
            one
            for one in self.world.tasks.values()
            if one.spec.group is not None
            and one.spec.group == task.spec.group
            and one.metadata.uid != task.metadata.uid
            and one.status.state not in OVER
        )

    async def carrier(self, key: Key) -> QuantumTask | None:
        """The task of this name."""
        return await self.world.faults.call("agent.carrier", lambda: self.world.tasks.get(key))

    async def put_status(self, task: QuantumTask, status: QuantumTaskStatus) -> QuantumTask:
        """Write the status, or raise ConflictError or GoneError."""

        def write() -> QuantumTask:
            there = self.world.tasks.get(_key(task))
            if there is None:
                raise GoneError("the task is gone")
            if there.metadata.resource_version != task.metadata.resource_version:
                raise ConflictError("the task has changed")
            self.world.put_task(there.model_copy(update={"status": status}))
            return self.world.tasks[_key(task)]

        return await self.world.faults.call("agent.put_status", write)

    async def put_outcome(self, task: QuantumTask, data: bytes) -> ArtifactRef:
        """Keep an outcome."""
        digest = hashlib.sha256(data).hexdigest()
        ref = ArtifactRef(name=f"{task.metadata.name}-{digest[:12]}", sha256=digest, bytes=len(data))

        def write() -> ArtifactRef:
            artifact = Artifact(task.spec.job.uid, data)
            self.world.artifacts.setdefault((task.metadata.namespace, ref.name), artifact)
            return ref

        return await self.world.faults.call("agent.put_outcome", write)


def _key(task: QuantumTask) -> Key:
    return Key(task.metadata.namespace, task.metadata.name)


def _cancelled(task: QuantumTask) -> QuantumTask:
    update: dict[str, Any] = {"spec": task.spec.model_copy(update={"cancel": True})}
    return task.model_copy(update=update)
