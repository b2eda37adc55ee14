"""What a run costs."""

from quantum_operator.api.backend import Price
from quantum_operator.api.jobstatus import Cost

MOST_MICROS = 9_000_000_000_000_000
"""The largest amount that the API can state; a larger one is stated as this."""


def cost_of(price: Price | None, *, runs: int, shots: int, milliseconds: int) -> Cost:
    """The cost of `runs` runs of `shots` shots in all that executed for `milliseconds`; what is started counts whole.

    No price (a simulator of one's own) costs nothing.
    """
    if price is None:
        return Cost()
    micros = _micros(price, runs, shots, -(-milliseconds // 1000))
    return Cost(currency=price.currency, micros=micros, text=money(micros, price.currency))


def within(cost: Cost, ceiling: int | None) -> Cost:
    """What a simulator's run costs: no more than was reserved, whatever its price is by now."""
    if ceiling is None or cost.micros <= ceiling:
        return cost
    return cost.model_copy(update={"micros": ceiling, "text": money(ceiling, cost.currency)})


def ceiling_of(price: Price | None, *, shots: int, seconds: int) -> int | None:
    """The most that one run may cost, of so many shots and so many seconds at most; None where that has no bound.

    0 shots: their number is not known.
    """
    if price is None or (price.per_shot_micros > 0 and shots == 0):
        return None
    return _micros(price, 1, shots, seconds)


def _micros(price: Price, runs: int, shots: int, seconds: int) -> int:
    time = seconds * price.per_second_micros + -(-seconds // 60) * price.per_minute_micros
    micros = runs * price.per_run_micros + shots * price.per_shot_micros + time
    return min(max(micros, runs * price.minimum_micros), MOST_MICROS)


def money(micros: int, currency: str) -> str:
    """`micros` for people: two decimals, more only where they say something."""
    units, rest = divmod(micros, 1_000_000)
    decimals = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{units}.{decimals} {currency}"
