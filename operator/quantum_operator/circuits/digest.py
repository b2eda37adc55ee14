"""The digest of a compiled circuit, over a canonical form that every circuit has.

OpenQASM 3 is no such form: not every circuit exports, and an export drops the layout. The form here is the JSON of
[qubits, clbits, global phase, instructions]; an instruction is [name, parameters, qubits, clbits], bits by position,
numbers by their shortest exact decimal. Control flow has [kind, condition or loop, blocks] for its parameters.
"""

import hashlib
import json
from typing import Any

import numpy as np
from qiskit.circuit import Clbit, ParameterExpression, QuantumCircuit
from qiskit.circuit import Parameter as QiskitParameter


def circuit_digest(circuit: QuantumCircuit) -> str:
    """The hexadecimal SHA-256 of the circuit's canonical form. Names of registers and of loop variables don't count."""
    qubits = {bit: index for index, bit in enumerate(circuit.qubits)}
    clbits = {bit: index for index, bit in enumerate(circuit.clbits)}
    form = [
        len(qubits),
        len(clbits),
        _number(circuit.global_phase),
        _instructions(circuit, qubits, clbits, 0),
    ]
    return hashlib.sha256(json.dumps(form, separators=(",", ":")).encode()).hexdigest()


def _instructions(circuit: QuantumCircuit, qubits: dict[Any, int], clbits: dict[Any, int], depth: int) -> list[Any]:
    return [
        [
            one.name,
            _control_flow(one.operation, one, qubits, clbits, depth)
            if one.is_control_flow()
            else [_number(value) for value in one.params],
            [qubits[bit] for bit in one.qubits],
            [clbits[bit] for bit in one.clbits],
        ]
        for one in circuit.data
    ]


def _control_flow(operation: Any, instruction: Any, qubits: dict[Any, int], clbits: dict[Any, int], depth: int) -> Any:
    head: list[Any] = []
    blocks = list(operation.blocks)
    condition = getattr(operation, "condition", None)
    if condition is not None:
        target, value = condition
        bits = [target] if isinstance(target, Clbit) else list(target)
        head = [[clbits[bit] for bit in bits], int(value)]
    elif operation.name == "for_loop":
        values, variable, body = operation.params
        head = list(values)
        if variable is not None and variable in body.parameters:
            blocks = [body.assign_parameters({variable: QiskitParameter(f"loop_{depth}")})]
    inner = []
    for block in blocks:
        inner_qubits = {bit: qubits[outer] for bit, outer in zip(block.qubits, instruction.qubits, strict=True)}
        inner_clbits = {bit: clbits[outer] for bit, outer in zip(block.clbits, instruction.clbits, strict=True)}
        inner.append(_instructions(block, inner_qubits, {**clbits, **inner_clbits}, depth + 1))
    return [head, inner]


def _number(value: Any) -> Any:
    if isinstance(value, ParameterExpression):
        return str(value) if value.parameters else repr(complex(value))
    if isinstance(value, np.ndarray):
        return hashlib.sha256(np.ascontiguousarray(value, dtype=complex).tobytes()).hexdigest()
    return repr(float(value)) if isinstance(value, int | float | np.number) else str(value)
