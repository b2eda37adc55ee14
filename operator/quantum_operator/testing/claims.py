"""The port Claims of a MemoryWorld. Each call is counted, and fails where the world was told to let it."""

from dataclasses import dataclass

from quantum_operator.api.claim import Claim
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.observed import SeenClaim
from quantum_operator.ports.claims import from_text, to_text
from quantum_operator.ports.errors import ConflictError
from quantum_operator.ports.world import Key
from quantum_operator.testing.world import MemoryWorld


@dataclass(frozen=True)
class MemoryClaims:
    """The Claims port. What it reads is the present, also while reads of jobs lag behind."""

    world: MemoryWorld

    async def find(self, namespace: str, key: str) -> SeenClaim | None:
        """The claim of this key, or None."""
        return await self.world.faults.call("claims.find", lambda: self._find(namespace, key))

    async def put(self, claim: Claim, version: str | None) -> None:
        """Create it, or replace that of this version, or raise ConflictError."""
        await self.world.faults.call("claims.put", lambda: self._put(claim, version))

    async def holder(self, claim: Claim) -> QuantumJob | None:
        """The job that holds it, by name and UID, or None."""

        def read() -> QuantumJob | None:
            job = self.world.jobs.get(Key(claim.namespace, claim.job))
            return job if job is not None and job.metadata.uid == claim.uid else None

        return await self.world.faults.call("claims.holder", read)

    def _find(self, namespace: str, key: str) -> SeenClaim | None:
        damaged = self.world.damaged_claims.get((namespace, key))
        if damaged is not None:
            from_text(damaged, namespace, key, "the claim")
        return self.world.claims.get((namespace, key))

    def _put(self, claim: Claim, version: str | None) -> None:
        place = (claim.namespace, claim.key)
        there = self.world.claims.get(place)
        if (there.version if there is not None else None) != version:
            raise ConflictError(f"the claim of {place} has changed")
        written = from_text(to_text(claim), claim.namespace, claim.key, "the claim")
        self.world.claims[place] = SeenClaim(written, str(int(version or "0") + 1))
