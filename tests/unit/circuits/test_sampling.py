"""Samples: the right distribution, told by register, for programs in every form."""

import math

import pytest
from qiskit import qasm2, qasm3
from qiskit.circuit import Parameter, QuantumCircuit

from support.distributions import (
    exact_distribution,
    holm,
    p_value,
    register_distribution,
    reversed_bits,
    total_variation,
)
from support.runs import BELL3, counts, finish, refusal, sample, spec, template
from support.runs import qasm2 as program2
from support.runs import qasm3 as program3

SHOTS = 4000


def asymmetric(index: int) -> QuantumCircuit:
    """A circuit of 3 to 6 qubits whose outcomes look different from the other end."""
    width = 3 + index % 4
    circuit = QuantumCircuit(width, width)
    for qubit in range(width):
        circuit.ry(0.2 + 0.37 * qubit + 0.11 * index, qubit)
        circuit.p(0.3 * qubit, qubit)
    for qubit in range(width - 1):
        circuit.cx(qubit, qubit + 1) if (qubit + index) % 2 else circuit.crx(0.9, qubit, qubit + 1)
    circuit.h(index % width)
    circuit.measure(range(width), range(width))
    return circuit


CIRCUITS = [asymmetric(index) for index in range(12)]


@pytest.mark.parametrize("language", ["qasm2", "qasm3"])
def test_counts_follow_the_original_circuits(language: str) -> None:
    """The counts of 12 asymmetric circuits fit the distributions of the circuits before export, at 1 % over all."""
    p_values = {}
    for index, circuit in enumerate(CIRCUITS):
        program = program2(qasm2.dumps(circuit)) if language == "qasm2" else program3(qasm3.dumps(circuit))
        found = counts(finish(program, sample(shots=SHOTS), spec(seed=index)).pubs[0])
        p_values[str(index)] = p_value(found, exact_distribution(circuit))
    assert holm(p_values) == []


def test_reversed_bits_would_be_seen() -> None:
    """The control: every one of those circuits fails when its counts are read from the wrong end."""
    for index, circuit in enumerate(CIRCUITS):
        reference = exact_distribution(circuit)
        assert total_variation(reference, reversed_bits(reference)) > 0.1
        found = counts(finish(program3(qasm3.dumps(circuit)), sample(shots=SHOTS), spec(seed=index)).pubs[0])
        assert p_value(reversed_bits(found), reference) < 1e-6


def test_each_register_has_its_own_counts() -> None:
    """Results are told by classical register under the names that the program gives, bit 0 rightmost."""
    source = """OPENQASM 3.0; include "stdgates.inc";
    qubit[3] q; bit[2] Left; bit right;
    x q[0]; x q[2]; Left[0] = measure q[0]; Left[1] = measure q[1]; right = measure q[2];"""
    (found,) = finish(program3(source), sample(shots=10)).pubs[0].samples or ()
    assert {one.name: (one.size, one.counts) for one in found.registers} == {
        "Left": (2, {"01": 10}),
        "right": (1, {"1": 10}),
    }


def test_conditions_and_aliases_add_no_registers() -> None:
    """Registers that the importer makes for slices and aliases are no results; only declared ones are."""
    source = """OPENQASM 3.0; include "stdgates.inc";
    qubit[2] q; bit[3] c; let part = c[0:1];
    x q[0]; c[0] = measure q[0]; if (part == 1) { x q[1]; } c[2] = measure q[1];"""
    (found,) = finish(program3(source), sample(shots=10)).pubs[0].samples or ()
    assert {one.name: one.counts for one in found.registers} == {"c": {"101": 10}}


def test_memory_keeps_shot_order() -> None:
    """With memory every shot's value is there, the registers of one shot at one position, and counts agree with it."""
    source = """OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; creg a[1]; creg b[1];
    h q[0]; cx q[0],q[1]; measure q[0]->a[0]; measure q[1]->b[0];"""
    (found,) = finish(program2(source), sample(shots=200), memory=True).pubs[0].samples or ()
    a, b = found.registers
    assert a.memory == b.memory
    assert a.memory is not None
    assert {value: a.memory.count(value) for value in "01"} == a.counts
    assert len(a.memory) == 200


def test_memory_is_off_unless_asked_for() -> None:
    """Without memory no shot's value is kept."""
    (found,) = finish(program3(BELL3), sample()).pubs[0].samples or ()
    assert found.registers[0].memory is None


