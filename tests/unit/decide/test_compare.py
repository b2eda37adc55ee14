"""Are two results the same but for chance: the tests, what they are made of, and how often they are wrong."""

import math
import random
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pytest
from scipy import stats

from quantum_operator.api.run import OutcomePub, OutcomeRegister, OutcomeSample
from quantum_operator.decide.compare import SIGNIFICANCE_PPM, compared_pubs, counts_test, value_test

BELL = {"00": 512, "11": 512}
EACH_ONCE = {f"{number:010b}": 1 for number in range(0, 1024, 2)}
ELSEWHERE = {f"{number:010b}": 1 for number in range(1, 1024, 2)}


def sample(*counts: Mapping[str, int]) -> OutcomePub:
    """A pub with these counts, one of each binding."""
    registers = [OutcomeRegister(name="c", size=len(next(iter(one))), counts=dict(one)) for one in counts]
    samples = tuple(OutcomeSample(index=index, registers=(one,)) for index, one in enumerate(registers))
    return OutcomePub(program="bell", shape=(len(counts),), shots=1024, samples=samples)


def estimate(*values: tuple[float, float], shots: int = 1024) -> OutcomePub:
    """A pub with these values and errors."""
    numbers, errors = zip(*values, strict=True)
    return OutcomePub(program="bell", shape=(len(values),), shots=shots, values=numbers, standard_errors=errors)


@pytest.mark.parametrize(
    ("ours", "theirs", "distance", "p_value"),
    [
        (BELL, BELL, 0.0, 1.0),
        ({"0": 100}, {"0": 900}, 0.0, 1.0),
        ({"0": 5}, {"0": 5}, 0.0, 1.0),
        ({"0": 2}, {"0": 2}, 0.0, None),
        ({"0": 12}, {"0": 3, "1": 9}, 0.75, stats.fisher_exact([[12, 0], [3, 9]]).pvalue),
        ({"0": 12}, {"0": 3, "1": 4, "2": 5}, 0.75, stats.fisher_exact([[12, 0], [3, 9]]).pvalue),
        ({"0": 100, "1": 4}, {"0": 1000, "1": 1}, 4 / 104 - 1 / 1001, stats.fisher_exact([[100, 4], [1000, 1]]).pvalue),
        ({"0": 100}, {"1": 100}, 1.0, 0.0),
        ({"00": 600, "11": 424}, BELL, 88 / 1024, stats.chi2.sf(2 * 88**2 / 1112 + 2 * 88**2 / 936 - 88**2 / 1112 - 88**2 / 936, 1)),  # noqa: E501
        ({"0": 1023, "1": 1}, {"0": 1024}, 1 / 1024, 1.0),
        (EACH_ONCE, ELSEWHERE, 1.0, None),
        ({}, BELL, 0.0, None),
    ],
)  # fmt: skip
def test_counts(ours: dict[str, int], theirs: dict[str, int], distance: float, p_value: float | None) -> None:
    """How far apart, and how likely so; None where no outcome is frequent enough. In either order."""
    for one in (counts_test(ours, theirs), counts_test(theirs, ours)):
        assert one.distance == pytest.approx(distance)
        assert one.p_value == (None if p_value is None else pytest.approx(p_value, abs=1e-9))


def test_counts_of_other_numbers_of_shots() -> None:
    """A device that took fewer is compared by what it took: as SciPy tests a table of the same cells."""
    ours, theirs = {"00": 300, "01": 40, "10": 30, "11": 130}, {"00": 1300, "01": 90, "10": 110, "11": 500}
    table = [list(ours.values()), list(theirs.values())]
    expected = stats.chi2_contingency(table, correction=False).pvalue
    assert counts_test(ours, theirs).p_value == pytest.approx(expected)


