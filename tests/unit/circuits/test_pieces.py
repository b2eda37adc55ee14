"""The smaller pieces, each on its own."""

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import Gate, QuantumCircuit
from qiskit.quantum_info import Operator

from quantum_operator.api.backend import Simulator
from quantum_operator.circuits.errors import LONGEST_QUOTE, RefusedError, quote
from quantum_operator.circuits.noise import gate_uses, measured_positions
from quantum_operator.circuits.program import has_operation
from quantum_operator.circuits.sample import Registers, bit_string, sample_outcome
from quantum_operator.circuits.simulate import AerEngine
from quantum_operator.circuits.unroll import unroll
from support.runs import GIBIBYTE


def impostor(name: str) -> Gate:
    """A gate of one qubit that is called like another and flips the qubit."""
    body = QuantumCircuit(1, global_phase=0.25)
    body.x(0)
    gate = Gate(name, 1, [])
    gate.definition = body
    return gate


# --- unrolling --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["z", "h", "delay", "save_statevector", "unitary", "kraus", "initialize"])
def test_impostors_are_opened(name: str) -> None:
    """A gate is what its definition says, under the name of a standard gate or of an instruction of Aer."""
    circuit = QuantumCircuit(1)
    circuit.append(impostor(name), [0])
    unrolled = unroll(circuit, {"x", "z", "h", "unitary", "kraus"})
    assert dict(unrolled.count_ops()) == {"x": 1}
    assert unrolled.global_phase == pytest.approx(0.25)


def test_known_circuits_are_left_alone() -> None:
    """A circuit in known gates comes back as it is: no copy is made."""
    circuit = QuantumCircuit(2, 1)
    circuit.h(0)
    circuit.delay(10, 0)
    circuit.barrier()
    circuit.reset(1)
    circuit.measure(0, 0)
    assert unroll(circuit, {"h"}) is circuit


def test_unrolling_keeps_the_unitary() -> None:
    """Written out in fewer gates, a circuit has the same matrix, global phase included."""
    circuit = QuantumCircuit(3)
    circuit.ccx(0, 1, 2)
    circuit.rzz(0.3, 0, 2)
    circuit.cswap(2, 1, 0)
    circuit.append(impostor("y"), [1])
    unrolled = unroll(circuit, {"h", "cx", "t", "tdg", "x", "rz", "u", "p"})
    assert set(unrolled.count_ops()) <= {"h", "cx", "t", "tdg", "x", "rz", "u", "p"}
    assert Operator(unrolled) == Operator(circuit)


def test_blocks_are_unrolled() -> None:
    """Gates in blocks of control flow are written out as well."""
    circuit = QuantumCircuit(1, 1)
    with circuit.if_test((circuit.clbits[0], 1)) as otherwise:
        circuit.append(impostor("h"), [0])
    with otherwise:
        circuit.append(impostor("z"), [0])
    (branch,) = unroll(circuit, {"x", "h", "z"}).data
    assert [dict(block.count_ops()) for block in branch.operation.blocks] == [{"x": 1}, {"x": 1}]


def test_gates_without_definition_are_refused() -> None:
    """A gate that nobody knows and that says nothing of itself can't be written out; its name is in the message."""
    circuit = QuantumCircuit(1)
    circuit.append(Gate("riddle", 1, []), [0])
    with pytest.raises(RefusedError, match="riddle"):
        unroll(circuit, {"x"})


# --- looking into circuits --------------------------------------------------------------------------------------------


def nested() -> QuantumCircuit:
    """A circuit whose inner blocks permute its qubits."""
    circuit = QuantumCircuit(4, 2)
    circuit.cx(3, 1)
    with circuit.if_test((circuit.clbits[0], 1)), circuit.for_loop(range(2)):
        circuit.cz(2, 0)
        circuit.measure(2, 1)
    circuit.barrier()
    return circuit


