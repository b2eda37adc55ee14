"""Programs read: what is refused with which reason and line, and what importers would get silently wrong."""

import hashlib
import math
import re
from typing import Any

import pytest

from quantum_operator.api.run import InputProgram
from quantum_operator.circuits.errors import RefusedError
from quantum_operator.circuits.program import parse_program
from support.runs import BELL3, counts, finish, observable, refusal, sample, spec, template
from support.runs import estimate as estimate_task
from support.runs import qasm2 as program2
from support.runs import qasm3 as program3

HEAD3 = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[3] q;\nbit[3] c;\n'
HEAD2 = 'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[3];\ncreg c[3];\n'


def refused(program: dict[str, Any]) -> RefusedError:
    with pytest.raises(RefusedError) as error:
        parse_program(InputProgram.model_validate(program))
    return error.value


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("switch (c) { case 1 { x q[0]; } }", "SwitchStatement"),
        ("rx(2^2) q[0];", r"\^"),
        ("def f(qubit a) { x a; }", "SubroutineDefinition"),
        ("const int n = 3;", "ConstantDeclaration"),
        ("int n = 3;", "int"),
        ("uint[8] n;", "uint"),
        ("input float w; rx(sin(w)) q[0];", "FunctionCall"),
        ("bit d; while (d == 0) { x q[0]; }", "const bool"),
        ("measure q[0];", "save their result"),
        ("extern f(int) -> int;", "ExternDeclaration"),
        ("input int n;", "float"),
        ("defcal x $0 { }", "CalibrationDefinition"),
        ("gate g a { x a; } g q[c];", "index"),
    ],
)
def test_unsupported_constructs_are_named_with_their_line(statement: str, names: str) -> None:
    """A construct that the importer can't take is UnsupportedConstruct, and the message has its line."""
    error = refused(program3(HEAD3 + statement))
    assert error.reason == "UnsupportedConstruct"
    assert error.message.startswith("line 5: ")
    assert re.search(names, error.message)


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("foo q[0];", "gate 'foo' is not defined; define it first, or include"),
        ("x r[0];", "'r'; declare it first"),
        ("x q[7];", "q[7]: q has 3; choose an index from 0 to 2"),
        ("x q[-4];", "q[-4]: q has 3; choose"),
        ("x q[{0, 7}];", "out of range; indices count from 0"),
        ("cx q[0];", "too many or too few qubits; give it"),
        ("x q[0]", "unexpected end of the program; look for a semicolon"),
        ("rx(;", ";"),
        ("cx q[0], q[0];", "duplicate"),
        ("rx(1, 2) q[0];", "parameters"),
        ("rx q[0];", "parameters"),
        ("h(1) q[0];", "parameters"),
        ("qubit[2] q;", "already exists"),
        ("input float z;", "'z' is the name of something else"),
        ('x "', '"'),
        ("c = measure q[0:1];", ""),
    ],
)
def test_invalid_programs_are_refused_with_their_line(statement: str, names: str) -> None:
    """A program that is wrong is InvalidProgram, with what is wrong and the line."""
    error = refused(program3(HEAD3 + statement))
    assert error.reason == "InvalidProgram"
    assert error.message.startswith("line 5: ")
    assert names in error.message


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("foo q[0];", "'foo' is not defined in this scope; declare or define it first"),
        ("x q[7];", "out-of-range"),
        ("x q[0]", "end-of-file"),
        ("x ;", ""),
    ],
)
def test_invalid_openqasm_2_is_refused_with_its_line(statement: str, names: str) -> None:
    """The same holds for OpenQASM 2."""
    error = refused(program2(HEAD2 + statement))
    assert error.reason == "InvalidProgram"
    assert error.message.startswith("line 5: ")
    assert names in error.message


@pytest.mark.parametrize("name", ["/etc/passwd", "../../../../etc/passwd", "stdgates.inc"])
def test_includes_read_no_file(name: str) -> None:
    """An include of a path is refused, absolute or relative, and nothing of the file shows."""
    error = refused(program2(f'OPENQASM 2.0;\ninclude "{name}";\nqreg q[1];'))
    assert error.reason == "InvalidProgram"
    assert "root" not in error.message
    error = refused(program3(f'include "{name if name != "stdgates.inc" else "qelib1.inc"}";\nqubit q;'))
    assert error.reason in ("InvalidProgram", "UnsupportedConstruct")
    assert "root" not in error.message


