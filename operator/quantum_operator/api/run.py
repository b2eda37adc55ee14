"""The contract between the operator and a run: a job's input and a run's settings go in, one outcome comes out.

Both sides of the wire are these types. `JobInput` is made once, when a job is accepted, and never changes; its digest
is what approval, cache and provenance bind to. `RunSpec` is made for each attempt.
"""

from typing import Annotated, Literal

from pydantic import Field

from quantum_operator.api.backend import Simulator, Target
from quantum_operator.api.execution import Execution
from quantum_operator.api.jobstatus import CircuitRecord, Count, Durations, Text
from quantum_operator.api.meta import ApiModel, Name, ObjectName, Sha256
from quantum_operator.api.program import Language, Source, Template
from quantum_operator.api.task import Task

MAX_INPUT_BYTES = 1_000_000
"""The longest JobInput: it must fit in one ConfigMap (1 MiB) beside its metadata."""

ExitCode = Literal[0, 10, 11, 12]


class InputProgram(ApiModel):
    """A program as accepted: its text and language, or a template; never a reference to something that can change."""

    name: Name
    language: Language | None = None
    source: Source | None = None
    template: Template | None = None


class JobInput(ApiModel):
    """What a job asks for, complete in itself."""

    schema_version: Annotated[int, Field(ge=1, le=1_000)] = 1
    programs: Annotated[tuple[InputProgram, ...], Field(min_length=1, max_length=32)]
    task: Task
    execution: Execution


class RunLimits(ApiModel):
    """What a run's worker may use before it is stopped from inside. Sizes are bytes, times seconds."""

    memory_bytes: Annotated[int, Field(ge=1)]
    wall_seconds: Annotated[int, Field(ge=1)]


class RunSpec(ApiModel):
    """One attempt: on what, with which seed, within which limits."""

    schema_version: Annotated[int, Field(ge=1, le=1_000)] = 1
    run: ObjectName
    input_sha256: Sha256
    seed: Count
    backend: ObjectName
    target: Target
    simulator: Simulator
    limits: RunLimits


class OutcomeRegister(ApiModel):
    """All counts of one classical register, and with `memory` its value shot by shot. Bit 0 is rightmost."""

    name: Text
    size: Annotated[int, Field(ge=1, le=4096)]
    counts: dict[str, Count]
    memory: tuple[str, ...] | None = None


class OutcomeSample(ApiModel):
    """The registers at one parameter binding: entry `index` (C order) of the pub's shape."""

    index: Count
    registers: tuple[OutcomeRegister, ...]


class OutcomePub(ApiModel):
    """What one pub gave; arrays are flat, in C order of `shape`.

    `shots` is what was taken at each binding (sample) or for each group of commuting terms (estimate); 0 when exact.
    """

    program: Text
    shape: Annotated[tuple[Count, ...], Field(max_length=8)]
    shots: Count
    samples: tuple[OutcomeSample, ...] | None = None
    values: tuple[float, ...] | None = None
    standard_errors: tuple[float, ...] | None = None


class RunError(ApiModel):
    """Why a run has no result: a documented reason, and a message that names the field, the value and the remedy."""

    reason: Literal[
        "InvalidProgram",
        "UnsupportedConstruct",
        "InvalidParameters",
        "InvalidObservable",
        "InvalidTemplate",
        "NoMeasurements",
        "MeasuredEstimate",
        "IncompatibleTarget",
        "NoiseHasNoEffect",
        "OutcomeTooLarge",
        "TimeLimitExceeded",
        "MemoryLimitExceeded",
        "ProgramCrashedRunner",
        "InputMismatch",
        "ResultUnreadable",
        "InternalError",
    ]
    message: Annotated[str, Field(max_length=2048)]
    field: Annotated[str, Field(max_length=512)] = ""


EXIT_CODES: dict[str, ExitCode] = {
    "TimeLimitExceeded": 11,
    "MemoryLimitExceeded": 11,
    "ProgramCrashedRunner": 11,
    "InputMismatch": 12,
    "InternalError": 12,
}
"""A run's exit code by the reason of its error: 0 is success, 10 (any other reason) refused input, 11 a limit,
12 a fault of ours."""


class Outcome(ApiModel):
    """What a run leaves: results, or an error; and with what they were made."""

    schema_version: Annotated[int, Field(ge=1, le=1_000)] = 1
    run: ObjectName
    input_sha256: Sha256
    error: RunError | None = None
    seed: Count = 0
    engine: Text = ""
    method: Text = ""
    precision: Text = ""
    threads: int = 1
    versions: Annotated[dict[Text, Text], Field(max_length=16)] = Field(default_factory=dict)
    durations_milliseconds: Durations = Field(default_factory=Durations)
    circuits: Annotated[tuple[CircuitRecord, ...], Field(max_length=32)] = ()
    layouts: Annotated[
        tuple[tuple[Count, ...], ...],
        Field(
            max_length=32,
            description="By program, the target's qubit where each of its qubits ends up; empty: at its own place.",
        ),
    ] = ()
    pubs: Annotated[tuple[OutcomePub, ...], Field(max_length=64)] = ()
