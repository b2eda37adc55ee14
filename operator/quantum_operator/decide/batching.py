"""Which jobs may share a run, or a submission to a provider, and how those that share a run are put together.

Small jobs of one namespace that are assigned to one backend in the same round share a run. Nobody waits for company:
as long as the backend has room, a round has whoever came since the last; once it has none, those who wait become one
batch when it has room again. A job is batched in its first attempt only, so that whatever a batch does not bring to
an end is done alone. On a provider's backend each has a QuantumTask of its own, and its agent submits those of a group
together; there only jobs of one tier and data class are a group, and none whose tags the provider is to be told.
"""

import hashlib
from collections.abc import Iterable, Sequence

from quantum_operator.api.backend import MAX_BATCH, QuantumBackend
from quantum_operator.api.batch import BatchRun, BatchSpec
from quantum_operator.api.figures import Demand
from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.run import RunSpec
from quantum_operator.decide.execution import execution_of

SMALL_QUBITS = 16
SMALL_SHOTS = 100_000
SMALL_INPUT_BYTES = 8 * 1024
"""A job within these takes a fraction of the time that its run takes to start."""


def is_small(demand: Demand, stored: ArtifactRef) -> bool:
    """Whether a job of this demand and input may share a run."""
    shots = max(demand.shots, demand.executed_shots)
    return demand.qubits <= SMALL_QUBITS and shots <= SMALL_SHOTS and stored.bytes <= SMALL_INPUT_BYTES


def batch_limit(backend: QuantumBackend) -> int:
    """How many jobs may share a run of the backend, or a submission to it."""
    return min(MAX_BATCH, backend.spec.limits.max_batch_jobs)


def is_sociable(job: QuantumJob) -> bool:
    """Whether the job's task may be submitted to a provider with those of others: it is told nothing of it alone."""
    return execution_of(job).mode == "job" and not job.spec.tags and job.spec.correlation_id is None


def batch_name(uids: Iterable[str]) -> str:
    """The name of the run that the jobs of these UIDs share: no others do."""
    return f"batch-{hashlib.sha256('/'.join(sorted(uids)).encode()).hexdigest()[:32]}"


def batch_of(runs: Sequence[tuple[RunSpec, bytes]]) -> BatchSpec:
    """One batch of these runs, each with its JobInput. They are of one backend, and so of one target."""
    first = runs[0][0]
    return BatchSpec(
        backend=first.backend,
        target=first.target,
        simulator=first.simulator,
        memory_bytes=first.limits.memory_bytes,
        runs=tuple(
            BatchRun(
                run=spec.run,
                seed=spec.seed,
                wall_seconds=spec.limits.wall_seconds,
                input_sha256=spec.input_sha256,
                input=data.decode(),
            )
            for spec, data in sorted(runs, key=lambda one: one[0].run)
        ),
    )
