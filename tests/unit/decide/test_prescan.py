"""The pre-scan: facts without parsing, refusals that are certain, and nothing that any text could do to it."""

from collections.abc import Iterator, Sequence
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from qiskit import qasm2, qasm3
from qiskit.circuit import ClassicalRegister, QuantumCircuit, QuantumRegister

from quantum_operator.api.program import ProgramFacts
from quantum_operator.circuits.qasm3 import import_qasm3
from quantum_operator.decide.prescan import MAX_QUBITS, Rejection, gate_names, prescan
from quantum_operator.decide.qasmshapes import behind_bracket
from quantum_operator.decide.qasmtokens import Token, tokens

Language = Literal["qasm2", "qasm3"]
HEAD2 = 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'
HEAD3 = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'


def facts(source: str, language: Language = "qasm3") -> ProgramFacts:
    found = prescan(source, language)
    assert isinstance(found, ProgramFacts), found
    return found


def rejected(source: str, language: Language = "qasm3") -> Rejection:
    found = prescan(source, language)
    assert isinstance(found, Rejection), found
    return found


C1, C2 = (("c", 1),), (("c", 2),)


# --- facts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "language", "expected"),
    [
        (
            HEAD2 + "qreg q[2]; creg c[2]; h q[0]; measure q -> c;",
            "qasm2",
            ProgramFacts(2, True, registers=C2),
        ),
        (HEAD2 + "qreg a[2]; qreg b[3]; h a;", "qasm2", ProgramFacts(5, False)),
        (HEAD3 + "qubit[2] q; bit[2] c; c = measure q;", "qasm3", ProgramFacts(2, True, registers=C2)),
        (HEAD3 + "qubit q; qubit[0x10] r; qreg s[1_0]; h q;", "qasm3", ProgramFacts(27, False)),
        (HEAD3 + "bit c; h $3; c = measure $1;", "qasm3", ProgramFacts(4, True, True, registers=C1)),
        (
            HEAD3 + "input float[64] b; input angle a; qubit q; rx(a + b) q;",
            "qasm3",
            ProgramFacts(1, False, False, ("b", "a")),
        ),
        (HEAD3 + "qubit q; bit c; if (c) { c = measure q; }", "qasm3", ProgramFacts(1, True, registers=C1)),
        (HEAD3 + "qubit q; bit c = measure q;", "qasm3", ProgramFacts(1, True, registers=C1)),
        (
            HEAD2 + "qreg q[1]; creg c[1]; if(c==0) measure q[0]->c[0];",
            "qasm2",
            ProgramFacts(1, True, registers=C1),
        ),
        (HEAD2 + "qreg const[1]; gate switch a { h a; } switch const[0];", "qasm2", ProgramFacts(1, False)),
    ],
)
def test_facts(source: str, language: Language, expected: ProgramFacts) -> None:
    """Width, measurements, physical qubits and inputs are read off the text of either language."""
    assert prescan(source, language) == expected


@pytest.mark.parametrize(
    "source",
    [
        "qubit q; // qubit[9999] r; bit c; c = measure q; switch",
        "qubit q; /* qubit[5] r; c = measure q;\n def f() {} $7 */",
        "/**/ /* // */ qubit q; // /* never closed",
        'qubit q; bit[4] c; if (c == "0101") { h q; }',
    ],
)
def test_comments_and_strings_fool_nobody(source: str) -> None:
    """What stands in a comment or in a string is not there."""
    assert facts(HEAD3 + source) == ProgramFacts(1, False, registers=(("c", 4),) if "bit[4]" in source else ())


def test_sizes_in_comments_do_not_hide_sizes() -> None:
    """A comment inside a declaration does not keep the size from being read."""
    assert facts("qubit/**/[/* 7 */3// [9]\n] q;").qubits == 3


# --- agreement with Qiskit ------------------------------------------------------------------------------------------


