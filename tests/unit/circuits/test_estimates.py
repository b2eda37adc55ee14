"""Estimates: right values, and standard errors that are the spread of repeated estimates."""

import math
from typing import Any

import numpy as np
import pytest
from qiskit import qasm3
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import DensityMatrix, Operator, SparsePauliOp, Statevector
from qiskit_aer.noise import depolarizing_error

from support.runs import PAIR3, estimate, finish, observable, refusal, spec
from support.runs import qasm3 as program3

SOURCE = """OPENQASM 3.0; include "stdgates.inc"; qubit[3] q;
ry(0.4) q[0]; cx q[0], q[1]; rx(1.1) q[2]; cz q[1], q[2]; ry(0.9) q[1]; t q[0]; h q[2];"""

MIXED = observable(("XX", [0, 1], 0.7), ("ZZ", [1, 2], -1.3), ("Y", [2], 0.4), ("ZIX", [0, 1, 2], 0.9), ("", [], 0.25))


def state(source: str = SOURCE) -> Statevector:
    return Statevector(qasm3.loads(source))


def operator(one: dict[str, object], width: int) -> SparsePauliOp:
    """The observable in Qiskit's own form, for the reference."""
    terms = one["terms"]
    assert isinstance(terms, list)
    return SparsePauliOp.from_sparse_list(
        [(term["pauli"], term["qubits"], term["coefficient"]) for term in terms], num_qubits=width
    )


def test_exact_values_are_the_statevectors() -> None:
    """Mode exact gives <psi|O|psi> to rounding, with standard error 0 and no shots."""
    pub = finish(program3(SOURCE), estimate([MIXED], mode="exact")).pubs[0]
    assert pub.values == pytest.approx((state().expectation_value(operator(MIXED, 3)).real,), abs=1e-12)
    assert (pub.standard_errors, pub.shots, pub.shape) == ((0.0,), 0, (1,))


@pytest.mark.parametrize(("width", "far"), [(4, 3), (4, 2), (30, 29), (30, 7)])
@pytest.mark.parametrize("letter", "XYZ")
def test_idle_qubits_between_change_no_exact_value(width: int, far: int, letter: str) -> None:
    """Half of a Bell pair has no direction, and the pair has; whichever qubits stand idle, and however many."""
    source = f'OPENQASM 3.0; include "stdgates.inc"; qubit[{width}] q; h q[0]; cx q[0], q[{far}];'
    half, both = observable((letter, [far], 1.0)), observable((letter * 2, [0, far], 1.0))
    pub = finish(program3(source), estimate([half, both], mode="exact"), spec(target={"numQubits": width})).pubs[0]
    assert pub.values == pytest.approx((0.0, -1.0 if letter == "Y" else 1.0), abs=1e-12)


def test_constant_observable_needs_no_run() -> None:
    """The identity's expectation value is its coefficient, exactly, in both modes."""
    constant = observable(("", [], -2.5), ("II", [0, 1], 1.0))
    for more in ({"mode": "exact"}, {"shots": 3}):
        pub = finish(program3(SOURCE), estimate([constant], **more)).pubs[0]
        assert (pub.values, pub.standard_errors) == ((-1.5,), (0.0,))


def test_standard_errors_are_the_spread_of_estimates() -> None:
    """Over 150 seeds the estimates spread as the standard errors say, and center on the true value."""
    truth = state().expectation_value(operator(MIXED, 3)).real
    pubs = [finish(program3(SOURCE), estimate([MIXED], shots=200), spec(seed=seed)).pubs[0] for seed in range(150)]
    values = np.array([pub.values[0] for pub in pubs if pub.values])
    errors = np.array([pub.standard_errors[0] for pub in pubs if pub.standard_errors])
    assert values.std(ddof=1) == pytest.approx(errors.mean(), rel=0.15)
    assert abs(values.mean() - truth) < 4 * errors.mean() / math.sqrt(150)


