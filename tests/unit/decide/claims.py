"""Claims and their holders, to decide on."""

from dataclasses import replace
from typing import Any

from quantum_operator.api.claim import Claim, Done
from quantum_operator.api.jobstatus import Cost
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.claim import done_of, spec_digest
from quantum_operator.decide.job import decide
from quantum_operator.decide.observed import Observed, PutClaim, SeenClaim
from unit.decide.observations import apply, finished, running, submitted, told

KEY = "nightly-7"
PAID = Cost(micros=250_000, text="0.25 USD")


def keyed(**spec: Any) -> Observed:
    """A new job with a key, and no claim of it there."""
    return submitted(idempotencyKey=KEY, **spec)


def with_key(observed: Observed, key: str | None = KEY) -> Observed:
    """The same, whose job has this key."""
    job = observed.job
    return replace(observed, job=job.model_copy(update={"spec": job.spec.model_copy(update={"idempotency_key": key})}))


def written(observed: Observed) -> Claim:
    """The claim that `decide` writes; fails when it writes none."""
    (write,) = (one for one in decide(observed).before if isinstance(one, PutClaim))
    return write.claim


def holding(observed: Observed) -> Observed:
    """The same, once the job has its claim."""
    return replace(observed, claim=SeenClaim(written(observed), "1"))


def first(**changes: Any) -> QuantumJob:
    """The job that came first under the key, not over; keywords are fields of its status."""
    job = with_key(running()).job if changes.pop("running", False) else keyed().job
    metadata = job.metadata.model_copy(update={"name": "first", "uid": "uid-of-first"})
    status = job.status.model_copy(update=changes)
    return job.model_copy(update={"metadata": metadata, "status": status})


def claim_of(job: QuantumJob, **changes: Any) -> SeenClaim:
    """The claim that this job holds, for the spec that `keyed` has; keywords are fields of it."""
    digest = spec_digest(job, input_of(keyed()))
    claim = Claim(namespace="team", key=KEY, digest=digest, job=job.metadata.name, uid=job.metadata.uid)
    return SeenClaim(claim.model_copy(update=changes), "7")


def input_of(observed: Observed) -> str:
    """The digest of the input that is accepted of the job."""
    waiting = decide(told(with_key(observed, None)))
    assert waiting.status.input is not None
    return waiting.status.input.sha256


def done(**outcome: Any) -> Done:
    """The result of the first job, which cost something; keywords are fields of its outcome."""
    observed = finished(running(), **outcome)
    status = decide(observed).status.model_copy(update={"cost": PAID})
    found = done_of(first(), status)
    assert found is not None
    return found


def succeeded() -> QuantumJob:
    """The first job, over with its result."""
    observed = finished(running())
    after = apply(observed, decide(observed))
    return first(**{name: getattr(after.job.status, name) for name in type(after.job.status).model_fields})
