"""What must hold for any circuit, tried on random ones against Qiskit's own arithmetic."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import qasm3
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import DensityMatrix, SparsePauliOp, Statevector

from support.distributions import exact_distribution, holm, p_value
from support.runs import counts, estimate, finish, observable, sample, spec
from support.runs import qasm3 as program3

ONE = ("h", "x", "y", "z", "s", "sdg", "t", "sx")
TURNS = ("rx", "ry", "rz", "p")
TWO = ("cx", "cy", "cz", "swap", "ch")
WIDTH = 4


@st.composite
def circuits(draw: st.DrawFn, *, resets: bool = False) -> QuantumCircuit:
    """Circuits on four qubits of one- and two-qubit gates, rotations and perhaps resets."""
    circuit = QuantumCircuit(WIDTH)
    for _ in range(draw(st.integers(1, 14))):
        one, other = draw(st.permutations(range(WIDTH)))[:2]
        kind = draw(st.sampled_from(["one", "turn", "two", *(["reset"] if resets else [])]))
        if kind == "one":
            getattr(circuit, draw(st.sampled_from(ONE)))(one)
        elif kind == "turn":
            getattr(circuit, draw(st.sampled_from(TURNS)))(draw(st.floats(-6, 6).map(lambda a: round(a, 3))), one)
        elif kind == "two":
            getattr(circuit, draw(st.sampled_from(TWO)))(one, other)
        else:
            circuit.reset(one)
    return circuit


paulis = st.text("IXYZ", min_size=WIDTH, max_size=WIDTH)
observables = st.lists(st.tuples(paulis, st.floats(-2, 2).map(lambda c: round(c, 3))), min_size=1, max_size=4)

targets = st.sampled_from(
    [
        {"numQubits": 4},
        {"numQubits": 6, "basisGates": ["rz", "sx", "x", "cx"], "couplingMap": [[i, i + 1] for i in range(5)]},
        {"numQubits": 5, "basisGates": ["u", "cz"]},
        {"numQubits": 5, "couplingMap": [[0, i] for i in range(1, 5)] + [[i, 0] for i in range(1, 5)]},
    ]
)


def written(terms: list[tuple[str, float]]) -> dict[str, Any]:
    """The sum in the API's form: letter i on qubit i."""
    return observable(*((pauli, range(WIDTH), weight) for pauli, weight in terms))


def operator(terms: list[tuple[str, float]]) -> SparsePauliOp:
    """The sum in Qiskit's form: the last letter on qubit 0."""
    return SparsePauliOp([pauli[::-1] for pauli, _ in terms], [weight for _, weight in terms])


@settings(max_examples=40, deadline=None)
@given(circuits(), observables, targets, st.integers(0, 3))
def test_exact_values_survive_any_compilation(
    circuit: QuantumCircuit, terms: list[tuple[str, float]], target: dict[str, Any], level: int
) -> None:
    """On any target and at any level, an exact value is the one of the circuit as it was written."""
    done = finish(
        program3(qasm3.dumps(circuit)),
        estimate([written(terms)], mode="exact"),
        spec(target=target),
        optimizationLevel=level,
    )
    assert done.pubs[0].values == pytest.approx(
        (Statevector(circuit).expectation_value(operator(terms)).real,), abs=1e-9
    )


@settings(max_examples=25, deadline=None)
@given(circuits(resets=True), observables)
def test_exact_values_with_resets_are_of_the_mixed_state(
    circuit: QuantumCircuit, terms: list[tuple[str, float]]
) -> None:
    """With resets an exact value is the mixed state's, not a trajectory's."""
    done = finish(program3(qasm3.dumps(circuit)), estimate([written(terms)], mode="exact"))
    expected = DensityMatrix(circuit).expectation_value(operator(terms)).real
    assert done.pubs[0].values == pytest.approx((expected,), abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(circuits(), observables, targets, st.integers(0, 2**53 - 1))
def test_sampled_values_are_within_six_errors(
    circuit: QuantumCircuit, terms: list[tuple[str, float]], target: dict[str, Any], seed: int
) -> None:
    """A sampled value lies within six of the largest standard errors that are possible, whatever the seed."""
    shots = 400
    done = finish(
        program3(qasm3.dumps(circuit)), estimate([written(terms)], shots=shots), spec(target=target, seed=seed)
    )
    expected = Statevector(circuit).expectation_value(operator(terms)).real
    largest = sum(abs(weight) for _, weight in terms) / np.sqrt(shots)
    (pub,) = done.pubs
    assert pub.values is not None
    assert pub.standard_errors is not None
    assert abs(pub.values[0] - expected) <= 6 * largest + 1e-9
    assert 0 <= pub.standard_errors[0] <= largest * np.sqrt(shots / (shots - 1)) + 1e-9


def test_random_dynamic_programs_follow_their_branches() -> None:
    """Twelve random programs with mid-circuit measurements, branches and resets fit their exact distributions."""
    rng = np.random.default_rng(11)
    p_values = {}
    for index in range(12):
        circuit = QuantumCircuit(3, 4)
        for _ in range(8):
            one, other = (int(q) for q in rng.permutation(3)[:2])
            bit = int(rng.integers(4))
            match int(rng.integers(6)):
                case 0:
                    circuit.measure(one, bit)
                case 1:
                    circuit.reset(one)
                case 2:
                    with circuit.if_test((circuit.clbits[bit], int(rng.integers(2)))) as otherwise:
                        circuit.ry(0.7, one)
                    with otherwise:
                        circuit.cx(one, other)
                case 3:
                    circuit.cx(one, other)
                case _:
                    circuit.ry(float(rng.uniform(0.3, 2.8)), one)
        circuit.measure(range(3), range(3))
        done = finish(program3(qasm3.dumps(circuit)), sample(shots=1500), spec(seed=index))
        p_values[str(index)] = p_value(counts(done.pubs[0]), exact_distribution(circuit))
    assert holm(p_values) == []
