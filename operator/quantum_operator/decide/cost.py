"""What a run costs."""

from quantum_operator.api.backend import Price
from quantum_operator.api.jobstatus import Cost

MOST_MICROS = 9_000_000_000_000_000
"""The largest amount that the API can state; a larger one is stated as this."""


def cost_of(price: Price | None, *, runs: int, shots: int, milliseconds: int) -> Cost:
    """The cost of `runs` runs of `shots` shots in all that executed for `milliseconds`; started seconds count whole.

    No price (a simulator of one's own) costs nothing.
    """
    if price is None:
        return Cost()
    seconds = -(-milliseconds // 1000)
    micros = runs * price.per_run_micros + shots * price.per_shot_micros + seconds * price.per_second_micros
    micros = min(micros, MOST_MICROS)
    return Cost(currency=price.currency, micros=micros, text=money(micros, price.currency))


def ceiling_of(price: Price | None, *, shots: int, seconds: int) -> int | None:
    """The most that one run may cost, of so many shots and so many seconds at most; None where that has no bound.

    0 shots: their number is not known.
    """
    if price is None or (price.per_shot_micros > 0 and shots == 0):
        return None
    micros = price.per_run_micros + shots * price.per_shot_micros + seconds * price.per_second_micros
    return min(micros, MOST_MICROS)


def money(micros: int, currency: str) -> str:
    """`micros` for people: two decimals, more only where they say something."""
    units, rest = divmod(micros, 1_000_000)
    decimals = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{units}.{decimals} {currency}"
