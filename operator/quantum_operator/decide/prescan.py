"""The pre-scan: what a program's text tells without parsing it, and the refusal of texts made to break parsers.

It runs where everybody's jobs are decided, on text from anybody. So it is one pass over tokens, without recursion,
without backtracking, with a bound on everything that it counts; it raises nothing. It does not decide whether a
program is valid: a text that it passes may still fail to parse, within the limits of a run.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Literal, NoReturn

from quantum_operator.api.program import Language, ProgramFacts
from quantum_operator.decide.qasmshapes import CLOSERS, behind_bracket, integer, skip_headers
from quantum_operator.decide.qasmtokens import Token, bad_text, tokens

__all__ = ["ProgramFacts", "Rejection", "prescan"]

MAX_NESTING = 64
MAX_QUBITS = 10_000
MAX_REGISTER_BITS = 4_096
MAX_BITS = 65_536
MAX_STATEMENTS = 50_000
MAX_OPERATIONS = 1_000_000
"""Gates, measurements and the like after every definition, constant loop and register has been written out."""
MAX_NAME = 253
MAX_INPUTS = 256
MAX_INPUT_NAME = 64

INCLUDES: Final = {"qasm2": "qelib1.inc", "qasm3": "stdgates.inc"}

REMEDIES: Final = {
    "const": "write the value where it is used",
    "def": "write it as a gate, or inline its body",
    "extern": "nothing outside the program can be called",
    "switch": "write it as if statements",
    "array": "use bit registers",
    "int": "use bit registers",
    "uint": "use bit registers",
    "float": "declare it as an input, or write the value where it is used",
    "angle": "declare it as an input, or write the value where it is used",
    "bool": "use bit",
    "complex": "remove it",
    "duration": "write the duration where it is used",
    "stretch": "remove it: timing is not simulated",
    "output": "measure into a bit register: every register is a result",
    "end": "remove it",
    "return": "remove it",
}
"""Statements of OpenQASM 3 that no importer of ours takes, by first word, and what to do instead."""

PULSES: Final = frozenset({"cal", "defcal", "defcalgrammar", "pragma"})
FUNCTIONS: Final = frozenset(
    {"arccos", "arcsin", "arctan", "ceiling", "cos", "exp", "floor", "log", "mod", "popcount"}
    | {"pow", "real", "imag", "rotl", "rotr", "sin", "sqrt", "tan"}
)
OPERATORS: Final = frozenset("^%&|<>")
MODIFIERS: Final = frozenset({"ctrl", "negctrl", "inv", "pow"})


@dataclass(frozen=True)
class Rejection:
    """Why a program is refused, and the line (from 1; 0 when it is the whole text)."""

    reason: Literal["InvalidProgram", "UnsupportedConstruct"]
    message: str
    line: int = 0


class _RefusedError(Exception):
    def __init__(self, rejection: Rejection) -> None:
        self.rejection = rejection


@dataclass
class _Block:
    """A block being read: how often it runs, what it costs so far, and whose body it is."""

    repeat: int = 1
    cost: int = 0
    gate: str | None = None


@dataclass
class _Scan:
    """What has been seen so far. Sizes of names that are no register count as 1; a register inside
    a block leaves it open which are those of the program."""

    language: Language
    qubits: int = 0
    bits: int = 0
    highest_physical: int = -1
    measures: bool = False
    inputs: list[str] = field(default_factory=list)
    registers: list[tuple[str, int]] | None = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    gates: dict[str, int] = field(default_factory=dict)
    blocks: list[_Block] = field(default_factory=lambda: [_Block()])
    statements: int = 0


def prescan(source: str, language: Language) -> ProgramFacts | Rejection:
    """The facts of a program, or why it is refused. Total: it raises nothing, whatever `source` is."""
    bad = bad_text(source)
    if bad is not None:
        return Rejection("InvalidProgram", bad.message, bad.line)
    scan = _Scan(language)
    try:
        _read(source, scan)
    except _RefusedError as refused:
        return refused.rejection
    qubits = scan.qubits + scan.highest_physical + 1
    if qubits == 0:
        return Rejection("InvalidProgram", "the program declares no qubits; declare a qubit register")
    registers = None if scan.registers is None else tuple(scan.registers)
    return ProgramFacts(qubits, scan.measures, scan.highest_physical >= 0, tuple(scan.inputs), registers)


def gate_names(source: str) -> frozenset[str]:
    """The names of the gates that a program defines itself."""
    found = list(tokens(source))
    return frozenset(name.text for word, name in pairwise(found) if word.text == "gate" and name.kind == "name")


def _read(source: str, scan: _Scan) -> None:
    """Cut the tokens into statements and blocks. A `{` inside brackets, or after `in`, is a set and no block."""
    statement: list[Token] = []
    brackets: list[tuple[str, bool]] = []
    signs = 0
    for token in tokens(source):
        _check_token(token, scan)
        signs = signs + 1 if token.text in "-+~!" else 0
        if signs > MAX_NESTING:
            _refuse(token, f"an expression has more than {MAX_NESTING} signs in a row; simplify it")
        statement.append(token)
        if token.text in ("(", "[", "{"):
            inside = bool(brackets) and not brackets[-1][1]
            is_set = token.text == "{" and (inside or (len(statement) > 1 and statement[-2].text == "in"))
            is_block = token.text == "{" and not is_set
            if len(brackets) == MAX_NESTING:
                _refuse(token, f"brackets and blocks are nested more than {MAX_NESTING} deep; flatten the program")
            brackets.append((token.text, is_block))
            if is_block:
                _open(statement[:-1], scan)
                statement = []
        elif token.text in CLOSERS:
            if not brackets or brackets[-1][0] != CLOSERS[token.text]:
                _refuse(token, f"{token.text!r} closes nothing; remove it, or open it first")
            if brackets.pop()[1]:
                _close(token, scan)
                statement = []
        elif token.text == ";" and (not brackets or brackets[-1][1]):
            _finish(statement[:-1], token, scan)
            statement = []


def _check_token(token: Token, scan: _Scan) -> None:
    """What is refused or noted wherever it stands."""
    if token.kind == "name" and len(token.text) > MAX_NAME:
        _refuse(token, f"a name has {len(token.text)} characters, at most {MAX_NAME} are allowed; shorten it")
    if token.text == "measure" and scan.blocks[-1].gate is None:
        scan.measures = True
    if scan.language == "qasm2":
        return
    if token.kind == "physical":
        digits = token.text[1:].lstrip("0") or "0"
        index = int(digits) if len(digits) < 9 else MAX_QUBITS
        scan.highest_physical = max(scan.highest_physical, index)
        _check_width(token, scan)
    elif token.text in PULSES:
        _refuse(token, f"{token.text!r}: pulse-level control and pragmas can't be run; remove it", supported=False)
    elif token.kind == "annotation":
        _refuse(token, "annotations ('@name') can't be honored; remove it", supported=False)
    elif token.kind == "mark" and token.text in OPERATORS:
        _refuse(token, f"operator {token.text!r} can't be run; use + - * / and ==", supported=False)


def _open(header: Sequence[Token], scan: _Scan) -> None:
    """A block begins; `header` is what stands before its brace."""
    start, repeat = skip_headers(header, MAX_OPERATIONS)
    words = [token.text for token in header[start : start + 2]]
    _count_statement(header, scan)
    if words[:1] == ["gate"]:
        scan.blocks.append(_Block(gate=words[1] if len(words) > 1 else ""))
        return
    if header and start < len(header):
        _check_construct(header[start], scan)
    scan.blocks.append(_Block(repeat))


def _close(token: Token, scan: _Scan) -> None:
    block = scan.blocks.pop()
    if block.gate is not None:
        scan.gates[block.gate] = max(1, block.cost)
    else:
        _add(scan, block.cost * block.repeat, token)


def _finish(statement: Sequence[Token], end: Token, scan: _Scan) -> None:
    """A statement is over: note what it declares, or count what it does."""
    start, repeat = skip_headers(statement, MAX_OPERATIONS)
    _count_statement(statement, scan)
    if start == len(statement):
        return
    first = statement[start]
    _check_construct(first, scan)
    rule = _RULES.get(first.text)
    if rule is not None and scan.blocks[-1].gate is None:
        rule(statement[start:], end, scan)
        return
    _add(scan, repeat * _cost(statement[start:], end, scan), end)


def _count_statement(statement: Sequence[Token], scan: _Scan) -> None:
    scan.statements += 1
    if scan.statements > MAX_STATEMENTS and statement:
        _refuse(statement[0], f"the program has more than {MAX_STATEMENTS} statements; shorten or split it")


def _check_construct(first: Token, scan: _Scan) -> None:
    if first.text == "opaque":
        _refuse(first, "an opaque gate has no definition to simulate; define it with 'gate'", supported=False)
    if scan.language == "qasm3" and first.text in REMEDIES:
        _refuse(first, f"{first.text!r} statements can't be run; {REMEDIES[first.text]}", supported=False)


def _cost(statement: Sequence[Token], end: Token, scan: _Scan) -> int:
    """How many operations a gate call or the like stands for, registers and definitions written out."""
    at, factor = 0, 1
    while at < len(statement) and statement[at].text in MODIFIERS:
        behind = behind_bracket(statement, at + 1)
        times = integer("".join(token.text for token in statement[at + 2 : behind - 1])) if behind > at + 1 else 1
        factor = min(factor * max(1, times or 1), MAX_OPERATIONS + 1)
        at = behind + 1
    if at >= len(statement):
        return 1
    arguments = behind_bracket(statement, at + 1)
    if scan.language == "qasm3":
        _check_functions(statement[at + 1 : arguments])
    if statement[at].text == "measure" and scan.language == "qasm3" and not any(t.text == "->" for t in statement):
        _refuse(end, "the result of this measurement is kept nowhere; write 'c = measure q;'", supported=False)
    width = 1
    if scan.blocks[-1].gate is None:
        behind_assignment = statement[at:] if arguments == at + 1 else statement[arguments:]
        width = _width(behind_assignment, scan)
    return factor * scan.gates.get(statement[at].text, 1) * width


def _width(arguments: Sequence[Token], scan: _Scan) -> int:
    """The size of the widest register used whole or in slices: one call for each of its qubits."""
    width = 1
    for position, token in enumerate(arguments):
        if token.kind != "name" or token.text not in scan.sizes:
            continue
        behind = behind_bracket(arguments, position + 1)
        index = [one.text for one in arguments[position + 2 : behind - 1]]
        if len(index) != 1 or behind == position + 1:
            width = max(width, scan.sizes[token.text])
    return width


def _check_functions(arguments: Sequence[Token]) -> None:
    for token, following in pairwise(arguments):
        if token.text in FUNCTIONS and following.text == "(":
            _refuse(token, f"{token.text}(…) can't be evaluated; write its value, or use an input", supported=False)


def _add(scan: _Scan, cost: int, token: Token) -> None:
    block = scan.blocks[-1]
    block.cost += cost
    if block.cost > MAX_OPERATIONS:
        _refuse(token, f"the program expands to more than {MAX_OPERATIONS} operations; shorten or split it")


def _version(statement: Sequence[Token], end: Token, scan: _Scan) -> None:
    major = statement[1].text.split(".")[0] if len(statement) > 1 else ""
    if major in ("2", "3") and f"qasm{major}" != scan.language:
        _refuse(end, f"the program is in OpenQASM {major} but was given as {scan.language}; give it as qasm{major}")


def _include(statement: Sequence[Token], end: Token, scan: _Scan) -> None:
    name = statement[1].text[1:-1] if len(statement) > 1 else ""
    if name != INCLUDES[scan.language]:
        allowed = INCLUDES[scan.language]
        _refuse(end, f"include {name[:80]!r}: only {allowed!r} can be included; copy what you need into the program")


def _quantum(statement: Sequence[Token], end: Token, scan: _Scan) -> None:
    name, size = _declared(statement, end)
    if name:
        scan.sizes[name] = size
    scan.qubits += size
    _check_width(end, scan)


def _check_width(token: Token, scan: _Scan) -> None:
    width = scan.qubits + scan.highest_physical + 1
    if width > MAX_QUBITS:
        _refuse(token, f"the program has {width} qubits or more, at most {MAX_QUBITS} are allowed; use fewer")


def _classical(statement: Sequence[Token], end: Token, scan: _Scan) -> None:
    name, size = _declared(statement, end)
    if size > MAX_REGISTER_BITS:
        _refuse(end, f"register {name!r} has {size} bits, at most {MAX_REGISTER_BITS} are allowed; split it")
    scan.bits += size
    if scan.bits > MAX_BITS:
        _refuse(end, f"the program has more than {MAX_BITS} classical bits; use fewer")
    if name:
        scan.sizes[name] = size
    if len(scan.blocks) > 1:
        scan.registers = None
    elif scan.registers is not None and size > 0:
        scan.registers.append((name, size))
    _add(scan, size, end)


def _declared(statement: Sequence[Token], end: Token) -> tuple[str, int]:
    """Name and size of a register: `qubit[3] q`, `qubit q`, `qreg q[3]`."""
    names = [token.text for token in statement[1:] if token.kind == "name"]
    opened = [position for position, token in enumerate(statement[:3]) if token.text == "["]
    name = names[0] if names else ""
    if not opened:
        return name, 1
    size = statement[opened[0] + 1 : behind_bracket(statement, opened[0]) - 1]
    value = integer(size[0].text) if len(size) == 1 else None
    if value is None:
        _refuse(end, "a register's size is not a plain number; write it as one", supported=False)
    return name, value


def _input(statement: Sequence[Token], end: Token, scan: _Scan) -> None:
    kind = statement[1].text if len(statement) > 1 else ""
    if kind not in ("float", "angle"):
        _refuse(end, f"input of type {kind[:40]!r}: only float and angle can be bound", supported=False)
    name = statement[-1].text
    if len(name) > MAX_INPUT_NAME:
        _refuse(end, f"an input's name has {len(name)} characters, at most {MAX_INPUT_NAME} can be bound; shorten it")
    scan.inputs.append(name)
    if len(scan.inputs) > MAX_INPUTS:
        _refuse(end, f"the program has more than {MAX_INPUTS} inputs; use fewer")


def _alias(statement: Sequence[Token], end: Token, scan: _Scan) -> None:
    size = sum(scan.sizes.get(token.text, 0) for token in statement[2:])
    if size > MAX_QUBITS:
        _refuse(end, f"an alias joins more than {MAX_QUBITS} qubits; use fewer")
    if len(statement) > 1:
        scan.sizes[statement[1].text] = size


_Rule = Callable[[Sequence[Token], Token, _Scan], None]
_RULES: Final[dict[str, _Rule]] = {
    "OPENQASM": _version,
    "include": _include,
    "qreg": _quantum,
    "qubit": _quantum,
    "creg": _classical,
    "bit": _classical,
    "input": _input,
    "let": _alias,
}
"""What the statements that declare something mean, by first word."""


def _refuse(token: Token, message: str, *, supported: bool = True) -> NoReturn:
    raise _RefusedError(Rejection("InvalidProgram" if supported else "UnsupportedConstruct", message, token.line))
