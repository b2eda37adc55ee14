"""The claims in memory keep the contract of the port."""

import pytest

from quantum_operator.api.claim import Claim
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.ports.world import Key
from quantum_operator.testing import builders
from quantum_operator.testing.claims import MemoryClaims
from quantum_operator.testing.world import MemoryWorld
from support.claimscontract import ClaimsContract


class MemoryPlace:
    """Claims and jobs of a MemoryWorld."""

    namespace = "team"

    def __init__(self) -> None:
        self.world = MemoryWorld()
        self.claims = MemoryClaims(self.world)
        self.made = 0

    def add_job(self, name: str) -> QuantumJob:
        self.made += 1
        self.world.add(builders.job(name, uid=f"uid-of-{name}-{self.made}"))
        return self.world.jobs[Key(self.namespace, name)]

    def delete_job(self, name: str) -> None:
        self.world.delete(Key(self.namespace, name))

    def damage(self, claim: Claim, text: str) -> None:
        self.world.damaged_claims[claim.namespace, claim.key] = text


@pytest.fixture
def place() -> MemoryPlace:
    """A world of its own."""
    return MemoryPlace()


class TestMemoryClaims(ClaimsContract):
    """Dictionaries."""
