"""What IBM Quantum tells of a quantum computer, as a device."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from qiskit.circuit import CONTROL_FLOW_OP_NAMES
from qiskit_ibm_runtime.utils.backend_converter import NON_UNITARY_ISA_INSTRUCTIONS
from qiskit_ibm_runtime.utils.backend_decoder import filter_raw_configuration

from quantum_operator.ports.adapter import Device, MalformedError


@dataclass(frozen=True)
class Make:
    """What of a device changes only with its calibration."""

    num_qubits: int
    basis_gates: tuple[str, ...]
    coupling: tuple[tuple[int, int], ...] | None
    calibrated: datetime | None
    max_shots: int
    simulator: bool


def make_of(configuration: dict[str, Any], properties: dict[str, Any]) -> Make:
    """The make of a device from the API's two documents, which it changes. Raises MalformedError.

    Fractional gates are left out, as the SDK does unless told: IBM runs them only without control flow. So are
    couplings that the last calibration found to be out of order.
    """
    try:
        filter_raw_configuration(configuration, use_fractional_gates=False)
        supported = set(configuration.get("supported_instructions") or NON_UNITARY_ISA_INSTRUCTIONS)
        others = supported & (NON_UNITARY_ISA_INSTRUCTIONS | set(CONTROL_FLOW_OP_NAMES))
        faulty = _faulty(properties)
        coupling = configuration.get("coupling_map")
        return Make(
            num_qubits=int(configuration["n_qubits"]),
            basis_gates=(*sorted(configuration["basis_gates"]), *sorted(others - set(configuration["basis_gates"]))),
            coupling=None if coupling is None else _working(coupling, faulty),
            calibrated=_time(properties.get("last_update_date")),
            max_shots=int(configuration["max_shots"]),
            simulator=bool(configuration.get("simulator", False)),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedError(f"IBM Quantum's description of a device can't be read: {type(error).__name__}") from None


def device_of(name: str, make: Make, status: Mapping[str, Any]) -> Device:
    """The device as it is now."""
    message = str(status.get("status_msg") or "")
    return Device(
        name=name,
        num_qubits=make.num_qubits,
        basis_gates=make.basis_gates,
        coupling=make.coupling,
        ready=bool(status.get("operational")) and message == "active",
        message=message,
        queue_length=int(status.get("pending_jobs") or 0),
        calibrated=make.calibrated,
        max_shots=make.max_shots,
        simulator=make.simulator,
    )


def _faulty(properties: Mapping[str, Any]) -> set[tuple[int, ...]]:
    """The qubits, and the sets of qubits under a gate, that are not operational."""
    qubits = {(index,) for index, told in enumerate(properties.get("qubits", ())) if _out_of_order(told)}
    gates = properties.get("gates", ())
    return qubits | {tuple(gate["qubits"]) for gate in gates if _out_of_order(gate.get("parameters", ()))}


def _out_of_order(parameters: Iterable[Mapping[str, Any]]) -> bool:
    return any(one.get("name") == "operational" and not one.get("value") for one in parameters)


def _working(coupling: Iterable[Iterable[int]], faulty: set[tuple[int, ...]]) -> tuple[tuple[int, int], ...]:
    pairs = ((int(a), int(b)) for a, b in coupling)
    return tuple(pair for pair in pairs if not {pair, pair[:1], pair[1:]} & faulty)


def _time(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    told = datetime.fromisoformat(text)
    return told if told.tzinfo is not None else told.replace(tzinfo=UTC)
