"""The tails of distributions, as SciPy has them."""

import pytest
from scipy import stats

from quantum_operator.decide.tails import chi_square_tail, exact_tail


@pytest.mark.parametrize("freedom", [1, 2, 3, 10, 100, 1000])
@pytest.mark.parametrize("ratio", [0.01, 0.5, 0.99, 1.0, 1.01, 1.5, 3.0])
def test_the_tail_is_that_of_the_distribution(freedom: int, ratio: float) -> None:
    """As SciPy has it, on both sides of where the one way to compute it goes over into the other."""
    found, expected = chi_square_tail(freedom * ratio, freedom), stats.chi2.sf(freedom * ratio, freedom)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-13)


def test_the_tail_has_ends() -> None:
    """Nothing to differ in, no difference, and one beyond any chance."""
    assert (chi_square_tail(5.0, 0), chi_square_tail(0.0, 3)) == (1.0, 1.0)
    assert chi_square_tail(1e6, 1) == pytest.approx(0.0, abs=1e-300)


@pytest.mark.parametrize(
    "table",
    [
        [(12, 3), (0, 9)],
        [(0, 9), (12, 3)],
        [(50, 50), (0, 0)],
        [(0, 0), (7, 9)],
        [(3, 0), (10_000, 5)],
        [(2, 700), (900, 300)],
        [(1000, 999), (1, 2)],
        [(10_000_000, 9_999_000), (100, 300)],
    ],
)
def test_the_exact_test_is_that_of_fisher(table: list[tuple[int, int]]) -> None:
    """In any order of outcomes and samples."""
    expected = stats.fisher_exact(table).pvalue
    for one in (table, table[::-1], [(b, a) for a, b in table]):
        assert exact_tail(one) == pytest.approx(expected, rel=1e-6, abs=1e-300)