@st.composite
def circuits(draw: st.DrawFn) -> QuantumCircuit:
    """Circuits of up to three registers, perhaps measured and perhaps with a branch and a defined gate."""
    circuit = QuantumCircuit()
    for index in range(draw(st.integers(1, 3))):
        circuit.add_register(QuantumRegister(draw(st.integers(1, 5)), f"q{index}"))
    width = circuit.num_qubits
    circuit.add_register(ClassicalRegister(draw(st.integers(1, 3)), "c"))
    for _ in range(draw(st.integers(0, 6))):
        qubit = draw(st.integers(0, width - 1))
        match draw(st.sampled_from(["h", "rx", "cx", "rzz", "measure", "if", "barrier"])):
            case "rx":
                circuit.rx(draw(st.floats(-3, 3)), qubit)
            case "cx" if width > 1:
                circuit.cx(qubit, (qubit + 1) % width)
            case "rzz" if width > 1:
                circuit.rzz(0.5, qubit, (qubit + 1) % width)
            case "measure":
                circuit.measure(qubit, 0)
            case "if":
                with circuit.if_test((circuit.clbits[0], 1)):
                    circuit.x(qubit)
            case "barrier":
                circuit.barrier()
            case _:
                circuit.h(qubit)
    return circuit


@settings(max_examples=60, deadline=None)
@given(circuits())
def test_agrees_with_qiskit(circuit: QuantumCircuit) -> None:
    """For programs that Qiskit exports, width, measurements and registers are what is read back."""
    measures, source = "measure" in circuit.count_ops(), qasm3.dumps(circuit)
    read = import_qasm3(source).registers
    registers = tuple((name, len(bits)) for name, bits in read.items())
    assert facts(source) == ProgramFacts(circuit.num_qubits, measures, registers=registers)
    if "if_else" not in circuit.count_ops():
        source = qasm2.dumps(circuit)
        parsed = qasm2.loads(source, custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS)
        assert facts(source, "qasm2").qubits == parsed.num_qubits
        assert facts(source, "qasm2").measures == measures


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=5))
def test_physical_width_agrees_with_qiskit(indices: list[int]) -> None:
    """A program on `$n` is as wide as its highest qubit, as Qiskit imports it."""
    source = "".join(f"U(1, 2, 3) ${index};" for index in indices)
    assert facts(source).qubits == qasm3.loads(source).num_qubits


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "line", "says"),
    [
        ("qubit q;\nswitch (q) { case 1 { } }", 2, "if statements"),
        ("qubit q;\n\ndef f(qubit a) { }", 3, "gate"),
        ("const int n = 3;", 1, "value where it is used"),
        ("int n = 3; qubit q;", 1, "bit registers"),
        ("qubit q; if (c) { float f; }", 1, "input"),
        ("qubit q;\ninput float w; rx(sin(w)) q;", 2, "sin"),
        ("qubit q; rx(2^2) q;", 1, "'^'"),
        ("qubit q; bit[2] c; while (c < 2) { h q; }", 1, "'<'"),
        ("qubit q;\nmeasure q;", 2, "c = measure q;"),
        ("defcal x $0 { play(drive($0), gaussian); }", 1, "pulse"),
        ('defcalgrammar "openpulse"; qubit q;', 1, "pulse"),
        ("cal { } qubit q;", 1, "pulse"),
        ("qubit q;\npragma simulate { {{{", 2, "pragma"),
        ("qubit q; @hidden { qubit[9] r;", 1, "annotations"),
        ("input bool b; qubit q;", 1, "float and angle"),
        ("qubit[2*3] q;", 1, "plain number"),
        ("output bit c; qubit q;", 1, "every register is a result"),
        ("extern f(int) -> int; qubit q;", 1, "outside"),
        ("end; qubit q;", 1, "remove"),
    ],
)
def test_unsupported_constructs(source: str, line: int, says: str) -> None:
    """What no importer of ours takes is UnsupportedConstruct, with its line and what to do instead."""
    found = rejected(source)
    assert (found.reason, found.line) == ("UnsupportedConstruct", line)
    assert says in found.message


