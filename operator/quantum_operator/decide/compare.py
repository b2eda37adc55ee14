"""Are two results the same but for chance? Counts by a chi-square test of two samples, values by their errors.

Where but one outcome is frequent enough for the former, Fisher's exact test tells that one from all others.

Every test is made at SIGNIFICANCE_PPM divided by the number of all tests, so that two results of one and the same
distribution are said to differ about that often, however many bindings, registers and values there are.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quantum_operator.api.run import OutcomePub, OutcomeSample
from quantum_operator.api.shadow import PubComparison
from quantum_operator.decide.tails import chi_square_tail, exact_tail

SIGNIFICANCE_PPM = 10_000
"""One in a hundred."""

EXPECTED_AT_LEAST = 5.0
"""What the test expects of each cell in either sample: outcomes that are rarer are pooled."""

SHOTS_AT_LEAST = 30
"""What it takes of the shots of either value: with fewer there are too few that it may be."""

ROUNDING = 1e-6
"""How much values that have no error of their own may differ, of 1 or of the larger one: simulators round."""

MILLION, BILLION, MOST = 1_000_000, 1_000_000_000, 9_007_199_254_740_991


@dataclass(frozen=True)
class Tested:
    """A pair of counts or values: how far they are apart, and how likely that is; None: too few to tell."""

    distance: float
    p_value: float | None


def compared_pubs(ours: Sequence[OutcomePub], theirs: Sequence[OutcomePub]) -> tuple[PubComparison, ...] | None:
    """How each pub compares; None where the two do not answer the same question."""
    if len(ours) != len(theirs):
        return None
    found = [_tests(one, other) for one, other in zip(ours, theirs, strict=True)]
    several = [tests for tests in found if tests is not None]
    if len(several) < len(found):
        return None
    count = sum(one.p_value is not None for tests in several for one in tests)
    level = SIGNIFICANCE_PPM / MILLION / max(1, count)
    sampled = [pub.samples is not None for pub in ours]
    return tuple(_of_pub(index, tests, level, sampled[index]) for index, tests in enumerate(several))


def counts_test(ours: Mapping[str, int], theirs: Mapping[str, int]) -> Tested:
    """Whether two counts are of the same distribution.

    Which outcomes are pooled depends on both together, which says nothing about how they differ.
    """
    n, m = sum(ours.values()), sum(theirs.values())
    if n == 0 or m == 0:
        return Tested(0.0, None)
    outcomes = sorted({*ours, *theirs})
    pairs = [(ours.get(one, 0), theirs.get(one, 0)) for one in outcomes]
    distance = sum(abs(a / n - b / m) for a, b in pairs) / 2
    cells = _pooled(pairs, EXPECTED_AT_LEAST * (n + m) / min(n, m))
    if cells is None:
        return Tested(distance, None)
    if len(cells) == 1:
        # One is frequent, and the others are too rare together: that takes the exact test.
        often = max(pairs, key=sum)
        return Tested(distance, exact_tail((often, (n - often[0], m - often[1]))))
    ratio = math.sqrt(m / n)
    statistic = sum((ratio * a - b / ratio) ** 2 / (a + b) for a, b in cells)
    return Tested(distance, chi_square_tail(statistic, len(cells) - 1))


def value_test(ours: tuple[float, float], theirs: tuple[float, float], shots: tuple[int, int] = (0, 0)) -> Tested:
    """Whether two values, each with its standard error and shots, are of the same expectation; 0 shots: it is exact.

    The distance is in errors of the difference. Where the expectation is one, so is the variance of a shot, and that is
    taken over all shots of both, about their common mean: what few shots say of it is too small by chance, or zero.
    """
    unit = max(1.0, *map(abs, (*ours, *theirs)))
    difference = abs(ours[0] / unit - theirs[0] / unit)
    of_ours, of_theirs = ours[1] / unit, theirs[1] / unit
    error = max(math.hypot(of_ours, of_theirs), ROUNDING * max(1.0, abs(ours[0]), abs(theirs[0])) / unit)
    n, m = shots
    if n and m:
        weight = math.sqrt(n / m)
        error = max(error, math.hypot(of_ours * weight, of_theirs / weight, difference / math.sqrt(n + m)))
    deviation = difference / error
    told = n == m == 0 or min(shots) >= SHOTS_AT_LEAST
    return Tested(deviation, math.erfc(deviation / math.sqrt(2)) if told else None)


def _pooled(pairs: list[tuple[int, int]], least: float) -> list[tuple[int, int]] | None:
    """The cells of the test; None where no outcome is frequent enough to be one.

    The rest is one cell, together with the rarest of the others where it is too small by itself.
    """
    cells = sorted((pair for pair in pairs if sum(pair) >= least), key=sum)
    if not cells:
        return None
    rest = [pair for pair in pairs if sum(pair) < least]
    pooled = sum(a for a, _ in rest), sum(b for _, b in rest)
    if sum(pooled) >= least:
        return [*cells, pooled]
    rarest, *others = cells
    return [*others, (rarest[0] + pooled[0], rarest[1] + pooled[1])]


def _tests(ours: OutcomePub, theirs: OutcomePub) -> list[Tested] | None:
    if ours.program != theirs.program or ours.shape != theirs.shape:
        return None
    if ours.samples is not None and theirs.samples is not None and len(ours.samples) == len(theirs.samples):
        several = [_registers(*pair) for pair in zip(ours.samples, theirs.samples, strict=True)]
        return None if None in several else [one for tests in several for one in tests or ()]
    mine, other = _values(ours), _values(theirs)
    if mine is None or other is None or len(mine) != len(other):
        return None
    shots = ours.shots, theirs.shots
    return [value_test(*pair, shots) for pair in zip(mine, other, strict=True)]


def _registers(ours: OutcomeSample, theirs: OutcomeSample) -> list[Tested] | None:
    named = [[(one.name, one.size) for one in sample.registers] for sample in (ours, theirs)]
    if named[0] != named[1]:
        return None
    return [counts_test(one.counts, other.counts) for one, other in zip(ours.registers, theirs.registers, strict=True)]


def _values(pub: OutcomePub) -> list[tuple[float, float]] | None:
    if pub.values is None or pub.standard_errors is None or len(pub.values) != len(pub.standard_errors):
        return None
    return list(zip(pub.values, pub.standard_errors, strict=True))


def _of_pub(index: int, tests: Sequence[Tested], level: float, sampled: bool) -> PubComparison:
    told = [one.p_value for one in tests if one.p_value is not None]
    farthest = max((one.distance for one in tests), default=0.0)
    return PubComparison(
        index=index,
        distance_ppm=min(MILLION, round(farthest * MILLION)) if sampled else None,
        deviation_thousandths=None if sampled else round(min(float(MOST), farthest * 1000)),
        least_p_value_ppb=round(min(told, default=1.0) * BILLION),
        tests=len(told),
        untested=len(tests) - len(told),
        differ=sum(one < level for one in told),
    )
