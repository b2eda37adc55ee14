"""A job's work on a provider's device, in two halves: the circuits that it takes, and the results from their counts.

Both halves do the job's whole work with an engine in place of Aer: the first collects every circuit and makes counts
up, the second gives the counts that came back, in the same order. The work does not depend on counts, so that both
meet the same circuits. What the first compiled spares the second half of its time, where that is still there.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from qiskit import QuantumCircuit, qpy, transpile
from qiskit.circuit import ClassicalRegister
from qiskit_aer.noise import NoiseModel

from quantum_operator.api.backend import Target
from quantum_operator.api.run import JobInput, RunSpec
from quantum_operator.circuits.compile import CONTROL_FLOW, transpiler_target
from quantum_operator.circuits.errors import RefusedError
from quantum_operator.circuits.execute import Finished, Made, execute, make

MAX_SHOTS = 2**53
MAX_CIRCUITS = 10_000


@dataclass
class Collecting:
    """An engine that executes nothing: it keeps the circuits, as the target has them, and their shots."""

    target: Target
    circuits: list[QuantumCircuit] = field(default_factory=list)
    shots: list[int] = field(default_factory=list)
    methods: set[str] = field(default_factory=set)
    _qubits: Sequence[int] = ()

    def on(self, qubits: Sequence[int]) -> None:
        """The circuits from here on act on these qubits of the device."""
        self._qubits = qubits

    def run(
        self,
        circuit: QuantumCircuit,
        *,
        method: str,
        seed: int,
        shots: int = 1,
        noise: NoiseModel | None = None,
        memory: bool = False,
        exact: bool = False,
    ) -> dict[str, Any]:
        """Counts as if every bit had been 0. Raises RefusedError for what no device gives."""
        del method, seed, exact
        if noise is not None or memory:
            message = "a provider's device has its own noise, and gives no memory of shots; choose a simulator"
            raise RefusedError("IncompatibleTarget", message, "spec.execution")
        if len(self.circuits) >= MAX_CIRCUITS:
            message = f"it takes more than {MAX_CIRCUITS} circuits; ask for fewer bindings or observables"
            raise RefusedError("IncompatibleTarget", message, "spec.task")
        name = f"circuit-{len(self.circuits)}"
        self.circuits.append(_in_gates(_placed(circuit, self._qubits, self.target.num_qubits, name), self.target))
        self.shots.append(shots)
        return {"counts": {"0x0": shots}}


@dataclass
class Replaying:
    """An engine that executes nothing: it gives the counts of circuits that a device executed, in their order.

    `fewest` has, for each time that the work turned to a program, the fewest shots that a circuit of it has.
    """

    counts: Sequence[Mapping[str, int]]
    methods: set[str] = field(default_factory=lambda: {"device"})
    fewest: list[int] = field(default_factory=list)
    used: int = 0

    def on(self, qubits: Sequence[int]) -> None:
        """The circuits from here on are of the next pub."""
        del qubits
        self.fewest.append(MAX_SHOTS)

    def run(self, circuit: QuantumCircuit, *, shots: int = 1, **_: Any) -> dict[str, Any]:
        """The counts of the next circuit. Raises RefusedError where they are not such as it can have."""
        if self.used >= len(self.counts):
            raise RefusedError("ResultUnreadable", f"there are counts of {self.used} circuits, and of no more")
        counts, width = self.counts[self.used], circuit.num_clbits
        self.used += 1
        taken = sum(counts.values())
        if not 0 < taken <= shots or any(len(bits) != width or bits.strip("01") for bits in counts):
            message = f"circuit {self.used}: {taken} of {shots} shots, over {width} bits, are no counts of it"
            raise RefusedError("ResultUnreadable", message)
        self.fewest[-1] = min(self.fewest[-1], taken)
        return {"counts": {hex(int(bits, 2)): count for bits, count in counts.items() if count}}


@dataclass(frozen=True)
class Collected:
    """The circuits of a job, in QPY, how often each is to be taken, and what they were made from."""

    qpy: bytes
    shots: tuple[int, ...]
    made: Made = field(compare=False)


def collect(job: JobInput, spec: RunSpec, begin: Callable[[str], None] = lambda _: None) -> Collected:
    """What a device has to execute for the job. Raises what `execute` raises."""
    engine = _collecting(job, spec)
    made = make(job, spec, begin)
    execute(job, spec, lambda _: None, engine, made)
    packed = io.BytesIO()
    qpy.dump(engine.circuits, packed)
    return Collected(packed.getvalue(), tuple(engine.shots), made)


def assemble(
    job: JobInput,
    spec: RunSpec,
    counts: Sequence[Mapping[str, int]],
    begin: Callable[[str], None],
    made: Made | None = None,
) -> Finished:
    """The job's results from the counts of its circuits: bit strings of all classical bits, bit 0 rightmost.

    Where a device took fewer shots than asked, the pub says how many at least. Raises RefusedError where the counts
    are not those of the job's circuits.
    """
    engine = Replaying(counts)
    finished = execute(job, spec, begin, engine, made)
    if engine.used != len(counts):
        message = f"the device gave counts of {len(counts)} circuits, and there are {engine.used}"
        raise RefusedError("ResultUnreadable", message)
    pubs = zip(finished.pubs, engine.fewest, strict=True)
    told = tuple(pub.model_copy(update={"shots": min(pub.shots, fewest)}) for pub, fewest in pubs)
    return replace(finished, pubs=told)


def _collecting(job: JobInput, spec: RunSpec) -> Collecting:
    if job.task.estimate is not None and job.task.estimate.mode == "exact":
        message = "exact values are simulated, and no device gives them; choose a simulator, or mode sampled"
        raise RefusedError("IncompatibleTarget", message, "spec.task.estimate.mode")
    return Collecting(spec.target)


def _in_gates(circuit: QuantumCircuit, target: Target) -> QuantumCircuit:
    """The circuit in the target's gates: changes of basis are added after it was compiled."""
    if target.basis_gates is None:
        return circuit
    known = {*target.basis_gates, *CONTROL_FLOW, "measure", "reset", "delay", "barrier"}
    if all(one.name in known for one in circuit.data):
        return circuit
    gates = transpiler_target(target.model_copy(update={"coupling_map": None}), "automatic", wide=False)
    return transpile(circuit, target=gates, optimization_level=0, num_processes=1)


def _placed(circuit: QuantumCircuit, qubits: Sequence[int], width: int, name: str) -> QuantumCircuit:
    """The circuit on the device's own qubits, each of its bits in a register; its name is ours, and no user's."""
    placed = QuantumCircuit(width, name=name)
    loose = [bit for bit in circuit.clbits if not circuit.find_bit(bit).registers]
    placed.add_bits(circuit.clbits)
    for register in circuit.cregs:
        placed.add_register(register)
    if loose:
        names = {register.name for register in circuit.cregs}
        name = next(f"bits{number}" for number in range(len(names) + 1) if f"bits{number}" not in names)
        placed.add_register(ClassicalRegister(bits=loose, name=name))
    placed.compose(circuit, list(qubits), circuit.clbits, inplace=True)
    return placed
