"""BackendPolicy: where the jobs of a namespace may run. Written by its platform team."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from quantum_operator.api.budget import MOST_BUDGETS, Budget, BudgetStatus
from quantum_operator.api.choice import BackendChoice
from quantum_operator.api.governance import ApprovalRules, Approved, DataRules, Tier
from quantum_operator.api.meta import (
    API_VERSION,
    ApiModel,
    Condition,
    ListMap,
    ObjectMeta,
    PrinterColumn,
)
from quantum_operator.api.resilience import MOST_BREAKERS, MOST_FALLBACKS, Breaker, BreakerStatus, FallbackRule
from quantum_operator.api.routing import Feature, Profile, Routing, TrafficShare
from quantum_operator.api.shadow import ShadowShare


class BackendPolicySpec(ApiModel):
    """Which backends may run the jobs that name this policy, and up to what size."""

    backends: Annotated[
        tuple[BackendChoice, ...],
        Field(
            min_length=1,
            max_length=64,
            description="The backends that may be used; the first that can take a job gets it.",
        ),
    ]
    routing: Routing | None = None
    traffic: Annotated[
        tuple[TrafficShare, ...],
        Field(
            max_length=16,
            description="How jobs are split between backends, by their UIDs: shares lie one behind the other up to 100 "
            "percent. What is beyond them, or can't be taken by its share's backend, goes to the others.",
        ),
        ListMap(("backend",)),
    ] = ()
    profiles: Annotated[
        tuple[Profile, ...],
        Field(max_length=16, description="Execution settings that jobs name in spec.execution.profile."),
        ListMap(("name",)),
    ] = ()
    features: Annotated[
        tuple[Feature, ...],
        Field(
            max_length=16,
            description="Execution settings that a share of the jobs has, each feature one of its own. What the job "
            "sets wins, then the first feature here that says something of it, then the job's profile.",
        ),
        ListMap(("name",)),
    ] = ()
    shadow: ShadowShare | None = None
    max_shots: Annotated[
        int | None,
        Field(ge=1, le=9_007_199_254_740_991, description="The most shots one job may ask for in all."),
    ] = None
    max_replays_per_hour: Annotated[
        int,
        Field(
            ge=0,
            le=1_000,
            description="How many jobs that repeat one and the same job (spec.replayOf) may be created within an hour; "
            "more are refused. Those that were deleted do not count.",
        ),
    ] = 10
    budgets: Annotated[
        tuple[Budget, ...],
        Field(
            max_length=MOST_BUDGETS,
            description="What the policy's jobs may spend; an attempt starts only where it fits all that concern it.",
        ),
        ListMap(("name",)),
    ] = ()
    on_exceeded: Annotated[
        Literal["Fail", "Wait"],
        Field(
            description="What a job does that fits no backend's budget: Fail at once, or Wait until money is released "
            "or the period is over."
        ),
    ] = "Wait"
    quantum_enabled: Annotated[
        bool,
        Field(
            description="False turns every QPU of the policy off at once: nothing more is submitted, and the jobs go "
            "to simulators, or where fallback says."
        ),
    ] = True
    on_disabled: Annotated[
        Literal["Drain", "Cancel"],
        Field(
            description="Once quantumEnabled is false, what becomes of tasks that their provider has: Drain lets them "
            "end, Cancel has them cancelled."
        ),
    ] = "Drain"
    fallback: Annotated[
        tuple[FallbackRule, ...],
        Field(
            max_length=MOST_FALLBACKS,
            description="What a job falls back to rather than fail or wait; each link once, and in this order.",
        ),
    ] = ()
    breaker: Annotated[
        Breaker | None, Field(description="Opens for a backend that fails too often; absent: never.")
    ] = None
    tier: Annotated[
        Tier,
        Field(
            description="The highest tier of the jobs under it, and that of those which name none. Above sandbox, who "
            "submits a job needs the verb use on the policy.",
        ),
    ] = "sandbox"
    data: Annotated[DataRules | None, Field(description="Absent: any data, and wherever a backend is.")] = None
    approved: Annotated[Approved | None, Field(description="Absent: every provider of the policy's backends.")] = None
    approval: Annotated[ApprovalRules | None, Field(description="Absent: no job waits for approval.")] = None


class BackendPolicyStatus(ApiModel):
    """Whether the policy can be used, and how many backends it reaches."""

    observed_generation: Annotated[
        int, Field(ge=0, description="The metadata.generation that the status is about.")
    ] = 0
    conditions: Annotated[
        tuple[Condition, ...],
        Field(max_length=16, description="Ready: whether the policy can be used."),
        ListMap(("type",)),
    ] = ()
    backends: Annotated[
        int | None, Field(ge=0, le=100_000, description="How many QuantumBackends the policy reaches.")
    ] = None
    budgets: Annotated[
        tuple[BudgetStatus, ...],
        Field(max_length=MOST_BUDGETS, description="How each of the policy's budgets stands."),
        ListMap(("name",)),
    ] = ()
    breakers: Annotated[
        tuple[BreakerStatus, ...],
        Field(max_length=MOST_BREAKERS, description="The breaker of each backend whose breaker was ever open."),
        ListMap(("backend",)),
    ] = ()


class BackendPolicy(ApiModel):
    """The rules under which a namespace's jobs are placed."""

    plural: ClassVar[str] = "backendpolicies"
    short_names: ClassVar[tuple[str, ...]] = ("bpol",)
    namespaced: ClassVar[bool] = True
    printer_columns: ClassVar[tuple[PrinterColumn, ...]] = (
        PrinterColumn("Backends", "integer", ".status.backends"),
        PrinterColumn("Ready", "string", '.status.conditions[?(@.type=="Ready")].status'),
        PrinterColumn("Quantum", "boolean", ".spec.quantumEnabled"),
        PrinterColumn("Breakers", "string", '.status.conditions[?(@.type=="BreakersClosed")].message', priority=1),
        PrinterColumn("Age", "date", ".metadata.creationTimestamp"),
    )

    api_version: Literal["quantum-operator.dev/v1alpha1"] = API_VERSION
    kind: Literal["BackendPolicy"] = "BackendPolicy"
    metadata: ObjectMeta
    spec: BackendPolicySpec
    status: BackendPolicyStatus = Field(default_factory=BackendPolicyStatus)
