"""Attempts on a simulator: the run of one."""

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.jobstatus import ArtifactRef, Attempt
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.run import RunLimits, RunSpec
from quantum_operator.decide.observed import StartRun
from quantum_operator.decide.quantities import worker_bytes


def seconds_left(job: QuantumJob, attempt: Attempt) -> int:
    """What the job's earlier runs have left of its time, in seconds."""
    return job.spec.active_deadline_seconds - attempt.used_seconds


def run_of(job: QuantumJob, attempt: Attempt, stored: ArtifactRef, backend: QuantumBackend) -> StartRun:
    """The run of an attempt, with what is left of the job's time, of which there is some."""
    spec = RunSpec(
        run=attempt.name,
        input_sha256=stored.sha256,
        seed=attempt.seed,
        backend=attempt.backend,
        target=backend.spec.target,
        simulator=backend.spec.simulator,
        limits=RunLimits(
            memory_bytes=worker_bytes(backend.spec.run.memory),
            wall_seconds=seconds_left(job, attempt),
        ),
    )
    return StartRun(spec, stored, backend.spec.run, attempt.batch)
