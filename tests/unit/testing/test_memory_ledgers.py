"""The ledgers in memory keep the contract of the port."""

import pytest

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.ports.world import Key
from quantum_operator.testing import builders
from quantum_operator.testing.ledgers import MemoryLedgers
from quantum_operator.testing.world import MemoryWorld
from support.ledgerscontract import LedgersContract


class MemoryPlace:
    """Ledgers and jobs of a MemoryWorld."""

    namespace, ledger, other = "team", "usd-2026-11", "eur-2026-11"

    def __init__(self) -> None:
        self.world = MemoryWorld()
        self.ledgers = MemoryLedgers(self.world)

    def add_job(self, name: str) -> QuantumJob:
        self.world.add(builders.job(name))
        return self.world.jobs[Key(self.namespace, name)]

    def delete_job(self, name: str) -> None:
        self.world.delete(Key(self.namespace, name))

    def damage(self, name: str) -> None:
        self.world.damaged_ledgers.add(name)


@pytest.fixture
def place() -> MemoryPlace:
    """A world of its own."""
    return MemoryPlace()


class TestMemoryLedgers(LedgersContract):
    """Dictionaries."""
