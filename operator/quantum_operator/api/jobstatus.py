"""QuantumJobStatus: the durable record of a job's life. Under 32 KiB whole; what is larger is an artifact."""

from typing import Annotated, Literal

from pydantic import Field

from quantum_operator.api.execution import Execution
from quantum_operator.api.figures import Candidate, Demand, Question
from quantum_operator.api.governance import ApprovalStatus
from quantum_operator.api.meta import ApiModel, Condition, ListMap, Micros, Name, ObjectName, Sha256, Timestamp
from quantum_operator.api.resilience import Fallback, FallbackTaken
from quantum_operator.api.shadow import Comparison

Phase = Literal["Pending", "Queued", "Running", "Suspended", "Succeeded", "Failed"]
Message = Annotated[str, Field(max_length=2048)]
Reason = Annotated[str, Field(max_length=64)]
Count = Annotated[int, Field(ge=0, le=9_007_199_254_740_991)]
Bits = Annotated[str, Field(min_length=1, max_length=4096)]
Text = Annotated[str, Field(max_length=253)]


class Attempt(ApiModel):
    """One try at a step: one run or task, on one backend. It is written here before that is created."""

    name: Annotated[ObjectName, Field(description="The run's name: in a cluster, of its batch/v1 Job.")]
    number: Annotated[int, Field(ge=1, le=1_000, description="Which attempt it is, from 1.")]
    backend: Annotated[ObjectName, Field(description="The QuantumBackend that the run is on.")]
    agent: Annotated[
        Name | None,
        Field(description="Of a provider's backend: the namespace that the attempt's QuantumTask is in."),
    ] = None
    batch: Annotated[
        ObjectName | None,
        Field(
            description="The batch/v1 Job that the run shares with those of other jobs, or the group of tasks that may "
            "be submitted together; absent: it has its own.",
        ),
    ] = None
    batch_jobs: Annotated[
        int | None, Field(ge=2, le=100, description="On a provider: how many tasks there are of that group.")
    ] = None
    state: Annotated[
        Literal["Pending", "Running", "Succeeded", "Failed", "Lost", "Returned", "Suspended", "Cancelled"],
        Field(
            description="Pending and Running are under way; Succeeded ends the job; after Lost comes the next attempt, "
            "and after Failed one on another backend, where there is one and nothing was paid; after Returned as well, "
            "which no limit counts: a shared run did not bring it to an end.",
        ),
    ]
    run_uid: Annotated[
        str | None,
        Field(
            max_length=64,
            description="The UID of the run's batch/v1 Job, or of its QuantumTask; only its outcome counts.",
        ),
    ] = None
    seed: Annotated[Count, Field(description="The seed of the run, from which all others derive.")]
    created_time: Annotated[Timestamp, Field(description="When the attempt was made.")]
    submitted_time: Annotated[
        Timestamp | None, Field(description="On a provider: when it was in the provider's queue.")
    ] = None
    start_time: Annotated[Timestamp | None, Field(description="When the run started to execute.")] = None
    completion_time: Annotated[Timestamp | None, Field(description="When the attempt ended.")] = None
    changes: Annotated[
        tuple[Annotated[int, Field(ge=0, le=3)], ...],
        Field(
            max_length=4,
            description="What is otherwise in it: positions in spec.retry.onFailure, from 0, in the order of their "
            "effect.",
        ),
    ] = ()
    stage: Annotated[int, Field(ge=0, le=8, description="How many fallbacks the job had taken before it.")] = 0
    used_seconds: Annotated[
        Count,
        Field(description="What suspended runs before this one took of activeDeadlineSeconds, in seconds."),
    ] = 0
    cost: Annotated[
        Micros | None,
        Field(description="What it cost, where that is not nothing, in millionths of the currency's unit."),
    ] = None
    ledger: Annotated[
        ObjectName | None,
        Field(description="The QuantumLedger that its ceiling is reserved in, until it is over; absent: it is free."),
    ] = None
    ceiling: Annotated[
        Micros | None,
        Field(description="The most that it may cost, which is reserved, in millionths of the currency's unit."),
    ] = None
    reason: Annotated[Reason, Field(description="Why it ended, in one word.")] = ""
    message: Annotated[Message, Field(description="Why it ended, for people.")] = ""

    @property
    def shares_run(self) -> bool:
        """Whether its run is also that of other jobs. A task is its own, also where it is submitted with others."""
        return self.batch is not None and self.agent is None