def test_rare_outcomes_are_pooled() -> None:
    """Many that occur once or twice are one cell, or go to the rarest one that is enough by itself."""
    rare = {f"1{number:03b}": 2 for number in range(8)}
    few = counts_test({"0000": 500, **rare}, {"0000": 500, "0001": 16}).p_value
    assert few == pytest.approx(counts_test({"a": 500, "b": 16}, {"a": 500, "b": 0, "c": 16}).p_value)
    alone = counts_test({"0000": 500, "0001": 100, "1111": 2}, {"0000": 500, "0001": 102}).p_value
    assert alone == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("ours", "theirs", "deviation"),
    [
        ((0.5, 0.0), (0.5, 0.0), 0.0),
        ((0.5, 0.0), (0.5 + 1e-7, 0.0), 0.1),
        ((5e6, 0.0), (5e6 + 1, 0.0), 0.2),
    ],
)
def test_exact_values(ours: tuple[float, float], theirs: tuple[float, float], deviation: float) -> None:
    """In units of what simulators round by."""
    found = value_test(ours, theirs)
    assert found.distance == pytest.approx(deviation, rel=1e-5)
    assert found.p_value == pytest.approx(math.erfc(deviation / math.sqrt(2)), rel=1e-5)


@pytest.mark.parametrize(("n", "m"), [(100, 100), (1000, 40), (40, 1000)])
@pytest.mark.parametrize(("zeros", "others"), [(0.5, 0.6), (1.0, 0.9), (0.02, 0.5), (1.0, 1.0), (0.0, 1.0)])
def test_values_of_one_observable(zeros: float, others: float, n: int, m: int) -> None:
    """As SciPy tests the counts that they are made of; of each by itself the error may be none, or too small."""
    counts = [[round(share * shots), shots - round(share * shots)] for share, shots in ((zeros, n), (others, m))]
    found = value_test(measured(*counts[0]), measured(*counts[1]), (n, m))
    expected = 1.0
    if counts[0][1] + counts[1][1]:
        expected = float(stats.chi2_contingency(counts, correction=False).pvalue)
    alone = math.hypot(measured(*counts[0])[1], measured(*counts[1])[1])
    by_itself = math.erfc(abs(measured(*counts[0])[0] - measured(*counts[1])[0]) / max(alone, 1e-9) / math.sqrt(2))
    assert found.p_value == pytest.approx(max(expected, by_itself), rel=1e-9, abs=1e-15)


def measured(zeros: int, ones: int) -> tuple[float, float]:
    """The value of Z with its error, by so many shots."""
    value = (zeros - ones) / (zeros + ones)
    return value, math.sqrt((1 - value**2) / (zeros + ones))


@pytest.mark.parametrize("shots", [(29, 1000), (1000, 29), (1, 1), (0, 1000), (1000, 0)])
def test_values_of_few_shots_are_not_tested(shots: tuple[int, int]) -> None:
    """Nor is an exact one with one that was sampled: how far they are apart is on record all the same."""
    found = value_test((1.0, 0.0), (0.0, 0.5), shots)
    assert found.p_value is None
    assert found.distance > 0
    pubs = [estimate((1.0, 0.0)).model_copy(update={"shots": one}) for one in shots]
    assert [(one.tests, one.untested, one.differ) for one in compared_pubs(pubs[:1], pubs[1:]) or ()] == [(0, 1, 0)]


@pytest.mark.parametrize(
    ("ours", "theirs", "differ", "shots"),
    [
        ((1e308, 0.0), (-1e308, 0.0), 1, 0),
        ((1e308, 0.0), (-1e308, 0.0), 1, 1024),
        ((0.0, 1.7e308), (1.0, 1.7e308), 0, 1024),
    ],
)
def test_values_beyond_all_bounds(
    ours: tuple[float, float], theirs: tuple[float, float], differ: int, shots: int
) -> None:
    """Whatever finite numbers a run left, there is an answer; no two samples are farther apart than by all shots."""
    (found,) = compared_pubs([estimate(ours, shots=shots)], [estimate(theirs, shots=shots)]) or ()
    assert found.differ == differ
    farthest = round(1000 * math.sqrt(2 * shots)) if shots else 2_000_000_000
    assert found.deviation_thousandths == (farthest if differ else 0)


