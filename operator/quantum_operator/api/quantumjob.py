"""QuantumJob: the envelope that users write. Its status is written by the operator alone."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from quantum_operator.api.budget import JobBudget
from quantum_operator.api.execution import JobExecution
from quantum_operator.api.expected import ExpectedOutput
from quantum_operator.api.governance import Adapters, Approval, JobData, Tier
from quantum_operator.api.jobstatus import QuantumJobStatus
from quantum_operator.api.meta import (
    API_VERSION,
    ApiModel,
    Cel,
    ListMap,
    Micros,
    ObjectMeta,
    ObjectName,
    PrinterColumn,
)
from quantum_operator.api.program import Program
from quantum_operator.api.retention import Retention
from quantum_operator.api.retry import Retry
from quantum_operator.api.schedule import Schedule
from quantum_operator.api.shadow import ShadowOf
from quantum_operator.api.submission import CorrelationId, IdempotencyKey, ReplayOf, Tags
from quantum_operator.api.task import Task

IMMUTABLE = ("programs", "task", "execution", "policyRef", "activeDeadlineSeconds", "backoffLimit", "tags")
"""The fields that may not change; each has a default or is required, so that it is always there."""

IMMUTABLE_WHERE_GIVEN = (
    "schedule",
    "idempotencyKey",
    "correlationId",
    "replayOf",
    "shadowOf",
    "retry",
    "queueDeadlineSeconds",
    "budget",
    "tier",
    "data",
    "providers",
    "expectedOutput",
    "timeBudgetSeconds",
    "expectedPayoffMicros",
)
"""Those that may not change either, nor come or go."""


class PolicyRef(ApiModel):
    """The BackendPolicy, in the job's namespace, that governs where the job runs."""

    name: Annotated[ObjectName, Field(description="The BackendPolicy's name.")] = "default"


