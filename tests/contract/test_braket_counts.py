"""What the adapter of Amazon Braket sends, executed by the SDK's own simulator: the counts are over the right bits."""

import json
from typing import Any

from braket.default_simulator import StateVectorSimulator
from braket.ir.openqasm import Program, ProgramSet
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister

from quantum_adapters.braket import layout, results
from quantum_operator.ports.adapter import RegisterBits
from support.braketpayload import payload
from support.braketresults import stored


def run(task: Any, form: str = "measurements") -> tuple[RegisterBits, ...]:
    """The counts of a task that the SDK's simulator executes, stored and read in this form."""
    several = "program_set" in task["action"]
    program = (ProgramSet if several else Program).parse_raw(task["action"])
    result = json.loads(StateVectorSimulator().run(program, shots=task["shots"]).json())
    files = {f"folder/{name}": json.dumps(one).encode() for name, one in stored(result, form, ("b", "folder")).items()}

    def get(bucket: str, key: str) -> bytes:
        assert bucket == "b"
        return files[key]

    read = results.read("b", "folder", get)
    return results.counts_of(read, layout.read(task["layout"]), task["shots"], get)


@st.composite
def flips(draw: st.DrawFn) -> tuple[QuantumCircuit, str]:
    """A circuit that flips qubits, swaps them and measures some, anywhere; and what it counts."""
    qubits, width = draw(st.integers(1, 6)), draw(st.integers(1, 7))
    split = draw(st.integers(0, width - 1))
    circuit = QuantumCircuit(QuantumRegister(qubits), ClassicalRegister(width - split, "z"))
    if split:
        circuit.add_register(ClassicalRegister(split, "a"))
    values = draw(st.lists(st.booleans(), min_size=qubits, max_size=qubits))
    for qubit in range(qubits):
        if values[qubit]:
            circuit.x(qubit)
    for _ in range(draw(st.integers(0, 3)) if qubits > 1 else 0):
        control, target = draw(st.permutations(range(qubits)))[:2]
        circuit.cx(control, target)
        values[target] ^= values[control]
    circuit.barrier()
    number = draw(st.integers(1, min(qubits, width)))
    sources, bits = draw(st.permutations(range(qubits)))[:number], draw(st.permutations(range(width)))[:number]
    word = ["0"] * width
    for qubit, bit in zip(sources, bits, strict=True):
        circuit.measure(qubit, bit)
        word[width - 1 - bit] = str(int(values[qubit]))
    return circuit, "".join(word)


@settings(max_examples=60, deadline=None)
@given(flips(), st.sampled_from(["measurements", "probabilities", "shuffled"]))
def test_counts_are_over_all_bits_whatever_is_measured_where(made: tuple[QuantumCircuit, str], form: str) -> None:
    """Bit 0 rightmost, bits that are not measured 0, in every form that a result has."""
    circuit, wanted = made
    assert run(payload(circuit), form) == (RegisterBits({wanted: 10}),)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(flips(), st.sampled_from([10, 20, 30])), min_size=2, max_size=5), st.booleans())
def test_every_circuit_of_a_program_set_has_its_own_shots(
    made: list[tuple[tuple[QuantumCircuit, str], int]], parts: bool
) -> None:
    """They stand in the set as often as their shots need, and their counts are added up."""
    task = payload(*(circuit for (circuit, _), _ in made), shots=tuple(shots for _, shots in made))
    assert task["shots"] == sum(shots for _, shots in made)
    assert run(task, "parts" if parts else "measurements") == tuple(
        RegisterBits({wanted: shots}) for (_, wanted), shots in made
    )


def test_columns_in_the_wrong_order_are_counted_wrong() -> None:
    """The control of the checks of bit order: they tell one order from the other."""
    circuit = QuantumCircuit(3, 3)
    circuit.x(0)
    circuit.measure(range(3), range(3))
    assert run(payload(circuit)) == (RegisterBits({"001": 10}),)
    assert run(payload(circuit), "wrong") == (RegisterBits({"100": 10}),)
