"""What Amazon Braket tells of a device, as a device."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from quantum_operator.ports.adapter import Device, MalformedError

GATES = {
    "i": "id",
    "x": "x",
    "y": "y",
    "z": "z",
    "h": "h",
    "s": "s",
    "si": "sdg",
    "t": "t",
    "ti": "tdg",
    "v": "sx",
    "vi": "sxdg",
    "rx": "rx",
    "ry": "ry",
    "rz": "rz",
    "phaseshift": "p",
    "u": "u",
    "prx": "r",
    "cnot": "cx",
    "cy": "cy",
    "cz": "cz",
    "cphaseshift": "cp",
    "swap": "swap",
    "iswap": "iswap",
    "ecr": "ecr",
    "xx": "rxx",
    "yy": "ryy",
    "zz": "rzz",
}
"""Braket's gates on one and two qubits that Qiskit has too, with its names for them."""

PROGRAM = "braket.ir.openqasm.program"


def device_of(answer: Mapping[str, Any]) -> Device:
    """The device of an answer to GetDevice. Raises MalformedError.

    It takes any of its gates on any pair of qubits: Braket itself compiles for the QPU, and places the qubits.
    """
    try:
        told = json.loads(answer["deviceCapabilities"])
        status = str(answer["deviceStatus"])
        gates = _gates(told.get("action", {}))
        qubits = int(told["paradigm"]["qubitCount"])
        return Device(
            name=str(answer["deviceArn"]),
            num_qubits=qubits,
            basis_gates=gates,
            coupling=None,
            ready=status == "ONLINE" and bool(gates),
            message=status if gates else f"{status}, but it takes no OpenQASM programs",
            queue_length=_queue(answer.get("deviceQueueInfo") or ()),
            calibrated=_time((told.get("standardized") or {}).get("updatedAt")),
            max_shots=int(told["service"]["shotsRange"][1]),
            simulator=answer["deviceType"] == "SIMULATOR",
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise MalformedError(f"Amazon Braket's description of a device can't be read: {type(error).__name__}") from None


def _gates(actions: Mapping[str, Any]) -> tuple[str, ...]:
    """The gates, with `measure`; empty where the device takes no programs of gates, as analog ones."""
    if PROGRAM not in actions:
        return ()
    offered = {str(name).lower() for name in actions[PROGRAM]["supportedOperations"]}
    return (*sorted(GATES[name] for name in offered & GATES.keys()), "measure")


def _queue(queues: Any) -> int | None:
    """The tasks that wait, whatever their priority; None where a queue is not told as a number, such as `>4000`."""
    sizes = [str(one["queueSize"]) for one in queues if one["queue"] == "QUANTUM_TASKS_QUEUE"]
    return sum(map(int, sizes)) if sizes and all(size.isdigit() for size in sizes) else None


def _time(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    told = datetime.fromisoformat(text)
    return told if told.tzinfo is not None else told.replace(tzinfo=UTC)
