"""Noise models: from the API's to Aer's, one for each compiled circuit.

Of the entries for a gate, the one with exactly these qubits counts, else the one with them the other way around, else
the one without qubits; of two alike, the last. The same goes for readout. Depolarizing noise is Aer's
`depolarizing_error`: with probability p the gate's qubits are replaced by the fully mixed state.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from qiskit.circuit import QuantumCircuit
from qiskit_aer.noise import NoiseModel as AerNoiseModel
from qiskit_aer.noise import ReadoutError, depolarizing_error

from quantum_operator.api.execution import GateNoise, NoiseModel
from quantum_operator.circuits.compile import CONTROL_FLOW, Compiled
from quantum_operator.circuits.errors import RefusedError
from quantum_operator.circuits.unroll import NON_GATES

MILLION: Final = 1_000_000
WIDEST_GATE: Final = 3


@dataclass(frozen=True)
class Noise:
    """`aer` is for sampling; `readout` has, by position, the probabilities of reading 1 for 0 and 0 for 1."""

    aer: AerNoiseModel
    readout: Mapping[int, tuple[float, float]]
    touched: bool


def make_noise(model: NoiseModel, compiled: Compiled, read: frozenset[int]) -> Noise:
    """The model on this circuit, whose positions `read` are read out. Raises RefusedError for too wide a gate."""
    aer = AerNoiseModel()
    touched = False
    for name, places in sorted(gate_uses(compiled.circuit).items()):
        entries = [entry for entry in model.gates or () if entry.gate == name]
        for place in sorted(places) if entries else ():
            ppm = _strength(entries, tuple(compiled.target_qubits[position] for position in place))
            if ppm is None:
                continue
            if len(place) > WIDEST_GATE:
                raise RefusedError(
                    "IncompatibleTarget",
                    f"noise on {name!r}, which acts on {len(place)} qubits: at most {WIDEST_GATE} can be noisy; use a "
                    "backend whose basisGates has smaller gates",
                    "spec.execution.noise.gates",
                )
            touched = True
            aer.add_quantum_error(depolarizing_error(ppm / MILLION, len(place)), name, list(place))
    readout = _readout(model, compiled, read)
    for position, (one_for_zero, zero_for_one) in readout.items():
        error = ReadoutError([[1 - one_for_zero, one_for_zero], [zero_for_one, 1 - zero_for_one]])
        aer.add_readout_error(error, [position])
    return Noise(aer, readout, touched or bool(readout))


def refuse_without_effect(noise: Noise, model: NoiseModel, compiled: Compiled) -> None:
    """Refuse a noise model that was asked for and does nothing to this program."""
    for index, entry in enumerate(model.gates or ()):
        if entry.gate in NON_GATES or entry.gate in CONTROL_FLOW:
            raise RefusedError(
                "NoiseHasNoEffect",
                f"{entry.gate!r} is no gate; name a gate of the compiled circuit, or use noise.readout",
                f"spec.execution.noise.gates[{index}].gate",
            )
    if not noise.touched:
        gates = ", ".join(sorted(gate_uses(compiled.circuit))) or "no gates"
        raise RefusedError(
            "NoiseHasNoEffect",
            f"the noise touches nothing of the compiled program {compiled.program.name!r}, which has {gates}; "
            "name gates and qubits that it uses",
            "spec.execution.noise",
        )


def gate_uses(circuit: QuantumCircuit) -> dict[str, set[tuple[int, ...]]]:
    """The positions that each gate is used on, in blocks of control flow too."""
    found: dict[str, set[tuple[int, ...]]] = {}
    _collect(circuit, {bit: position for position, bit in enumerate(circuit.qubits)}, found)
    return found


def measured_positions(circuit: QuantumCircuit) -> frozenset[int]:
    """The positions that are measured anywhere in the circuit."""
    found: dict[str, set[tuple[int, ...]]] = {}
    _collect(circuit, {bit: position for position, bit in enumerate(circuit.qubits)}, found, keep="measure")
    return frozenset(position for place in found.get("measure", ()) for position in place)


def _collect(
    circuit: QuantumCircuit, positions: dict[Any, int], found: dict[str, set[tuple[int, ...]]], keep: str = ""
) -> None:
    for one in circuit.data:
        if one.is_control_flow():
            for block in one.operation.blocks:
                inner = {bit: positions[outer] for bit, outer in zip(block.qubits, one.qubits, strict=True)}
                _collect(block, inner, found, keep)
        elif one.name == keep or (not keep and one.name not in NON_GATES and one.name not in CONTROL_FLOW):
            found.setdefault(one.name, set()).add(tuple(positions[bit] for bit in one.qubits))


def _strength(entries: list[GateNoise], qubits: tuple[int, ...]) -> int | None:
    for wanted in (qubits, qubits[::-1], None):
        ppms = [entry.depolarizing_ppm for entry in entries if entry.qubits == wanted]
        if ppms:
            return ppms[-1]
    return None


def _readout(model: NoiseModel, compiled: Compiled, read: frozenset[int]) -> dict[int, tuple[float, float]]:
    found = {}
    for position in sorted(read):
        for wanted in (compiled.target_qubits[position], None):
            entries = [entry for entry in model.readout or () if entry.qubit == wanted]
            if entries:
                last = entries[-1]
                found[position] = (last.prob_meas1_prep0_ppm / MILLION, last.prob_meas0_prep1_ppm / MILLION)
                break
    return found
