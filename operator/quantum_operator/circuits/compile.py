"""Compiling: once a program, for all its bindings.

A target without basis gates or coupling has nothing to compile for: at levels 0 and 1 the program is only written out
in gates that the simulator knows, and keeps the gates it has. That takes a millisecond, where Qiskit's transpiler takes
a hundred, and the counts are as right. Levels 2 and 3, a layout, basis gates or a coupling map call the transpiler.
"""

from dataclasses import dataclass
from typing import Any, Final

from qiskit import transpile
from qiskit.circuit import BreakLoopOp, ContinueLoopOp, ForLoopOp, IfElseOp, QuantumCircuit, WhileLoopOp
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.exceptions import QiskitError
from qiskit.transpiler import CouplingMap
from qiskit.transpiler import Target as TranspilerTarget
from qiskit_aer.backends.backend_utils import BASIS_GATES

from quantum_operator.api.backend import Target
from quantum_operator.api.execution import Execution
from quantum_operator.api.jobstatus import CircuitRecord
from quantum_operator.circuits.digest import circuit_digest
from quantum_operator.circuits.errors import RefusedError, quote
from quantum_operator.circuits.program import Parsed
from quantum_operator.circuits.unroll import NON_GATES, is_known, unroll

REVERSIBLE: Final = frozenset({"cx", "cz", "ecr", "swap", "rzx", "rxx", "ryy", "rzz"})
CONTROL_FLOW: Final[dict[str, type]] = {
    "if_else": IfElseOp,
    "while_loop": WhileLoopOp,
    "for_loop": ForLoopOp,
    "break_loop": BreakLoopOp,
    "continue_loop": ContinueLoopOp,
}


@dataclass(frozen=True)
class Compiled:
    """A compiled program, still with its parameters.

    `circuit` acts on dense positions: idle qubits of the target are left out. `target_qubits[i]` is the target's qubit
    at position i. `places[q]` is the position where the program's qubit q ends up.
    """

    program: Parsed
    circuit: QuantumCircuit
    target_qubits: tuple[int, ...]
    places: tuple[int, ...]
    record: CircuitRecord

    @property
    def layout(self) -> tuple[int, ...]:
        """The target's qubit where each of the program's qubits ends up."""
        return tuple(self.target_qubits[place] for place in self.places)


def compile_program(parsed: Parsed, execution: Execution, target: Target, method: str, seed: int) -> Compiled:
    """Compile for `target` and Aer's `method` ("automatic" or a name). Raises RefusedError when it does not fit."""
    width = parsed.circuit.num_qubits
    if width > target.num_qubits:
        raise RefusedError(
            "IncompatibleTarget",
            f"program {parsed.name!r} has {width} qubits and the target has {target.num_qubits}; "
            "use fewer qubits or a larger backend",
        )
    if parsed.physical and execution.compilation == "full":
        raise RefusedError(
            "UnsupportedConstruct",
            f"program {parsed.name!r} names physical qubits ($n), so it is compiled already; "
            "set spec.execution.compilation to isa, or declare a qubit register",
        )
    try:
        if execution.compilation == "isa":
            check_isa(parsed, target, method)
            circuit = parsed.circuit
        else:
            circuit = _compile(parsed, execution, target, method, seed)
    except RecursionError as error:
        message = f"program {parsed.name!r} defines its gates too deeply; flatten the definitions"
        raise RefusedError("InvalidProgram", message) from error
    transpiled = circuit.layout if execution.compilation == "full" else None
    layout = tuple(range(width)) if transpiled is None else tuple(transpiled.final_index_layout())
    record = CircuitRecord(
        program=parsed.name,
        source_sha256=parsed.sha256,
        compiled_sha256=circuit_digest(circuit),
        qubits=width,
        depth=circuit.depth(),
        two_qubit_gates=_two_qubit_gates(circuit),
    )
    dense, kept = without_idle_qubits(circuit, layout)
    position = {qubit: index for index, qubit in enumerate(kept)}
    return Compiled(parsed, dense, kept, tuple(position[qubit] for qubit in layout), record)


def check_isa(parsed: Parsed, target: Target, method: str) -> None:
    """A compiled program is in the target's gates and on its coupled pairs, or it is refused."""
    names = target.basis_gates or tuple(BASIS_GATES[method])
    edges = None if target.coupling_map is None else {tuple(edge) for edge in target.coupling_map}
    circuit = parsed.circuit
    for name, qubits, known in _uses(circuit, {bit: index for index, bit in enumerate(circuit.qubits)}, names):
        if not known:
            raise RefusedError(
                "IncompatibleTarget",
                f"program {parsed.name!r}: gate {name!r} is none of the target's ({', '.join(names)}); "
                "recompile the program for this target, or set spec.execution.compilation to full",
            )
        if edges is not None and len(qubits) > 1 and name not in NON_GATES and qubits not in edges:
            raise RefusedError(
                "IncompatibleTarget",
                f"program {parsed.name!r}: {name} on qubits {list(qubits)}: the target does not couple them in that "
                "order; recompile the program for this target, or set spec.execution.compilation to full",
            )