@pytest.mark.parametrize(
    ("source", "language", "line", "says"),
    [
        ("qreg q[200000000];", "qasm2", 1, "200000000"),
        ("qubit[200000000] q;", "qasm3", 1, "200000000"),
        ("qubit[6000] q;\nqubit[4001] r;", "qasm3", 2, "10001"),
        ("qubit[" + "9" * 5000 + "] q;", "qasm3", 1, "10000"),
        ("x $123456789012345678901234567890;", "qasm3", 1, "10000"),
        ("qubit q; bit[4097] c;", "qasm3", 1, "4096"),
        ("qubit q;" + "".join(f"bit[4096] c{i};" for i in range(17)), "qasm3", 1, "65536"),
        ('include "/etc/passwd"; qreg q[1];', "qasm2", 1, "/etc/passwd"),
        ('\ninclude "../secret"; qubit q;', "qasm3", 2, "../secret"),
        ('include "stdgates.inc"; qreg q[1];', "qasm2", 1, "qelib1.inc"),
        ("OPENQASM 3.0; qubit q;", "qasm2", 1, "give it as qasm3"),
        ("OPENQASM 2.0; qreg q[1];", "qasm3", 1, "give it as qasm2"),
        ("qubit q;\n\x00", "qasm3", 2, "U+0000"),
        ("qubit q; // \x1b[2J", "qasm3", 1, "U+001B"),
        ("qubit q; // a\rqubit[9] r;", "qasm3", 1, "U+000D"),
        ("qubit q; // \u202e", "qasm3", 1, "U+202E"),
        ("qubit q; \ud800", "qasm3", 1, "U+D800"),
        ("qubit q; rx(" + "(" * 3000 + "1" + ")" * 3000 + ") q;", "qasm3", 1, "64"),
        ("qubit q; rx(" + "-" * 3000 + "1) q;", "qasm3", 1, "64"),
        ("qubit q; " + "if (c) { " * 100, "qasm3", 1, "64"),
        ("qubit q; x q);", "qasm3", 1, "closes nothing"),
        ("qubit q; gate g a { x a; ]", "qasm3", 1, "closes nothing"),
        ("x " + "q" * 300 + ";", "qasm3", 1, "253"),
        ("qubit q; input float " + "w" * 65 + ";", "qasm3", 1, "64"),
        ("qubit q; " + "".join(f"input float w{i};" for i in range(257)), "qasm3", 1, "256"),
        ("creg c[3];", "qasm2", 0, "no qubits"),
        ("", "qasm3", 0, "no qubits"),
        ("qubit q;" + "h q;" * 50_000, "qasm3", 1, "50000 statements"),
    ],
)
def test_hostile_and_impossible_texts(source: str, language: Language, line: int, says: str) -> None:
    """Texts made to break a parser, and sizes that nothing runs, are InvalidProgram, with line, value and bound."""
    found = rejected(source, language)
    assert (found.reason, found.line) == ("InvalidProgram", line)
    assert says in found.message


def test_opaque_gates_are_unsupported_in_openqasm_2() -> None:
    """A gate without a definition can't be simulated."""
    assert rejected(HEAD2 + "opaque g a; qreg q[1]; g q[0];", "qasm2").reason == "UnsupportedConstruct"


def doubling(levels: int, language: Language) -> str:
    """Gate definitions, each calling the one before twice, and one call."""
    head = "qreg q[1];" if language == "qasm2" else "qubit[1] q;"
    chain = "".join(f"gate g{i + 1} a {{ g{i} a; g{i} a; }}\n" for i in range(levels))
    return f"gate g0 a {{ U(1,2,3) a; }}\n{chain}{head} g{levels} q[0];"


@pytest.mark.parametrize("language", ["qasm2", "qasm3"])
def test_doubling_definitions_are_refused(language: Language) -> None:
    """41 definitions that double each time are refused at the first call beyond a million operations; 15 pass."""
    found = rejected(doubling(41, language), language)
    assert "1000000" in found.message
    assert facts(doubling(15, language), language).qubits == 1


@pytest.mark.parametrize(
    "body",
    [
        "for int i in [0:2000] { for int j in [0:2000] { x q[0]; } }",
        "for int i in [0:2000] for int j in [0:2000] x q[0];",
        "for int i in [2000:-1:1] { for int j in {" + ",".join("1" * 600) + "} { x q[0]; } }",
        "for uint i in [0:999999999999999999999] { x q[0]; }",
        "for int i in [0:300] { h q; }",
        "for int i in [0:300] { x q[0:3999]; }",
        "gate big a { " + "x a; " * 1000 + "} for int i in [0:300] { if (c) { big q; } else { big q[1]; } }",
        "for int i in [0:300] { barrier q; reset q; }",
        "ctrl(900000) @ x q[0], q[1]; pow(900000) @ x q[0];",
        "let a = q ++ q; let b = a ++ a;",
    ],
)
def test_repetition_is_bounded(body: str) -> None:
    """Loops, whole registers, slices, modifiers, definitions and aliases count as often as they stand for."""
    assert rejected(HEAD3 + "qubit[4000] q; bit c; " + body).reason == "InvalidProgram"


