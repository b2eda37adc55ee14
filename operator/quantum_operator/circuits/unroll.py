"""Writing a circuit out in gates that somebody knows, looking at what a gate is and not at what it is called."""

from collections.abc import Collection, Sequence

from qiskit.circuit import CircuitInstruction, Clbit, Delay, QuantumCircuit, Qubit
from qiskit.circuit.library import MCXGate, UnitaryGate

from quantum_operator.circuits.errors import RefusedError

NON_GATES = frozenset({"measure", "reset", "barrier", "delay"})


def is_known(instruction: CircuitInstruction, names: Collection[str] | None) -> bool:
    """Whether this is one of the standard gates called `names` (None: any of them), or no gate at all.

    A gate that a program defines is never known, even under the name of a standard one.
    """
    name = instruction.name
    if instruction.is_standard_gate():
        return names is None or name in names
    if name in NON_GATES:
        # All but delay are words of the language; a gate can be called delay.
        return name != "delay" or isinstance(instruction.operation, Delay)
    if name in ("break_loop", "continue_loop"):
        return True
    operation = instruction.operation
    return isinstance(operation, UnitaryGate | MCXGate) and (names is None or name in names)


def unroll(circuit: QuantumCircuit, names: Collection[str] | None) -> QuantumCircuit:
    """`circuit` with every gate that is not known replaced by its definition; itself when there is none.

    `names` are the standard gates to keep, None for all. Boxes are opened. Raises RefusedError for a gate without a
    definition in those.
    """
    if all(is_known(instruction, names) for instruction in circuit.data):
        return circuit
    unrolled = circuit.copy_empty_like()
    for instruction in circuit.data:
        _emit(unrolled, instruction, instruction.qubits, instruction.clbits, names)
    return unrolled


def _emit(
    out: QuantumCircuit,
    instruction: CircuitInstruction,
    qubits: Sequence[Qubit],
    clbits: Sequence[Clbit],
    names: Collection[str] | None,
) -> None:
    if is_known(instruction, names):
        out.append(instruction.operation, qubits, clbits, copy=False)
        return
    operation = instruction.operation
    if instruction.is_control_flow() and instruction.name != "box":
        blocks = [unroll(block, names) for block in operation.blocks]
        out.append(operation.replace_blocks(blocks), qubits, clbits, copy=False)
        return
    body = operation.blocks[0] if instruction.name == "box" else getattr(operation, "definition", None)
    if body is None:
        raise RefusedError(
            "IncompatibleTarget",
            f"gate {instruction.name!r} is none that the simulator's method knows, and has no definition in such; "
            "use another gate, or a backend with another method",
        )
    out.global_phase += body.global_phase
    qubit_of = dict(zip(body.qubits, qubits, strict=True))
    clbit_of = dict(zip(body.clbits, clbits, strict=True))
    for inner in body.data:
        _emit(out, inner, [qubit_of[bit] for bit in inner.qubits], [clbit_of[bit] for bit in inner.clbits], names)
