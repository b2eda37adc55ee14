"""The statistics that other tests rest on, tested themselves."""

import numpy as np
import pytest
from qiskit.circuit import ClassicalRegister, Parameter, QuantumCircuit, QuantumRegister
from qiskit.circuit.classical import expr
from qiskit.quantum_info import Statevector

from support.distributions import (
    exact_distribution,
    holm,
    monte_carlo,
    p_value,
    pooled,
    register_distribution,
    reversed_bits,
    total_variation,
)


def drawn(distribution: dict[str, float], shots: int, seed: int) -> dict[str, int]:
    outcomes = sorted(distribution)
    p = np.array([distribution[outcome] for outcome in outcomes])
    numbers = np.random.default_rng(seed).multinomial(shots, p / p.sum())
    return {outcome: int(number) for outcome, number in zip(outcomes, numbers, strict=True) if number}


def test_static_distribution_is_the_statevectors() -> None:
    """For a static circuit the enumeration gives the probabilities of Qiskit's Statevector."""
    circuit = QuantumCircuit(4, 4)
    circuit.h(0)
    circuit.cx(0, 2)
    circuit.ry(0.7, 1)
    circuit.ccx(0, 1, 3)
    circuit.crx(1.1, 3, 0)
    expected = Statevector(circuit).probabilities_dict()
    circuit.measure(range(4), range(4))
    found = exact_distribution(circuit)
    assert found.keys() == {key for key, p in expected.items() if p > 1e-10}
    assert all(found[key] == pytest.approx(expected[key]) for key in found)


def test_measurements_into_other_bits_are_followed() -> None:
    """A qubit's outcome stands at the position of the bit it is measured into."""
    circuit = QuantumCircuit(3, 3)
    circuit.x(0)
    circuit.measure([0, 1, 2], [2, 0, 1])
    assert exact_distribution(circuit) == {"100": pytest.approx(1.0)}


def test_mid_circuit_measurement_decides_a_branch() -> None:
    """A measured bit that a later branch reads keeps both branches with their probabilities."""
    circuit = QuantumCircuit(2, 2)
    circuit.ry(2 * np.arcsin(np.sqrt(0.3)), 0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)) as otherwise:
        circuit.x(1)
    with otherwise:
        circuit.h(1)
    circuit.measure(1, 1)
    assert exact_distribution(circuit) == pytest.approx({"11": 0.3, "00": 0.35, "10": 0.35})


def test_reset_forgets_the_outcome() -> None:
    """A reset qubit is 0 and leaves its partner mixed."""
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.reset(0)
    circuit.measure([0, 1], [0, 1])
    assert exact_distribution(circuit) == pytest.approx({"00": 0.5, "10": 0.5})


def test_loops_are_run() -> None:
    """A for loop binds its variable, and a while loop that almost surely ends is followed to its end."""
    circuit = QuantumCircuit(1, 1)
    angle = Parameter("a")
    body = QuantumCircuit(1, 1)
    body.rx(angle, 0)
    circuit.for_loop([1, 2], angle, body, [0], [0])
    circuit.measure(0, 0)
    with circuit.while_loop((circuit.clbits[0], 0)):
        circuit.h(0)
        circuit.measure(0, 0)
    assert exact_distribution(circuit) == pytest.approx({"1": 1.0}, abs=1e-6)


FIVE = ClassicalRegister(3, "five")
BITS = [expr.lift(bit) for bit in FIVE]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (BITS[0], True),
        (BITS[1], False),
        (expr.logic_not(BITS[1]), True),
        (expr.logic_not(BITS[0]), False),
        (expr.bit_xor(BITS[0], BITS[2]), False),
        (expr.bit_xor(BITS[0], BITS[1]), True),
        (expr.logic_and(BITS[0], BITS[1]), False),
        (expr.logic_and(BITS[0], BITS[2]), True),
        (expr.logic_or(BITS[0], BITS[1]), True),
        (expr.equal(FIVE, 5), True),
        (expr.equal(FIVE, 4), False),
        (expr.equal(FIVE, 6), False),
        (expr.not_equal(FIVE, 5), False),
        (expr.less(FIVE, 5), False),
        (expr.less_equal(FIVE, 5), True),
        (expr.greater(FIVE, 4), True),
        (expr.greater_equal(FIVE, 6), False),
        (expr.equal(expr.bit_not(FIVE), 2), True),
        (expr.equal(expr.bit_and(FIVE, 6), 4), True),
        (expr.equal(expr.bit_or(FIVE, 3), 7), True),
        (expr.cast(expr.bit_and(FIVE, 2), expr.equal(FIVE, 5).type), False),
    ],
    ids=str,
)
def test_expressions_decide_a_branch(condition: expr.Expr, holds: bool) -> None:
    """A register that holds 5 is judged by every operator of Qiskit's classical expressions that makes a condition."""
    circuit = QuantumCircuit(QuantumRegister(3), FIVE, ClassicalRegister(1, "told"))
    circuit.x([0, 2])
    circuit.measure([0, 1, 2], FIVE)
    with circuit.if_test(condition):
        circuit.x(1)
    circuit.measure(1, 3)
    assert exact_distribution(circuit) == {f"{int(holds)}101": pytest.approx(1.0)}


