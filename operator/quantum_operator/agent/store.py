"""An agent's tasks in a cluster: read from what is watched, with their inputs; written by compare and set."""

import hashlib

from quantum_operator.agent.mirror import AgentMirror, group_of
from quantum_operator.api.backend import QuantumBackend, QuantumBackendStatus
from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.quantumtask import QuantumTask, QuantumTaskStatus
from quantum_operator.cluster.api import Api, refusals_as_transient
from quantum_operator.cluster.artifacts import config_map
from quantum_operator.cluster.labels import DIGEST, child_metadata
from quantum_operator.cluster.writes import create_config_map, put_status
from quantum_operator.ports.chunks import split
from quantum_operator.ports.world import Key


class AgentStore:
    """The tasks of one namespace, and the backends that they are for."""

    def __init__(self, api: Api, mirror: AgentMirror) -> None:
        self._api = api
        self._mirror = mirror

    async def task(self, key: Key) -> QuantumTask | None:
        """The task as it was last seen."""
        return self._mirror.tasks.cache.get(key)

    def sessions(self) -> frozenset[str]:
        """The sessions of the tasks that are not over."""
        found = (task.status.session for task in self._mirror.tasks.cache.values())
        return frozenset(one.id for one in found if one is not None and one.id is not None)

    def company(self, task: QuantumTask) -> tuple[QuantumTask, ...]:
        """The other tasks of the task's group that are not over."""
        group = self._mirror.tasks.cache.group(group_of(task))
        return tuple(one for one in group if one.metadata.uid != task.metadata.uid)

    async def carrier(self, key: Key) -> QuantumTask | None:
        """The task as it was last seen; read now where it was not. Raises TransientError."""
        known = self._mirror.tasks.cache.get(key)
        if known is not None:
            return known
        with refusals_as_transient():
            body = await self._api.find(f"{self._mirror.tasks.path(key.namespace)}/{key.name}")
        return None if body is None else QuantumTask.model_validate(body)

    async def put_status(self, task: QuantumTask, status: QuantumTaskStatus) -> QuantumTask:
        """Replace the status of the version that was observed. Raises ConflictError, GoneError, TransientError."""
        return QuantumTask.model_validate(await put_status(self._api, self._mirror.tasks, task, status.to_wire()))

    async def put_outcome(self, task: QuantumTask, data: bytes) -> ArtifactRef:
        """ConfigMaps that the task owns. Raises NameTakenError, GoneError, TransientError."""
        digest = hashlib.sha256(data).hexdigest()
        ref = ArtifactRef(name=f"{task.metadata.name}-{digest[:12]}", sha256=digest, bytes=len(data))
        for name, chunk in split(ref, data):
            metadata = child_metadata(task, name, {DIGEST: ref.sha256})
            await create_config_map(self._api, config_map(metadata, chunk))
        return ref

    async def put_backend_status(self, backend: QuantumBackend, status: QuantumBackendStatus) -> None:
        """Replace the status of the version that was observed. Raises ConflictError, GoneError, TransientError."""
        await put_status(self._api, self._mirror.backends, backend, status.to_wire())
