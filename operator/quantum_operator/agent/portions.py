"""The outcomes of tasks that were submitted together, each made of its own circuits.

A program may be one that the compiler does not survive. Those that come after it find no compiler either, so one try
says nothing of them. Each try begins with those that it has served before, and goes on with another one every time;
with whom it fails then is counted. Who is often found there is read last, and keeps nobody else waiting.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quantum_operator.agent.calls import CompilerError
from quantum_operator.agent.compiler import Compiler
from quantum_operator.api.patience import MAX_UNASSEMBLED
from quantum_operator.api.quantumtask import QuantumTask
from quantum_operator.ports.adapter import Device, MalformedError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Portion:
    """A task, and the counts of its circuits."""

    task: QuantumTask
    counts: Sequence[Mapping[str, int]]


Part = tuple[QuantumTask, bytes, bool]
"""A task, its outcome, and whether that is only an error."""


class Portions:
    """Makes outcomes of portions. It remembers with whom the compiler failed, for as long as its process lives."""

    def __init__(self, compiler: Compiler) -> None:
        self._compiler = compiler
        self._failures: dict[str, int] = {}
        self._served: set[str] = set()

    def forget(self, uid: str) -> None:
        """The task is over."""
        self._failures.pop(uid, None)
        self._served.discard(uid)

    def assembled(
        self, portions: Sequence[Portion], device: Device, versions: Mapping[str, str], turn: int
    ) -> tuple[Part, ...]:
        """The outcome of each, but of those of which none can be made. Raises CompilerError: it is to be tried again.

        `turn` says how many tries there were.
        """
        parts: list[Part] = []
        for one in self._in_order(portions, turn):
            task, uid = one.task, one.task.metadata.uid
            try:
                data = self._compiler.assemble(task, device, one.counts, versions)
            except MalformedError as error:
                log.warning("task %s: its part of the results can't be read: %s", task.metadata.name, error)
                continue
            except CompilerError as error:
                if parts and self._is_suspect(one):
                    log.warning("task %s: its outcome can't be made: %s", task.metadata.name, error)
                    break  # whoever would come now is suspect as well: all others have theirs
                self._failures[uid] = self._failures.get(uid, 0) + bool(parts)
                self._served.discard(uid)
                raise
            self._served.add(uid)
            parts.append((task, data, "error" in json.loads(data)))
        return tuple(parts)

    def _in_order(self, portions: Sequence[Portion], turn: int) -> list[Portion]:
        """Those that were served first, those that are suspect last; of the others another one first every time."""
        begin = turn % max(1, len(portions))
        rotated = [*portions[begin:], *portions[:begin]]
        return sorted(rotated, key=lambda one: (self._is_suspect(one), one.task.metadata.uid not in self._served))

    def _is_suspect(self, one: Portion) -> bool:
        return self._failures.get(one.task.metadata.uid, 0) >= MAX_UNASSEMBLED