def test_the_more_is_tested_the_more_it_takes() -> None:
    """What differs alone at the level of one test need not among a hundred."""
    off, exact = (0.53, 0.01), (0.5, 0.0)
    (alone,) = compared_pubs([estimate(off)], [estimate(exact)]) or ()
    (among,) = compared_pubs([estimate(off, *[exact] * 99)], [estimate(*[exact] * 100)]) or ()
    assert (alone.tests, alone.differ, among.tests, among.differ) == (1, 1, 100, 0)
    deviation = 0.03 / math.hypot(0.01, 0.03 / math.sqrt(2 * 1024))
    assert alone.deviation_thousandths == among.deviation_thousandths == round(1000 * deviation)
    assert alone.least_p_value_ppb == among.least_p_value_ppb == round(math.erfc(deviation / math.sqrt(2)) * 1e9)


def test_each_pub_has_its_figures() -> None:
    """The largest of its distances, the smallest of its p-values, and how many were not tested."""
    found = compared_pubs(
        [sample(BELL, {"00": 1024}), sample(EACH_ONCE)], [sample(BELL, {"00": 512, "11": 512}), sample(ELSEWHERE)]
    )
    assert found is not None
    assert [(one.index, one.distance_ppm, one.tests, one.untested, one.differ) for one in found] == [
        (0, 500_000, 2, 0, 1),
        (1, 1_000_000, 0, 1, 0),
    ]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ([], [sample(BELL)]),
        ([sample(BELL)], [sample(BELL, BELL)]),
        ([sample(BELL)], [estimate((0.0, 0.0))]),
        ([sample(BELL)], [sample({"0": 1})]),
        ([sample(BELL).model_copy(update={"program": "other"})], [sample(BELL)]),
    ],
)
def test_other_questions_are_not_compared(ours: list[OutcomePub], theirs: list[OutcomePub]) -> None:
    """Other pubs, shapes, registers, programs or tasks."""
    assert compared_pubs(ours, theirs) is None


def test_it_is_hardly_ever_wrong() -> None:
    """Of 80 pairs of one distribution about one in a hundred is said to differ; of two slightly other ones, most."""
    draws, outcomes = random.Random(7), [f"{number:04b}" for number in range(16)]

    def drawn(weights: list[int]) -> OutcomePub:
        return sample(*(Counter(draws.choices(outcomes, weights, k=2000)) for _ in range(2)))

    weights = [200, 150, 100, *[30] * 10, 2, 1, 0]
    other = [*weights[:3], 60, 10, *weights[5:]]
    alarms = [sum(one.differ for one in compared_pubs([drawn(weights)], [drawn(weights)]) or ()) for _ in range(40)]
    found = [sum(one.differ for one in compared_pubs([drawn(weights)], [drawn(other)]) or ()) for _ in range(5)]
    assert sum(map(bool, alarms)) <= 3
    assert all(found)


@pytest.mark.parametrize(("n", "m", "share"), [(30, 30, 0.5), (30, 2000, 0.05), (400, 100, 0.02), (100, 100, 0.3)])
def test_it_is_hardly_ever_wrong_about_values(n: int, m: int, share: float) -> None:
    """Of jobs with 20 values of few shots, whatever the values are, and also where there is no error of their own."""
    draws, jobs, values = np.random.default_rng(11), 1000, 20
    ours, theirs = (draws.binomial(shots, share, size=(jobs, values)) for shots in (n, m))
    alarms = 0
    for mine, other in zip(ours.tolist(), theirs.tolist(), strict=True):
        tests = [
            value_test(measured(n - one, one), measured(m - two, two), (n, m))
            for one, two in zip(mine, other, strict=True)
        ]
        alarms += any((one.p_value or 0.0) < SIGNIFICANCE_PPM / 1e6 / values for one in tests)
    assert alarms <= 25
