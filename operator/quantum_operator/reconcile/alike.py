"""Many are told nearly the same: what is equal in their words is kept once."""

from dataclasses import replace

from quantum_operator.api.slim import slim
from quantum_operator.decide.observed import Assignment


def alike(one: Assignment, other: Assignment | None) -> Assignment:
    """The same word, made of the parts of the other one where they are equal."""
    if other is None:
        return replace(
            one,
            demand=slim(one.demand),
            candidates=slim(one.candidates),
            figures=slim(one.figures),
            question=slim(one.question),
        )
    return replace(
        one,
        demand=other.demand if one.demand == other.demand else slim(one.demand),
        message=other.message if one.message == other.message else one.message,
        candidates=other.candidates if one.candidates == other.candidates else slim(one.candidates),
        figures=other.figures if one.figures == other.figures else slim(one.figures),
        question=other.question if one.question == other.question else slim(one.question),
    )