class ArtifactRef(ApiModel):
    """Content-addressed bytes that live beside the resource: in a cluster, in ConfigMaps that the job owns."""

    name: Annotated[
        ObjectName,
        Field(description="The name of the first ConfigMap; where one is not enough, the next have -1, -2 and so on."),
    ]
    sha256: Annotated[Sha256, Field(description="SHA-256 of the bytes, in hexadecimal.")]
    bytes: Annotated[Count, Field(description="How many bytes there are.")]


class AppliedChange(ApiModel):
    """A change of spec.retry that came into effect."""

    position: Annotated[int, Field(ge=0, le=3, description="Its position in spec.retry.onFailure, from 0.")]
    attempt: Annotated[int, Field(ge=1, le=1_000, description="The number of the first attempt with it.")]
    reason: Annotated[Reason, Field(description="What the attempt before failed for.")]
    input: Annotated[
        ArtifactRef | None, Field(description="The input with it and those before it; absent where that is the same.")
    ] = None


class Step(ApiModel):
    """One step of the plan, its candidates in order of preference (the first 20) and its attempts."""

    name: Annotated[
        Literal["primary"], Field(description="The step's name. primary: the run whose result is the job's.")
    ]
    candidates: Annotated[
        tuple[Candidate, ...],
        Field(
            max_length=20,
            description="The verdict on each backend of the policy, in its order of preference; the first 20.",
        ),
    ] = ()
    candidates_total: Annotated[int, Field(ge=0, le=100_000, description="How many candidates there were.")] = 0
    question: Question | None = None
    attempts: Annotated[tuple[Attempt, ...], Field(max_length=20, description="The attempts, the latest last.")] = ()
    changes: Annotated[
        tuple[AppliedChange, ...], Field(max_length=4, description="What was changed for attempts, the latest last.")
    ] = ()
    fallbacks: Annotated[
        tuple[FallbackTaken, ...], Field(max_length=8, description="The fallbacks that were taken, the latest last.")
    ] = ()


class Plan(ApiModel):
    """How the job is carried out; made once, when the job is accepted."""

    schema_version: Annotated[int, Field(ge=1, le=1_000, description="The version of the plan's own form.")] = 1
    policy: Annotated[ObjectName, Field(description="The name of the BackendPolicy that the job is under.")]
    policy_uid: Annotated[str, Field(max_length=64, description="That policy's UID when the job was accepted.")]
    policy_generation: Annotated[
        Count, Field(description="That policy's metadata.generation when the job was accepted.")
    ]
    demand: Demand
    execution: Annotated[
        Execution | None,
        Field(
            description="Of a job with a profile or features: the settings that came of all. noise and initialLayout "
            "are in the input alone."
        ),
    ] = None
    features: Annotated[
        tuple[Name, ...], Field(max_length=16, description="The features of its policy that the job has.")
    ] = ()
    declared_sha256: Annotated[
        Sha256 | None,
        Field(
            description="Of a job with features and an idempotencyKey: the digest of what its input would be without "
            "the former. By this a key tells whether another job is the same, whatever features are on by then."
        ),
    ] = None
    steps: Annotated[tuple[Step, ...], Field(max_length=8, description="The steps, in order."), ListMap(("name",))]