def test_an_expression_that_is_not_known_is_an_error() -> None:
    """Nothing is guessed: an expression that is not evaluated ends the enumeration."""
    circuit = QuantumCircuit(QuantumRegister(3), FIVE)
    with circuit.if_test(expr.equal(expr.shift_left(FIVE, 1), 2)):
        circuit.x(0)
    with pytest.raises((KeyError, NotImplementedError)):
        exact_distribution(circuit)


def test_right_counts_pass_and_false_alarms_stay_nominal() -> None:
    """Of 300 honest experiments on 1,024 outcomes with 1,000 shots about 1 % are below 0.01, as they should be."""
    rng = np.random.default_rng(5)
    weights = rng.exponential(size=1024)
    distribution = {format(i, "010b"): float(w / weights.sum()) for i, w in enumerate(weights)}
    alarms = sum(p_value(drawn(distribution, 1000, seed), distribution) < 0.01 for seed in range(300))
    assert alarms <= 9


def test_wrong_counts_fail() -> None:
    """Counts of a slightly other distribution have a tiny p-value."""
    assert p_value({"0": 5_300, "1": 4_700}, {"0": 0.5, "1": 0.5}) < 1e-6


def test_reversed_bits_fail() -> None:
    """The control: counts read from the wrong end are told apart whenever the distribution is asymmetric."""
    circuit = QuantumCircuit(5, 5)
    for qubit in range(5):
        circuit.ry(0.3 + 0.4 * qubit, qubit)
    circuit.cx(0, 4)
    circuit.measure(range(5), range(5))
    distribution = exact_distribution(circuit)
    assert total_variation(distribution, reversed_bits(distribution)) > 0.3
    honest = drawn(distribution, 4000, 3)
    assert p_value(honest, distribution) > 0.01
    assert p_value(reversed_bits(honest), distribution) < 1e-9


def test_one_impossible_outcome_fails() -> None:
    """A single count of an outcome with probability 0 fails, whatever the rest looks like."""
    assert p_value({"00": 500, "11": 499, "01": 1}, {"00": 0.5, "11": 0.5}) == 0.0


def test_every_cell_expects_five() -> None:
    """Pooled cells expect at least 5 each and lose no count."""
    distribution = {format(i, "08b"): 1 / 256 for i in range(256)}
    observed = drawn(distribution, 500, 1)
    cells = pooled(observed, distribution, 500)
    assert all(mean >= 5 for _, mean in cells)
    assert sum(count for count, _ in cells) == 500
    assert sum(mean for _, mean in cells) == pytest.approx(500)


def test_few_shots_go_to_monte_carlo() -> None:
    """Where no two cells expect 5, drawing multinomials decides, and still tells wrong from right."""
    assert p_value({"0": 7, "1": 1}, {"0": 0.9, "1": 0.1}) > 0.3
    assert monte_carlo({"0": 1, "1": 7}, {"0": 0.9, "1": 0.1}, seed=1) < 0.01


def test_certain_outcome_passes() -> None:
    """A distribution of one outcome has nothing left to test once nothing else was seen."""
    assert p_value({"01": 1000}, {"01": 1.0}) == 1.0


def test_holm_steps_down() -> None:
    """Holm's method holds the smallest against alpha over all, the next against one fewer, and stops at a pass."""
    assert holm({"a": 0.002, "b": 0.004, "c": 0.5}) == ["a", "b"]
    assert holm({"a": 0.004, "b": 0.004, "c": 0.5}) == []


def test_register_marginal() -> None:
    """A register's distribution adds up what differs in other bits only."""
    assert register_distribution({"10": 0.25, "11": 0.25, "01": 0.5}, [1]) == {"1": 0.5, "0": 0.5}