def test_uses_are_found_in_blocks_on_the_outer_qubits() -> None:
    """A gate two blocks deep is found on the qubits of the whole circuit; what is no gate is not."""
    assert gate_uses(nested()) == {"cx": {(3, 1)}, "cz": {(2, 0)}}
    assert measured_positions(nested()) == {2}


def test_operations_are_found_in_blocks() -> None:
    """An operation is found wherever it stands, and only if it does."""
    assert has_operation(nested(), "measure")
    assert not has_operation(nested(), "reset")


# --- registers --------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.integers(0, 2**70), st.lists(st.integers(0, 69), max_size=80))
def test_bit_strings_have_the_first_position_rightmost(value: int, positions: list[int]) -> None:
    """Character -1-i of the string is the bit at positions[i]."""
    text = bit_string(value, positions)
    assert len(text) == len(positions)
    assert all((text[-1 - i] == "1") == bool(value >> position & 1) for i, position in enumerate(positions))


@settings(deadline=None)
@given(st.dictionaries(st.integers(0, 63), st.integers(1, 100), min_size=1))
def test_registers_lose_no_shot(values: dict[int, int]) -> None:
    """However bits are spread over registers, every register's counts add up to the shots."""
    parsed = SimpleNamespace(name="p", registers={"a": (5, 0), "b": (1,), "none": (), "c": (2, 3, 4)})
    bindings = SimpleNamespace(shape=())
    raw = [Registers({hex(value): count for value, count in values.items()}, None)]
    pub = sample_outcome(parsed, bindings, raw, sum(values.values()))  # type: ignore[arg-type]
    assert pub.samples is not None
    registers = pub.samples[0].registers
    assert [register.name for register in registers] == ["a", "b", "c"]
    assert all(sum(register.counts.values()) == sum(values.values()) for register in registers)
    b = next(register for register in registers if register.name == "b")
    assert b.counts.get("1", 0) == sum(count for value, count in values.items() if value >> 1 & 1)


# --- the engine -------------------------------------------------------------------------------------------------------


def test_engine_remembers_the_methods_it_used() -> None:
    """The method that Aer chose is recorded, once for each that was used."""
    engine = AerEngine(Simulator(), GIBIBYTE)
    for gate in ("h", "t", "h"):
        circuit = QuantumCircuit(1, 1)
        getattr(circuit, gate)(0)
        circuit.measure(0, 0)
        engine.run(circuit, method="automatic", seed=1, shots=5)
    assert engine.methods == {"stabilizer", "statevector"}


def test_engine_gives_counts_and_shots_in_order() -> None:
    """Counts are by value, and memory has every shot."""
    circuit = QuantumCircuit(1, 1)
    circuit.h(0)
    circuit.measure(0, 0)
    data = AerEngine(Simulator(), GIBIBYTE).run(circuit, method="statevector", seed=1, shots=50, memory=True)
    assert sum(data["counts"].values()) == len(data["memory"]) == 50
    assert {value: data["memory"].count(value) for value in data["counts"]} == data["counts"]


def test_engine_refuses_what_does_not_fit() -> None:
    """A state larger than what is left of the memory is refused before it is made."""
    circuit = QuantumCircuit(26, 26)
    circuit.h(range(26))
    circuit.t(range(26))
    circuit.cx(range(25), range(1, 26))
    circuit.measure(range(26), range(26))
    with pytest.raises(RefusedError) as refused:
        AerEngine(Simulator(), GIBIBYTE).run(circuit, method="statevector", seed=1, shots=1)
    assert refused.value.reason == "MemoryLimitExceeded"
    assert "1024M" in refused.value.message


# --- words ------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.text(max_size=1000))
def test_quotes_are_short_and_on_one_line(text: str) -> None:
    """Whatever is quoted in a message stays on one line and within bounds."""
    line = quote(text)
    assert len(line) <= LONGEST_QUOTE
    assert not set("\n\r\t") & set(line)
