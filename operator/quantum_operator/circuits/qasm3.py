"""OpenQASM 3 to circuits, by Qiskit's importer, without the places where that importer is silently wrong.

What is mended or refused here, each seen with qiskit-qasm3-import 0.6:
- a gate that the program defines under the name of a standard one is taken for the standard one by whoever looks at
  names (the transpiler, Aer): defined gates get names of their own;
- `q[0:-1]` selects nothing and the gate vanishes; `q[0:9]` of three qubits selects three;
- `1/2` is 0 and `-1/2` is -1, for integers;
- registers are renamed (`C` to `esc_C`) and conditions on slices add registers to the circuit.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import openqasm3
from openqasm3 import ast
from openqasm3.parser import QASM3ParsingError
from qiskit.circuit import Clbit, Parameter, QuantumCircuit
from qiskit_qasm3_import.converter import ConvertVisitor
from qiskit_qasm3_import.exceptions import ConversionError

from quantum_operator.circuits.errors import RefusedError, quote

_INVALID = re.compile(
    r"not defined|Undefined symbol|already|mismatched|incorrect number|not visible|Illegal|is a '|type error|Mixing"
)
"""What the importer says of programs that are wrong; anything else it says is about what it can't do."""

_REMEDIES = (
    (re.compile("gate .* is not defined"), 'define it first, or include "stdgates.inc" if it is a standard gate'),
    (re.compile("Undefined symbol"), "declare it first"),
)
"""What to do about what the importer says."""


@dataclass(frozen=True)
class Imported:
    """A circuit, with the program's own names: inputs, and registers with the positions of their bits, bit 0 first."""

    circuit: QuantumCircuit
    inputs: dict[str, Parameter]
    registers: dict[str, tuple[int, ...]]
    physical: bool


class _Importer(ConvertVisitor):
    """Remembers the line it is at: not every error of the importer says where."""

    line = 0

    def visit(self, node: ast.QASMNode, context: Any = None) -> Any:
        if isinstance(node, ast.Statement) and node.span is not None:
            self.line = node.span.start_line
        return super().visit(node, context)


def import_qasm3(source: str) -> Imported:
    """The program as a circuit. Raises RefusedError, and MemoryError or RecursionError when it is beyond bounds."""
    tree = _parse(source)
    _check(tree)
    _rename_gates(tree)
    importer = _Importer()
    try:
        state = importer.convert(tree, source=source)
    except (MemoryError, RecursionError):
        raise
    except ConversionError as error:
        raise _conversion_error(error) from error
    except (TypeError, AttributeError, NotImplementedError) as error:
        # Standard gates are classes, which take a parameter too many for their label and complain of its type.
        if re.search(r"label|positional argument", str(error)):
            message = (
                f"line {importer.line}: a gate has too many or too few parameters; give it those it is defined with"
            )
            raise RefusedError("InvalidProgram", message) from error
        message = f"line {importer.line}: can't be imported: {quote(error)}; rewrite the statement without it"
        raise RefusedError("UnsupportedConstruct", message) from error
    except Exception as error:  # the importer's failures on invalid programs are of any type
        raise RefusedError("InvalidProgram", f"line {importer.line}: {_failure(error)}") from error
    circuit: QuantumCircuit = state.circuit
    inputs: dict[str, Parameter] = {}
    registers: dict[str, tuple[int, ...]] = {}
    for symbol in state.symbol_table.globals():
        if isinstance(symbol.definer, ast.IODeclaration):
            inputs[symbol.name] = symbol.data
        elif isinstance(symbol.definer, ast.ClassicalDeclaration):
            bits = [symbol.data] if isinstance(symbol.data, Clbit) else symbol.data
            registers[symbol.name] = tuple(circuit.find_bit(bit).index for bit in bits)
    return Imported(circuit, inputs, registers, state.addressing_mode.is_physical())


def _parse(source: str) -> ast.Program:
    try:
        return openqasm3.parse(source)
    except QASM3ParsingError as error:
        raise RefusedError("InvalidProgram", _parsing_message(error)) from error


def _parsing_message(error: QASM3ParsingError) -> str:
    found = re.match(r"L(\d+):C\d+: (.*)", str(error), re.DOTALL)
    if found:
        return f"line {found[1]}: {quote(found[2])}"
    cause = error.__cause__
    recognition = cause.args[0] if cause is not None and cause.args else cause
    token = getattr(recognition, "offendingToken", None)
    if token is None:
        return "the program can't be parsed as OpenQASM 3"
    what = "end of the program" if token.type < 0 else repr(quote(token.text))
    return f"line {token.line}: unexpected {what}; look for a semicolon or bracket that is missing before it"


def _conversion_error(error: ConversionError) -> RefusedError:
    found = re.match(r"(\d+),\d+: (.*)", error.message, re.DOTALL)
    where, what = (f"line {found[1]}: ", found[2]) if found else ("", error.message)
    twice = re.match(r"Symbol ('[^']*') already inserted", what)
    if twice:
        message = f"{where}{twice[1]} is the name of something else already, such as a gate; choose another"
        return RefusedError("InvalidProgram", message)
    if _INVALID.search(what):
        remedy = next((f"; {remedy}" for said, remedy in _REMEDIES if said.search(what)), "")
        return RefusedError("InvalidProgram", f"{where}{quote(what).rstrip('.')}{remedy}")
    return RefusedError("UnsupportedConstruct", f"{where}{quote(what)}; rewrite the statement without it")


