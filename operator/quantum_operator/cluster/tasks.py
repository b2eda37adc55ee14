"""The port Tasks: QuantumTasks in the namespaces of their agents, and the outcomes that these leave."""

import hashlib
from collections.abc import Sequence

from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.meta import API_VERSION, GROUP
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import OVER, QuantumTask
from quantum_operator.cluster.api import CORE, Api, Json, StatusError, metadata, refusals_as_transient
from quantum_operator.cluster.artifacts import kept_name, read_artifact
from quantum_operator.cluster.labels import JOB_UID, MANAGED_BY, correlated
from quantum_operator.cluster.mirror import Mirror, read_task
from quantum_operator.cluster.writes import create
from quantum_operator.decide.observed import FenceTask, RunObserved, StartTask, StopTask
from quantum_operator.decide.tasks import seen
from quantum_operator.ports.chunks import ChunkError
from quantum_operator.ports.errors import GoneError, NameTakenError, RefusedError, TransientError
from quantum_operator.ports.kept import Kept
from quantum_operator.ports.world import Key

FINALIZER = f"{GROUP}/settle"
"""A task goes only once what it cost is on record."""


class ClusterTasks:
    """Tasks in a cluster; implements the port Tasks."""

    def __init__(self, api: Api, mirror: Mirror, namespaces: Sequence[str], recent: Kept | None = None) -> None:
        """Read from `mirror`, `recent` and by `api`; jobs of other `namespaces` (none given: of all) are not ours."""
        self._api = api
        self._mirror = mirror
        self._namespaces = namespaces
        self._recent = recent or Kept(0)

    async def observe(self, job: QuantumJob, agent: str, name: str, *, expected: bool) -> RunObserved | None:
        """The job's task of this name; a namesake for another job is none. Raises TransientError."""
        key = Key(agent, name)
        task = self._mirror.tasks.cache.get(key)
        if task is None and expected:
            task = await self._read(key)
        if task is None or task.spec.job.uid != job.metadata.uid:
            return None
        outcome, problem = await self._outcome(task)
        return seen(task, outcome, problem)

    async def start(self, job: QuantumJob, action: StartTask) -> None:
        """Create the task, or see that it is there.

        Raises RefusedError, NameTakenError, GoneError where the agent's namespace is gone, TransientError.
        """
        tasks = self._mirror.tasks
        text = await self._input(job, action.input)
        try:
            created = await create(self._api, tasks.path(action.agent), task_manifest(job, action, text))
        except GoneError as error:
            raise RefusedError(f"namespace {action.agent} of the backend's agent is not there") from error
        if created is None:
            task = await self._read(Key(action.agent, action.name))
            if task is None:
                raise TransientError(f"QuantumTask {action.name} came and went")
            if task.spec.job.uid != job.metadata.uid or task.spec.token != action.token:
                message = f"QuantumTask {action.name} in namespace {action.agent} is not the operator's; delete it"
                raise NameTakenError(message)
            return
        tasks.saw(None, created)
        self._recent.forget(kept_name(job.metadata.namespace, action.input))

    async def fence(self, action: FenceTask) -> bool:
        """Create a task that is cancelled; True as well where no agent's namespace is. Raises TransientError."""
        tasks = self._mirror.tasks
        try:
            created = await self._api.post(tasks.path(action.agent), fence_manifest(action))
        except StatusError as error:
            if error.code == 404:
                return True
            if error.code != 409:
                raise TransientError(str(error)) from error
            await self._read(Key(action.agent, action.name))
            return False
        tasks.saw(None, created)
        return True

    async def stop(self, job: QuantumJob, action: StopTask) -> None:  # noqa: ARG002 - the port's signature
        """Set `spec.cancel`. Raises TransientError."""
        task = self._mirror.tasks.cache.get(Key(action.agent, action.name))
        if task is not None and task.metadata.uid == action.uid:
            await self.cancel(task)

    async def without_job(self) -> tuple[QuantumTask, ...]:
        """The tasks whose job is gone for sure, and those being deleted that are over. Raises TransientError.

        One that is cancelled is left out until it is over: nothing is to be done for it, so nobody has to be asked.
        """
        found = []
        jobs = self._mirror.jobs.cache
        for task in self._mirror.tasks.cache.values():
            job, over = task.spec.job, task.status.state in OVER
            if over and task.metadata.deletion_timestamp is None and jobs.is_hollow(job.uid):
                continue  # as nearly all are
            if task.spec.cancel and not over:
                continue
            if jobs.group(job.uid) or (self._namespaces and job.namespace not in self._namespaces):
                continue
            settled = task.metadata.deletion_timestamp is not None and over
            if (settled and jobs.is_hollow(job.uid)) or (not jobs.is_hollow(job.uid) and await self._is_gone(task)):
                found.append(task)
        return tuple(found)

    async def cancel(self, task: QuantumTask) -> None:
        """Set `spec.cancel`. Raises TransientError."""
        if not task.spec.cancel:
            await self._patch(task, {"spec": {"cancel": True}})

    async def remove(self, task: QuantumTask) -> None:
        """Delete the task, and let it go. Raises TransientError."""
        if task.metadata.deletion_timestamp is None:
            with refusals_as_transient():
                await self._api.delete(self._path(task), uid=task.metadata.uid)
        await self._patch(task, {"metadata": {"finalizers": None}})

    async def clear(self, job: QuantumJob, agent: str, name: str) -> None:
        """Remove the job's task of this name, if it is over. Raises TransientError."""
        task = await self._read(Key(agent, name))
        if task is not None and task.spec.job.uid == job.metadata.uid and task.status.state in OVER:
            await self.remove(task)

    async def _patch(self, task: QuantumTask, change: Json) -> None:
        body: Json = {**change, "metadata": {**change.get("metadata", {}), "uid": task.metadata.uid}}
        try:
            answer = await self._api.patch(self._path(task), body)
        except StatusError as error:
            if error.code not in (404, 409):  # 409: the UID is another's
                raise TransientError(str(error)) from error
            return
        self._mirror.tasks.saw(None, answer)

    def _path(self, task: QuantumTask) -> str:
        return f"{self._mirror.tasks.path(task.metadata.namespace)}/{task.metadata.name}"

    async def _read(self, key: Key) -> QuantumTask | None:
        with refusals_as_transient():
            body = await self._api.find(f"{self._mirror.tasks.path(key.namespace)}/{key.name}")
        if body is None:
            return None
        self._mirror.tasks.cache.put(body)
        return read_task(body)

    async def _is_gone(self, task: QuantumTask) -> bool:
        job = task.spec.job
        try:
            body = await self._api.find(f"{self._mirror.jobs.path(job.namespace)}/{job.name}")
        except StatusError as error:
            # With a namespace that is deleted go the rights in it.
            with refusals_as_transient():
                if error.code == 403 and await self._api.find(f"{CORE}/namespaces/{job.namespace}") is None:
                    return True
            raise TransientError(str(error)) from error
        return body is None or metadata(body).get("uid") != job.uid

    async def _input(self, job: QuantumJob, ref: ArtifactRef) -> str:
        """The job's input, which its namespace has. Raises GoneError with the job, TransientError."""
        known = self._recent.get(kept_name(job.metadata.namespace, ref))
        if known:
            return known.decode()
        try:
            data = await read_artifact(self._api, job.metadata.namespace, ref)
        except ChunkError as error:
            raise RefusedError(f"the job's input is not as it was accepted: {error}") from error
        if data is None:
            raise GoneError(f"ConfigMap {ref.name} in namespace {job.metadata.namespace} is gone")
        return data.decode()

    async def _outcome(self, task: QuantumTask) -> tuple[bytes | None, str]:
        ref = task.status.outcome
        if ref is None or task.status.state not in OVER:
            return None, ""
        try:
            data = await read_artifact(self._api, task.metadata.namespace, ref)
        except ChunkError as error:
            return None, str(error)
        return data, "" if data is not None else f"ConfigMap {ref.name} is gone"


