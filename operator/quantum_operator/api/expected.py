"""What a job's user expects of its output: a result of another shape is never called the job's."""

from typing import Annotated

from pydantic import Field

from quantum_operator.api.meta import ApiModel, ListMap


class ExpectedRegister(ApiModel):
    """A classical register of a pub's program."""

    name: Annotated[str, Field(min_length=1, max_length=253, description="The register's name in the program.")]
    size: Annotated[int, Field(ge=1, le=4096, description="The register's width in bits.")]


class ExpectedPub(ApiModel):
    """What one pub is to give; what is left out may be anything."""

    shape: Annotated[
        tuple[Annotated[int, Field(ge=0, le=10_000)], ...] | None,
        Field(
            max_length=8,
            description="The shape of its results: that of its bindings, broadcast with its observables; [] is a "
            "single one.",
        ),
    ] = None
    registers: Annotated[
        tuple[ExpectedRegister, ...] | None,
        Field(max_length=64, description="Of a sample: the registers that it gives counts of, and no others."),
        ListMap(("name",)),
    ] = None
    values: Annotated[
        int | None,
        Field(ge=0, le=10_000_000, description="Of an estimate: how many expectation values it gives."),
    ] = None


class ExpectedOutput(ApiModel):
    """What the job is to give. It is refused where that can be told beforehand, and fails where it comes otherwise."""

    pubs: Annotated[
        tuple[ExpectedPub, ...],
        Field(min_length=1, max_length=64, description="What each pub of the task is to give, in the same order."),
    ]
