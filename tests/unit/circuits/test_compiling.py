"""Compiling: right for every target, the same every time, and refused where a program does not fit."""

import math
from typing import Any

import pytest
from qiskit import qasm3
from qiskit.circuit import QuantumCircuit

from quantum_operator.api.backend import Target
from quantum_operator.api.execution import Execution
from quantum_operator.api.run import InputProgram
from quantum_operator.circuits.compile import Compiled, compile_program
from quantum_operator.circuits.digest import circuit_digest
from quantum_operator.circuits.program import parse_program
from support.distributions import exact_distribution, p_value
from support.runs import BELL3, counts, finish, refusal, sample, spec, template
from support.runs import qasm2 as program2
from support.runs import qasm3 as program3

LINE: dict[str, Any] = {
    "numQubits": 6,
    "basisGates": ["rz", "sx", "x", "cx"],
    "couplingMap": [[i, i + 1] for i in range(5)],
}


def compiled(source: str, target: dict[str, Any] | None = None, seed: int = 1, **execution: Any) -> Compiled:
    parsed = parse_program(InputProgram(name="p", language="qasm3", source=source))
    one = Target.model_validate(target or {"numQubits": 6})
    return compile_program(parsed, Execution.model_validate(execution), one, "automatic", seed)


def tangled() -> QuantumCircuit:
    """A circuit whose pairs no line couples."""
    circuit = QuantumCircuit(4, 4)
    for qubit in range(4):
        circuit.ry(0.3 + 0.5 * qubit, qubit)
    for one, other in ((0, 3), (1, 3), (0, 2), (3, 0)):
        circuit.cx(one, other)
        circuit.crx(0.7, other, one)
    circuit.measure(range(4), range(4))
    return circuit


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_counts_are_right_on_a_line(level: int) -> None:
    """Routed onto a directed line and written in its gates, a program keeps its distribution, at every level."""
    circuit = tangled()
    done = finish(program3(qasm3.dumps(circuit)), sample(shots=4000), spec(target=LINE), optimization_level=level)
    assert p_value(counts(done.pubs[0]), exact_distribution(circuit)) > 0.001
    names = set(done.compiled[0].circuit.count_ops())
    assert names <= {"rz", "sx", "x", "cx", "measure", "barrier"}


def test_gates_stay_on_coupled_pairs() -> None:
    """On a directed line every two-qubit gate is on a coupled pair, in its direction."""
    one = compiled(qasm3.dumps(tangled()), LINE)
    pairs = {
        tuple(one.target_qubits[one.circuit.find_bit(bit).index] for bit in each.qubits)
        for each in one.circuit.data
        if each.name == "cx"
    }
    assert pairs <= {(i, i + 1) for i in range(5)}


@pytest.mark.parametrize("target", [{"numQubits": 6, "basisGates": ["u", "cz"]}, {**LINE, "basisGates": None}])
def test_gates_or_coupling_alone_are_honored(target: dict[str, Any]) -> None:
    """A target may name only its gates, or only its coupling; wider gates are written out for a coupling."""
    target = {key: value for key, value in target.items() if value is not None}
    source = 'include "stdgates.inc"; qubit[3] q; bit[3] c; x q[0]; x q[1]; ccx q[0], q[1], q[2]; c = measure q;'
    done = finish(program3(source), sample(shots=20), spec(target=target))
    assert counts(done.pubs[0]) == {"111": 20}
    assert all(len(one.qubits) <= 2 for one in done.compiled[0].circuit.data)


@pytest.mark.parametrize("level", [0, 1])
def test_unconstrained_programs_keep_their_gates(level: int) -> None:
    """Without gates or coupling to honor, a program runs as it is written: nothing merges five CX into one."""
    source = 'include "stdgates.inc"; qubit[2] q; bit[2] c; cx q[0], q[1]; ' + "cx q[0], q[1]; " * 4 + "c = measure q;"
    assert compiled(source, optimization_level=level).record.two_qubit_gates == 5


def test_higher_levels_optimize() -> None:
    """Levels 2 and 3 optimize for a simulator, too."""
    source = 'include "stdgates.inc"; qubit[2] q; bit[2] c; cx q[0], q[1]; cx q[0], q[1]; c = measure q;'
    assert compiled(source, optimization_level=2).record.two_qubit_gates == 0


def test_compiling_is_repeatable() -> None:
    """The same program, target and seed compile to the same digest; another circuit has another one."""
    source = qasm3.dumps(tangled())
    digests = {compiled(source, LINE).record.compiled_sha256 for _ in range(3)}
    assert len(digests) == 1
    assert compiled(source, LINE, optimization_level=0).record.compiled_sha256 not in digests


