"""QuantumBackend: something that runs circuits. It is to quantum-operator what a Node is to Kubernetes."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from quantum_operator.api.execution import ExecutionMode, GateName, NoiseModel, Qubit
from quantum_operator.api.meta import (
    API_VERSION,
    ApiModel,
    Cel,
    Condition,
    ListMap,
    ListSet,
    Micros,
    Name,
    ObjectMeta,
    PrinterColumn,
    Timestamp,
)
from quantum_operator.api.policy import LabelKey, LabelSelector, LabelValue

Edge = Annotated[tuple[Qubit, ...], Field(min_length=2, max_length=2)]
Quantity = Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")]


class Target(ApiModel):
    """What the backend can execute. Absent gates or coupling mean: any gate the simulator knows, any pair of qubits."""

    num_qubits: Annotated[
        int, Field(ge=1, le=10_000, description="How many qubits it has: the widest program that it takes.")
    ]
    basis_gates: Annotated[
        tuple[GateName, ...] | None,
        Field(
            min_length=1,
            max_length=64,
            description="The gates that it executes, by Qiskit's names, such as rz, sx and cx.",
        ),
        ListSet(),
    ] = None
    coupling_map: Annotated[
        tuple[Edge, ...] | None, Field(min_length=1, max_length=4096, description="Directed pairs of qubits.")
    ] = None


class Simulator(ApiModel):
    """How a simulator backend simulates."""

    engine: Annotated[Literal["aer"], Field(description="aer: Qiskit Aer.")] = "aer"
    method: Annotated[
        Literal["automatic", "statevector", "density_matrix", "stabilizer", "matrix_product_state"],
        Field(description="How states are represented, by Aer's names; automatic: chosen for each circuit."),
    ] = "automatic"
    precision: Annotated[
        Literal["double", "single"], Field(description="double: 16 bytes for each amplitude, single: 8.")
    ] = "double"
    threads: Annotated[
        int, Field(ge=1, le=1024, description="How many threads a run simulates with; give run.cpu as many cores.")
    ] = 1
    noise: NoiseModel | None = None


MAX_BATCH = 100
"""The most jobs that may share a run."""


class BackendLimits(ApiModel):
    """What one job, and all jobs together, may ask of the backend."""

    max_shots: Annotated[int, Field(ge=1, le=9_007_199_254_740_991, description="Shots of one job, in all.")] = (
        10_000_000
    )
    max_concurrent_runs: Annotated[
        int, Field(ge=1, le=100_000, description="How many runs there may be at a time, over all namespaces.")
    ] = 100
    max_batch_jobs: Annotated[
        int,
        Field(
            ge=1,
            le=MAX_BATCH,
            description="Of a simulator: how many small jobs of a namespace may share a run; 1: each has its own.",
        ),
    ] = 1
    max_task_seconds: Annotated[
        int,
        Field(ge=1, le=604_800, description="Of a provider: how many seconds of its time one task may take at most."),
    ] = 600


class Price(ApiModel):
    """What a run costs: so much a run, a shot and a started second of execution."""

    currency: Annotated[
        str,
        Field(min_length=3, max_length=3, pattern=r"^[A-Z]{3}$", description="The currency, by its code of ISO 4217."),
    ] = "USD"
    per_run_micros: Annotated[Micros, Field(description="Of each run, in millionths of the currency's unit.")] = 0
    per_shot_micros: Annotated[Micros, Field(description="Of each shot, in millionths of the currency's unit.")] = 0
    per_second_micros: Annotated[
        Micros, Field(description="Of each started second of execution, in millionths of the currency's unit.")
    ] = 0


class Toleration(ApiModel):
    """A toleration of the backend's run pods, as in Kubernetes."""

    key: Annotated[
        str | None, Field(max_length=317, description="The taint's key; absent, with operator Exists: every taint.")
    ] = None
    operator: Annotated[
        Literal["Exists", "Equal"] | None,
        Field(description="Exists: whatever the taint's value; Equal, which is meant when absent: this value."),
    ] = None
    value: Annotated[str | None, Field(max_length=253, description="The taint's value.")] = None
    effect: Annotated[
        Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None,
        Field(description="The taint's effect; absent: every effect."),
    ] = None


