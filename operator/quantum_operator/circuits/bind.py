"""Binding: parameter values to names, and bindings against observables, as NumPy broadcasts."""

import math
from dataclasses import dataclass

import numpy as np
from qiskit.circuit import QuantumCircuit

from quantum_operator.api.task import EstimatePub, SamplePub
from quantum_operator.circuits.errors import RefusedError
from quantum_operator.circuits.program import Parsed


@dataclass(frozen=True)
class Bindings:
    """Parameter values by name, one dict a binding, in C order of `shape`."""

    rows: tuple[dict[str, float], ...]
    shape: tuple[int, ...]


def read_bindings(pub: SamplePub | EstimatePub, parsed: Parsed, field: str) -> Bindings:
    """The pub's parameter bindings; a program without inputs has one, of shape ().

    Raises RefusedError when names are not exactly the program's inputs, or values or their shape do not fit them.
    """
    names = pub.parameter_names or ()
    expected = set(parsed.inputs)
    if set(names) != expected or len(set(names)) != len(names):
        raise RefusedError("InvalidParameters", _names_message(names, parsed), f"{field}.parameterNames")
    if pub.parameter_values is None:
        if names:
            message = f"{len(names)} parameters are named and none has a value; give parameterValues"
            raise RefusedError("InvalidParameters", message, f"{field}.parameterValues")
        return Bindings(({},), ())
    for index, row in enumerate(pub.parameter_values):
        if len(row) != len(names):
            message = f"{len(row)} values for {len(names)} parameters; give one number for each of parameterNames"
            raise RefusedError("InvalidParameters", message, f"{field}.parameterValues[{index}]")
    rows = tuple(dict(zip(names, row, strict=True)) for row in pub.parameter_values)
    return Bindings(rows, read_shape(pub.parameter_shape, len(rows), f"{field}.parameterShape"))


def read_shape(shape: tuple[int, ...] | None, count: int, field: str) -> tuple[int, ...]:
    """`shape`, or one axis of `count`. Raises RefusedError when it does not hold `count` things."""
    if shape is None:
        return (count,)
    if math.prod(shape) != count:
        message = f"{list(shape)} holds {math.prod(shape)}, and there are {count}; correct the shape"
        raise RefusedError("InvalidParameters", message, field)
    return shape


def broadcast(
    bindings: tuple[int, ...], observables: tuple[int, ...], field: str
) -> tuple[tuple[int, ...], list[tuple[int, int]]]:
    """The broadcast shape, and for each of its entries (C order) the binding and the observable that meet there."""
    try:
        shape = np.broadcast_shapes(bindings, observables)
    except ValueError as error:
        raise RefusedError(
            "InvalidParameters",
            f"shapes {list(bindings)} of the parameter values and {list(observables)} of the observables don't "
            "broadcast; make each axis equal or 1",
            field,
        ) from error
    one = np.broadcast_to(np.arange(math.prod(bindings)).reshape(bindings), shape)
    other = np.broadcast_to(np.arange(math.prod(observables)).reshape(observables), shape)
    return tuple(shape), list(zip(one.ravel().tolist(), other.ravel().tolist(), strict=True))


def bind(circuit: QuantumCircuit, parsed: Parsed, values: dict[str, float]) -> QuantumCircuit:
    """The circuit with every parameter's value in place; inputs that it does not use are ignored."""
    if not values:
        return circuit
    used = circuit.parameters
    by_parameter = {parsed.inputs[name]: value for name, value in values.items() if parsed.inputs[name] in used}
    return circuit.assign_parameters(by_parameter) if by_parameter else circuit


def _names_message(names: tuple[str, ...], parsed: Parsed) -> str:
    expected = set(parsed.inputs)
    parts = [
        f"missing: {', '.join(sorted(expected - set(names)))}" if expected - set(names) else "",
        f"not inputs of it: {', '.join(sorted(set(names) - expected))}" if set(names) - expected else "",
        "a name is given twice" if len(set(names)) != len(names) else "",
    ]
    wrong = "; ".join(part for part in parts if part)
    return f"the names are not the inputs of program {parsed.name!r}: {wrong}; name each input once"