def test_covariance_within_a_group_counts() -> None:
    """Z0 + Z1 on a Bell pair always adds up to ±2, Z0 - Z1 to 0, and the errors are those of the sums."""
    both = observable(("Z", [0], 1.0), ("Z", [1], 1.0))
    difference = observable(("Z", [0], 1.0), ("Z", [1], -1.0))
    pub = finish(program3(PAIR3), estimate([both, difference], shots=400)).pubs[0]
    assert pub.standard_errors is not None
    assert pub.standard_errors[0] == pytest.approx(2 / math.sqrt(400), rel=0.05)
    assert pub.values is not None
    assert (pub.values[1], pub.standard_errors[1]) == (0.0, 0.0)


def test_eigenstate_has_no_error() -> None:
    """On an eigenstate the value is exact and the error 0: nothing is added to what the counts say."""
    pub = finish(program3(PAIR3), estimate([observable(("XX", [0, 1], 3.0), ("ZZ", [0, 1], 1.0))], shots=50)).pubs[0]
    assert (pub.values, pub.standard_errors) == ((4.0,), (0.0,))


def test_values_stay_within_their_bounds() -> None:
    """An estimate of a Pauli string never leaves [-1, 1], whatever the seed."""
    for seed in range(20):
        pub = finish(program3(SOURCE), estimate([observable(("Z", [0], 1.0))], shots=5), spec(seed=seed)).pubs[0]
        assert pub.values is not None
        assert abs(pub.values[0]) <= 1.0


def test_one_shot_states_the_worst_error() -> None:
    """A single shot tells nothing of its variance, so the largest possible error is reported and never a NaN."""
    pub = finish(program3(SOURCE), estimate([observable(("X", [0], 0.5), ("Z", [1], 2.0))], shots=1)).pubs[0]
    assert pub.standard_errors == (2.5,)


@pytest.mark.parametrize("precision", [0.2, 0.05])
def test_precision_is_reached(precision: float) -> None:
    """With precision instead of shots, every reported standard error is at or below it, and shots are recorded."""
    for seed in range(10):
        task = estimate([MIXED, observable(("Z", [0], 0.1))], precision=precision)
        pub = finish(program3(SOURCE), task, spec(seed=seed)).pubs[0]
        assert pub.standard_errors is not None
        assert max(pub.standard_errors) <= precision
        assert pub.shots > 1


def test_precision_beyond_reach_is_refused() -> None:
    """A precision that takes more than 10,000,000 shots of a group is refused with the number and the remedy."""
    error = refusal(program3(SOURCE), estimate([MIXED], precision=1e-6))
    assert (error.reason, error.field) == ("InvalidParameters", "spec.task.estimate.pubs[0].precision")
    assert "mode exact" in error.message


def test_measured_program_is_refused() -> None:
    """A program with measurements is refused: measured, a Bell pair's <XX> would come out as 0."""
    source = PAIR3.replace("qubit[2] q;", "qubit[2] q; bit[2] c;") + " c = measure q;"
    error = refusal(program3(source), estimate([observable(("XX", [0, 1], 1.0))], shots=10))
    assert (error.reason, error.field) == ("MeasuredEstimate", "spec.task.estimate.pubs[0].program")


def test_measurement_inside_a_branch_is_seen() -> None:
    """A measurement hidden in a block of control flow is a measurement."""
    source = "qubit[2] q; bit c; if (c) { c = measure q[0]; }"
    assert refusal(program3(source), estimate([observable(("Z", [0], 1.0))], shots=1)).reason == "MeasuredEstimate"


def test_letters_act_on_the_qubits_named() -> None:
    """Letter i of pauli acts on qubits[i] of the program as written, in whatever order they are named."""
    source = 'OPENQASM 3.0; include "stdgates.inc"; qubit[3] q; x q[2]; h q[0];'
    observables = [
        observable(("Z", [2], 1.0)),
        observable(("XZ", [0, 2], 1.0)),
        observable(("ZX", [2, 0], 1.0)),
        observable(("Z", [1], 1.0)),
    ]
    for more in ({"mode": "exact"}, {"shots": 20}):
        pub = finish(program3(source), estimate(observables, **more)).pubs[0]
        assert pub.values == pytest.approx((-1.0, -1.0, -1.0, 1.0))


