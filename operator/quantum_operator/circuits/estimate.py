"""Estimating: expectation values with standard errors from counts, or exactly.

Sampled values come from measurements in the bases of qubit-wise commuting groups, one run a group and binding. The
standard error of an observable is that of the mean of its part in each group, shot by shot, so that covariances
within a group are in it; groups are independent. The changes of basis are free of gate noise: an estimate is about the
state that the program makes. Readout noise acts on it, and on exact values as well.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from qiskit.circuit import Clbit, QuantumCircuit
from qiskit.circuit.library import HGate, SdgGate
from qiskit.quantum_info import Kraus, SparsePauliOp
from qiskit_aer.library import SaveExpectationValue

from quantum_operator.api.task import EstimatePub
from quantum_operator.circuits.bind import Bindings, bind, broadcast, read_shape
from quantum_operator.circuits.compile import Compiled, without_idle_qubits
from quantum_operator.circuits.errors import RefusedError
from quantum_operator.circuits.noise import Noise
from quantum_operator.circuits.paulis import (
    Group,
    Pauli,
    bound,
    group_commuting,
    read_observable,
    shots_for_precision,
)
from quantum_operator.circuits.program import Parsed, has_operation
from quantum_operator.circuits.simulate import Engine

MAX_SHOTS: Final = 10_000_000
BASIS_LABEL: Final = "to_basis"
"""Aer looks noise up by a gate's label where it has one: these gates have a label that no noise is for."""

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Work:
    """A checked estimate pub: its observables, and which binding meets which observable at each entry of `shape`."""

    observables: tuple[dict[Pauli, float], ...]
    bindings: Bindings
    shape: tuple[int, ...]
    entries: tuple[tuple[int, int], ...]
    shots: int

    def batches(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Each binding with the observables that it meets, ascending."""
        met: dict[int, set[int]] = {}
        for binding, observable in self.entries:
            met.setdefault(binding, set()).add(observable)
        for binding, observables in sorted(met.items()):
            yield binding, tuple(sorted(observables))


def check_estimate(pub: EstimatePub, parsed: Parsed, bindings: Bindings, field: str) -> Work:
    """The pub's work; its `shots` is 0 where the pub has neither shots nor precision. Raises RefusedError."""
    if parsed.measured:
        raise RefusedError(
            "MeasuredEstimate",
            f"program {parsed.name!r} has measurements, which would collapse the state that estimate is asked about; "
            "remove them, or use sample",
            f"{field}.program",
        )
    width = parsed.circuit.num_qubits
    observables = tuple(
        read_observable(one, width, f"{field}.observables[{index}]") for index, one in enumerate(pub.observables)
    )
    arranged = read_shape(pub.observables_shape, len(observables), f"{field}.observablesShape")
    shape, entries = broadcast(bindings.shape, arranged, f"{field}.observablesShape")
    work = Work(observables, bindings, shape, tuple(entries), pub.shots or 0)
    return work if pub.precision is None else _with_precision(work, pub.precision, field)


def _with_precision(work: Work, precision: float, field: str) -> Work:
    shots = 1
    for chosen in {observables for _, observables in work.batches()}:
        groups = _groups(work, chosen)
        shots = max(shots, shots_for_precision([work.observables[one] for one in chosen], groups, precision))
    if shots > MAX_SHOTS:
        raise RefusedError(
            "InvalidParameters",
            f"{precision} takes up to {shots} shots of each group, at most {MAX_SHOTS} are taken; "
            "ask for less precision, or for mode exact",
            f"{field}.precision",
        )
    return Work(work.observables, work.bindings, work.shape, work.entries, shots)


def _groups(work: Work, chosen: Sequence[int]) -> tuple[Group, ...]:
    return group_commuting(pauli for one in chosen for pauli in work.observables[one])


def exact_method(circuit: QuantumCircuit, method: str, noisy: bool) -> str:
    """The method by which an expectation value is exact. Raises RefusedError when the backend's own is not.

    Noise and resets make mixed states: other methods than the density matrix would sample them, silently.
    """
    if not noisy and not has_operation(circuit, "reset"):
        return method
    if method in ("automatic", "density_matrix"):
        return "density_matrix"
    raise RefusedError(
        "IncompatibleTarget",
        f"exact values under noise or with reset need a density matrix, and the backend simulates by {method!r}; "
        "use mode sampled, or a backend with method automatic or density_matrix",
        "spec.task.estimate.mode",
    )


def run_sampled(
    engine: Engine,
    compiled: Compiled,
    work: Work,
    noise: Noise | None,
    *,
    method: str,
    seed_of: Callable[[int, int], int],
) -> tuple[list[float], list[float]]:
    """Values and standard errors at each entry. `seed_of` gives the seed of each binding and group."""
    found: dict[tuple[int, int], tuple[float, float]] = {}
    prepared: dict[tuple[int, ...], list[tuple[Group, QuantumCircuit]]] = {}
    for binding, chosen in work.batches():
        if chosen not in prepared:
            prepared[chosen] = [(group, _measured(compiled, group)) for group in _groups(work, chosen)]
        moments = {one: [work.observables[one].get((), 0.0), 0.0] for one in chosen}
        for index, (group, circuit) in enumerate(prepared[chosen]):
            data = engine.run(
                bind(circuit, compiled.program, work.bindings.rows[binding]),
                method=method,
                seed=seed_of(binding, index),
                shots=work.shots,
                noise=None if noise is None else noise.aer,
            )
            outcomes, weights = _outcomes(data["counts"], compiled.circuit.num_clbits, len(group.qubits))
            for one in chosen:
                mean, variance = _moments(work.observables[one], group, outcomes, weights)
                moments[one][0] += mean
                moments[one][1] += variance
        found.update({(binding, one): (mean, sqrt(variance)) for one, (mean, variance) in moments.items()})
    return [found[entry][0] for entry in work.entries], [found[entry][1] for entry in work.entries]


def run_exact(engine: Engine, compiled: Compiled, work: Work, noise: Noise | None, *, method: str) -> list[float]:
    """Exact values at each entry: no sampling is involved, so there is no seed and no error."""
    found: dict[tuple[int, int], float] = {}
    prepared: dict[tuple[int, ...], list[QuantumCircuit]] = {}
    for binding, chosen in work.batches():
        if chosen not in prepared:
            saving = _saving(compiled, work, chosen, noise)
            # Noise is of positions, which must stay then.
            prepared[chosen] = saving if noise is not None else [without_idle_qubits(one, ())[0] for one in saving]
        values = {one: work.observables[one].get((), 0.0) for one in chosen}
        for circuit in prepared[chosen]:
            data = engine.run(
                bind(circuit, compiled.program, work.bindings.rows[binding]),
                method=method,
                seed=0,
                noise=None if noise is None else noise.aer,
                exact=True,
            )
            for one in chosen:
                values[one] += float(data.get(f"observable_{one}", 0.0))
        found.update({(binding, one): value for one, value in values.items()})
    return [found[entry] for entry in work.entries]


def _saving(compiled: Compiled, work: Work, chosen: Sequence[int], noise: Noise | None) -> list[QuantumCircuit]:
    """Circuits that save the expectation values: one, or with readout noise one for each group."""
    if noise is None or not noise.readout:
        circuit = compiled.circuit.copy()
        for one in chosen:
            _save(circuit, compiled, work.observables[one], work.observables[one], f"observable_{one}")
        return [circuit]
    circuits = []
    for group in _groups(work, chosen):
        circuit = _in_basis(compiled, group)
        for qubit in group.qubits:
            position = compiled.places[qubit]
            if position in noise.readout:
                circuit.append(_readout_channel(*noise.readout[position]), [position])
        for one in chosen:
            _save(circuit, compiled, work.observables[one], group.strings, f"observable_{one}", diagonal=True)
        circuits.append(circuit)
    return circuits


def _save(
    circuit: QuantumCircuit,
    compiled: Compiled,
    observable: Mapping[Pauli, float],
    strings: Any,
    label: str,
    *,
    diagonal: bool = False,
) -> None:
    terms = [(pauli, observable[pauli]) for pauli in strings if pauli and pauli in observable]
    if not terms:
        return
    qubits = sorted({qubit for pauli, _ in terms for qubit, _ in pauli})
    place = {qubit: index for index, qubit in enumerate(qubits)}
    sparse = [
        ("".join("Z" if diagonal else letter for _, letter in pauli), [place[qubit] for qubit, _ in pauli], weight)
        for pauli, weight in terms
    ]
    operator = SparsePauliOp.from_sparse_list(sparse, num_qubits=len(qubits))
    circuit.append(SaveExpectationValue(operator, label=label), [compiled.places[qubit] for qubit in qubits])


def _readout_channel(one_for_zero: float, zero_for_one: float) -> Kraus:
    """A readout error as a channel before the measurement of Z."""
    amplitudes = np.sqrt([[1 - one_for_zero, zero_for_one], [one_for_zero, 1 - zero_for_one]])
    operators = np.zeros((4, 2, 2))
    for read in (0, 1):
        for prepared in (0, 1):
            operators[2 * read + prepared, read, prepared] = amplitudes[read, prepared]
    return Kraus(list(operators))


def _in_basis(compiled: Compiled, group: Group) -> QuantumCircuit:
    """The program, then the change to the group's basis."""
    circuit = compiled.circuit.copy()
    for qubit in group.qubits:
        place = compiled.places[qubit]
        if group.basis[qubit] == "Y":
            circuit.append(SdgGate(label=BASIS_LABEL), [place])
        if group.basis[qubit] != "Z":
            circuit.append(HGate(label=BASIS_LABEL), [place])
    return circuit


def _measured(compiled: Compiled, group: Group) -> QuantumCircuit:
    circuit = _in_basis(compiled, group)
    bits = [Clbit() for _ in group.qubits]
    circuit.add_bits(bits)
    circuit.measure([compiled.places[qubit] for qubit in group.qubits], bits)
    return circuit


def _outcomes(counts: Mapping[str, int], offset: int, width: int) -> tuple[npt.NDArray[np.uint8], Values]:
    """Counts as rows of bytes, least significant first and without the lowest `offset` bits, and their weights."""
    size = (width + 7) // 8
    data = b"".join((int(value, 16) >> offset).to_bytes(size, "little") for value in counts)
    rows = np.frombuffer(data, dtype=np.uint8).reshape(len(counts), size)
    return rows, np.fromiter(counts.values(), dtype=np.float64, count=len(counts))


def _moments(
    observable: Mapping[Pauli, float], group: Group, outcomes: npt.NDArray[np.uint8], weights: Values
) -> tuple[float, float]:
    """Mean of the observable's part in this group, and the variance of that mean.

    One shot tells nothing of the variance; then the largest possible one stands in for it.
    """
    bit = {qubit: index for index, qubit in enumerate(group.qubits)}
    part = np.zeros(len(weights))
    for pauli in group.strings:
        weight = observable.get(pauli)
        if weight is not None:
            mask = sum(1 << bit[qubit] for qubit, _ in pauli).to_bytes(outcomes.shape[1], "little")
            ones = np.bitwise_count(outcomes & np.frombuffer(mask, dtype=np.uint8)).sum(axis=1)
            part += weight * (1.0 - 2.0 * (ones & 1))
    shots = float(weights.sum())
    if shots < 2:
        return float(part[0]), bound(observable, group) ** 2
    if part.min() == part.max():
        return float(part[0]), 0.0
    mean = float(weights @ part) / shots
    return mean, float(weights @ (part - mean) ** 2) / (shots - 1) / shots