def test_program_is_compiled_once_for_a_sweep() -> None:
    """A sweep binds one compiled circuit: one record, of the circuit that still has its parameters."""
    source = 'include "stdgates.inc"; input float w; qubit q; bit c; rx(w) q; c = measure q;'
    task = sample(shots=5, parameterNames=["w"], parameterValues=[[0.0], [math.pi]])
    done = finish(program3(source), task, spec(target=LINE))
    assert len(done.compiled) == 1
    assert [counts(done.pubs[0], index=i) for i in (0, 1)] == [{"0": 5}, {"1": 5}]
    assert len(done.compiled[0].circuit.parameters) == 1


def test_wide_targets_cost_nothing() -> None:
    """On a target of 1,000 coupled qubits a small program is simulated on the qubits that it uses."""
    target = {**LINE, "numQubits": 1000, "couplingMap": [[i, i + 1] for i in range(999)]}
    one = compiled(BELL3, target, initial_layout=[700, 701])
    assert one.circuit.num_qubits == 2
    assert one.layout == (700, 701)


def test_layout_is_kept() -> None:
    """An initial layout is honored, and the place of each of the program's qubits is on record."""
    done = finish(program3(BELL3), sample(shots=10), spec(target=LINE), initial_layout=[3, 2], optimization_level=0)
    assert done.compiled[0].layout == (3, 2)
    assert set(counts(done.pubs[0])) <= {"00", "11"}


@pytest.mark.parametrize("layout", [[0], [1, 1], [0, 6], [0, 1, 2]])
def test_layouts_that_do_not_fit_are_refused(layout: list[int]) -> None:
    """A layout names as many different qubits of the target as the program has."""
    error = refusal(program3(BELL3), sample(), spec(target=LINE), initial_layout=layout)
    assert (error.reason, error.field) == ("IncompatibleTarget", "spec.execution.initialLayout")


def test_programs_wider_than_the_target_are_refused() -> None:
    """Seven qubits do not go into six; the message has both numbers."""
    error = refusal(template("ghz", qubits="7"), sample(), spec(target=LINE))
    assert error.reason == "IncompatibleTarget"
    assert "7 qubits" in error.message
    assert "6" in error.message


def test_unknown_basis_gates_are_named() -> None:
    """A target with gates that Qiskit does not have can't be compiled for."""
    error = refusal(program3(BELL3), sample(), spec(target={"numQubits": 2, "basisGates": ["warp"]}))
    assert error.reason == "IncompatibleTarget"
    assert "warp" in error.message


def test_too_few_basis_gates_are_refused() -> None:
    """A basis that can't express the program is the target's fault, and no crash."""
    error = refusal(program3(BELL3), sample(), spec(target={"numQubits": 2, "basisGates": ["x"]}))
    assert error.reason == "IncompatibleTarget"


def test_gates_beyond_the_method_are_refused() -> None:
    """A T gate on a stabilizer backend is refused, and other methods are named."""
    source = 'include "stdgates.inc"; qubit q; bit c; h q; t q; c = measure q;'
    error = refusal(program3(source), sample(), spec(simulator={"method": "stabilizer"}))
    assert error.reason == "IncompatibleTarget"
    assert "method" in error.message


@pytest.mark.parametrize("method", ["statevector", "density_matrix", "matrix_product_state", "automatic"])
def test_gates_a_method_lacks_are_written_out(method: str) -> None:
    """Gates that a method has no kernel for (crx, ccz, c4x) are written in those that it has."""
    source = """include "stdgates.inc"; qubit[5] q; bit[5] c; x q[0:3]; ctrl(4) @ x q[0], q[1], q[2], q[3], q[4];
    crx(pi) q[0], q[1]; h q[2]; ctrl(2) @ z q[0], q[4], q[2]; h q[2]; c = measure q;"""
    done = finish(program3(source), sample(shots=10), spec(simulator={"method": method}))
    assert counts(done.pubs[0]) == {"11001": 10}


PHYSICAL = 'include "stdgates.inc"; bit[2] c; x $1; sx $1; cx $1, $2; c[0] = measure $1; c[1] = measure $2;'


def test_physical_qubits_need_isa() -> None:
    """A program on `$n` is compiled already: under compilation full it is refused, and isa named."""
    error = refusal(program3(PHYSICAL), sample(), spec(target=LINE))
    assert error.reason == "UnsupportedConstruct"
    assert "isa" in error.message