class Cost(ApiModel):
    """What the job cost: `micros` millionths of the currency's unit; `text` is the same for people."""

    currency: Annotated[
        str,
        Field(min_length=3, max_length=3, pattern=r"^[A-Z]{3}$", description="The currency, by its code of ISO 4217."),
    ] = "USD"
    micros: Annotated[Micros, Field(description="The amount, in millionths of the currency's unit.")] = 0
    text: Annotated[str, Field(max_length=64, description="The amount with its currency, such as 0.25 USD.")] = (
        "0.00 USD"
    )


class RegisterCounts(ApiModel):
    """Counts of one classical register; bit 0 is the rightmost character of every key."""

    name: Annotated[Text, Field(description="The register's name in the program.")]
    size: Annotated[int, Field(ge=1, le=4096, description="The register's width in bits.")]
    counts: Annotated[
        dict[Bits, Count],
        Field(
            max_length=128, description="How often each outcome occurred; the key is the register's bits as 0 and 1."
        ),
    ]
    distinct: Annotated[Count, Field(description="How many different outcomes there were; counts has the top ones.")]


class SampleResult(ApiModel):
    """Counts at one parameter binding: entry `index` (C order) of the pub's shape."""

    index: Annotated[Count, Field(description="Which binding it is, from 0, in C order of the pub's shape.")]
    registers: Annotated[
        tuple[RegisterCounts, ...],
        Field(max_length=64, description="The program's classical registers, in the order of their declaration."),
    ]


class PubResult(ApiModel):
    """What one pub gave. `shape` is the broadcast shape; arrays are flat, in C order."""

    program: Annotated[Text, Field(description="The name of the pub's program.")]
    shape: Annotated[
        tuple[Count, ...], Field(max_length=8, description="The shape of the results: [] is a single one.")
    ]
    shots: Annotated[
        Count,
        Field(description="Shots for each entry: sample, one binding; estimate, one group of commuting terms."),
    ] = 0
    samples: Annotated[
        tuple[SampleResult, ...] | None, Field(max_length=64, description="Of a sample: counts at each binding.")
    ] = None
    values: Annotated[
        tuple[float, ...] | None,
        Field(max_length=256, description="Of an estimate: expectation values, flat, in C order of shape."),
    ] = None
    standard_errors: Annotated[
        tuple[float, ...] | None,
        Field(max_length=256, description="Of an estimate: the standard error of each of values; 0 where exact."),
    ] = None


class CircuitRecord(ApiModel):
    """A program before and after compiling. Two-qubit gates and depth are of the compiled circuit."""

    program: Annotated[Text, Field(description="The program's name.")]
    source_sha256: Annotated[Sha256, Field(description="SHA-256 of the program as accepted, in hexadecimal.")]
    compiled_sha256: Annotated[
        Sha256, Field(description="SHA-256 of the compiled circuit's canonical form, in hexadecimal.")
    ]
    qubits: Annotated[Count, Field(description="The program's width.")]
    depth: Annotated[Count, Field(description="The longest chain of operations.")]
    two_qubit_gates: Annotated[Count, Field(description="How many gates act on two qubits.")]


class Durations(ApiModel):
    """Milliseconds of each phase inside the run, and of the whole run."""

    load: Annotated[Count, Field(description="Importing the libraries.")] = 0
    parse: Annotated[Count, Field(description="Reading the programs.")] = 0
    compile: Annotated[Count, Field(description="Compiling them for the target.")] = 0
    execute: Annotated[Count, Field(description="Simulating; what a price by the second is taken of.")] = 0
    post_process: Annotated[Count, Field(description="Putting the results in order.")] = 0
    total: Annotated[Count, Field(description="The whole run, from the start of its process.")] = 0