@pytest.mark.parametrize("more", [{"mode": "exact"}, {"shots": 50}])
def test_layout_is_applied_to_observables(more: Any) -> None:
    """Compiled onto other qubits of the target, and routed, an observable still reads the program's own qubits."""
    line = {
        "numQubits": 5,
        "basisGates": ["rz", "sx", "x", "cx"],
        "couplingMap": [[0, 1], [1, 0], [1, 2], [2, 1], [2, 3], [3, 2], [3, 4], [4, 3]],
    }
    source = """OPENQASM 3.0; include "stdgates.inc"; qubit[3] q;
    x q[0]; cx q[0], q[2]; cx q[2], q[1]; x q[2]; h q[1]; h q[2]; s q[2];"""
    done = finish(
        program3(source),
        estimate([observable((letter, [qubit], 1.0)) for qubit, letter in enumerate("ZXY")], **more),
        spec(target=line),
        initial_layout=[4, 0, 2],
    )
    assert done.pubs[0].values == pytest.approx((-1.0, -1.0, 1.0))
    assert done.compiled[0].layout != (0, 1, 2)


def test_observables_and_bindings_broadcast() -> None:
    """Three bindings as a column against two observables as a row give a table of 3 by 2, in C order."""
    source = 'OPENQASM 3.0; include "stdgates.inc"; input float w; qubit q; ry(w) q;'
    task = estimate(
        [observable(("Z", [0], 1.0)), observable(("X", [0], 1.0))],
        mode="exact",
        parameterNames=["w"],
        parameterValues=[[0.1], [0.2], [0.3]],
        parameterShape=[3, 1],
        observablesShape=[1, 2],
    )
    pub = finish(program3(source), task).pubs[0]
    assert pub.shape == (3, 2)
    assert pub.values == pytest.approx([f(w) for w in (0.1, 0.2, 0.3) for f in (math.cos, math.sin)])


@pytest.mark.parametrize("more", [{"mode": "exact"}, {"shots": 4000}])
def test_equal_shapes_go_pairwise(more: Any) -> None:
    """Without shapes, as many bindings as observables are taken in pairs."""
    source = 'OPENQASM 3.0; include "stdgates.inc"; input float w; qubit q; ry(w) q;'
    task = estimate(
        [observable(("Z", [0], 1.0)), observable(("X", [0], 1.0))],
        parameterNames=["w"],
        parameterValues=[[0.3], [0.4]],
        **more,
    )
    pub = finish(program3(source), task).pubs[0]
    assert pub.shape == (2,)
    assert pub.values == pytest.approx((math.cos(0.3), math.sin(0.4)), abs=0.07)


def test_one_of_shots_and_precision_is_asked_for() -> None:
    """Sampled without shots or precision, or exact with shots, is refused before anything runs."""
    z = [observable(("Z", [0], 1.0))]
    for task in (estimate(z), estimate(z, shots=1, precision=0.1), estimate(z, mode="exact", shots=5)):
        error = refusal(program3(PAIR3), task)
        assert (error.reason, error.field) == ("InvalidParameters", "spec.task.estimate.pubs[0]")


def test_reset_is_exact_too() -> None:
    """A reset makes a mixed state: exact values come from the density matrix, not from one random trajectory."""
    source = PAIR3 + " reset q[0]; ry(0.5) q[0];"
    observables = [observable(("Z", [1], 1.0)), observable(("Z", [0], 1.0))]
    done = finish(program3(source), estimate(observables, mode="exact"))
    assert done.pubs[0].values == pytest.approx((0.0, math.cos(0.5)), abs=1e-12)
    assert done.methods == ("density_matrix",)


def test_exact_with_reset_is_refused_by_a_pure_state_method() -> None:
    """A backend that simulates by statevector would sample a reset, so exact is refused and the remedy named."""
    run = spec(simulator={"method": "statevector"})
    error = refusal(program3(PAIR3 + " reset q[0];"), estimate([observable(("Z", [1], 1.0))], mode="exact"), run)
    assert error.reason == "IncompatibleTarget"
    assert "mode sampled" in error.message


