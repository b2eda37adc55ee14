"""Programs: where a circuit comes from."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from quantum_operator.api.meta import ApiModel, Cel, Name, ObjectName

MAX_PROGRAM_BYTES = 262_144
"""The longest program accepted, inline or from a ConfigMap."""

Language = Literal["qasm3", "qasm2"]
Source = Annotated[str, Field(min_length=1, max_length=MAX_PROGRAM_BYTES)]


class ConfigMapKeyRef(ApiModel):
    """A key of a ConfigMap in the job's namespace, copied when the job is accepted: a later edit changes nothing."""

    name: Annotated[ObjectName, Field(description="The ConfigMap's name.")]
    key: Annotated[
        str,
        Field(
            min_length=1,
            max_length=253,
            pattern=r"^[-._a-zA-Z0-9]+$",
            description="The key that has the program's text.",
        ),
    ]
    language: Annotated[Language, Field(description="The language the key's text is written in.")] = "qasm3"


class Template(ApiModel):
    """A circuit of the library, by name, with its parameters as text (for example `qubits: "5"`)."""

    name: Annotated[Name, Field(description="The name of the template, such as bell, ghz or qft.")]
    parameters: Annotated[
        dict[
            Annotated[str, Field(min_length=1, max_length=63)],
            Annotated[str, Field(max_length=256)],
        ],
        Field(max_length=16, description="The template's parameters, by name."),
    ] = Field(default_factory=dict)


class Program(ApiModel):
    """A named circuit: exactly one of `qasm3`, `qasm2`, `configMapKeyRef` or `template`."""

    cel_rules: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "[has(self.qasm3), has(self.qasm2), has(self.configMapKeyRef), has(self.template)].exists_one(x, x)",
            "a program has exactly one of qasm3, qasm2, configMapKeyRef and template",
        ),
    )

    name: Annotated[Name, Field(description="The name by which a pub refers to the program.")]
    qasm3: Annotated[Source | None, Field(description="The program's text in OpenQASM 3.")] = None
    qasm2: Annotated[Source | None, Field(description="The program's text in OpenQASM 2.")] = None
    config_map_key_ref: ConfigMapKeyRef | None = None
    template: Template | None = None


@dataclass(frozen=True)
class ProgramFacts:
    """What can be told of a program without parsing it.

    `qubits` is its width, `physical` whether it names the target's own qubits (`$0`), `inputs` are the names of its
    parameters in the order of their declaration, and `registers` its classical registers with their widths (None: not
    known).
    """

    qubits: int
    measures: bool
    physical: bool = False
    inputs: tuple[str, ...] = ()
    registers: tuple[tuple[str, int], ...] | None = ()
