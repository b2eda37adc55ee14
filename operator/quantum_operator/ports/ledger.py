"""The port Ledgers: what is spent and reserved in each currency and month, and what is known of who reserved."""

from typing import Protocol

from quantum_operator.api.ledger import QuantumLedgerStatus
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import TaskJob
from quantum_operator.decide.ledger import SeenLedger


class Ledgers(Protocol):
    """Ledgers by name, such as `usd-2026-11`. Nobody but operators writes them, and nothing takes them along."""

    async def find(self, name: str) -> SeenLedger | None:
        """The ledger of this name, read now; None when there is none.

        Raises NameTakenError when what is there is no ledger of this version.
        """

    async def put(self, name: str, status: QuantumLedgerStatus, version: str | None) -> None:
        """Replace the status of this version; without one, create the ledger.

        Raises ConflictError when another one is there, or none to replace.
        """

    async def names(self) -> tuple[str, ...]:
        """The names of all ledgers, read now."""

    async def job(self, namespace: str, name: str) -> QuantumJob | None:
        """The job of this name, read now; None when there is none."""

    def ours(self, job: TaskJob) -> bool:
        """Whether the job is for this operator to look after, and not for another one beside it."""