NOISE = {
    "gates": [{"gate": "cx", "depolarizingPpm": 100_000}, {"gate": "h", "depolarizingPpm": 30_000}],
    "readout": [{"probMeas1Prep0Ppm": 20_000, "probMeas0Prep1Ppm": 70_000}],
}


def noisy_reference(pauli: str) -> float:
    """<pauli> of the noisy Bell pair with readout errors, by Qiskit's density matrices."""
    rho = DensityMatrix.from_label("00")
    for gate, qubits, p in (("h", [0], 0.03), ("cx", [0, 1], 0.1)):
        circuit = QuantumCircuit(2)
        getattr(circuit, gate)(*qubits)
        rho = rho.evolve(Operator(circuit)).evolve(depolarizing_error(p, len(qubits)).to_quantumchannel(), qubits)
    # Read with P(1|0) = 0.02 and P(0|1) = 0.07, a letter P is read as (0.07 - 0.02) I + (1 - 0.02 - 0.07) P.
    total = 0.0
    for keep in range(4):
        letters = [letter if keep >> i & 1 else "I" for i, letter in enumerate(pauli)]
        weight = math.prod(0.91 if keep >> i & 1 else 0.05 for i in range(2))
        total += weight * rho.expectation_value(SparsePauliOp("".join(reversed(letters)))).real
    return total


def test_exact_under_noise_is_the_noisy_states() -> None:
    """Exact values under gate and readout noise are those of the noisy density matrix, read with the readout errors."""
    observables = [observable((pauli, [0, 1], 1.0)) for pauli in ("XX", "YY", "ZZ", "XZ")]
    done = finish(program3(PAIR3), estimate(observables, mode="exact"), noise=NOISE)
    assert done.pubs[0].values == pytest.approx([noisy_reference(p) for p in ("XX", "YY", "ZZ", "XZ")], abs=1e-9)


def test_sampled_under_noise_tends_to_the_exact_value() -> None:
    """Sampled values under the same noise lie within five errors: changes of basis add no gate noise of their own."""
    observables = [observable((pauli, [0, 1], 1.0)) for pauli in ("XX", "YY", "ZZ", "XZ")]
    pub = finish(program3(PAIR3), estimate(observables, shots=40_000), noise=NOISE).pubs[0]
    assert pub.values is not None
    assert pub.standard_errors is not None
    for value, error, pauli in zip(pub.values, pub.standard_errors, ("XX", "YY", "ZZ", "XZ"), strict=True):
        assert abs(value - noisy_reference(pauli)) < 5 * error


def test_wide_stabilizer_state_is_estimated() -> None:
    """On 64 qubits, one more than fit a signed word, a GHZ state's strings come out right, exact and sampled."""
    source = 'OPENQASM 3.0; include "stdgates.inc"; qubit[64] q; h q[0];' + "".join(
        f"cx q[{i}], q[{i + 1}];" for i in range(63)
    )
    everything = observable(("X" * 64, list(range(64)), 1.0))
    ends = observable(("ZZ", [0, 63], 1.0))
    single = observable(("Z", [63], 1.0))
    run = spec(target={"numQubits": 64})
    exact = finish(program3(source), estimate([everything, ends, single], mode="exact"), run)
    assert exact.pubs[0].values == pytest.approx((1.0, 1.0, 0.0))
    sampled = finish(program3(source), estimate([everything, ends], shots=30), run)
    assert (sampled.pubs[0].values, sampled.pubs[0].standard_errors) == ((1.0, 1.0), (0.0, 0.0))


def test_a_conditional_program_without_measurements_is_exact() -> None:
    """Control flow on bits that nothing writes is decided, and the value is exact."""
    source = 'OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; bit c; if (!c) { ry(0.7) q[1]; } else { x q[0]; }'
    pub = finish(program3(source), estimate([observable(("Z", [1], 1.0)), observable(("Z", [0], 1.0))], mode="exact"))
    assert pub.pubs[0].values == pytest.approx((math.cos(0.7), 1.0))
