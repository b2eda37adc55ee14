"""The shape of what a pub gives: that of its bindings, broadcast with that of its observables as NumPy does."""

import math
from collections.abc import Iterable
from itertools import zip_longest

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.task import EstimatePub, SamplePub

Shape = tuple[int, ...]
Pub = SamplePub | EstimatePub


class ShapeError(ValueError):
    """Shapes that do not fit; `field` is where, from the pub on."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def pubs_of(job: QuantumJob) -> list[tuple[str, Pub]]:
    """The job's pubs, each with its field."""
    task = job.spec.task
    if task.sample is not None:
        return [(f"spec.task.sample.pubs[{index}]", pub) for index, pub in enumerate(task.sample.pubs)]
    if task.estimate is not None:
        return [(f"spec.task.estimate.pubs[{index}]", pub) for index, pub in enumerate(task.estimate.pubs)]
    return []


def shape_of(pub: Pub) -> Shape:
    """The shape of the pub's results. Raises ShapeError where it has none."""
    rows = pub.parameter_values
    bindings = () if rows is None else arranged(pub.parameter_shape, len(rows), "parameterShape")
    if isinstance(pub, SamplePub):
        return bindings
    observables = arranged(pub.observables_shape, len(pub.observables), "observablesShape")
    shape = broadcast(bindings, observables)
    if shape is None:
        raise ShapeError(
            "observablesShape",
            f"shapes {list(bindings)} of the parameter values and {list(observables)} of the observables don't "
            "broadcast; make each axis equal or 1",
        )
    return shape


def arranged(shape: Shape | None, count: int, field: str) -> Shape:
    """`shape`, or one axis of `count`. Raises ShapeError when it does not hold `count` things."""
    if shape is None:
        return (count,)
    if math.prod(shape) != count:
        message = f"{list(shape)} holds {math.prod(shape)}, and there are {count}; correct the shape"
        raise ShapeError(field, message)
    return shape


def broadcast(one: Shape, other: Shape) -> Shape | None:
    """The shape to which both broadcast; None where they don't. Axes are matched from the last on."""
    axes = []
    for first, second in zip_longest(reversed(one), reversed(other), fillvalue=1):
        if first != second and 1 not in (first, second):
            return None
        axes.append(second if first == 1 else first)
    return tuple(reversed(axes))


def entries(shape: Iterable[int]) -> int:
    """How many results a shape holds."""
    return math.prod(shape)
