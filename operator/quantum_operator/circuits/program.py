"""A program read: its circuit, its inputs and registers by the names it gives them, its digest."""

import hashlib
import re
from dataclasses import dataclass

from qiskit import qasm2
from qiskit.circuit import Parameter, QuantumCircuit

from quantum_operator.api.run import InputProgram
from quantum_operator.api.templates import TemplateError, canonical_template
from quantum_operator.circuits.errors import RefusedError, quote
from quantum_operator.circuits.templates import build_template
from quantum_operator.decide.prescan import gate_names

MAX_NAME = 253
MAX_REGISTER_BITS = 4096


@dataclass(frozen=True)
class Parsed:
    """A program as a circuit.

    `inputs` are its parameters by name, used or not; `registers` the positions of each classical register's bits
    among the circuit's, bit 0 first, in the order of declaration; `physical` whether it names the target's qubits.
    """

    name: str
    circuit: QuantumCircuit
    inputs: dict[str, Parameter]
    registers: dict[str, tuple[int, ...]]
    physical: bool
    sha256: str

    @property
    def measured(self) -> bool:
        """Whether anything is measured anywhere in it."""
        return has_operation(self.circuit, "measure")


def has_operation(circuit: QuantumCircuit, name: str) -> bool:
    """Whether an operation of this name is in the circuit or in a block of its control flow."""
    return any(
        instruction.name == name
        or (instruction.is_control_flow() and any(has_operation(block, name) for block in instruction.operation.blocks))
        for instruction in circuit.data
    )


def parse_program(program: InputProgram) -> Parsed:
    """Read a program. Raises RefusedError, with the line where it is known; MemoryError beyond the memory limit."""
    try:
        parsed = _parse(program)
    except RecursionError as error:
        raise RefusedError("InvalidProgram", "the program is nested too deeply to be parsed; flatten it") from error
    _check(parsed)
    return parsed


def _parse(program: InputProgram) -> Parsed:
    if program.template is not None:
        try:
            circuit = build_template(program.template)
            digest = hashlib.sha256(canonical_template(program.template)).hexdigest()
        except TemplateError as error:
            raise RefusedError("InvalidTemplate", str(error)) from error
        inputs = {parameter.name: parameter for parameter in circuit.parameters}
        return Parsed(program.name, circuit, inputs, _registers(circuit), False, digest)
    source = program.source or ""
    digest = hashlib.sha256(source.encode(errors="surrogatepass")).hexdigest()
    if program.language == "qasm2":
        circuit = _parse_qasm2(source)
        return Parsed(program.name, circuit, {}, _registers(circuit), False, digest)
    # Imported here because it takes 0.2 s, which programs in OpenQASM 2 and templates need not wait for.
    from quantum_operator.circuits.qasm3 import import_qasm3  # noqa: PLC0415

    imported = import_qasm3(source)
    return Parsed(program.name, imported.circuit, imported.inputs, imported.registers, imported.physical, digest)


def _parse_qasm2(source: str) -> QuantumCircuit:
    """Includes are read from nowhere (qelib1.inc is built in), and what a program defines itself stays as defined.

    Qiskit's legacy instructions would replace a definition of the same name, whatever it says.
    """
    defined = gate_names(source)
    instructions = tuple(one for one in qasm2.LEGACY_CUSTOM_INSTRUCTIONS if one.name not in defined)
    try:
        return qasm2.loads(source, include_path=(), custom_instructions=instructions)
    except qasm2.QASM2ParseError as error:
        found = re.match(r"\"?<input>:(\d+),\d+: (.*?)\"?$", error.message, re.DOTALL)
        message = f"line {found[1]}: {quote(found[2])}" if found else quote(error.message)
        if message.endswith("is not defined in this scope"):
            message += '; declare or define it first, or include "qelib1.inc" if it is a standard gate'
        raise RefusedError("InvalidProgram", message) from error


def _registers(circuit: QuantumCircuit) -> dict[str, tuple[int, ...]]:
    return {register.name: tuple(circuit.find_bit(bit).index for bit in register) for register in circuit.cregs}


def _check(parsed: Parsed) -> None:
    """What an outcome could not hold, or nothing could run."""
    if parsed.circuit.num_qubits == 0:
        raise RefusedError("InvalidProgram", "the program declares no qubits; declare a qubit register")
    for name, bits in parsed.registers.items():
        if len(name) > MAX_NAME or len(bits) > MAX_REGISTER_BITS:
            raise RefusedError(
                "InvalidProgram",
                f"register {name[:40]!r} has {len(bits)} bits and a name of {len(name)} characters; "
                f"at most {MAX_REGISTER_BITS} and {MAX_NAME} are allowed",
            )
