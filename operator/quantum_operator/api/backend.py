"""QuantumBackend: something that runs circuits. It is to quantum-operator what a Node is to Kubernetes."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from quantum_operator.api.budget import BackendBudget
from quantum_operator.api.choice import LabelKey, LabelSelector, LabelValue
from quantum_operator.api.execution import ExecutionMode, GateName, NoiseModel, Ppm, Qubit
from quantum_operator.api.governance import SdkVersion, Tier
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
    ObjectName,
    PrinterColumn,
    Timestamp,
)

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
    device: Annotated[
        Literal["CPU", "GPU"],
        Field(description="GPU: simulate on the GPU that run.resources asks for, in an image that has Aer for it."),
    ] = "CPU"
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
            description="How many small jobs of a namespace may share a run, or on a provider one submission and what "
            "it costs; 1: each has its own.",
        ),
    ] = 1
    max_task_seconds: Annotated[
        int,
        Field(ge=1, le=604_800, description="Of a provider: how many seconds of its time one task may take at most."),
    ] = 600


class Price(ApiModel):
    """What a run costs: so much a run, a shot and a started second or minute of execution, but at least a minimum."""

    currency: Annotated[
        str,
        Field(min_length=3, max_length=3, pattern=r"^[A-Z]{3}$", description="The currency, by its code of ISO 4217."),
    ] = "USD"
    per_run_micros: Annotated[Micros, Field(description="Of each run, in millionths of the currency's unit.")] = 0
    per_shot_micros: Annotated[Micros, Field(description="Of each shot, in millionths of the currency's unit.")] = 0
    per_second_micros: Annotated[
        Micros, Field(description="Of each started second of execution, in millionths of the currency's unit.")
    ] = 0
    per_minute_micros: Annotated[
        Micros, Field(description="Of each started minute of execution, in millionths of the currency's unit.")
    ] = 0
    minimum_micros: Annotated[
        Micros, Field(description="The least that a run costs, in millionths of the currency's unit.")
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


ResourceName = Annotated[str, Field(min_length=3, max_length=317)]
ResourceCount = Annotated[int, Field(ge=1, le=1_000)]


class RunTemplate(ApiModel):
    """How a run of this backend is placed and how much it gets; requests equal limits."""

    cel_rules: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "self.resources.all(name, name.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9][-A-Za-z0-9_.]*$'))",
            "an extended resource has a name with a domain, such as nvidia.com/gpu",
        ),
    )

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
    resources: Annotated[
        dict[ResourceName, ResourceCount],
        Field(max_length=8, description="Extended resources of a run, such as nvidia.com/gpu, and how many of each."),
    ] = Field(default_factory=dict)
    runtime_class_name: Annotated[
        ObjectName | None,
        Field(description="The RuntimeClass of its pods, where GPUs need one; absent: the nodes' own."),
    ] = None
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
    kind: Annotated[
        Literal["Hardware", "Simulator"],
        Field(description="Simulator: a simulator of the provider's, which quantumEnabled: false does not turn off."),
    ] = "Hardware"
    expected_task_seconds: Annotated[
        int,
        Field(
            ge=1, le=86_400, description="How long a task takes as a rule, of which the wait in its queue is forecast."
        ),
    ] = 30
    queue_seconds: Annotated[
        int,
        Field(ge=1, le=2_592_000, description="How long a task may wait in the provider's queue, in seconds."),
    ] = 604_800
    fetch_seconds: Annotated[
        int,
        Field(
            ge=1,
            le=2_592_000,
            description="How long the results of a task that is done are asked for, in seconds, where they can't be "
            "had or read; then the task is held.",
        ),
    ] = 86_400


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
    fidelity_ppm: Annotated[
        Ppm | None,
        Field(
            description="The fidelity of a gate on two qubits, in parts per million, which policies choose by; absent "
            "on a simulator without noise: 1000000."
        ),
    ] = None
    simulator: Simulator = Field(default_factory=Simulator)
    limits: BackendLimits = Field(default_factory=BackendLimits)
    price: Annotated[
        Price | None,
        Field(description="Absent on a simulator: its runs are free. Of a provider: what makes a task's ceiling."),
    ] = None
    budget: Annotated[
        BackendBudget | None, Field(description="A cap on what all namespaces together spend on the backend.")
    ] = None
    run: RunTemplate = Field(default_factory=RunTemplate)
    namespaces: AllowedNamespaces = Field(default_factory=AllowedNamespaces)
    region: Annotated[
        Name | None,
        Field(description="Where programs and results go, such as eu-central-1; absent on a simulator: the cluster."),
    ] = None
    tier: Annotated[Tier | None, Field(description="The highest tier of the jobs that it is fit for; absent: all.")] = (
        None
    )


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
    sdk_version: Annotated[
        SdkVersion | None, Field(description="Of a provider's device: the version of the SDK that its agent has.")
    ] = None


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
