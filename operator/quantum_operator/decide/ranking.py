"""The order in which eligible backends are taken: by scores on fixed scales, else in the policy's order.

A score depends on its backend's figures and the policy's weights alone, so that another candidate never changes the
order of those there are.
"""

from itertools import pairwise

from quantum_operator.api.figures import Figures, Question
from quantum_operator.api.routing import Weights

Scale = tuple[tuple[int, int], ...]
"""A figure's values and their scores, between which it is linear; beyond them it is as at the end."""

COST: Scale = (
    (0, 1000),
    (10_000, 900),
    (100_000, 800),
    (1_000_000, 600),
    (10_000_000, 400),
    (100_000_000, 200),
    (1_000_000_000, 0),
)
"""Of the most that the job may cost, in millionths of the currency's unit."""

TIME: Scale = ((0, 1000), (10, 950), (60, 850), (600, 650), (3_600, 450), (86_400, 150), (604_800, 0))
"""Of the wait in the queue, in seconds."""

FIDELITY: Scale = ((0, 0), (900_000, 100), (990_000, 500), (999_000, 800), (999_900, 950), (1_000_000, 1000))
"""Of the fidelity of a two-qubit gate, in parts per million."""

ORDER: Scale = ((0, 1000), (63, 0))
"""Of the place of the choice in the policy."""


def score(figures: Figures, question: Question) -> int | None:
    """The backend's score from 0 to 1000 by the policy's weights; None where it has none."""
    routing = question.routing
    if routing is None or routing.weights is None:
        return None
    weights = routing.weights
    weighed = (
        (weights.cost, on_scale(COST, figures.ceiling_micros)),
        (weights.time, on_scale(TIME, figures.wait_seconds)),
        (weights.fidelity, on_scale(FIDELITY, figures.fidelity_ppm)),
        (weights.order, on_scale(ORDER, figures.choice)),
    )
    return sum(weight * points for weight, points in weighed) // max(1, _total(weights))


def on_scale(scale: Scale, value: int | None) -> int:
    """The score of a value; 0 of one that is not known."""
    if value is None:
        return 0
    if value <= scale[0][0]:
        return scale[0][1]
    for (low, at_low), (high, at_high) in pairwise(scale):
        if value <= high:
            return at_low + (value - low) * (at_high - at_low) // (high - low)
    return scale[-1][1]


def rank(name: str, figures: Figures, question: Question) -> tuple[bool, int]:
    """What eligible backends are sorted by; those alike stay in the policy's order."""
    return name != question.drawn, -(score(figures, question) or 0)


def _total(weights: Weights) -> int:
    return weights.cost + weights.time + weights.fidelity + weights.order
