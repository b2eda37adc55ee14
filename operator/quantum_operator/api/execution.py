"""Execution: how a job's programs are compiled and run, apart from what they are."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from quantum_operator.api.meta import ApiModel, Cel, Name

Ppm = Annotated[int, Field(ge=0, le=1_000_000)]
"""A probability in parts per million."""

Qubit = Annotated[int, Field(ge=0, le=9_999)]
GateName = Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[a-z_][a-z0-9_]*$")]


ExecutionMode = Literal["job", "batch", "session"]


class GateNoise(ApiModel):
    """Depolarizing noise after every use of a gate, on the given qubits or, when absent, wherever it is used."""

    gate: Annotated[GateName, Field(description="The gate's name as it stands in the compiled circuit, such as cx.")]
    qubits: Annotated[
        tuple[Qubit, ...] | None,
        Field(max_length=2, description="The target's qubits; absent: wherever the gate is used."),
    ] = None
    depolarizing_ppm: Annotated[Ppm, Field(description="The depolarizing probability, in parts per million.")]


class ReadoutNoise(ApiModel):
    """Readout errors of one qubit or, when `qubit` is absent, of every qubit."""

    qubit: Annotated[Qubit | None, Field(description="The target's qubit; absent: every qubit that is read.")] = None
    prob_meas1_prep0_ppm: Annotated[Ppm, Field(description="Probability of reading 1 for 0, in parts per million.")]
    prob_meas0_prep1_ppm: Annotated[Ppm, Field(description="Probability of reading 0 for 1, in parts per million.")]


class NoiseModel(ApiModel):
    """A noise model. One that touches nothing of the compiled circuit is refused, for it would do nothing."""

    cel_rules: ClassVar[tuple[Cel, ...]] = (
        Cel("has(self.gates) || has(self.readout)", "a noise model has at least one of gates and readout"),
    )

    gates: Annotated[
        tuple[GateNoise, ...] | None,
        Field(
            min_length=1,
            max_length=1024,
            description="Noise of gates. Of two entries for a gate the one with its qubits counts; of two alike, the "
            "last.",
        ),
    ] = None
    readout: Annotated[
        tuple[ReadoutNoise, ...] | None,
        Field(
            min_length=1,
            max_length=1024,
            description="Noise of measurements. Of two entries for a qubit the one that names it counts; of two "
            "alike, the last.",
        ),
    ] = None


GivenSeed = Annotated[
    int | None,
    Field(ge=0, le=9_007_199_254_740_991, description="Every seed derives from it; made and recorded when absent."),
]
InitialLayout = Annotated[
    tuple[Qubit, ...] | None,
    Field(min_length=1, max_length=1024, description="The target's qubit for each of the program's qubits."),
]
GivenNoise = Annotated[
    NoiseModel | None,
    Field(description="Simulate with this noise in place of the backend's own; only on simulators."),
]


class Execution(ApiModel):
    """The settings of compilation and simulation that an accepted job has."""

    seed: GivenSeed = None
    compilation: Annotated[
        Literal["full", "isa"],
        Field(description="isa: the programs are compiled already and run as they are, on the target's own qubits."),
    ] = "full"
    optimization_level: Annotated[
        int, Field(ge=0, le=3, description="How much the compiler improves a program: 0 nothing, 3 as much as it can.")
    ] = 1
    initial_layout: InitialLayout = None
    noise: GivenNoise = None
    mode: Annotated[
        ExecutionMode,
        Field(
            description="On a provider's device: by itself, in a batch, or in a session that has the device to itself; "
            "a simulator runs it alike."
        ),
    ] = "job"
    memory: Annotated[bool, Field(description="Keep the outcome of every single shot, in order.")] = False


class ExecutionSettings(ApiModel):
    """Settings of compilation and simulation, of which any may be absent."""

    seed: GivenSeed = None
    compilation: Annotated[
        Literal["full", "isa"] | None,
        Field(
            description="isa: the programs are compiled already and run as they are, on the target's own qubits; "
            "absent: full."
        ),
    ] = None
    optimization_level: Annotated[
        int | None,
        Field(
            ge=0,
            le=3,
            description="How much the compiler improves a program: 0 nothing, 3 as much as it can; absent: 1.",
        ),
    ] = None
    initial_layout: InitialLayout = None
    noise: GivenNoise = None
    mode: Annotated[
        ExecutionMode | None,
        Field(
            description="On a provider's device: by itself (job, which is meant when absent), in a batch, or in a "
            "session that has the device to itself; a simulator runs it alike."
        ),
    ] = None
    memory: Annotated[
        bool | None, Field(description="Keep the outcome of every single shot, in order; absent: false.")
    ] = None


class JobExecution(ExecutionSettings):
    """How a job is compiled and run: what it sets itself, else its policy's features, its profile, the default."""

    profile: Annotated[
        Name | None, Field(description="One of its policy's spec.profiles; what the job sets itself wins over it.")
    ] = None


def settled(*layers: ExecutionSettings | None) -> Execution:
    """The execution that comes of these settings: the first that sets something wins, and nobody is the default."""
    chosen = {
        name: value
        for layer in reversed(layers)
        if layer is not None
        for name in Execution.model_fields
        if (value := getattr(layer, name)) is not None
    }
    return Execution(**chosen)