@pytest.mark.parametrize("language", [2, 3])
def test_a_gate_defined_under_a_standard_name_does_what_it_says(language: int) -> None:
    """`gate rzz(t) a,b { x a; }` flips a qubit: neither Qiskit's transpiler nor Aer take it for their own rzz."""
    body = "gate rzz(theta) a,b { U(pi,0,pi) a; } gate delay a { U(pi,0,pi) a; } gate s2 a { delay a; } "
    if language == 2:
        program = program2(f"OPENQASM 2.0; {body} qreg q[3]; creg c[3]; rzz(0.3) q[0],q[1]; s2 q[2]; measure q -> c;")
    else:
        program = program3(f"OPENQASM 3.0; {body} qubit[3] q; bit[3] c; rzz(0.3) q[0],q[1]; s2 q[2]; c = measure q;")
        if "delay" in body:
            program = program3(program["source"].replace("delay", "save_state"))
    for level in (0, 1, 2, 3):
        assert counts(finish(program, sample(shots=10), optimization_level=level).pubs[0]) == {"101": 10}


def test_a_controlled_gate_of_a_standard_name_is_the_defined_one() -> None:
    """Modifiers on a defined gate control and invert its definition, whatever it is called."""
    program = program3(
        "gate h a { U(pi, 0, pi) a; } qubit[3] q; bit[3] c; h q[0]; ctrl @ h q[0], q[1]; inv @ h q[2]; c = measure q;"
    )
    assert counts(finish(program, sample(shots=10)).pubs[0]) == {"111": 10}


def test_definitions_with_inputs_are_bound() -> None:
    """Inputs reach through defined gates and modifiers."""
    program = program3(
        'include "stdgates.inc"; input float w; gate turn(a) b { rx(2*a) b; } qubit[2] q; bit[2] c;'
        "x q[0]; ctrl @ turn(w/2) q[0], q[1]; c = measure q;"
    )
    task = sample(shots=10, parameterNames=["w"], parameterValues=[[math.pi]])
    assert counts(finish(program, task).pubs[0]) == {"11": 10}


def test_negative_controls_and_powers() -> None:
    """`negctrl` fires on 0 and `pow` repeats."""
    program = program3(HEAD3 + "negctrl @ x q[0], q[1]; pow(3) @ sx q[2]; sx q[2]; c = measure q;")
    assert counts(finish(program, sample(shots=10)).pubs[0]) == {"010": 10}


@pytest.mark.parametrize(
    "statement", ["x q[0:-1];", "x q[0:5];", "x q[2:1];", "x q[{}];", "x q[-2:-1];", "let a = q[1:3];", "x q[2:-1:0];"]
)
def test_ranges_that_lose_gates_are_refused(statement: str) -> None:
    """A range that the importer reads as empty or cuts short would drop gates in silence; it is refused."""
    error = refused(program3(HEAD3 + statement))
    assert error.reason in ("InvalidProgram", "UnsupportedConstruct")
    assert error.message.startswith("line 5: ")


def test_ranges_that_mean_what_they_say_work() -> None:
    """Ranges include both ends, with steps too; sets and negative single indices select what they name."""
    program = program3(
        'OPENQASM 3.0; include "stdgates.inc"; qubit[6] q; bit[6] c; x q[0:1]; x q[3:2:5]; x q[{0, 2}]; x q[-1];'
        "c = measure q;"
    )
    assert counts(finish(program, sample(shots=5)).pubs[0]) == {"001110": 5}


@pytest.mark.parametrize("expression", ["1/2", "-1/2", "pi*(3/4)", "1/0", "7/2 + w"])
def test_integer_division_is_refused(expression: str) -> None:
    """OpenQASM 3 divides integers to integers: rx(1/2) would turn by 0, so it is refused and the remedy named."""
    error = refused(program3(HEAD3 + f"input float w;\nrx({expression}) q[0];"))
    assert error.reason == "UnsupportedConstruct"
    assert error.message.startswith("line 6: ")
    assert ".0/" in error.message


def test_exact_division_of_integers_is_fine() -> None:
    """Division without a remainder, or of floats, is what it looks like."""
    source = 'include "stdgates.inc"; qubit q; ry(4/2) q; ry(-1.0/2) q; ry(pi/4) q;'
    z = finish(program3(source), estimate_task([observable(("Z", [0], 1.0))], mode="exact")).pubs[0]
    assert z.values == pytest.approx((math.cos(1.5 + math.pi / 4),))


