"""The circuits behind the templates."""

import math

import pytest
from qiskit.quantum_info import Operator, Statevector
from qiskit.synthesis.qft import synth_qft_full

from quantum_operator.api.program import Template
from quantum_operator.api.templates import TEMPLATES, template_facts
from quantum_operator.circuits.program import has_operation
from quantum_operator.circuits.templates import build_template
from support.runs import counts, finish, sample, spec


def made(kind: str, **parameters: str) -> Template:
    return Template(name=kind, parameters=parameters)


@pytest.mark.parametrize("width", [1, 2, 5])
def test_qft_is_the_fourier_transform(width: int) -> None:
    """The qft template is Qiskit's Fourier transform, swaps included."""
    built = build_template(made("qft", qubits=str(width), measure="false"))
    assert Operator(built).equiv(Operator(synth_qft_full(width)))


def test_bell_and_ghz_are_their_states() -> None:
    """bell and ghz are (|0…0> + |1…1>)/sqrt(2)."""
    for template, width in ((made("bell", measure="false"), 2), (made("ghz", qubits="5", measure="false"), 5)):
        found = Statevector(build_template(template)).to_dict(decimals=12)
        assert {key: abs(value) for key, value in found.items()} == pytest.approx(
            {"0" * width: math.sqrt(0.5), "1" * width: math.sqrt(0.5)}
        )


@pytest.mark.parametrize("kind", sorted(TEMPLATES))
@pytest.mark.parametrize("measure", ["true", "false"])
def test_facts_are_those_of_the_circuit(kind: str, measure: str) -> None:
    """What the registry says of a template, without building it, is true of the circuit that is built."""
    template = made(kind, measure=measure)
    circuit, facts = build_template(template), template_facts(template)
    assert circuit.num_qubits == facts.qubits
    assert {parameter.name for parameter in circuit.parameters} == set(facts.inputs)
    assert has_operation(circuit, "measure") == facts.measures
    assert not facts.physical


def test_measured_templates_read_into_meas() -> None:
    """A measured template has one register, meas, with bit i from qubit i."""
    program = {"name": "p", "template": {"name": "bell"}}
    (found,) = finish(program, sample(shots=100), spec()).pubs[0].samples or ()
    assert [(one.name, one.size) for one in found.registers] == [("meas", 2)]
    assert set(counts(finish(program, sample()).pubs[0])) == {"00", "11"}
