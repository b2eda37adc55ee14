"""A job's input: its programs, task and execution in canonical bytes, which everything binds to by their digest."""

import hashlib
import json
import math

from quantum_operator.api.execution import settled
from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.program import Language, Program
from quantum_operator.api.run import MAX_INPUT_BYTES, InputProgram, JobInput
from quantum_operator.decide.complaint import Complaint
from quantum_operator.decide.names import artifact_name
from quantum_operator.decide.observed import Observed


def make_input(observed: Observed) -> tuple[ArtifactRef, bytes] | Complaint:
    """The job's input in canonical bytes, and their reference by digest."""
    job, data = observed.job, input_bytes(observed)
    if len(data) > MAX_INPUT_BYTES:
        return Complaint(
            "InputTooLarge",
            f"spec: {len(data)} bytes of programs and task: at most {MAX_INPUT_BYTES} are accepted; "
            f"split the job into {math.ceil(len(data) / MAX_INPUT_BYTES)} or more",
        )
    digest = sha256_of(data)
    name = artifact_name(job.metadata.name, job.metadata.uid, digest)
    return ArtifactRef(name=name, sha256=digest, bytes=len(data)), data


def input_bytes(observed: Observed) -> bytes:
    """The same input is the same bytes."""
    job = observed.job
    programs = tuple(
        InputProgram(name=program.name, template=program.template)
        if program.template is not None
        else InputProgram(name=program.name, language=language_of(program), source=source_of(observed, program))
        for program in job.spec.programs
    )
    job_input = JobInput(programs=programs, task=job.spec.task, execution=settled(job.spec.execution))
    return json.dumps(job_input.to_wire(), sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def sha256_of(data: bytes) -> str:
    """The digest, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def source_of(observed: Observed, program: Program) -> str:
    """The text of a program, inline or of its ConfigMap; empty where there is none."""
    if program.config_map_key_ref is not None:
        return (observed.sources.get(program.name) or "").encode(errors="replace").decode()
    return program.qasm3 or program.qasm2 or ""


def language_of(program: Program) -> Language:
    """What a program is written in, as its author says."""
    if program.config_map_key_ref is not None:
        return program.config_map_key_ref.language
    return "qasm2" if program.qasm2 is not None else "qasm3"
