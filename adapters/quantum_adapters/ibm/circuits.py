"""Circuits as the sampler primitive takes them, and its results as counts.

Results come by the names of classical registers. So that they can be joined without knowing the circuit, its registers
are renamed `part0`, `part1` and so on, in the order of their bits; no name that a user gave leaves this way either.
"""

import io
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from qiskit import ClassicalRegister, QuantumCircuit, qpy
from qiskit.circuit import Clbit, ControlFlowOp
from qiskit.primitives import BitArray
from qiskit.primitives.containers import PrimitiveResult
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit_ibm_runtime.json import RuntimeDecoder, RuntimeEncoder

from quantum_operator.ports.adapter import (
    Circuits,
    Device,
    MalformedError,
    Prepared,
    RegisterBits,
    RejectedError,
    UnsupportedError,
)

SAMPLER_VERSION = 2
NAME = "part"


def payload_of(circuits: Circuits, max_circuits: int) -> bytes:
    """The parameters of a sampler job in JSON. Raises UnsupportedError where the device can't run the circuits."""
    loaded = _loaded(circuits.qpy)
    if not 1 <= len(loaded) <= max_circuits:
        raise UnsupportedError(f"a job takes 1 to {max_circuits} circuits, not {len(loaded)}")
    if len(loaded) != len(circuits.shots):
        raise UnsupportedError(f"{len(loaded)} circuits, but shots for {len(circuits.shots)}")
    pubs = []
    for index, (circuit, shots) in enumerate(zip(loaded, circuits.shots, strict=True)):
        try:
            pubs.append(_pub(circuit, shots, circuits.device, index))
        except UnsupportedError as error:
            raise UnsupportedError(f"circuit {index}: {error}") from None
        except Exception as error:  # noqa: BLE001  # QPY of another maker may hold what no circuit can
            raise UnsupportedError(f"circuit {index} is not sound: {type(error).__name__}") from None
    return json.dumps(_job(pubs), cls=RuntimeEncoder).encode()


def combined(parts: Sequence[Prepared], max_circuits: int) -> bytes:
    """The parameters of one job with the circuits of all of these, in order.

    Raises RejectedError where a part has other circuits or shots than it is said to have, UnsupportedError where there
    are too many.
    """
    pubs = [pub for part in parts for pub in _pubs(part)]
    if len(pubs) > max_circuits:
        raise UnsupportedError(f"a job takes 1 to {max_circuits} circuits, not {len(pubs)}")
    return json.dumps(_job(pubs)).encode()


def params_of(prepared: Prepared) -> dict[str, Any]:
    """What is to be sent: the circuits alone, without options. Who made it read programs that may be hostile.

    Raises RejectedError where it has other circuits or shots than it is said to have.
    """
    return _job(_pubs(prepared))


def _pubs(prepared: Prepared) -> list[Any]:
    try:
        params = json.loads(prepared.payload)
    except (ValueError, RecursionError):
        params = None
    if not isinstance(params, dict):
        raise RejectedError("what was prepared are no parameters of IBM Quantum's sampler")
    pubs = params.get("pubs")
    if not isinstance(pubs, list) or [_shots(one) for one in pubs] != list(prepared.shots):
        raise RejectedError("what was prepared has other circuits or shots than it is said to have")
    return pubs


def counts_of(result: str) -> tuple[RegisterBits, ...]:
    """The counts of every circuit of a sampler job's result. Raises MalformedError where it is none.

    One circuit may be of a hostile program, and the next of another job: what has no counts of ours has none.
    """
    try:
        decoded = json.loads(result, cls=RuntimeDecoder)
        circuits = list(decoded) if isinstance(decoded, PrimitiveResult) else None
    except Exception as error:  # noqa: BLE001  # the SDK's decoder raises whatever it meets
        raise MalformedError(f"IBM Quantum's result can't be read: {type(error).__name__}") from None
    if circuits is None:
        raise MalformedError("IBM Quantum's result is not one of the sampler")
    found = [_counts(circuit) for circuit in circuits]
    if found and not any(found):
        raise MalformedError("IBM Quantum's result has no counts of circuits of ours")
    return tuple(RegisterBits(one) for one in found)


def _counts(circuit: Any) -> dict[str, int]:
    """The counts of one circuit; none where they can't be read."""
    try:
        return _joined(dict(circuit.data.items()))
    except Exception:  # noqa: BLE001  # the SDK raises whatever it meets
        return {}


def _job(pubs: list[Any]) -> dict[str, Any]:
    return {"pubs": pubs, "options": {}, "version": SAMPLER_VERSION, "support_qiskit": True}


