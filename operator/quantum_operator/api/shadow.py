"""Shadows: jobs that run once more on another backend what was run already, and how the two results compare."""

from typing import Annotated

from pydantic import Field

from quantum_operator.api.execution import Ppm
from quantum_operator.api.meta import ApiModel, ObjectName

Count = Annotated[int, Field(ge=0, le=9_007_199_254_740_991)]

MOST_COMPARED = 8
"""How many pubs of a comparison a status has room for."""


class ShadowShare(ApiModel):
    """Of the jobs with a result of their own, a share is run once more, on another backend, and the two compared."""

    backend: Annotated[
        ObjectName,
        Field(description="The QuantumBackend's name. Shadows go there alone; spec.backends need not have it."),
    ]
    percent: Annotated[
        int, Field(ge=0, le=100, description="Of those jobs, told apart by their UIDs: a growing one only adds jobs.")
    ]


class ShadowOf(ApiModel):
    """The job that this one runs once more, on the shadow backend of its policy. Only the operator makes such jobs."""

    name: Annotated[ObjectName, Field(description="The job's name, in the same namespace.")]
    uid: Annotated[str, Field(min_length=1, max_length=64, description="The job's UID.")]


class PubComparison(ApiModel):
    """How the two results of one pub compare, over all of its bindings, registers and values."""

    index: Annotated[int, Field(ge=0, le=63, description="Which pub of the task it is, from 0.")]
    distance_ppm: Annotated[
        Ppm | None,
        Field(description="Of a sample: the largest total variation distance of two counts, in parts per million."),
    ] = None
    deviation_thousandths: Annotated[
        Count | None,
        Field(description="Of an estimate: the largest difference, in thousandths of its standard error."),
    ] = None
    least_p_value_ppb: Annotated[
        int,
        Field(
            ge=0,
            le=1_000_000_000,
            description="The smallest p-value of its tests, in parts per billion: how likely a difference so large is "
            "where there is none.",
        ),
    ] = 1_000_000_000
    tests: Annotated[Count, Field(description="How many pairs of counts or values were tested.")] = 0
    untested: Annotated[
        Count, Field(description="How many were not: no outcome is frequent enough, or a value has too few shots.")
    ] = 0
    differ: Annotated[Count, Field(description="How many of those that were tested differ.")] = 0


class Comparison(ApiModel):
    """How the result of a shadow compares with that of its primary. Of confidential jobs the pubs are left out."""

    backend: Annotated[ObjectName, Field(description="The QuantumBackend that the primary's result is from.")]
    significance_ppm: Annotated[
        Ppm,
        Field(
            description="How likely the two are said to differ, in parts per million, where the backends do not: each "
            "test is made at so much divided by the number of all tests."
        ),
    ]
    tests: Annotated[Count, Field(description="How many pairs of counts or values were tested.")]
    differ: Annotated[Count, Field(description="How many of them differ.")]
    pubs: Annotated[
        tuple[PubComparison, ...],
        Field(max_length=MOST_COMPARED, description="The pubs, those with the smallest p-values."),
    ] = ()
    pubs_total: Annotated[int, Field(ge=0, le=64, description="How many pubs there were.")]
