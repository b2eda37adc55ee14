"""What the adapter of Amazon Braket would send for given circuits."""

import io
import json
from typing import Any

from qiskit import QuantumCircuit, qpy

from quantum_adapters.braket.circuits import payload_of
from quantum_operator.ports.adapter import Circuits, Device
from support.braketdevice import DEVICE

GATES = ("cx", "h", "measure", "rz", "x")
QPU = Device(DEVICE, 8, GATES, None, ready=True, max_shots=1000)


def payload(*circuits: QuantumCircuit, shots: tuple[int, ...] = (), device: Device = QPU, most: int = 100) -> Any:
    """The task's content, of at most `most` executables."""
    stream = io.BytesIO()
    qpy.dump(list(circuits), stream)
    given = Circuits(device, stream.getvalue(), shots or (10,) * len(circuits))
    return json.loads(payload_of(given, most))
