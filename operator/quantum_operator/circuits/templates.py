"""The circuits behind `quantum_operator.api.templates`."""

from math import pi
from typing import Final

from qiskit.circuit import ClassicalRegister, Parameter, QuantumCircuit

from quantum_operator.api.program import Template
from quantum_operator.api.templates import TEMPLATES, Arguments, read_template


def build_template(template: Template) -> QuantumCircuit:
    """The template's circuit. Raises TemplateError for a name or parameter that it lacks."""
    arguments = read_template(template)
    definition = TEMPLATES[template.name]
    circuit = QuantumCircuit(definition.qubits(arguments), name=template.name)
    _BUILDERS[template.name](circuit, arguments)
    if arguments.measure:
        register = ClassicalRegister(circuit.num_qubits, "meas")
        circuit.add_register(register)
        circuit.measure(circuit.qubits, register)
    return circuit


def _ghz(circuit: QuantumCircuit, _: Arguments) -> None:
    circuit.h(0)
    for qubit in range(circuit.num_qubits - 1):
        circuit.cx(qubit, qubit + 1)


def _qft(circuit: QuantumCircuit, _: Arguments) -> None:
    """Nielsen and Chuang, figure 5.1; qubit 0 is the least significant."""
    width = circuit.num_qubits
    for target in reversed(range(width)):
        circuit.h(target)
        for control in reversed(range(target)):
            circuit.cp(pi / 2 ** (target - control), control, target)
    for qubit in range(width // 2):
        circuit.swap(qubit, width - 1 - qubit)


def _real_amplitudes(circuit: QuantumCircuit, arguments: Arguments) -> None:
    angles = iter(TEMPLATES["real-amplitudes"].inputs(arguments))
    for layer in range(arguments.integers["reps"] + 1):
        if layer:
            for qubit in range(circuit.num_qubits - 1):
                circuit.cx(qubit, qubit + 1)
        for qubit in range(circuit.num_qubits):
            circuit.ry(Parameter(next(angles)), qubit)


_BUILDERS: Final = {"bell": _ghz, "ghz": _ghz, "qft": _qft, "real-amplitudes": _real_amplitudes}