def test_deep_nesting_is_invalid() -> None:
    """1,200 parentheses are refused as nested too deeply, and the process lives on."""
    error = refused(program3(HEAD3 + f"rx({'(' * 1200}1{')' * 1200}) q[0];"))
    assert error.reason == "InvalidProgram"
    assert "too deeply" in error.message


def test_deep_definitions_are_invalid() -> None:
    """3,000 gates, each calling the one before, are refused as defined too deeply."""
    chain = "gate g0 a { x a; } " + "".join(f"gate g{i + 1} a {{ g{i} a; }} " for i in range(3000))
    error = refusal(program2(HEAD2 + chain + "g3000 q[0]; measure q -> c;"), sample())
    assert error.reason == "InvalidProgram"
    assert "too deeply" in error.message


@pytest.mark.parametrize("program", [program2("OPENQASM 2.0; creg c[1];"), program3("qubit[0] q; bit[1] c;")])
def test_programs_without_qubits_are_invalid(program: dict[str, Any]) -> None:
    """There is nothing to run on no qubits."""
    assert "no qubits" in refused(program).message


def test_registers_that_no_outcome_holds_are_refused() -> None:
    """A register of more than 4,096 bits or with a name of more than 253 characters is refused."""
    assert "4096" in refused(program3("qubit q; bit[4097] c;")).message
    assert "253" in refused(program3(f"qubit q; bit[1] {'c' * 300};")).message


def test_opaque_gates_can_not_run() -> None:
    """An opaque gate has nothing to simulate."""
    error = refusal(program2(HEAD2 + "opaque foo a; foo q[0]; measure q -> c;"), sample())
    assert error.reason == "IncompatibleTarget"
    assert "foo" in error.message


def test_unused_inputs_are_inputs() -> None:
    """An input that the program does not use must be bound all the same, and binding it changes nothing."""
    program = program3('include "stdgates.inc"; input float unused; qubit q; bit c; x q; c = measure q;')
    task = sample(shots=5, parameterNames=["unused"], parameterValues=[[0.3]])
    assert counts(finish(program, task).pubs[0]) == {"1": 5}
    assert "missing: unused" in refusal(program, sample()).message


def test_digest_of_a_source_is_of_its_bytes() -> None:
    """The record has the SHA-256 of the text as it was given, and another one of the compiled circuit."""
    record = finish(program3(BELL3), sample()).compiled[0].record
    assert record.source_sha256 == hashlib.sha256(BELL3.encode()).hexdigest()
    assert (record.qubits, record.two_qubit_gates, record.depth) == (2, 1, 3)


def test_unknown_template_is_invalid() -> None:
    """A template that does not exist, and a parameter out of bounds, are InvalidTemplate with what there is."""
    error = refusal(template("shor"), sample())
    assert (error.reason, error.field) == ("InvalidTemplate", "spec.programs[0]")
    assert "ghz" in error.message
    assert "2 to 4096" in refusal(template("ghz", qubits="1"), sample()).message


def test_programs_of_one_name_are_refused() -> None:
    """Two programs of the same name would hide each other."""
    error = refusal([program3(BELL3), program3(BELL3)], sample())
    assert (error.reason, error.field) == ("InvalidProgram", "spec.programs")


def test_pub_of_no_program_is_refused() -> None:
    """A pub that names none of the programs is refused with their names."""
    error = refusal(program3(BELL3), sample(program="other"), spec())
    assert (error.reason, error.field) == ("InvalidProgram", "spec.task.sample.pubs[0].program")


def test_boxes_are_opened() -> None:
    """A box has no meaning to a simulator: its body runs."""
    program = program3(HEAD3 + "box { x q[0]; } box[10ns] { x q[2]; } c = measure q;")
    assert counts(finish(program, sample(shots=5)).pubs[0]) == {"101": 5}


def test_loop_over_a_set_with_its_variable() -> None:
    """A for loop runs over a set or a range, downward too, and its variable scales angles."""
    source = (
        HEAD3 + "for int i in {1, 3} { rx(i * pi/4) q[0]; } for int i in [2:-1:0] { ry(i * pi/3) q[1]; } c = measure q;"
    )
    assert counts(finish(program3(source), sample(shots=5)).pubs[0]) == {"011": 5}
