"""A QPU of Amazon Braket, described as the SDK's schema of IonQ's devices asks for it: with five qubits."""

from typing import Any

DEVICE = "arn:aws:braket:us-east-1::device/qpu/ionq/Forte-1"

GATES = ["x", "y", "z", "rx", "ry", "rz", "h", "cnot", "s", "si", "t", "ti", "v", "vi", "xx", "yy", "zz", "swap"]

CAPABILITIES: dict[str, Any] = {
    "braketSchemaHeader": {"name": "braket.device_schema.ionq.ionq_device_capabilities", "version": "1"},
    "service": {
        "braketSchemaHeader": {"name": "braket.device_schema.device_service_properties", "version": "1"},
        "executionWindows": [{"executionDay": "Everyday", "windowStartHour": "00:00", "windowEndHour": "23:59:59"}],
        "shotsRange": [1, 5000],
        "deviceCost": {"price": 0.03, "unit": "shot"},
        "deviceLocation": "Maryland, USA",
        "updatedAt": "2026-01-01T11:30:00+00:00",
    },
    "action": {
        "braket.ir.openqasm.program": {
            "actionType": "braket.ir.openqasm.program",
            "version": ["1"],
            "supportedOperations": GATES,
            "supportedModifiers": [],
            "supportedPragmas": ["verbatim"],
            "forbiddenPragmas": [],
            "maximumQubitArrays": 1,
            "maximumClassicalArrays": 1,
            "requiresAllQubitsMeasurement": False,
            "supportsPhysicalQubits": False,
            "requiresContiguousQubitIndices": True,
            "disabledQubitRewiringSupported": False,
            "supportedResultTypes": [{"name": "Probability", "observables": None, "minShots": 1, "maxShots": 5000}],
        },
        "braket.ir.openqasm.program_set": {
            "actionType": "braket.ir.openqasm.program_set",
            "version": ["1"],
            "maximumExecutables": 100,
            "maximumTotalShots": 100_000,
        },
    },
    "paradigm": {
        "braketSchemaHeader": {"name": "braket.device_schema.gate_model_qpu_paradigm_properties", "version": "1"},
        "qubitCount": 5,
        "nativeGateSet": ["GPI", "GPI2", "ZZ"],
        "connectivity": {"fullyConnected": True, "connectivityGraph": {}},
    },
    "deviceParameters": {},
    "standardized": {
        "braketSchemaHeader": {
            "name": "braket.device_schema.standardized_gate_model_qpu_device_properties",
            "version": "3",
        },
        "updatedAt": "2026-01-01T10:00:00Z",
    },
}
