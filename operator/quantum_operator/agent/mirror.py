"""What an agent watches: the tasks of its namespace, and its backends."""

from collections.abc import Callable
from typing import Any

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.meta import GROUP, VERSION
from quantum_operator.api.quantumtask import OVER, QuantumTask
from quantum_operator.cluster.api import Api, Json
from quantum_operator.cluster.cache import Cache
from quantum_operator.cluster.mirror import Kind
from quantum_operator.ports.world import Key


class AgentMirror:
    """The tasks that are not over, with their inputs, and the backends of one agent."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._changed: Callable[[Key], None] | None = None
        self.tasks = Kind(GROUP, VERSION, QuantumTask.plural, Cache("QuantumTask", _open, group_of), self._task_changed)
        self.backends = Kind(
            GROUP, VERSION, QuantumBackend.plural, Cache("QuantumBackend", self._backend), self._backend_changed
        )

    @property
    def kinds(self) -> tuple[Kind[Any], ...]:
        """Every kind."""
        return self.tasks, self.backends

    async def read(self, api: Api) -> None:
        """Read everything anew. Raises StatusError or TransientError."""
        await self.backends.read(api, "")
        await self.tasks.read(api, self.namespace)

    def connect(self, changed: Callable[[Key], None]) -> None:
        """Tell of every task that is there, and of every change of one from here on."""
        self._changed = changed
        for task in self.tasks.cache.values():
            changed(Key(task.metadata.namespace, task.metadata.name))

    def _task_changed(self, key: Key, _task: QuantumTask | None) -> None:
        if self._changed is not None:
            self._changed(key)

    def _backend_changed(self, _key: Key, _backend: QuantumBackend | None) -> None:
        """A backend's status is written on a timer, whatever happens to it."""

    def _backend(self, body: Json) -> QuantumBackend | None:
        backend = QuantumBackend.model_validate(body)
        provider = backend.spec.provider
        return backend if provider is not None and provider.agent == self.namespace else None


def group_of(task: QuantumTask) -> str:
    """The name of the task's group; empty where it has none."""
    return task.spec.group.name if task.spec.group is not None else ""


def _open(body: Json) -> QuantumTask | None:
    task = QuantumTask.model_validate(body)
    return None if task.status.state in OVER else task