def _uses(circuit: QuantumCircuit, index: dict[Any, int], names: tuple[str, ...]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for one in circuit.data:
        if one.is_control_flow() and one.name != "box":
            for block in one.operation.blocks:
                inner = {bit: index[outer] for bit, outer in zip(block.qubits, one.qubits, strict=True)}
                found.extend(_uses(block, inner, names))
        else:
            found.append((one.name, tuple(index[bit] for bit in one.qubits), is_known(one, names)))
    return found


def _compile(parsed: Parsed, execution: Execution, target: Target, method: str, seed: int) -> QuantumCircuit:
    constrained = target.basis_gates is not None or target.coupling_map is not None
    if not constrained and execution.initial_layout is None and execution.optimization_level <= 1:
        return unroll(parsed.circuit, BASIS_GATES[method])
    _check_layout(parsed, execution, target)
    try:
        return transpile(
            unroll(parsed.circuit, None),
            target=transpiler_target(target, method, wide=execution.initial_layout is not None),
            initial_layout=None if execution.initial_layout is None else list(execution.initial_layout),
            optimization_level=execution.optimization_level,
            seed_transpiler=seed,
            num_processes=1,
        )
    except QiskitError as error:
        raise RefusedError(
            "IncompatibleTarget",
            f"program {parsed.name!r} can't be compiled for the target: {quote(error)}; choose another backend",
        ) from error


def transpiler_target(target: Target, method: str, *, wide: bool) -> TranspilerTarget:
    """The target in Qiskit's form; without coupling or layout it has no width, so that no idle qubits are added."""
    standard = get_standard_gate_name_mapping()
    unknown = sorted(set(target.basis_gates or ()) - set(standard))
    if unknown:
        raise RefusedError("IncompatibleTarget", f"target.basisGates: {', '.join(unknown)}: Qiskit has no such gates")
    basis = [name for name in target.basis_gates or BASIS_GATES[method] if name in standard]
    coupling = None
    if target.coupling_map is not None:
        # Only pairs can be coupled, so wider gates are written out in the others; and where any gate would do, those
        # pairs are used that the transpiler can turn around.
        pairs = REVERSIBLE if target.basis_gates is None else frozenset(basis)
        basis = [name for name in basis if standard[name].num_qubits == 1 or name in pairs]
        basis = [name for name in basis if standard[name].num_qubits <= 2]
        coupling = CouplingMap([list(edge) for edge in target.coupling_map])
        for qubit in range(target.num_qubits):
            if qubit not in coupling.physical_qubits:
                coupling.add_physical_qubit(qubit)
    return TranspilerTarget.from_configuration(
        [*dict.fromkeys([*basis, "measure", "reset", "delay"]), *CONTROL_FLOW],
        num_qubits=target.num_qubits if coupling is not None or wide else None,
        coupling_map=coupling,
        custom_name_mapping=CONTROL_FLOW,
    )


def _check_layout(parsed: Parsed, execution: Execution, target: Target) -> None:
    layout = execution.initial_layout
    if layout is None:
        return
    width = parsed.circuit.num_qubits
    if len(layout) != width or len(set(layout)) != width or max(layout) >= target.num_qubits:
        raise RefusedError(
            "IncompatibleTarget",
            f"{list(layout)} is no layout of program {parsed.name!r}: it names {width} different qubits of the "
            f"target's {target.num_qubits}",
            "spec.execution.initialLayout",
        )


def _two_qubit_gates(circuit: QuantumCircuit) -> int:
    count = 0
    for one in circuit.data:
        if one.is_control_flow():
            count += sum(_two_qubit_gates(block) for block in one.operation.blocks)
        elif len(one.qubits) == 2 and one.name not in NON_GATES:
            count += 1
    return count


def without_idle_qubits(circuit: QuantumCircuit, layout: tuple[int, ...]) -> tuple[QuantumCircuit, tuple[int, ...]]:
    """The circuit on the qubits that it uses (those of `layout` among them), and which of its qubits those are."""
    index = {bit: position for position, bit in enumerate(circuit.qubits)}
    used = {
        *layout,
        *(index[bit] for one in circuit.data if one.name not in ("barrier", "delay") for bit in one.qubits),
    }
    if len(used) == circuit.num_qubits:
        return circuit, tuple(range(circuit.num_qubits))
    kept = tuple(sorted(used)) or (0,)
    dense = QuantumCircuit(len(kept), global_phase=circuit.global_phase)
    dense.add_bits(circuit.clbits)
    for register in circuit.cregs:
        dense.add_register(register)
    place = {circuit.qubits[qubit]: dense.qubits[position] for position, qubit in enumerate(kept)}
    for one in circuit.data:
        if one.name not in ("barrier", "delay"):
            dense.append(one.operation, [place[bit] for bit in one.qubits], one.clbits, copy=False)
    return dense, kept