def dynamic_circuits() -> dict[str, QuantumCircuit]:
    """Circuits that measure in the middle, branch, loop and reset."""
    teleport = QuantumCircuit(3, 3)
    teleport.ry(1.1, 0)
    teleport.h(1)
    teleport.cx(1, 2)
    teleport.cx(0, 1)
    teleport.h(0)
    teleport.measure([0, 1], [0, 1])
    with teleport.if_test((teleport.clbits[1], 1)):
        teleport.x(2)
    with teleport.if_test((teleport.clbits[0], 1)):
        teleport.z(2)
    teleport.measure(2, 2)

    repeat = QuantumCircuit(2, 2)
    repeat.ry(0.8, 0)
    repeat.measure(0, 0)
    with repeat.while_loop((repeat.clbits[0], 1)):
        repeat.rx(1.3, 1)
        repeat.reset(0)
        repeat.ry(0.8, 0)
        repeat.measure(0, 0)
    repeat.measure(1, 1)

    loop = QuantumCircuit(2, 2)
    with loop.for_loop(range(4)) as i:
        loop.rx(i * 0.2, 0)
        loop.cx(0, 1)
    loop.measure([0, 1], [0, 1])

    otherwise = QuantumCircuit(3, 3)
    otherwise.h(range(2))
    otherwise.measure([0, 1], [0, 1])
    with otherwise.if_test((otherwise.clbits[0], 1)) as other:
        with otherwise.if_test((otherwise.clbits[1], 1)) as inner:
            otherwise.ry(0.5, 2)
        with inner:
            otherwise.ry(1.0, 2)
    with other:
        otherwise.x(2)
    otherwise.measure(2, 2)
    return {"teleport": teleport, "repeat": repeat, "loop": loop, "otherwise": otherwise}


@pytest.mark.parametrize("name", ["teleport", "repeat", "loop", "otherwise"])
def test_dynamic_circuits_are_right(name: str) -> None:
    """Mid-circuit measurement, if, else, while, for and reset give the distribution of their measurement branches."""
    circuit = dynamic_circuits()[name]
    found = counts(finish(program3(qasm3.dumps(circuit)), sample(shots=SHOTS)).pubs[0])
    assert p_value(found, exact_distribution(circuit)) > 0.001


def test_dynamic_circuits_of_openqasm_2_are_right() -> None:
    """`if` on a register and `reset` of OpenQASM 2 work."""
    source = """OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; creg c[2]; creg d[1];
    x q[0]; measure q[0]->c[0]; if(c==1) x q[1]; reset q[0]; measure q[1]->d[0]; measure q[0]->c[1];"""
    (found,) = finish(program2(source), sample(shots=20)).pubs[0].samples or ()
    assert {one.name: one.counts for one in found.registers} == {"c": {"01": 20}, "d": {"1": 20}}


def test_sampling_without_measurements_is_refused() -> None:
    """A program that measures nothing is refused, and not helped with measurements of ours."""
    error = refusal(program3("qubit[2] q; U(1, 2, 3) q[0];"), sample())
    assert error.reason == "NoMeasurements"
    assert error.field == "spec.task.sample.pubs[0].program"
    assert "add measurements" in error.message


def test_sweep_gives_a_sample_for_every_binding() -> None:
    """Each row of parameterValues is bound, and results stand in C order of parameterShape."""
    source = 'OPENQASM 3.0; include "stdgates.inc"; input float angle_1; qubit q; bit c; rx(angle_1) q; c = measure q;'
    rows = [[0.0], [math.pi], [0.0], [0.0], [math.pi], [math.pi]]
    task = sample(shots=10, parameterNames=["angle_1"], parameterValues=rows, parameterShape=[3, 2])
    pub = finish(program3(source), task).pubs[0]
    assert pub.shape == (3, 2)
    assert [counts(pub, index=i) for i in range(6)] == [{"1" if row[0] else "0": 10} for row in rows]


def test_outcome_with_too_much_memory_is_refused_before_it_is_run() -> None:
    """Shots that no outcome can hold are refused with the size, and nothing is simulated for them."""
    error = refusal(program3(BELL3), sample(shots=10_000_000), memory=True)
    assert error.reason == "OutcomeTooLarge"
    assert "fewer shots" in error.message


def test_wide_clifford_circuit_needs_no_statevector() -> None:
    """A GHZ state of 200 qubits is sampled: the method is chosen for the circuit, and recorded."""
    done = finish(template("ghz", qubits="200"), sample(shots=50), spec(target={"numQubits": 200}))
    assert set(counts(done.pubs[0])) <= {"0" * 200, "1" * 200}
    assert done.methods == ("stabilizer",)


def test_marginals_of_two_registers_fit() -> None:
    """With two registers each one's counts fit its own marginal of the exact distribution."""
    circuit = QuantumCircuit(3, 3)
    theta = Parameter("t")
    circuit.ry(theta, 0)
    circuit.cx(0, 1)
    circuit.ry(0.5, 2)
    source = """OPENQASM 3.0; include "stdgates.inc"; input angle w; qubit[3] q; bit[2] a; bit[1] b;
    ry(w) q[0]; cx q[0], q[1]; ry(0.5) q[2]; a[0] = measure q[0]; a[1] = measure q[1]; b[0] = measure q[2];"""
    task = sample(shots=SHOTS, parameterNames=["w"], parameterValues=[[1.2]])
    pub = finish(program3(source), task).pubs[0]
    bound = circuit.assign_parameters({theta: 1.2})
    bound.measure(range(3), range(3))
    reference = exact_distribution(bound)
    assert p_value(counts(pub, 0), register_distribution(reference, [0, 1])) > 0.001
    assert p_value(counts(pub, 1), register_distribution(reference, [2])) > 0.001