class ExecutionRecord(ApiModel):
    """With what the result was made: enough, with the job's input, to make it again."""

    seed: Annotated[Count, Field(description="The seed, from which all others derive.")]
    engine: Annotated[Text, Field(description="The simulator, such as aer.")]
    method: Annotated[
        Text, Field(description="How states were represented, such as statevector; several are separated by commas.")
    ]
    precision: Annotated[Text, Field(description="double or single.")]
    threads: Annotated[int, Field(ge=1, le=1024, description="How many threads simulated.")]
    versions: Annotated[dict[Text, Text], Field(max_length=16, description="The versions of the software, by name.")]
    durations_milliseconds: Durations
    circuits: Annotated[
        tuple[CircuitRecord, ...], Field(max_length=32, description="Each program, before and after compiling.")
    ]


class Result(ApiModel):
    """The result. When `truncated`, `outcome` names the artifact with all of it, or the job of resultOf has that.

    Once status.payloadRemovedTime is set that artifact is gone, and what is here is all that is left of the outcome.
    """

    pubs: Annotated[
        tuple[PubResult, ...], Field(max_length=64, description="What each pub of the task gave, in the same order.")
    ] = ()
    truncated: Annotated[bool, Field(description="Whether something of the outcome is not in the status.")] = False
    outcome_sha256: Annotated[Sha256, Field(description="SHA-256 of the whole outcome, in hexadecimal.")]
    outcome: ArtifactRef | None = None
    fallback: Annotated[
        Fallback | None, Field(description="Where the result is not from where the job was to go: why, and from where.")
    ] = None


class ResultOf(ApiModel):
    """The job whose run gave a result that others have too: under the same spec.idempotencyKey, or as a fallback."""

    name: Annotated[ObjectName, Field(description="The job's name, in the same namespace.")]
    uid: Annotated[str, Field(max_length=64, description="The job's UID.")]
    run: Annotated[ObjectName, Field(description="The run that gave the result.")]
    backend: Annotated[ObjectName, Field(description="The QuantumBackend that it was on.")]
    completion_time: Annotated[Timestamp, Field(description="When that job was over.")]
    cost: Cost


class QuantumJobStatus(ApiModel):
    """The record of a job's life. Conditions are the truth; `phase` is for people and nothing reads it back."""

    observed_generation: Annotated[Count, Field(description="The metadata.generation that the status is about.")] = 0
    phase: Annotated[Phase | None, Field(description="Where the job is in its life, in one word.")] = None
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=16,
            description="Accepted, Scheduled, Running and, once the job is over, Complete: True with a result, False "
            "without.",
        ),
        ListMap(("type",)),
    ] = ()
    correlation_id: Annotated[Text | None, Field(description="The spec's, where it has one.")] = None
    backend: Annotated[ObjectName | None, Field(description="The QuantumBackend of the latest attempt.")] = None
    fallback: Annotated[
        Fallback | None, Field(description="That the latest attempt, or the result, is a fallback, and why.")
    ] = None
    shots: Annotated[Count | None, Field(description="Shots asked for, over all pubs and bindings.")] = None
    cost: Cost | None = None
    input: Annotated[ArtifactRef | None, Field(description="The job's programs and task, as accepted.")] = None
    plan: Plan | None = None
    approval: Annotated[ApprovalStatus | None, Field(description="Where the policy asks for it.")] = None
    start_time: Annotated[Timestamp | None, Field(description="When the job was accepted.")] = None
    completion_time: Annotated[
        Timestamp | None, Field(description="When the job was over, with a result or without.")
    ] = None
    payload_removed_time: Annotated[
        Timestamp | None,
        Field(description="When the artifacts that the status names were removed, by spec.retention."),
    ] = None
    suspended_seconds: Annotated[
        Count | None,
        Field(
            description="For how long it was suspended before it was resumed last, in seconds; absent: it never was."
        ),
    ] = None
    result: Result | None = None
    execution: ExecutionRecord | None = None
    result_of: ResultOf | None = None
    shadow: Annotated[
        ObjectName | None,
        Field(description="The job that runs it once more, by its policy's spec.shadow; an event says if that failed."),
    ] = None
    comparison: Comparison | None = None
