"""BackendPolicy: where the jobs of a namespace may run. Written by its platform team."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from quantum_operator.api.meta import (
    API_VERSION,
    ApiModel,
    Cel,
    Condition,
    ListMap,
    ObjectMeta,
    ObjectName,
    PrinterColumn,
)

LabelKey = Annotated[str, Field(min_length=1, max_length=317)]
LabelValue = Annotated[str, Field(max_length=63)]


class LabelSelector(ApiModel):
    """Matches objects that have all of these labels."""

    match_labels: Annotated[
        dict[LabelKey, LabelValue],
        Field(min_length=1, max_length=16, description="The labels, each with the value that it must have."),
    ]


class BackendChoice(ApiModel):
    """Backends in the policy's order: one by `name`, or all that match `selector` (by name, among themselves)."""

    cel_rules: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "has(self.name) != has(self.selector)",
            "a choice of backends has exactly one of name and selector",
        ),
    )

    name: Annotated[ObjectName | None, Field(description="The name of a QuantumBackend.")] = None
    selector: LabelSelector | None = None


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


class BackendPolicy(ApiModel):
    """The rules under which a namespace's jobs are placed."""

    plural: ClassVar[str] = "backendpolicies"
    short_names: ClassVar[tuple[str, ...]] = ("bpol",)
    namespaced: ClassVar[bool] = True
    printer_columns: ClassVar[tuple[PrinterColumn, ...]] = (
        PrinterColumn("Backends", "integer", ".status.backends"),
        PrinterColumn("Ready", "string", '.status.conditions[?(@.type=="Ready")].status'),
        PrinterColumn("Age", "date", ".metadata.creationTimestamp"),
    )

    api_version: Literal["quantum-operator.dev/v1alpha1"] = API_VERSION
    kind: Literal["BackendPolicy"] = "BackendPolicy"
    metadata: ObjectMeta
    spec: BackendPolicySpec
    status: BackendPolicyStatus = Field(default_factory=BackendPolicyStatus)
