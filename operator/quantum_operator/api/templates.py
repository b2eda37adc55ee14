"""The templates: circuits of the library that a program can name instead of carrying text.

This module knows their names, parameters and bounds, and what each makes, without making it; the circuits themselves
are built in `quantum_operator.circuits.templates`. Measured templates keep their results in a register called `meas`,
one bit a qubit, bit i from qubit i.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from quantum_operator.api.program import ProgramFacts, Template


class TemplateError(ValueError):
    """A template that does not exist, or a parameter that it does not take; the message says what it takes."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a template. Integers have bounds, both included; choices list what they may be."""

    name: str
    default: str
    meaning: str
    minimum: int = 0
    maximum: int = 0
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Definition:
    """A template: its parameters, its width in qubits for given ones, and the names of its circuit's inputs."""

    name: str
    meaning: str
    parameters: tuple[Parameter, ...]
    qubits: Callable[["Arguments"], int]
    inputs: Callable[["Arguments"], tuple[str, ...]] = lambda _: ()


@dataclass(frozen=True)
class Arguments:
    """A template's parameters, read: each with the value given or its default."""

    integers: dict[str, int]
    measure: bool


MEASURE: Final = Parameter(
    "measure",
    "true",
    "Measure every qubit at the end; false makes a program for `estimate`.",
    choices=("true", "false"),
)
MAX_ANGLES: Final = 256
"""As many parameters as a pub can bind."""


def _width(arguments: Arguments) -> int:
    return arguments.integers["qubits"]


def _angles(arguments: Arguments) -> tuple[str, ...]:
    count = arguments.integers["qubits"] * (arguments.integers["reps"] + 1)
    return tuple(f"theta_{index}" for index in range(count))


TEMPLATES: Final[dict[str, Definition]] = {
    definition.name: definition
    for definition in (
        Definition("bell", "The Bell state (|00> + |11>)/sqrt(2).", (MEASURE,), lambda _: 2),
        Definition(
            "ghz",
            "The GHZ state (|0…0> + |1…1>)/sqrt(2), by a chain of CX.",
            (Parameter("qubits", "3", "Width.", 2, 4096), MEASURE),
            _width,
        ),
        Definition(
            "qft",
            "The quantum Fourier transform of |0…0>, final swaps included.",
            (Parameter("qubits", "3", "Width.", 1, 256), MEASURE),
            _width,
        ),
        Definition(
            "real-amplitudes",
            "Layers of RY rotations with CX between neighbors. Angles are inputs: theta_0, theta_1, … by layer, then "
            "by qubit; there are qubits * (reps + 1).",
            (
                Parameter("qubits", "3", "Width.", 1, 128),
                Parameter("reps", "3", "Entangling layers.", 0, 64),
                MEASURE,
            ),
            _width,
            _angles,
        ),
    )
}
"""Every template, by name."""


def read_template(template: Template) -> Arguments:
    """The template's parameters with defaults filled in. Raises TemplateError for a name or value that it lacks."""
    definition = TEMPLATES.get(template.name)
    if definition is None:
        raise TemplateError(f"template {template.name!r} does not exist; there are {', '.join(sorted(TEMPLATES))}")
    known = {parameter.name: parameter for parameter in definition.parameters}
    for name in template.parameters:
        if name not in known:
            raise TemplateError(f"template {template.name!r} has no parameter {name!r}; it takes {', '.join(known)}")
    values = {name: template.parameters.get(name, parameter.default) for name, parameter in known.items()}
    integers = {
        name: _integer(template.name, known[name], value) for name, value in values.items() if name != "measure"
    }
    if values["measure"] not in MEASURE.choices:
        raise TemplateError(
            f"template {template.name!r}: parameter measure is {values['measure'][:40]!r}; "
            f"it is {' or '.join(MEASURE.choices)}"
        )
    arguments = Arguments(integers, values["measure"] == "true")
    count = len(definition.inputs(arguments))
    if count > MAX_ANGLES:
        raise TemplateError(
            f"template {template.name!r}: qubits {integers['qubits']} and reps {integers['reps']} make {count} angles; "
            f"at most {MAX_ANGLES} can be bound: use fewer"
        )
    return arguments


def template_facts(template: Template) -> ProgramFacts:
    """What the template makes: width, measurements and inputs. Raises TemplateError as `read_template` does."""
    arguments = read_template(template)
    definition = TEMPLATES[template.name]
    qubits = definition.qubits(arguments)
    registers = (("meas", qubits),) if arguments.measure else ()
    return ProgramFacts(qubits, arguments.measure, False, definition.inputs(arguments), registers)


def canonical_template(template: Template) -> bytes:
    """The template with every parameter spelled out, as canonical JSON: what its digest is taken of."""
    arguments = read_template(template)
    parameters = {**arguments.integers, "measure": arguments.measure}
    return json.dumps(
        {"template": template.name, "parameters": parameters}, sort_keys=True, separators=(",", ":")
    ).encode()


def _integer(template: str, parameter: Parameter, text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 6 and parameter.minimum <= int(text) <= parameter.maximum:
        return int(text)
    raise TemplateError(
        f"template {template!r}: parameter {parameter.name} is {text[:40]!r}; it is a whole number from "
        f"{parameter.minimum} to {parameter.maximum}"
    )
