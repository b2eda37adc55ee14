"""The registry of templates: what it knows without building anything, and what it refuses."""

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_operator.api.program import ProgramFacts, Template
from quantum_operator.api.templates import (
    MAX_ANGLES,
    TEMPLATES,
    TemplateError,
    canonical_template,
    read_template,
    template_facts,
)


def made(kind: str, **parameters: str) -> Template:
    return Template(name=kind, parameters=parameters)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (made("bell"), ProgramFacts(2, True, registers=(("meas", 2),))),
        (made("bell", measure="false"), ProgramFacts(2, False)),
        (made("ghz"), ProgramFacts(3, True, registers=(("meas", 3),))),
        (made("ghz", qubits="20"), ProgramFacts(20, True, registers=(("meas", 20),))),
        (made("qft", qubits="5", measure="false"), ProgramFacts(5, False)),
        (
            made("real-amplitudes", qubits="2", reps="1"),
            ProgramFacts(2, True, False, ("theta_0", "theta_1", "theta_2", "theta_3"), (("meas", 2),)),
        ),
        (made("real-amplitudes", qubits="1", reps="0"), ProgramFacts(1, True, False, ("theta_0",), (("meas", 1),))),
    ],
)
def test_facts(template: Template, expected: ProgramFacts) -> None:
    """Width, measurements and inputs follow from name and parameters, defaults included."""
    assert template_facts(template) == expected


@pytest.mark.parametrize(
    ("template", "says"),
    [
        (made("shor"), ["'shor'", "bell, ghz, qft, real-amplitudes"]),
        (made("ghz", width="3"), ["'ghz'", "'width'", "qubits, measure"]),
        (made("bell", qubits="2"), ["'bell'", "'qubits'", "measure"]),
        (made("ghz", qubits="1"), ["'ghz'", "qubits", "'1'", "2 to 4096"]),
        (made("ghz", qubits="4097"), ["'4097'", "2 to 4096"]),
        (made("ghz", qubits="-3"), ["'-3'", "2 to 4096"]),
        (made("ghz", qubits="3.0"), ["'3.0'"]),
        (made("ghz", qubits=""), ["''"]),
        (made("ghz", qubits="٣"), ["'٣'"]),
        (made("ghz", qubits="9" * 200), ["2 to 4096"]),
        (made("ghz", measure="yes"), ["measure", "'yes'", "true or false"]),
        (made("real-amplitudes", qubits="128", reps="64"), ["8320", "256"]),
    ],
)
def test_refusals_name_template_parameter_value_and_remedy(template: Template, says: list[str]) -> None:
    """A template or parameter that is not, and a value out of bounds, are named, with what would be right."""
    with pytest.raises(TemplateError) as refused:
        template_facts(template)
    assert all(text in str(refused.value) for text in says)


@settings(deadline=None)
@given(
    st.sampled_from(sorted(TEMPLATES)), st.dictionaries(st.sampled_from(["qubits", "reps", "measure", "x"]), st.text())
)
def test_any_parameters_have_an_answer(kind: str, parameters: dict[str, str]) -> None:
    """Whatever the parameters, there are facts or a TemplateError."""
    template = Template.model_construct(name=kind, parameters=parameters)
    try:
        facts = template_facts(template)
    except TemplateError:
        return
    assert facts.qubits >= 1
    assert len(facts.inputs) <= MAX_ANGLES


@pytest.mark.parametrize("kind", sorted(TEMPLATES))
def test_defaults_and_bounds_are_valid(kind: str) -> None:
    """Every template can be made without parameters, and at each end of each parameter's bounds."""
    definition = TEMPLATES[kind]
    assert template_facts(made(kind)).measures
    for parameter in definition.parameters:
        assert parameter.meaning.endswith(".")
        for value in parameter.choices or (str(parameter.minimum), str(parameter.maximum)):
            others = {"reps": "0"} if kind == "real-amplitudes" and parameter.name == "qubits" else {}
            assert read_template(made(kind, **{**others, parameter.name: value}))


def test_canonical_form_spells_defaults_out() -> None:
    """A default that is left out and one that is written, with a leading zero even, are the same template."""
    forms = {
        canonical_template(made("ghz")),
        canonical_template(made("ghz", qubits="3")),
        canonical_template(made("ghz", qubits="03", measure="true")),
    }
    assert len(forms) == 1
    assert json.loads(forms.pop()) == {"template": "ghz", "parameters": {"qubits": 3, "measure": True}}
    assert canonical_template(made("ghz", measure="false")) not in forms


def test_the_registry_imports_no_qiskit() -> None:
    """The operator can read templates and programs without a quantum SDK."""
    code = (
        "import sys, quantum_operator.api.templates, quantum_operator.decide.prescan; "
        "sys.exit(any(name.startswith(('qiskit', 'numpy')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
