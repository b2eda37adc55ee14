"""QuantumTask: one submission to a provider. It is to its agent what a Pod is to a kubelet.

The operator creates it in the agent's namespace and sets `cancel`; its status is written by the agent and nobody else.
It has no owner: a task that may have been paid outlives its job, and settles by itself.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from quantum_operator.api.execution import ExecutionMode
from quantum_operator.api.jobstatus import ArtifactRef, Count, Message, Reason
from quantum_operator.api.meta import (
    API_VERSION,
    ApiModel,
    Cel,
    Micros,
    Name,
    ObjectMeta,
    ObjectName,
    PrinterColumn,
    Sha256,
    Timestamp,
)
from quantum_operator.api.sharedtask import Currency, SharedSubmission, TaskCharge, TaskGroup
from quantum_operator.api.submission import MOST_TAGS, CorrelationId, TagKey, TagValue

TOKEN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"  # noqa: S105 - a pattern
MAX_INPUT_LENGTH = 1_000_000

TaskState = Literal[
    "Pending", "Opening", "Submitting", "Queued", "Running", "Closing", "Succeeded", "Failed", "Cancelled", "Held"
]
ProviderId = Annotated[str, Field(min_length=1, max_length=512)]

OVER: frozenset[TaskState] = frozenset({"Succeeded", "Failed", "Cancelled"})
"""States that nothing follows: what the task cost is known, as far as it ever will be."""


class TaskJob(ApiModel):
    """The QuantumJob that the task is for."""

    namespace: Annotated[Name, Field(description="Its namespace.")]
    name: Annotated[ObjectName, Field(description="Its name.")]
    uid: Annotated[str, Field(min_length=1, max_length=64, description="Its UID: a namesake is another job.")]


class TaskCeiling(ApiModel):
    """The most that the task may cost. More than it is not submitted; the provider is told where it listens."""

    micros: Annotated[Micros, Field(description="The amount, in millionths of the currency's unit.")]
    currency: Annotated[Currency, Field(description="The currency, by its code of ISO 4217.")]
    seconds: Annotated[int, Field(ge=1, le=604_800, description="The provider's time, in seconds.")]
    ledger: Annotated[
        ObjectName | None, Field(description="The QuantumLedger that the amount is reserved in; absent: none.")
    ] = None


class TaskResolution(ApiModel):
    """What a person says became of a held task, and why."""

    cel_rules: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "has(self.providerId) != self.neverSubmitted",
            "a resolution has either the provider's id, or neverSubmitted: true",
        ),
    )

    provider_id: Annotated[ProviderId | None, Field(description="The provider has it, under this id.")] = None
    never_submitted: Annotated[bool, Field(description="The provider never got it; it may be submitted.")] = False
    by: Annotated[str, Field(min_length=1, max_length=253, description="Who says so.")]
    why: Annotated[str, Field(min_length=1, max_length=1024, description="How they know.")]
    time: Annotated[
        str,
        Field(
            min_length=20,
            max_length=20,
            pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$",
            description="When they said it, in UTC.",
        ),
    ]


class QuantumTaskSpec(ApiModel):
    """What to submit, and to which device. Only `cancel` and `resolution` may change."""

    cel_rules: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "self.job == oldSelf.job && self.backend == oldSelf.backend && self.device == oldSelf.device "
            "&& self.input == oldSelf.input && self.inputSha256 == oldSelf.inputSha256 && self.seed == oldSelf.seed "
            "&& self.token == oldSelf.token && self.ceiling == oldSelf.ceiling "
            "&& self.queueSeconds == oldSelf.queueSeconds && self.fetchSeconds == oldSelf.fetchSeconds "
            "&& self.tags == oldSelf.tags && self.mode == oldSelf.mode "
            "&& has(self.group) == has(oldSelf.group) && (!has(self.group) || self.group == oldSelf.group) "
            "&& has(self.correlationId) == has(oldSelf.correlationId) "
            "&& (!has(self.correlationId) || self.correlationId == oldSelf.correlationId)",
            "a QuantumTask's spec is immutable but for cancel and resolution",
            reason="FieldValueForbidden",
        ),
        Cel(
            "self.cancel || !oldSelf.cancel",
            "a cancelled QuantumTask stays so",
            field_path=".cancel",
            reason="FieldValueForbidden",
        ),
    )

    job: TaskJob
    backend: Annotated[ObjectName, Field(description="The QuantumBackend's name.")]
    device: Annotated[str, Field(min_length=1, max_length=253, description="The device, by the provider's name.")]
    input: Annotated[
        str, Field(min_length=2, max_length=MAX_INPUT_LENGTH, description="The programs and the task, as JSON.")
    ]
    input_sha256: Annotated[Sha256, Field(description="SHA-256 of input, in hexadecimal.")]
    seed: Annotated[Count, Field(description="The seed of compilation.")]
    token: Annotated[
        str,
        Field(
            min_length=8,
            max_length=64,
            pattern=TOKEN,
            description="What tells this submission from its repetition; the provider is told it.",
        ),
    ]
    ceiling: TaskCeiling
    queue_seconds: Annotated[
        int, Field(ge=1, le=2_592_000, description="How long it may wait in the provider's queue, in seconds.")
    ] = 604_800
    fetch_seconds: Annotated[
        int,
        Field(ge=1, le=2_592_000, description="How long results that can't be had are asked for, in seconds."),
    ] = 86_400
    mode: Annotated[
        ExecutionMode,
        Field(description="Submit it by itself (job), or in a batch or session of the provider's that is its own."),
    ] = "job"
    group: TaskGroup | None = None
    correlation_id: Annotated[
        CorrelationId | None, Field(description="What the job is part of; the provider is told it as a tag.")
    ] = None
    tags: Annotated[
        dict[TagKey, TagValue],
        Field(max_length=MOST_TAGS, description="The job's tags, as far as the provider takes them."),
    ] = Field(default_factory=dict)
    cancel: Annotated[bool, Field(description="Have it cancelled; where it was not submitted, it never will be.")] = (
        False
    )
    resolution: Annotated[
        TaskResolution | None, Field(description="Of a held task: what became of it, by somebody who looked.")
    ] = None


class TaskClaim(ApiModel):
    """Who is about to submit the task. It is written before the provider is called."""

    agent: Annotated[str, Field(max_length=253, description="The agent's identity.")]
    deadline: Annotated[
        Timestamp,
        Field(description="The call is over by then, or never begins; another agent only looks the task up, later."),
    ]


class TaskSession(ApiModel):
    """The session, or batch, that the task has at the provider. It is on record before it is opened."""

    state: Annotated[
        Literal["Opening", "Open", "Closing", "Closed"],
        Field(
            description="Opening: it may be open; Open: it is; Closing: it takes no more tasks, or was asked to; "
            "Closed: the provider says so, or it never was open."
        ),
    ]
    id: Annotated[ProviderId | None, Field(description="The provider's own id of the session.")] = None
    since: Annotated[Timestamp, Field(description="It was not opened before.")]
    claim: TaskClaim | None = None
    openings: Annotated[int, Field(ge=0, le=1_000, description="How many sessions it may have been so far.")] = 1
    asked: Annotated[int, Field(ge=0, le=1_000, description="How often its closing was asked for in vain.")] = 0
    then: Annotated[
        Literal["Succeeded", "Failed", "Cancelled"] | None, Field(description="The task's state once it is closed.")
    ] = None


class TaskCancellation(ApiModel):
    """What the provider said when it was asked to cancel."""

    confirmed: Annotated[bool, Field(description="Whether the provider confirmed it.")]
    message: Annotated[Message, Field(description="The provider's words.")] = ""


class QuantumTaskStatus(ApiModel):
    """How the task stands: written by its agent alone. `state` is the truth, as the phase of a Pod is."""

    observed_generation: Annotated[Count, Field(description="The metadata.generation that the status is about.")] = 0
    state: Annotated[
        TaskState,
        Field(
            description="Pending: not submitted; Opening: a session for it is claimed, and maybe open; Submitting: "
            "claimed, and maybe submitted; Queued and Running: the provider has it; Closing: done, and its session is "
            "still to be closed; Succeeded, Failed and Cancelled: over; Held: nobody can say whether the provider has "
            "it, and a person decides."
        ),
    ] = "Pending"
    reason: Annotated[Reason, Field(description="Why, in one word.")] = ""
    message: Annotated[Message, Field(description="Why, for people.")] = ""
    claim: TaskClaim | None = None
    session: TaskSession | None = None
    shared: SharedSubmission | None = None
    provider_id: Annotated[ProviderId | None, Field(description="The provider's own id of the task.")] = None
    queue_position: Annotated[Count | None, Field(description="The place in the provider's queue, from 1.")] = None
    submitted_time: Annotated[Timestamp | None, Field(description="When the provider's id was known.")] = None
    start_time: Annotated[Timestamp | None, Field(description="When it was first seen to run.")] = None
    completion_time: Annotated[Timestamp | None, Field(description="When it was over.")] = None
    submissions: Annotated[
        int, Field(ge=0, le=1_000, description="How many submissions the provider may have taken.")
    ] = 0
    refusals: Annotated[
        int, Field(ge=0, le=1_000, description="How often a submission was refused for the moment.")
    ] = 0
    not_before: Annotated[
        Timestamp | None, Field(description="When the provider may be asked next, after it refused.")
    ] = None
    lookups: Annotated[int, Field(ge=0, le=1_000, description="How often the provider could not say.")] = 0
    fetches: Annotated[
        int, Field(ge=0, le=1_000_000, description="How often the results could not be had since they were there.")
    ] = 0
    fetch_since: Annotated[
        Timestamp | None, Field(description="When they could first not be had; afresh once a person says to go on.")
    ] = None
    charge: TaskCharge | None = None
    cancellation: TaskCancellation | None = None
    duplicates: Annotated[
        tuple[ProviderId, ...],
        Field(max_length=16, description="Other submissions that were found under the token; each was cancelled."),
    ] = ()
    outcome: ArtifactRef | None = None
    resolution: Annotated[TaskResolution | None, Field(description="The resolution that was followed last.")] = None


class QuantumTask(ApiModel):
    """One submission of a QuantumJob's work to a provider."""

    plural: ClassVar[str] = "quantumtasks"
    short_names: ClassVar[tuple[str, ...]] = ("qtask",)
    namespaced: ClassVar[bool] = True
    printer_columns: ClassVar[tuple[PrinterColumn, ...]] = (
        PrinterColumn("Backend", "string", ".spec.backend"),
        PrinterColumn("State", "string", ".status.state"),
        PrinterColumn("Provider-Id", "string", ".status.providerId"),
        PrinterColumn("Reason", "string", ".status.reason", priority=1),
        PrinterColumn("Session", "string", ".status.session.state", priority=1),
        PrinterColumn("Carrier", "string", ".status.shared.carrier", priority=1),
        PrinterColumn("Age", "date", ".metadata.creationTimestamp"),
    )

    api_version: Literal["quantum-operator.dev/v1alpha1"] = API_VERSION
    kind: Literal["QuantumTask"] = "QuantumTask"
    metadata: ObjectMeta
    spec: QuantumTaskSpec
    status: QuantumTaskStatus = Field(default_factory=QuantumTaskStatus)