@pytest.mark.parametrize("outer", ["[0:999]", "[1998:-2:0]", "[0:2:1999]", "{" + ",".join("7" * 1000) + "}"])
def test_a_million_operations_are_the_bound(outer: str) -> None:
    """A thousand times a thousand operations pass, and one more does not, however the loop is written."""
    loop = f"for int i in {outer} {{ for int j in [1:1000] {{ x q[0]; }} }}"
    assert facts(HEAD3 + "qubit[2] q; " + loop).qubits == 2
    assert "1000000" in rejected(HEAD3 + "qubit[2] q; " + loop + " x q[1];").message


def test_honest_loops_pass() -> None:
    """The same shapes in honest sizes pass."""
    body = "for int i in [0:100] { for int j in [5:-1:1] { x q[0]; h q; } } ctrl(3) @ x q[0], q[1], q[2], q[3];"
    assert facts(HEAD3 + "qubit[4] q; " + body).qubits == 4


def test_gate_names_are_those_defined() -> None:
    """The names of defined gates are found, and names in comments are not."""
    assert gate_names("gate a b { x b; } // gate c d {}\n gate rzz(t) u,v {}") == {"a", "rzz"}


# --- totality -------------------------------------------------------------------------------------------------------

WORDS = """
[ ] ( ) { } ; , : = -> == ++ ~ ! ^ % & | < > @ # - q a " ' " \\ é // /* */ 2.0 3.0 0x 1e9 -1 7 $0 $9999999 @x "a"
qubit qreg creg bit gate def defcal measure if else while for in input output float angle int let const include
OPENQASM ctrl pow inv reset barrier box switch case pragma qubit[
"""
SNIPPETS = st.sampled_from([*WORDS.split(), "\x00", "\r", "\n", "\t"])


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(), st.lists(SNIPPETS, max_size=60).map(" ".join), st.lists(SNIPPETS).map("".join)))
@example("qubit[")
@example("for int i in [0:1")
@example("if")
@example("ctrl @")
@example("ctrl(")
@example("input")
@example("let")
@example("gate")
@example("qubit[0x] q;")
@example("qubit[1.5] q;")
@example("include;")
@example("OPENQASM;")
@example("measure")
@example("for int i in {} {")
@example("for int i in [0:0:0] x q;")
def test_any_text_has_an_answer(source: str) -> None:
    """Whatever the text, both languages answer with facts or a rejection, and never raise."""
    languages: tuple[Language, ...] = ("qasm2", "qasm3")
    for language in languages:
        found = prescan(source, language)
        if isinstance(found, Rejection):
            assert found.message
            assert 0 <= found.line <= source.count("\n") + 1
        else:
            assert 1 <= found.qubits <= MAX_QUBITS


@settings(deadline=None)
@given(st.text(alphabet="ab1$\"'/*@;{}[] \n-=>+"))
def test_tokens_are_no_more_than_the_text(source: str) -> None:
    """Tokens come in order, on lines that exist, and hold no more characters than the text."""
    found = list(tokens(source))
    assert sum(len(token.text) for token in found) <= len(source)
    lines = [token.line for token in found]
    assert lines == sorted(lines)
    assert all(1 <= line <= source.count("\n") + 1 for line in lines)


WORST = [
    "h q;",
    "x,",
    '"',
    "'\"",
    "/*",
    "/",
    "for ",
    "for in ",
    "if ",
    "else ",
    "ctrl @ ",
    "pow(",
    "$1 ",
    "a",
    "1",
    "0x",
    "q[0],",
    "q,",
    "{",
    "[",
    "-",
    "->",
    "let a = a ++ a;",
    "bit c;",
    "gate g a {}",
    "in [",
    "@",
    "\\",
    "é",
    "\n",
]


@pytest.mark.parametrize("unit", WORST)
def test_work_is_linear(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the text is at most a little over twice the work: tokens looked at are counted, not seconds."""

    def work(size: int) -> int:
        looked = 0

        def watched(source: str) -> Iterator[Token]:
            nonlocal looked
            for token in tokens(source):
                looked += 1
                yield token

        def behind(statement: Sequence[Token], at: int) -> int:
            nonlocal looked
            end = behind_bracket(statement, at)
            looked += 1 + end - at
            return end

        monkeypatch.setattr("quantum_operator.decide.prescan.tokens", watched)
        monkeypatch.setattr("quantum_operator.decide.prescan.behind_bracket", behind)
        monkeypatch.setattr("quantum_operator.decide.qasmshapes.behind_bracket", behind)
        prescan("qubit[2] q;" + unit * size, "qasm3")
        return looked

    small, large = work(1000), work(2000)
    assert large <= 2.2 * small + 100
