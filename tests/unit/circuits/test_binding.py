"""Binding by name, and broadcasting."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import qasm3
from qiskit.circuit.library import real_amplitudes
from qiskit.quantum_info import Pauli, Statevector

from quantum_operator.circuits.bind import broadcast
from quantum_operator.circuits.errors import RefusedError
from support.runs import BELL3, estimate, finish, observable, refusal, sample, template
from support.runs import qasm3 as program3

TWO = 'include "stdgates.inc"; input float b; input float a; qubit[2] q; ry(a) q[0]; ry(b) q[1];'
Z0, Z1 = observable(("Z", [0], 1.0)), observable(("Z", [1], 1.0))


def test_values_follow_names_in_any_order() -> None:
    """However the names are ordered, each value goes to the input of its name."""
    for names, row in ((["a", "b"], [0.3, 1.1]), (["b", "a"], [1.1, 0.3])):
        task = estimate([Z0, Z1], mode="exact", parameterNames=names, parameterValues=[row])
        assert finish(program3(TWO), task).pubs[0].values == pytest.approx((math.cos(0.3), math.cos(1.1)))


def test_a_round_trip_that_sorts_parameters_is_harmless() -> None:
    """An export of real_amplitudes sorts _θ_10_ before _θ_2_; bound by name, the state is the original's."""
    circuit = real_amplitudes(3, reps=3)
    rng = np.random.default_rng(2)
    values = {parameter: float(rng.uniform(-3, 3)) for parameter in circuit.parameters}
    source = qasm3.dumps(circuit)
    names = {parameter: parameter.name.replace("[", "_").replace("]", "_") for parameter in values}
    exported = {
        parameter: next(n for n in (f"_{name}", name) if f" {n};" in source) for parameter, name in names.items()
    }
    assert list(exported.values()) != sorted(exported.values())
    reference = Statevector(circuit.assign_parameters(values))
    observables = [observable((pauli, [0, 1, 2], 1.0)) for pauli in ("XYZ", "ZZI", "IXX")]
    task = estimate(
        observables, mode="exact", parameterNames=list(exported.values()), parameterValues=[list(values.values())]
    )
    expected = [reference.expectation_value(Pauli(label[::-1])).real for label in ("XYZ", "ZZI", "IXX")]
    assert finish(program3(source), task).pubs[0].values == pytest.approx(expected)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["a"], "missing: b"),
        (["a", "b", "c"], "not inputs of it: c"),
        (["a", "c"], "missing: b; not inputs of it: c"),
        (["a", "b", "a"], "twice"),
        ([], "missing: a, b"),
    ],
)
def test_names_must_be_the_inputs(names: list[str], says: str) -> None:
    """parameterNames that are not exactly the program's inputs are refused, with what is missing and extra."""
    error = refusal(
        program3(TWO), estimate([Z0], mode="exact", parameterNames=names, parameterValues=[[0.0] * len(names)])
    )
    assert (error.reason, error.field) == ("InvalidParameters", "spec.task.estimate.pubs[0].parameterNames")
    assert says in error.message


def test_inputs_without_names_are_refused() -> None:
    """A program with inputs can't run without values, and one without takes none."""
    assert "missing: a, b" in refusal(program3(TWO), estimate([Z0], mode="exact")).message
    error = refusal(program3(BELL3), sample(parameterNames=["a"], parameterValues=[[1.0]]))
    assert "not inputs of it: a" in error.message


def test_rows_and_shapes_must_fit() -> None:
    """A row of the wrong length and a shape that holds another number of rows are refused by field."""
    task = estimate([Z0], mode="exact", parameterNames=["a", "b"], parameterValues=[[1.0, 2.0], [3.0]])
    assert refusal(program3(TWO), task).field == "spec.task.estimate.pubs[0].parameterValues[1]"
    task = estimate([Z0], mode="exact", parameterNames=["a", "b"], parameterValues=[[1.0, 2.0]], parameterShape=[2])
    assert refusal(program3(TWO), task).field == "spec.task.estimate.pubs[0].parameterShape"
    task = estimate([Z0], mode="exact", observablesShape=[2])
    error = refusal(program3("qubit q; U(1, 2, 3) q;"), task)
    assert (error.reason, error.field) == ("InvalidParameters", "spec.task.estimate.pubs[0].observablesShape")


def test_names_without_values_are_refused() -> None:
    """Named inputs need values."""
    error = refusal(program3(TWO), estimate([Z0], mode="exact", parameterNames=["a", "b"]))
    assert error.field == "spec.task.estimate.pubs[0].parameterValues"


shapes = st.lists(st.integers(1, 3), max_size=4).map(tuple)


@settings(deadline=None)
@given(shapes, shapes)
def test_broadcasting_is_numpys(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    """Any two shapes broadcast, or fail to, exactly as arrays of those shapes do."""
    left, right = np.arange(math.prod(one)).reshape(one), np.arange(math.prod(other)).reshape(other)
    try:
        expected = np.broadcast(left, right)
    except ValueError:
        with pytest.raises(RefusedError) as refused:
            broadcast(one, other, "f")
        assert refused.value.reason == "InvalidParameters"
        assert str(list(one)) in refused.value.message
        return
    shape, entries = broadcast(one, other, "f")
    assert shape == expected.shape
    assert entries == [(int(a), int(b)) for a, b in expected]


def test_template_angles_are_bound_by_name() -> None:
    """real-amplitudes takes its angles by name, layer by layer and then qubit by qubit."""
    names = [f"theta_{i}" for i in range(4)]
    task = estimate([Z0, Z1], mode="exact", parameterNames=names[::-1], parameterValues=[[0.4, 0.3, 0.2, 0.1]])
    pub = finish(template("real-amplitudes", qubits="2", reps="1", measure="false"), task).pubs[0]
    circuit = real_amplitudes(2, reps=1, entanglement="linear")
    ordered = sorted(circuit.parameters, key=lambda parameter: parameter.index)
    state = Statevector(circuit.assign_parameters(dict(zip(ordered, [0.1, 0.2, 0.3, 0.4], strict=True))))
    expected = [state.expectation_value(Pauli(label)).real for label in ("IZ", "ZI")]
    assert pub.values == pytest.approx(expected)
