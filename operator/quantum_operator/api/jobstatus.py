"""QuantumJobStatus: the durable record of a job's life. Under 32 KiB whole; what is larger is an artifact."""

from typing import Annotated, Literal

from pydantic import Field

from quantum_operator.api.meta import ApiModel, Condition, ListMap, Micros, ObjectName, Sha256, Timestamp

Phase = Literal["Pending", "Queued", "Running", "Succeeded", "Failed"]
Message = Annotated[str, Field(max_length=2048)]
Reason = Annotated[str, Field(max_length=64)]
Count = Annotated[int, Field(ge=0, le=9_007_199_254_740_991)]
Bits = Annotated[str, Field(min_length=1, max_length=4096)]
Text = Annotated[str, Field(max_length=253)]


class Candidate(ApiModel):
    """The verdict on one backend, and why."""

    backend: ObjectName
    verdict: Literal["Chosen", "Eligible", "Rejected"]
    reason: Reason
    message: Message = ""


class Attempt(ApiModel):
    """One try at a step: one run, on one backend. It is written here before the run is created."""

    name: Annotated[ObjectName, Field(description="The run's name: in a cluster, of its batch/v1 Job.")]
    number: Annotated[int, Field(ge=1, le=1_000)]
    backend: ObjectName
    state: Literal["Pending", "Running", "Succeeded", "Failed", "Lost"]
    run_uid: Annotated[str | None, Field(max_length=64)] = None
    seed: Count
    created_time: Timestamp
    start_time: Timestamp | None = None
    completion_time: Timestamp | None = None
    reason: Reason = ""
    message: Message = ""


class Step(ApiModel):
    """One step of the plan, its candidates in order of preference (the first 20) and its attempts."""

    name: Literal["primary"]
    candidates: Annotated[tuple[Candidate, ...], Field(max_length=20)] = ()
    candidates_total: Annotated[int, Field(ge=0, le=100_000)] = 0
    attempts: Annotated[tuple[Attempt, ...], Field(max_length=20)] = ()


class Demand(ApiModel):
    """What the job asks of a backend; read off its programs and task when it is accepted."""

    qubits: Annotated[Count, Field(description="Of the widest program.")]
    shots: Annotated[Count, Field(description="Over all pubs and bindings; 0 where precision decides.")]
    physical: Annotated[bool, Field(description="A program names the target's own qubits.")] = False


class Plan(ApiModel):
    """How the job is carried out; made once, when the job is accepted."""

    schema_version: Annotated[int, Field(ge=1, le=1_000)] = 1
    policy: ObjectName
    policy_uid: Annotated[str, Field(max_length=64)]
    policy_generation: Count
    demand: Demand
    steps: Annotated[tuple[Step, ...], Field(max_length=8), ListMap(("name",))]


class ArtifactRef(ApiModel):
    """Content-addressed bytes that live beside the resource: in a cluster, in ConfigMaps that the job owns."""

    name: ObjectName
    sha256: Sha256
    bytes: Count


class Cost(ApiModel):
    """What the job cost: `micros` millionths of the currency's unit; `text` is the same for people."""

    currency: Annotated[str, Field(min_length=3, max_length=3, pattern=r"^[A-Z]{3}$")] = "USD"
    micros: Micros = 0
    text: Annotated[str, Field(max_length=64)] = "0.00 USD"


class RegisterCounts(ApiModel):
    """Counts of one classical register; bit 0 is the rightmost character of every key."""

    name: Text
    size: Annotated[int, Field(ge=1, le=4096, description="The register's width in bits.")]
    counts: Annotated[dict[Bits, Count], Field(max_length=128)]
    distinct: Annotated[Count, Field(description="How many different outcomes there were; counts has the top ones.")]


class SampleResult(ApiModel):
    """Counts at one parameter binding: entry `index` (C order) of the pub's shape."""

    index: Count
    registers: Annotated[tuple[RegisterCounts, ...], Field(max_length=64)]


class PubResult(ApiModel):
    """What one pub gave. `shape` is the broadcast shape; arrays are flat, in C order."""

    program: Text
    shape: Annotated[tuple[Count, ...], Field(max_length=8)]
    shots: Annotated[
        Count,
        Field(description="Shots for each entry: sample, one binding; estimate, one group of commuting terms."),
    ] = 0
    samples: Annotated[tuple[SampleResult, ...] | None, Field(max_length=64)] = None
    values: Annotated[tuple[float, ...] | None, Field(max_length=256)] = None
    standard_errors: Annotated[tuple[float, ...] | None, Field(max_length=256)] = None


class CircuitRecord(ApiModel):
    """A program before and after compiling. Two-qubit gates and depth are of the compiled circuit."""

    program: Text
    source_sha256: Sha256
    compiled_sha256: Sha256
    qubits: Count
    depth: Count
    two_qubit_gates: Count


class Durations(ApiModel):
    """Milliseconds of each phase inside the run, and of the whole run."""

    load: Annotated[Count, Field(description="Importing the libraries.")] = 0
    parse: Count = 0
    compile: Count = 0
    execute: Count = 0
    post_process: Count = 0
    total: Count = 0


class ExecutionRecord(ApiModel):
    """With what the result was made: enough, with the job's input, to make it again."""

    seed: Count
    engine: Text
    method: Text
    precision: Text
    threads: Annotated[int, Field(ge=1, le=1024)]
    versions: Annotated[dict[Text, Text], Field(max_length=16)]
    durations_milliseconds: Durations
    circuits: Annotated[tuple[CircuitRecord, ...], Field(max_length=32)]


class Result(ApiModel):
    """The result. When `truncated`, `outcome` names the artifact that has all of it."""

    pubs: Annotated[tuple[PubResult, ...], Field(max_length=64)] = ()
    truncated: bool = False
    outcome_sha256: Sha256
    outcome: ArtifactRef | None = None


class QuantumJobStatus(ApiModel):
    """The record of a job's life. Conditions are the truth; `phase` is for people and nothing reads it back."""

    observed_generation: Count = 0
    phase: Phase | None = None
    conditions: Annotated[tuple[Condition, ...], Field(max_length=16), ListMap(("type",))] = ()
    backend: ObjectName | None = None
    shots: Annotated[Count | None, Field(description="Shots asked for, over all pubs and bindings.")] = None
    cost: Cost | None = None
    input: Annotated[ArtifactRef | None, Field(description="The job's programs and task, as accepted.")] = None
    plan: Plan | None = None
    start_time: Timestamp | None = None
    completion_time: Timestamp | None = None
    result: Result | None = None
    execution: ExecutionRecord | None = None
