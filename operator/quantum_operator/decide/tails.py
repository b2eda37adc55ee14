"""How likely a difference so large is where there is none: the tails of the distributions that tests are made by."""

import math
from collections.abc import Sequence


def chi_square_tail(statistic: float, freedom: int) -> float:
    """How likely a chi-square variable of these degrees of freedom is at least this; 1 without any."""
    if freedom <= 0 or statistic <= 0:
        return 1.0
    a, x = freedom / 2, statistic / 2
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    return max(0.0, 1.0 - front * _series(a, x)) if x < a + 1 else min(1.0, front * _fraction(a, x))


def exact_tail(cells: Sequence[tuple[int, int]]) -> float:
    """How likely two samples of two outcomes are at least so unlike, given how often each is in both: Fisher's test.

    It takes as many steps as the rarer outcome occurs, and no more than the smaller sample has shots.
    """
    (a, b), (c, d) = sorted(cells, key=sum)
    rare, n, m = a + b, a + c, b + d
    most, least = min(rare, n), max(0, rare - m)
    logs = [0.0]
    for k in range(least, most):
        logs.append(logs[-1] + math.log((n - k) * (rare - k) / ((k + 1) * (m - rare + k + 1))))
    top = max(logs)
    weights = [math.exp(one - top) for one in logs]
    seen = weights[a - least] * (1 + 1e-7)
    return math.fsum(one for one in weights if one <= seen) / math.fsum(weights)


def _series(a: float, x: float) -> float:
    """The lower incomplete gamma function by its series, over x^a e^-x / Gamma(a)."""
    term = total = 1 / a
    while term > total * 1e-16:
        a += 1
        term *= x / a
        total += term
    return total


def _fraction(a: float, x: float) -> float:
    """The upper incomplete gamma function by its continued fraction, over the same."""
    b = x + 1 - a
    c, d = 1e300, 1 / b
    result = d
    for i in range(1, 100_000):
        step = -i * (i - a)
        b += 2
        d = 1 / (step * d + b)
        c = b + step / c
        result *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return result