class RunTemplate(ApiModel):
    """How a run of this backend is placed and how much it gets; requests equal limits."""

    image: Annotated[
        str | None,
        Field(min_length=1, max_length=512, description="In place of the operator's runner image."),
    ] = None
    cpu: Annotated[Quantity, Field(description="The cores of a run, as a Kubernetes quantity.")] = "1"
    memory: Annotated[
        Quantity,
        Field(
            description="The memory of a run, as a Kubernetes quantity, of which the runner itself takes 352Mi.",
        ),
    ] = "2Gi"
    node_selector: Annotated[
        dict[LabelKey, LabelValue], Field(max_length=16, description="The labels that a node needs for a run.")
    ] = Field(default_factory=dict)
    tolerations: Annotated[
        tuple[Toleration, ...], Field(max_length=16, description="The taints of nodes that a run tolerates.")
    ] = ()


class AllowedNamespaces(ApiModel):
    """Which namespaces may use the backend."""

    cel_rules: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "(self.from == 'Selector') == has(self.selector)",
            "selector goes with from: Selector, and only with it",
        ),
    )

    from_: Annotated[
        Literal["All", "Selector"],
        Field(alias="from", description="All: every namespace; Selector: those that selector matches."),
    ] = "All"
    selector: LabelSelector | None = None


class Provider(ApiModel):
    """A provider's device, and the agent that drives the account which has it."""

    agent: Annotated[Name, Field(description="The agent's namespace, in which its QuantumTasks are.")]
    device: Annotated[str, Field(min_length=1, max_length=253, description="The device, by the provider's name.")]
    queue_seconds: Annotated[
        int,
        Field(ge=1, le=2_592_000, description="How long a task may wait in the provider's queue, in seconds."),
    ] = 604_800


class QuantumBackendSpec(ApiModel):
    """What the backend is."""

    cel_rules: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "(self.adapter == 'simulator') != has(self.provider)",
            "provider goes with another adapter than simulator, and only with it",
        ),
        Cel(
            "self.adapter == 'simulator' || has(self.price)",
            "a provider's device needs a price, of which the most that a task may cost is made",
        ),
    )

    adapter: Annotated[
        Name,
        Field(description="simulator: runs on the cluster itself; else a provider's adapter, such as ibm or braket."),
    ] = "simulator"
    provider: Provider | None = None
    target: Target
    simulator: Simulator = Field(default_factory=Simulator)
    limits: BackendLimits = Field(default_factory=BackendLimits)
    price: Annotated[
        Price | None,
        Field(description="Absent on a simulator: its runs are free. Of a provider: what makes a task's ceiling."),
    ] = None
    run: RunTemplate = Field(default_factory=RunTemplate)
    namespaces: AllowedNamespaces = Field(default_factory=AllowedNamespaces)


class QuantumBackendStatus(ApiModel):
    """Whether the backend can be used now."""

    observed_generation: Annotated[
        int, Field(ge=0, description="The metadata.generation that the status is about.")
    ] = 0
    conditions: Annotated[
        tuple[Condition, ...],
        Field(max_length=16, description="Ready: whether the backend can be used."),
        ListMap(("type",)),
    ] = ()
    queue_length: Annotated[
        int | None, Field(ge=0, le=1_000_000_000, description="How many tasks wait in the provider's queue.")
    ] = None
    calibration_time: Annotated[Timestamp | None, Field(description="When the device was last calibrated.")] = None
    modes: Annotated[
        tuple[ExecutionMode, ...],
        Field(max_length=3, description="Of a provider's device: the modes of execution that its provider has."),
        ListSet(),
    ] = ()


class QuantumBackend(ApiModel):
    """A simulator, or a provider's device, that runs circuits for the namespaces it is shared with."""

    plural: ClassVar[str] = "quantumbackends"
    short_names: ClassVar[tuple[str, ...]] = ("qbackend",)
    namespaced: ClassVar[bool] = False
    printer_columns: ClassVar[tuple[PrinterColumn, ...]] = (
        PrinterColumn("Adapter", "string", ".spec.adapter"),
        PrinterColumn("Qubits", "integer", ".spec.target.numQubits"),
        PrinterColumn("Ready", "string", '.status.conditions[?(@.type=="Ready")].status'),
        PrinterColumn("Queue", "integer", ".status.queueLength"),
        PrinterColumn("Calibrated", "date", ".status.calibrationTime", priority=1),
        PrinterColumn("Age", "date", ".metadata.creationTimestamp"),
    )

    api_version: Literal["quantum-operator.dev/v1alpha1"] = API_VERSION
    kind: Literal["QuantumBackend"] = "QuantumBackend"
    metadata: ObjectMeta
    spec: QuantumBackendSpec
    status: QuantumBackendStatus = Field(default_factory=QuantumBackendStatus)
