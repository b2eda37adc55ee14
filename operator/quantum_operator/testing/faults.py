"""Faults at a chosen port call: an error or a crash, before what was asked takes effect or after."""

import asyncio
from collections.abc import Callable
from typing import Literal, TypeVar

from quantum_operator.ports.errors import ConflictError, GoneError, NameTakenError, RefusedError, TransientError

Fault = Literal[
    "conflict", "gone", "refused", "taken", "transient-before", "transient-after", "crash-before", "crash-after"
]
"""What goes wrong. All but the `-after` ones leave the world as it was."""

_ERRORS: dict[Fault, type[Exception]] = {
    "conflict": ConflictError,
    "gone": GoneError,
    "refused": RefusedError,
    "taken": NameTakenError,
    "transient-before": TransientError,
    "transient-after": TransientError,
}
Result = TypeVar("Result")


class CrashError(BaseException):
    """The process is dead. No handler of errors catches it, and every further port call raises it too."""


class Faults:
    """Counts the port calls and makes the chosen ones fail."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        """The name of every call so far, such as `store.job`."""
        self._planned: dict[int, Fault] = {}
        self._dead = False

    def fail_at(self, n: int, fault: Fault) -> None:
        """Let the `n`-th call from the beginning (from 1) fail so."""
        self._planned[n] = fault

    @property
    def is_dead(self) -> bool:
        """Whether the process crashed, and no new one has come."""
        return self._dead

    def revive(self) -> None:
        """Let a new process make calls again."""
        self._dead = False

    async def call(self, name: str, effect: Callable[[], Result], *, raises: bool = True) -> Result:
        """What `effect` gives, unless this call is to fail. Without `raises` it crashes but never errs."""
        if self._dead:
            raise CrashError
        self.calls.append(name)
        fault = self._planned.pop(len(self.calls), None)
        await asyncio.sleep(0)
        if fault is not None and not fault.endswith("-after"):
            self._raise(fault, raises)
        result = effect()
        await asyncio.sleep(0)
        if fault is not None and fault.endswith("-after"):
            self._raise(fault, raises)
        return result

    def _raise(self, fault: Fault, raises: bool) -> None:
        if fault.startswith("crash"):
            self._dead = True
            raise CrashError
        if raises:
            raise _ERRORS[fault](f"a planned fault: {fault}")
