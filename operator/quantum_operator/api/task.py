"""Tasks: what is asked of the programs. `sample` gives counts, `estimate` gives expectation values.

Both take pubs (primitive unified blocs, the term of Qiskit's primitives V2): a program, parameter values bound
by name, and for `estimate` observables. Values and observables broadcast against each other as NumPy arrays do, and
a result keeps the broadcast shape.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from quantum_operator.api.meta import ApiModel, Cel, Name

Number = Annotated[float, Field(ge=-1e15, le=1e15)]
Shots = Annotated[int, Field(ge=1, le=10_000_000)]
Shape = Annotated[tuple[Annotated[int, Field(ge=1, le=10_000)], ...], Field(max_length=8)]
ParameterName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\t\n\v\f\r \[\];,(){}]+$")]
Parameters = Annotated[tuple[ParameterName, ...], Field(max_length=256)]
Row = Annotated[tuple[Number, ...], Field(max_length=256)]
Rows = Annotated[tuple[Row, ...], Field(max_length=1024)]

MAX_ESTIMATE_PUBS = 10
MAX_OBSERVABLES = 128
MAX_TERMS = 1024
"""Their product is bounded by the API server's budget for a rule, 10,000,000: the rule of PauliTerm costs 7 for each
term. A sum can't be split; a pub's observables can be, over more pubs, and pubs over more jobs."""

PUB_RULES = (
    Cel(
        "!has(self.parameterValues) || has(self.parameterNames)",
        "parameterValues needs parameterNames: values are bound by name, never by position",
    ),
    Cel(
        "!has(self.parameterNames) || has(self.parameterValues)",
        "parameterNames needs parameterValues",
    ),
    Cel(
        "!has(self.parameterNames) || !has(self.parameterValues) "
        "|| self.parameterValues.all(row, size(row) == size(self.parameterNames))",
        "every row of parameterValues has one number for each of parameterNames",
    ),
)


class PauliTerm(ApiModel):
    """`coefficient` times a Pauli string: letter i of `pauli` acts on qubit `qubits[i]` of the program as written.

    An empty `pauli` with no qubits is the identity (a constant offset).
    """

    cel_rules: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "size(self.pauli) == size(self.qubits)",
            "pauli has one letter for each of qubits",
            field_path=".pauli",
        ),
    )

    pauli: Annotated[
        str, Field(max_length=64, pattern=r"^[IXYZ]*$", description="One letter for each of qubits: I, X, Y or Z.")
    ]
    qubits: Annotated[
        tuple[Annotated[int, Field(ge=0, le=9_999)], ...],
        Field(max_length=64, description="The qubits of the program as written, each at most once."),
    ] = ()
    coefficient: Annotated[Number, Field(description="The real number that the Pauli string is multiplied by.")] = 1.0


class Observable(ApiModel):
    """A real sum of Pauli terms."""

    terms: Annotated[
        tuple[PauliTerm, ...], Field(min_length=1, max_length=MAX_TERMS, description="The terms of the sum.")
    ]


class SamplePub(ApiModel):
    """One program to sample, at each of its parameter bindings."""

    cel_rules: ClassVar[tuple[Cel, ...]] = PUB_RULES

    program: Annotated[Name, Field(description="The name of one of spec.programs; it must measure something.")]
    parameter_names: Annotated[
        Parameters | None,
        Field(description="The program's parameters, in the order of the numbers in each row of parameterValues."),
    ] = None
    parameter_values: Annotated[
        Rows | None, Field(description="One row a binding; a row has a number for each of parameterNames.")
    ] = None
    parameter_shape: Annotated[
        Shape | None,
        Field(description="How the rows are arranged, in C order; absent means one axis as long as there are rows."),
    ] = None
    shots: Annotated[Shots, Field(description="Shots for each binding.")] = 1024


class SampleTask(ApiModel):
    """Counts of every classical register of each pub."""

    pubs: Annotated[
        tuple[SamplePub, ...],
        Field(min_length=1, max_length=64, description="What to sample; the results come in the same order."),
    ]


class EstimatePub(ApiModel):
    """Expectation values of observables, at each parameter binding; the two broadcast as NumPy arrays."""

    cel_rules: ClassVar[tuple[Cel, ...]] = PUB_RULES

    program: Annotated[Name, Field(description="The name of one of spec.programs; it must measure nothing.")]
    parameter_names: Annotated[
        Parameters | None,
        Field(description="The program's parameters, in the order of the numbers in each row of parameterValues."),
    ] = None
    parameter_values: Annotated[
        Rows | None, Field(description="One row a binding; a row has a number for each of parameterNames.")
    ] = None
    parameter_shape: Annotated[
        Shape | None,
        Field(description="How the rows are arranged, in C order; absent means one axis as long as there are rows."),
    ] = None
    observables: Annotated[
        tuple[Observable, ...],
        Field(min_length=1, max_length=MAX_OBSERVABLES, description="The observables, in C order of observablesShape."),
    ]
    observables_shape: Annotated[
        Shape | None,
        Field(description="How the observables are arranged, in C order; absent means one axis."),
    ] = None
    shots: Annotated[
        Shots | None,
        Field(description="Shots for each group of qubit-wise commuting terms, at each binding."),
    ] = None
    precision: Annotated[
        float | None,
        Field(ge=1e-6, le=1e3, description="The standard error to reach for every value; shots follow from it."),
    ] = None


class EstimateTask(ApiModel):
    """Expectation values with standard errors, from counts (`sampled`) or without sampling at all (`exact`)."""

    cel_rules: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "self.mode == 'exact' ? self.pubs.all(p, !has(p.shots) && !has(p.precision)) "
            ": self.pubs.all(p, has(p.shots) != has(p.precision))",
            "with mode sampled each pub has exactly one of shots and precision; with mode exact it has neither",
            field_path=".pubs",
        ),
    )

    pubs: Annotated[
        tuple[EstimatePub, ...],
        Field(
            min_length=1,
            max_length=MAX_ESTIMATE_PUBS,
            description="What to estimate; the results come in the same order.",
        ),
    ]
    mode: Annotated[
        Literal["sampled", "exact"],
        Field(description="exact needs a simulator, and its standard errors are 0."),
    ] = "sampled"


class Task(ApiModel):
    """Exactly one of `sample` and `estimate`."""

    cel_rules: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "[has(self.sample), has(self.estimate)].exists_one(x, x)",
            "a task has exactly one of sample and estimate",
        ),
    )

    sample: SampleTask | None = None
    estimate: EstimateTask | None = None