def _failure(error: Exception) -> str:
    """What is wrong with a statement that the importer, or the circuit that it builds, stumbled over."""
    if isinstance(error, IndexError):
        return "an index is out of range; indices count from 0 to one less than the register's size"
    if "amount of qubit" in str(error):
        return "a gate has too many or too few qubits; give it as many as it is defined for"
    return quote(error)


def _walk(node: ast.QASMNode) -> Iterator[ast.QASMNode]:
    """Every node of a tree, itself included, without recursion."""
    stack: list[Any] = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, list | tuple):
            stack.extend(item)
        elif isinstance(item, ast.QASMNode):
            yield item
            stack.extend(value for key, value in vars(item).items() if key != "span")


def _rename_gates(tree: ast.Program) -> None:
    """Give defined gates names that no standard gate has."""
    defined = {node.name.name for node in _walk(tree) if isinstance(node, ast.QuantumGateDefinition)}
    for node in _walk(tree):
        if isinstance(node, ast.QuantumGateDefinition | ast.QuantumGate) and node.name.name in defined:
            node.name.name = f"defined_{node.name.name}"


def _check(tree: ast.Program) -> None:
    sizes: dict[str, int | None] = {}
    for statement in tree.statements:
        if isinstance(statement, ast.QubitDeclaration):
            sizes[statement.qubit.name] = _constant(statement.size)
        elif isinstance(statement, ast.ClassicalDeclaration) and isinstance(statement.type, ast.BitType):
            sizes[statement.identifier.name] = _constant(statement.type.size)
    for node in _walk(tree):
        if isinstance(node, ast.BinaryExpression) and node.op.name == "/":
            _check_division(node)
        elif isinstance(node, ast.IndexedIdentifier):
            for index in node.indices:
                _check_index(index, node.name.name, sizes.get(node.name.name), node)
        elif isinstance(node, ast.IndexExpression):
            name = node.collection.name if isinstance(node.collection, ast.Identifier) else "register"
            _check_index(node.index, name, sizes.get(name), node)


def _check_division(node: ast.BinaryExpression) -> None:
    left, right = _constant(node.lhs), _constant(node.rhs)
    if left is not None and right is not None and (right == 0 or left % right):
        raise RefusedError(
            "UnsupportedConstruct",
            f"{_line(node)}{left}/{right} divides integers, and OpenQASM 3 drops the remainder; "
            f"write {left}.0/{right}, or the value you mean",
        )


def _check_index(index: Any, name: str, size: int | None, node: ast.QASMNode) -> None:
    """A set that is empty, or a range that Qiskit's importer reads otherwise than OpenQASM 3 does, is refused."""
    if isinstance(index, ast.DiscreteSet):
        if not index.values:
            raise RefusedError("InvalidProgram", f"{_line(node)}{name}[{{}}] selects nothing")
        return
    for one in index:
        if not isinstance(one, ast.RangeDefinition):
            _check_single(_constant(one), name, size, node)
            continue
        first = 0 if one.start is None else _constant(one.start)
        last = _constant(one.end)
        step = 1 if one.step is None else _constant(one.step)
        if one.end is None and (size is None or step != 1):
            continue
        last = size - 1 if one.end is None and size is not None else last
        if first is None or last is None or not step:
            raise RefusedError("UnsupportedConstruct", f"{_line(node)}the range of {name} is not in plain integers")
        if first < 0 or last < 0 or (last - first) * step < 0 or (size is not None and max(first, last) >= size):
            has = "" if size is None else f", and {name} has {size}"
            raise RefusedError(
                "InvalidProgram",
                f"{_line(node)}{name}[{first}:{last}]: a range runs from its first index to its last, both included "
                f"and counted from 0{has}; write the indices out",
            )
        if step < 0 and last == 0:
            raise RefusedError("UnsupportedConstruct", f"{_line(node)}a range of {name} down to 0; list the indices")


def _check_single(index: int | None, name: str, size: int | None, node: ast.QASMNode) -> None:
    """An index from 0, or from the end where it is negative. Only global registers have sizes, and none is hidden."""
    if index is not None and size is not None and not -size <= index < size:
        raise RefusedError(
            "InvalidProgram", f"{_line(node)}{name}[{index}]: {name} has {size}; choose an index from 0 to {size - 1}"
        )


def _constant(node: ast.Expression | None) -> int | None:
    """The value of an expression in integer literals; None for any other."""
    if isinstance(node, ast.IntegerLiteral):
        return node.value
    if isinstance(node, ast.UnaryExpression) and node.op.name == "-":
        value = _constant(node.expression)
        return None if value is None else -value
    if isinstance(node, ast.BinaryExpression) and node.op.name in ("+", "-", "*", "/"):
        left, right = _constant(node.lhs), _constant(node.rhs)
        if left is None or right is None or (node.op.name == "/" and (right == 0 or left % right)):
            return None
        return {"+": left + right, "-": left - right, "*": left * right}.get(node.op.name, left // (right or 1))
    return None


def _line(node: ast.QASMNode) -> str:
    return "" if node.span is None else f"line {node.span.start_line}: "
