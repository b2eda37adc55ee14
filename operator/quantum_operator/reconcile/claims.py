"""What is observed of the claim of a job's idempotency key, where its job depends on that."""

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.claim import needs_claim
from quantum_operator.decide.observed import RunObserved, SeenClaim
from quantum_operator.ports.claims import Claims


async def look(claims: Claims, job: QuantumJob, run: RunObserved | None) -> tuple[SeenClaim | None, QuantumJob | None]:
    """The claim, and the job that holds it where that is another one without a result in the claim."""
    key = job.spec.idempotency_key
    if key is None or not needs_claim(job, run):
        return None, None
    seen = await claims.find(job.metadata.namespace, key)
    if seen is None or seen.claim.uid == job.metadata.uid or seen.claim.done is not None:
        return seen, None
    return seen, await claims.holder(seen.claim)