def fence_manifest(action: FenceTask) -> Json:
    """A QuantumTask that is cancelled from the beginning."""
    spec: Json = {
        "job": action.job.to_wire(),
        "backend": action.backend,
        "device": action.device,
        "input": "{}",
        "inputSha256": hashlib.sha256(b"{}").hexdigest(),
        "seed": 0,
        "token": action.token,
        "ceiling": action.ceiling.to_wire(),
        "cancel": True,
    }
    labels = {**MANAGED_BY, JOB_UID: action.job.uid}
    metadata = {"name": action.name, "namespace": action.agent, "labels": labels, "finalizers": [FINALIZER]}
    return {"apiVersion": API_VERSION, "kind": "QuantumTask", "metadata": metadata, "spec": spec}


def task_manifest(job: QuantumJob, action: StartTask, text: str) -> Json:
    """The QuantumTask of an attempt."""
    spec: Json = {
        "job": {"namespace": job.metadata.namespace, "name": job.metadata.name, "uid": job.metadata.uid},
        "backend": action.backend,
        "device": action.device,
        "input": text,
        "inputSha256": action.input.sha256,
        "seed": action.seed,
        "token": action.token,
        "ceiling": action.ceiling.to_wire(),
        "queueSeconds": action.queue_seconds,
        "fetchSeconds": action.fetch_seconds,
        "cancel": action.cancel,
        "mode": action.mode,
        "tags": dict(action.tags),
    }
    if action.correlation_id is not None:
        spec["correlationId"] = action.correlation_id
    if action.group is not None:
        spec["group"] = action.group.to_wire()
    return {
        "apiVersion": API_VERSION,
        "kind": "QuantumTask",
        "metadata": {
            "name": action.name,
            "namespace": action.agent,
            "labels": {**MANAGED_BY, JOB_UID: job.metadata.uid, **correlated(job)},
            "finalizers": [FINALIZER],
        },
        "spec": spec,
    }