def test_isa_runs_as_it_is() -> None:
    """A compiled program keeps its gates and qubits: nothing is laid out or optimized, at any level."""
    done = finish(program3(PHYSICAL), sample(shots=50), spec(target=LINE), compilation="isa", optimization_level=3)
    (one,) = done.compiled
    assert set(counts(done.pubs[0])) <= {"00", "11"}
    assert one.target_qubits == (0, 1, 2)
    assert dict(one.circuit.count_ops()) == {"measure": 2, "x": 1, "sx": 1, "cx": 1}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (PHYSICAL.replace("sx $1", "h $1"), "'h'"),
        (PHYSICAL.replace("cx $1, $2", "cx $2, $1"), "[2, 1]"),
        (PHYSICAL.replace("cx $1, $2", "cx $0, $2"), "[0, 2]"),
        (PHYSICAL.replace("x $1;", "if (c[0]) { h $1; }", 1), "'h'"),
        ("gate x a { U(pi, 0, pi) a; } bit c; x $0; c = measure $0;", "defined_x"),
        ("bit c; U(1, 2, 3) $0; c = measure $9;", "10 qubits"),
    ],
)
def test_isa_programs_that_do_not_fit_are_refused(source: str, says: str) -> None:
    """A gate that the target lacks, a pair that it does not couple in that order, or a qubit too many is named."""
    error = refusal(program3(source), sample(), spec(target=LINE), compilation="isa")
    assert error.reason == "IncompatibleTarget"
    assert says in error.message


def test_isa_takes_registers_for_the_first_qubits() -> None:
    """A compiled program with a register is on the target's qubits from 0 on."""
    source = 'OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; creg c[2]; x q[0]; cx q[0],q[1]; measure q -> c;'
    done = finish(program2(source), sample(shots=5), spec(target=LINE), compilation="isa")
    assert counts(done.pubs[0]) == {"11": 5}


def test_isa_gates_must_be_known_without_a_basis() -> None:
    """Where the target names no gates, a compiled program may use those that the simulator knows, and no others."""
    target = {"numQubits": 2}
    done = finish(
        program3("bit c; U(pi, 0, pi) $0; c = measure $0;"), sample(shots=5), spec(target=target), compilation="isa"
    )
    assert counts(done.pubs[0]) == {"1": 5}
    source = "gate own a { U(pi, 0, pi) a; } bit c; own $0; c = measure $0;"
    assert "own" in refusal(program3(source), sample(), spec(target=target), compilation="isa").message


def test_dynamic_programs_are_routed() -> None:
    """Control flow is compiled for gates and coupling, inside its blocks too."""
    source = """include "stdgates.inc"; qubit[3] q; bit[3] c; h q[0]; c[0] = measure q[0];
    if (c[0]) { cx q[0], q[2]; } c[1] = measure q[1]; c[2] = measure q[2];"""
    done = finish(program3(source), sample(shots=4000), spec(target=LINE))
    assert p_value(counts(done.pubs[0]), {"000": 0.5, "101": 0.5}) > 0.001


def test_digest_ignores_names_and_sees_everything_else() -> None:
    """Names of registers and loop variables don't count for a circuit's digest; gates, angles and qubits do."""

    def digest(angle: float = 0.5, qubit: int = 0, name: str = "q", times: int = 3, value: int = 1) -> str:
        source = f"""include "stdgates.inc"; qubit[2] {name}; bit[2] c; rx({angle}) {name}[{qubit}];
        for int k_{name} in [1:{times}] {{ ry(k_{name} * 0.5) {name}[0]; }}
        c[0] = measure {name}[0]; if (c == {value}) {{ x {name}[1]; }} c[1] = measure {name}[1];"""
        return circuit_digest(parse_program(InputProgram(name="p", language="qasm3", source=source)).circuit)

    same = {digest(), digest(), digest(name="other")}
    assert len(same) == 1
    others = [digest(angle=0.51), digest(qubit=1), digest(times=4), digest(value=2)]
    assert len({*others, *same}) == 5


def test_digest_has_a_form_for_every_circuit() -> None:
    """Circuits that OpenQASM 3 can't write, such as ones with a unitary or an initial state, have a digest."""
    digests = set()
    for state in ([1, 0], [0, 1]):
        circuit = QuantumCircuit(1)
        circuit.initialize(state, 0)
        circuit.unitary([[0, 1], [1, 0]], 0)
        digests.add(circuit_digest(circuit))
    assert len(digests) == 2