def _shots(pub: object) -> int | None:
    """The shots of an encoded pub of one circuit that has no parameters; None where it is anything else."""
    match pub:
        case [{"__type__": "QuantumCircuit", "__value__": str(), **others}, parameters, int() as shots]:
            sound = not others and parameters == _no_parameters() and not isinstance(shots, bool)
            return shots if sound else None
    return None


@cache
def _no_parameters() -> object:
    """How a pub without parameters is encoded: with some, a circuit would be taken once for each of their values."""
    encoded = json.loads(json.dumps(SamplerPub.coerce((QuantumCircuit(1), None, 1)), cls=RuntimeEncoder))
    return encoded[1]


def _loaded(data: bytes) -> list[QuantumCircuit]:
    try:
        loaded: list[QuantumCircuit] = qpy.load(io.BytesIO(data))
    except Exception as error:  # noqa: BLE001  # QPY raises whatever it meets
        raise UnsupportedError(f"this is no QPY: {type(error).__name__}") from None
    if not all(isinstance(circuit, QuantumCircuit) for circuit in loaded):
        raise UnsupportedError("this QPY has more than circuits")
    return loaded


def _pub(circuit: QuantumCircuit, shots: int, device: Device, index: int) -> SamplerPub:
    if not 1 <= shots <= device.max_shots:
        raise UnsupportedError(f"{shots} shots; {device.name} takes 1 to {device.max_shots}")
    if why := _unfit(circuit, device):
        raise UnsupportedError(why)
    return SamplerPub.coerce((_renamed(circuit, index), None, shots))


def _unfit(circuit: QuantumCircuit, device: Device) -> str:
    """Why the device can't run a circuit; empty where it can."""
    if circuit.num_qubits > device.num_qubits:
        return f"{circuit.num_qubits} qubits; {device.name} has {device.num_qubits}"
    if circuit.parameters:
        return f"{len(circuit.parameters)} parameters have no value"
    if not circuit.num_clbits:
        return "it measures nothing"
    coupled = None if device.coupling is None else frozenset(device.coupling)
    return _foreign(circuit, device, coupled, tuple(range(circuit.num_qubits)))


def _foreign(
    circuit: QuantumCircuit, device: Device, coupled: frozenset[tuple[int, int]] | None, places: tuple[int, ...]
) -> str:
    """The first instruction that the device does not have there, where `places` are the qubits' numbers."""
    for instruction in circuit.data:
        operation, name = instruction.operation, instruction.operation.name
        qubits = tuple(places[circuit.find_bit(qubit).index] for qubit in instruction.qubits)
        if name == "barrier":
            continue
        if device.basis_gates is not None and name not in device.basis_gates:
            return f"{device.name} has no {name}; compile for it first"
        if isinstance(operation, ControlFlowOp):
            for block in operation.blocks:
                if found := _foreign(block, device, coupled, qubits):
                    return found
        elif coupled is not None and len(qubits) > 1 and qubits not in coupled:
            return f"{device.name} has no {name} on qubits {', '.join(map(str, qubits))}; compile for it first"
    return ""


def _renamed(circuit: QuantumCircuit, index: int) -> QuantumCircuit:
    """The circuit with its bits in registers `part0` and so on: those that it has, or one if they overlap."""
    bits: list[Clbit] = [bit for register in circuit.cregs for bit in register]
    sizes = [len(register) for register in circuit.cregs if len(register)]
    if bits != list(circuit.clbits):
        sizes = [circuit.num_clbits]
    registers = [ClassicalRegister(size, f"{NAME}{number}") for number, size in enumerate(sizes)]
    renamed = QuantumCircuit(circuit.num_qubits, name=f"circuit-{index}")
    renamed.add_register(*registers)
    renamed.compose(circuit, range(circuit.num_qubits), range(circuit.num_clbits), inplace=True)
    if len(renamed.cregs) != len(registers):
        raise UnsupportedError("it has conditions on classical registers that overlap")
    return renamed


def _joined(registers: Mapping[str, object]) -> dict[str, int]:
    """The counts over all registers, the first of them rightmost. Raises ValueError where they are not ours."""
    arrays = []
    for number in range(len(registers)):
        array = registers[f"{NAME}{number}"]
        if not isinstance(array, BitArray) or array.shape != ():
            raise ValueError("a register without plain bits")
        arrays.append(array)
    counts = BitArray.concatenate_bits(arrays).get_counts()
    return {str(bits): int(count) for bits, count in counts.items() if re.fullmatch("[01]+", bits)}
