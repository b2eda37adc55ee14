"""Circuits as Amazon Braket takes them: OpenQASM 3 in its dialect. Only the child that prepares them needs the SDKs."""

import io
import json
import math
from collections.abc import Sequence

from braket.circuits.serialization import IRType
from braket.ir.openqasm import Program, ProgramSet
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import ControlFlowOp
from qiskit_braket_provider import to_braket

from quantum_adapters.braket.layout import LONGEST, Layout, written
from quantum_operator.ports.adapter import Circuits, Device, UnsupportedError


def payload_of(circuits: Circuits, max_circuits: int) -> bytes:
    """The action of a task, its shots, and its circuits' layouts, in JSON. Raises UnsupportedError.

    Every executable of a program set is taken as often as any other. So circuits of unequal shots stand there several
    times, each taken as often as divides all of their shots.
    """
    device, loaded = circuits.device, _loaded(circuits.qpy)
    _countable(circuits, len(loaded), max_circuits)
    each = math.gcd(*circuits.shots)
    copies = [shots // each for shots in circuits.shots]
    if len(loaded) == 1:
        each, copies = circuits.shots[0], [1]
    if sum(copies) > max_circuits:
        raise UnsupportedError(f"shots of {circuits.shots} need {sum(copies)} executables; a task has {max_circuits}")
    programs, layouts = [], []
    for index, circuit in enumerate(loaded):
        if why := _unfit(circuit, device):
            raise UnsupportedError(f"circuit {index}: {why}")
        ordered, bits = _ordered(circuit)
        programs += [_program(ordered, device, index)] * copies[index]
        layouts.append(Layout(circuit.num_clbits, bits, copies[index]))
    carried = written(layouts)
    if len(carried) > LONGEST:
        raise UnsupportedError("the circuits' classical bits differ too much for one task")
    action = programs[0] if len(programs) == 1 else ProgramSet(programs=programs)
    return json.dumps({"action": action.json(), "shots": each * len(programs), "layout": carried}).encode()


def _loaded(data: bytes) -> list[QuantumCircuit]:
    try:
        loaded: list[QuantumCircuit] = qpy.load(io.BytesIO(data))
    except Exception as error:  # noqa: BLE001  # QPY raises whatever it meets
        raise UnsupportedError(f"this is no QPY: {type(error).__name__}") from None
    if not all(isinstance(circuit, QuantumCircuit) for circuit in loaded):
        raise UnsupportedError("this QPY has more than circuits")
    return loaded


def _countable(circuits: Circuits, number: int, max_circuits: int) -> None:
    """Raises UnsupportedError where there are too many circuits or shots."""
    device = circuits.device
    most = 1 if device.simulator else max_circuits
    if not 1 <= number <= most:
        raise UnsupportedError(f"a task on {device.name} takes 1 to {most} circuits, not {number}")
    if number != len(circuits.shots):
        raise UnsupportedError(f"{number} circuits, but shots for {len(circuits.shots)}")
    for index, shots in enumerate(circuits.shots):
        if not 1 <= shots <= device.max_shots:
            raise UnsupportedError(f"circuit {index}: {shots} shots; {device.name} takes 1 to {device.max_shots}")


def _unfit(circuit: QuantumCircuit, device: Device) -> str:
    """Why the device can't run a circuit; empty where it can."""
    if circuit.num_qubits > device.num_qubits:
        return f"{circuit.num_qubits} qubits; {device.name} has {device.num_qubits}"
    if circuit.parameters:
        return f"{len(circuit.parameters)} parameters have no value"
    measured: set[int] = set()
    written_to: set[int] = set()
    for instruction in circuit.data:
        operation, name = instruction.operation, instruction.operation.name
        if name == "barrier":
            continue
        if isinstance(operation, ControlFlowOp) or name in {"reset", "delay"}:
            return f"Amazon Braket has no {name}"
        if name != "measure" and device.basis_gates is not None and name not in device.basis_gates:
            return f"{device.name} has no {name}; compile for it first"
        qubits = {circuit.find_bit(qubit).index for qubit in instruction.qubits}
        if again := qubits & measured:
            return f"{name} on qubit {min(again)} after its measurement; measurements come last"
        if name == "measure":
            bit = circuit.find_bit(instruction.clbits[0]).index
            if bit in written_to:
                return f"two measurements into classical bit {bit}"
            measured |= qubits
            written_to.add(bit)
    return "" if measured else "it measures nothing"


def _ordered(circuit: QuantumCircuit) -> tuple[QuantumCircuit, tuple[int, ...]]:
    """The circuit over the qubits that it uses, those measured first, by their classical bits; and these bits.

    Braket places qubits on the device itself, so that their numbers mean nothing.
    """
    source = {
        circuit.find_bit(instruction.clbits[0]).index: circuit.find_bit(instruction.qubits[0]).index
        for instruction in circuit.data
        if instruction.operation.name == "measure"
    }
    bits = tuple(sorted(source))
    gates = [instruction for instruction in circuit.data if instruction.operation.name not in {"measure", "barrier"}]
    used = {circuit.find_bit(qubit).index for instruction in gates for qubit in instruction.qubits}
    first = [source[bit] for bit in bits]
    place = {qubit: number for number, qubit in enumerate([*first, *sorted(used - set(first))])}
    ordered = QuantumCircuit(len(place), len(bits))
    for instruction in gates:
        ordered.append(instruction.operation, [place[circuit.find_bit(qubit).index] for qubit in instruction.qubits])
    ordered.measure(range(len(bits)), range(len(bits)))
    return ordered, bits


def _program(circuit: QuantumCircuit, device: Device, index: int) -> Program:
    gates: Sequence[str] | None = None
    if device.basis_gates is not None:
        gates = [name for name in device.basis_gates if name != "measure"]
    try:
        converted = to_braket(circuit, basis_gates=gates, optimization_level=0)
        return Program(source=converted.to_ir(IRType.OPENQASM).source)
    except Exception as error:  # noqa: BLE001  # the SDKs raise whatever they meet
        raise UnsupportedError(f"circuit {index} is none that Amazon Braket takes: {type(error).__name__}") from None
