"""The port Ledgers of a MemoryWorld. Each call is counted, and fails where the world was told to let it."""

from dataclasses import dataclass

from quantum_operator.api.ledger import QuantumLedgerStatus
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import TaskJob
from quantum_operator.decide.ledger import SeenLedger, spec_of
from quantum_operator.ports.errors import ConflictError, NameTakenError
from quantum_operator.ports.world import Key
from quantum_operator.testing.world import MemoryWorld


@dataclass(frozen=True)
class MemoryLedgers:
    """The Ledgers port. What it reads is the present, also while reads of jobs lag behind."""

    world: MemoryWorld

    async def find(self, name: str) -> SeenLedger | None:
        """The ledger, or None."""
        return await self.world.faults.call("ledgers.find", lambda: self._find(name))

    async def put(self, name: str, status: QuantumLedgerStatus, version: str | None) -> None:
        """Create it, or replace the status of this version, or raise ConflictError."""
        await self.world.faults.call("ledgers.put", lambda: self._put(name, status, version))

    async def names(self) -> tuple[str, ...]:
        """The names of all."""
        return await self.world.faults.call("ledgers.names", lambda: tuple(sorted(self.world.ledgers)))

    async def job(self, namespace: str, name: str) -> QuantumJob | None:
        """The job as it is, or None."""
        return await self.world.faults.call("ledgers.job", lambda: self.world.jobs.get(Key(namespace, name)))

    def ours(self, job: TaskJob) -> bool:  # noqa: ARG002 - the port's signature
        """All are."""
        return True

    def _find(self, name: str) -> SeenLedger | None:
        if name in self.world.damaged_ledgers:
            raise NameTakenError(f"ledger {name} is of another version: restore it, or delete it")
        return self.world.ledgers.get(name)

    def _put(self, name: str, status: QuantumLedgerStatus, version: str | None) -> None:
        spec_of(name)
        there = self.world.ledgers.get(name)
        if (there.version if there is not None else None) != version:
            raise ConflictError(f"ledger {name} has changed")
        written = QuantumLedgerStatus.model_validate_json(status.model_dump_json(by_alias=True, exclude_none=True))
        self.world.ledgers[name] = SeenLedger(written, str(int(version or "0") + 1))
        self.world.ledger_history.append((name, written))