class QuantumJobSpec(ApiModel):
    """What to run. Once submitted, only `suspend`, `cancel`, `approval`, `priority`, `ttlSecondsAfterFinished` and
    `retention` may change."""

    cel_rules: ClassVar[tuple[Cel, ...]] = (
        Cel(
            " && ".join(f"self.{name} == oldSelf.{name}" for name in IMMUTABLE)
            + "".join(
                f" && has(self.{name}) == has(oldSelf.{name}) && (!has(self.{name}) || self.{name} == oldSelf.{name})"
                for name in IMMUTABLE_WHERE_GIVEN
            ),
            "a QuantumJob's spec is immutable but for suspend, cancel, approval, priority, ttlSecondsAfterFinished and "
            "retention: delete the job and create it again",
            reason="FieldValueForbidden",
        ),
        Cel(
            "self.cancel || !oldSelf.cancel",
            "a cancelled QuantumJob stays so: create another one",
            field_path=".cancel",
            reason="FieldValueForbidden",
        ),
    )

    programs: Annotated[
        tuple[Program, ...],
        Field(min_length=1, max_length=32, description="The circuits that the task refers to by name."),
        ListMap(("name",)),
    ]
    task: Task
    execution: JobExecution = Field(default_factory=JobExecution)
    policy_ref: PolicyRef = Field(default_factory=PolicyRef)
    active_deadline_seconds: Annotated[
        int, Field(ge=1, le=604_800, description="How long one run may take, in seconds of wall time.")
    ] = 600
    queue_deadline_seconds: Annotated[
        int | None,
        Field(
            ge=1,
            le=2_592_000,
            description="How long a task may wait in a provider's queue, in seconds, where that is less than what its "
            "backend allows; then it is cancelled.",
        ),
    ] = None
    time_budget_seconds: Annotated[
        int | None,
        Field(
            ge=1,
            le=31_536_000,
            description="How long the job may take in all, in seconds from its creation: waiting counts, being "
            "suspended does not. Then it is over, and what is under way for it is stopped; absent: any time.",
        ),
    ] = None
    backoff_limit: Annotated[
        int, Field(ge=0, le=10, description="How often a run lost to the infrastructure is tried again.")
    ] = 3
    priority: Annotated[
        int,
        Field(ge=-1_000_000, le=1_000_000, description="Jobs that wait are assigned in this order, the highest first."),
    ] = 0
    expected_payoff_micros: Annotated[
        Micros | None,
        Field(description="What its result is worth, in millionths of the currency's unit; policies may ask for it."),
    ] = None
    schedule: Annotated[
        Schedule | None, Field(description="When the job may start; absent: as soon as there is a backend.")
    ] = None
    idempotency_key: Annotated[
        IdempotencyKey | None,
        Field(description="Of the namespace's jobs with this key one runs, and the others have its result."),
    ] = None
    correlation_id: Annotated[
        CorrelationId | None,
        Field(
            description="What the job is part of: on its status, its events, its log lines, on its runs as a label, "
            "and at providers as a tag."
        ),
    ] = None
    tags: Tags = Field(default_factory=dict)
    replay_of: ReplayOf | None = None
    shadow_of: ShadowOf | None = None
    ttl_seconds_after_finished: Annotated[
        int | None,
        Field(
            ge=0,
            le=31_536_000,
            description="The job is deleted so many seconds after it is over, and its result with it; absent: never.",
        ),
    ] = None
    retention: Retention | None = None
    retry: Retry | None = None
    budget: Annotated[
        JobBudget | None, Field(description="The most that the job may cost; absent: what its policy's budgets allow.")
    ] = None
    tier: Annotated[
        Tier | None,
        Field(description="What the result is for; absent: the policy's tier. It may be no higher than that."),
    ] = None
    data: Annotated[JobData | None, Field(description="Absent: internal data, and wherever the policy lets them.")] = (
        None
    )
    providers: Annotated[
        Adapters | None,
        Field(description="The job runs on backends of these adapters only, such as ibm; absent: on any."),
    ] = None
    approval: Annotated[
        Approval | None,
        Field(description="Given once the job asks for it in status.approval, and not by who submitted it."),
    ] = None
    expected_output: ExpectedOutput | None = None
    suspend: Annotated[
        bool, Field(description="Pause: a run under way is stopped, and started anew once this is false again.")
    ] = False
    cancel: Annotated[bool, Field(description="End the job: a run under way is stopped. It can't be undone.")] = False


class QuantumJob(ApiModel):
    """A quantum workload: programs, what to ask of them, and how."""

    plural: ClassVar[str] = "quantumjobs"
    short_names: ClassVar[tuple[str, ...]] = ("qjob",)
    namespaced: ClassVar[bool] = True
    selectable_fields: ClassVar[tuple[str, ...]] = (".spec.replayOf.uid", ".spec.shadowOf.uid", ".status.input.sha256")
    printer_columns: ClassVar[tuple[PrinterColumn, ...]] = (
        PrinterColumn("Phase", "string", ".status.phase"),
        PrinterColumn("Backend", "string", ".status.backend"),
        PrinterColumn("Shots", "integer", ".status.shots"),
        PrinterColumn("Cost", "string", ".status.cost.text"),
        PrinterColumn("Reason", "string", '.status.conditions[?(@.type=="Complete")].reason', priority=1),
        PrinterColumn("Fallback", "string", ".status.fallback.class", priority=1),
        PrinterColumn("Agrees", "string", '.status.conditions[?(@.type=="Agrees")].status', priority=1),
        PrinterColumn("Age", "date", ".metadata.creationTimestamp"),
    )

    api_version: Literal["quantum-operator.dev/v1alpha1"] = API_VERSION
    kind: Literal["QuantumJob"] = "QuantumJob"
    metadata: ObjectMeta
    spec: QuantumJobSpec
    status: QuantumJobStatus = Field(default_factory=QuantumJobStatus)
