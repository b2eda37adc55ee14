"""QuantumBackend: something that runs circuits. It is to quantum-operator what a Node is to Kubernetes."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from quantum_operator.api.execution import GateName, NoiseModel, Qubit
from quantum_operator.api.meta import (
    API_VERSION,
    ApiModel,
    Cel,
    Condition,
    ListMap,
    ListSet,
    Micros,
    ObjectMeta,
    PrinterColumn,
)
from quantum_operator.api.policy import LabelKey, LabelSelector, LabelValue

Edge = Annotated[tuple[Qubit, ...], Field(min_length=2, max_length=2)]
Quantity = Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")]


class Target(ApiModel):
    """What the backend can execute. Absent gates or coupling mean: any gate the simulator knows, any pair of qubits."""

    num_qubits: Annotated[int, Field(ge=1, le=10_000)]
    basis_gates: Annotated[tuple[GateName, ...] | None, Field(min_length=1, max_length=64), ListSet()] = None
    coupling_map: Annotated[
        tuple[Edge, ...] | None, Field(min_length=1, max_length=4096, description="Directed pairs of qubits.")
    ] = None


class Simulator(ApiModel):
    """How a simulator backend simulates."""

    engine: Literal["aer"] = "aer"
    method: Literal["automatic", "statevector", "density_matrix", "stabilizer", "matrix_product_state"] = "automatic"
    precision: Literal["double", "single"] = "double"
    threads: Annotated[int, Field(ge=1, le=1024)] = 1
    noise: NoiseModel | None = None


class BackendLimits(ApiModel):
    """What one job, and all jobs together, may ask of the backend."""

    max_shots: Annotated[int, Field(ge=1, le=9_007_199_254_740_991, description="Shots of one job, in all.")] = (
        10_000_000
    )
    max_concurrent_runs: Annotated[int, Field(ge=1, le=100_000)] = 100


class Price(ApiModel):
    """What a run costs: so much a run, a shot and a started second of execution."""

    currency: Annotated[str, Field(min_length=3, max_length=3, pattern=r"^[A-Z]{3}$")] = "USD"
    per_run_micros: Micros = 0
    per_shot_micros: Micros = 0
    per_second_micros: Micros = 0


class Toleration(ApiModel):
    """A toleration of the backend's run pods, as in Kubernetes."""

    key: Annotated[str | None, Field(max_length=317)] = None
    operator: Literal["Exists", "Equal"] | None = None
    value: Annotated[str | None, Field(max_length=253)] = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None


class RunTemplate(ApiModel):
    """How a run of this backend is placed and how much it gets; requests equal limits."""

    image: Annotated[
        str | None,
        Field(min_length=1, max_length=512, description="In place of the operator's runner image."),
    ] = None
    cpu: Quantity = "1"
    memory: Quantity = "2Gi"
    node_selector: Annotated[dict[LabelKey, LabelValue], Field(max_length=16)] = Field(default_factory=dict)
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=16)] = ()


class AllowedNamespaces(ApiModel):
    """Which namespaces may use the backend."""

    cel_rules: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "(self.from == 'Selector') == has(self.selector)",
            "selector goes with from: Selector, and only with it",
        ),
    )

    from_: Annotated[Literal["All", "Selector"], Field(alias="from")] = "All"
    selector: LabelSelector | None = None


class QuantumBackendSpec(ApiModel):
    """What the backend is."""

    adapter: Annotated[Literal["simulator"], Field(description="simulator: runs on the cluster itself.")] = "simulator"
    target: Target
    simulator: Simulator = Field(default_factory=Simulator)
    limits: BackendLimits = Field(default_factory=BackendLimits)
    price: Annotated[Price | None, Field(description="Absent on a simulator: its runs are free.")] = None
    run: RunTemplate = Field(default_factory=RunTemplate)
    namespaces: AllowedNamespaces = Field(default_factory=AllowedNamespaces)


class QuantumBackendStatus(ApiModel):
    """Whether the backend can be used now."""

    observed_generation: Annotated[int, Field(ge=0)] = 0
    conditions: Annotated[tuple[Condition, ...], Field(max_length=16), ListMap(("type",))] = ()


class QuantumBackend(ApiModel):
    """A simulator that runs circuits for the namespaces it is shared with."""

    plural: ClassVar[str] = "quantumbackends"
    short_names: ClassVar[tuple[str, ...]] = ("qbackend",)
    namespaced: ClassVar[bool] = False
    printer_columns: ClassVar[tuple[PrinterColumn, ...]] = (
        PrinterColumn("Adapter", "string", ".spec.adapter"),
        PrinterColumn("Qubits", "integer", ".spec.target.numQubits"),
        PrinterColumn("Ready", "string", '.status.conditions[?(@.type=="Ready")].status'),
        PrinterColumn("Age", "date", ".metadata.creationTimestamp"),
    )

    api_version: Literal["quantum-operator.dev/v1alpha1"] = API_VERSION
    kind: Literal["QuantumBackend"] = "QuantumBackend"
    metadata: ObjectMeta
    spec: QuantumBackendSpec
    status: QuantumBackendStatus = Field(default_factory=QuantumBackendStatus)
