"""A job's outcome, from wherever it is: the status, an artifact in the cluster, or a file."""

import base64
import binascii

from pydantic import ValidationError

from quantum_operator.api.jobstatus import ArtifactRef, Attempt, Result, SampleResult
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.run import Outcome, OutcomePub, OutcomeRegister, OutcomeSample
from quantum_operator.cli.errors import FAILED, CommandError
from quantum_operator.cli.kube import Cluster
from quantum_operator.decide.status import latest_attempt
from quantum_operator.ports.chunks import CHUNK_KEY, ChunkError, chunk_names, join


def attempt_of(job: QuantumJob) -> Attempt:
    """The latest attempt. Raises CommandError when there is none."""
    attempt = latest_attempt(job.status)
    if attempt is None:
        name = job.metadata.name
        raise CommandError(f"job {name!r} has had no run yet; see `qjob describe {name}`", code=FAILED)
    return attempt


def batch_job_of(attempt: Attempt) -> str:
    """The batch/v1 Job of an attempt's run, which other jobs may share."""
    return attempt.batch if attempt.shares_run and attempt.batch else attempt.name


def result_of(job: QuantumJob) -> Result:
    """The job's result. Raises CommandError when it has none."""
    if job.status.result is None:
        name = job.metadata.name
        raise CommandError(
            f"job {name!r} has no result ({job.status.phase or 'Pending'}); see `qjob describe {name}`", code=FAILED
        )
    return job.status.result


def outcome_in_status(job: QuantumJob, result: Result) -> Outcome:
    """The part of an outcome that a status holds; all of it unless the result is truncated."""
    pubs = [
        OutcomePub(
            program=pub.program,
            shape=pub.shape,
            shots=pub.shots,
            samples=None if pub.samples is None else tuple(map(_sample, pub.samples)),
            values=pub.values,
            standard_errors=pub.standard_errors,
        )
        for pub in result.pubs
    ]
    record = job.status.execution.to_wire() if job.status.execution is not None else {}
    digest = job.status.input.sha256 if job.status.input is not None else result.outcome_sha256
    of = job.status.result_of
    run = of.run if of is not None else attempt_of(job).name
    return Outcome.model_validate({**record, "run": run, "inputSha256": digest, "pubs": pubs})


def _sample(sample: SampleResult) -> OutcomeSample:
    registers = (OutcomeRegister(name=one.name, size=one.size, counts=one.counts) for one in sample.registers)
    return OutcomeSample(index=sample.index, registers=tuple(registers))


def parse_outcome(data: bytes, where: str) -> Outcome:
    """An outcome's bytes. Raises CommandError when they are something else."""
    try:
        return Outcome.model_validate_json(data)
    except ValidationError as error:
        raise CommandError(
            f"{where} is not an outcome of this version of qjob ({error.error_count()} errors)", code=FAILED
        ) from error


def read_artifact(cluster: Cluster, ref: ArtifactRef) -> bytes:
    """An artifact's bytes, from its ConfigMaps. Raises CommandError when they are not all there and whole."""
    chunks = []
    for name in chunk_names(ref):
        config_map = cluster.config_map(name)
        if config_map is None:
            raise CommandError(
                f"ConfigMap {name} in namespace {cluster.namespace}, a part of the outcome, is gone; run the job again",
                code=FAILED,
            )
        try:
            chunks.append(base64.b64decode((config_map.binaryData or {}).get(CHUNK_KEY, ""), validate=True))
        except binascii.Error as error:
            raise CommandError(
                f"ConfigMap {name}: {error}; somebody changed it: run the job again", code=FAILED
            ) from error
    try:
        return join(ref, chunks)
    except ChunkError as error:
        raise CommandError(f"{error}; somebody changed it: run the job again", code=FAILED) from error
