"""Results as text: counts as bars, expectation values as a table."""

import math
from collections.abc import Iterator, Mapping, Sequence

from quantum_operator.api.quantumjob import QuantumJobSpec
from quantum_operator.api.run import Outcome, OutcomePub
from quantum_operator.api.task import EstimatePub, SamplePub
from quantum_operator.cli.axes import observable_at, parameters_at, places

BARS = 16
"""The outcomes shown of one register: the most frequent ones."""
BINDINGS = 8
"""The parameter bindings of a pub whose counts are shown."""
ROWS = 64
"""The expectation values of a pub that are shown."""
BAR_WIDTH = 40
KEY_WIDTH = 40


def columns(rows: Sequence[Sequence[str]], indent: int = 0) -> list[str]:
    """Rows as lines, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return [" " * indent + line.rstrip() for line in lines]


def histogram(counts: Mapping[str, int], shots: int, *, bar: str = "█", limit: int = BARS) -> list[str]:
    """The most frequent outcomes of `shots` shots as bars, then how many shots the others have."""
    top = top_counts(counts, limit)
    if not top:
        return ["no outcome"]
    most = top[0][1]
    rows = [
        (shorten(bits), bar * max(1, round(BAR_WIDTH * count / most)), f"{count:,}", f"{100 * count / shots:.1f} %")
        for bits, count in top
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        f"{bits:<{widths[0]}}  {line:<{widths[1]}}  {count:>{widths[2]}}  {share:>{widths[3]}}"
        for bits, line, count, share in rows
    ]
    rest = shots - sum(count for _, count in top)
    return [*lines, f"… other outcomes: {rest:,} shots"] if rest > 0 else lines


def top_counts(counts: Mapping[str, int], limit: int) -> list[tuple[str, int]]:
    """The most frequent outcomes, equally frequent ones in the order of their bits."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit]


def shorten(bits: str) -> str:
    """A bit string that fits a line: of a long one both ends, and its length."""
    if len(bits) <= KEY_WIDTH:
        return bits
    return f"{bits[:14]}…{bits[-14:]} ({len(bits)} bits)"


def result_lines(spec: QuantumJobSpec, outcome: Outcome, *, bar: str = "█") -> list[str]:
    """The result of a job, pub by pub."""
    lines: list[str] = []
    for asked, pub in zip(pubs_of(spec), outcome.pubs, strict=False):
        lines += _samples(asked, pub, bar) if pub.samples is not None else _values(asked, pub)
    return lines


def pubs_of(spec: QuantumJobSpec) -> tuple[SamplePub | EstimatePub, ...]:
    """What the job asks, pub by pub."""
    task = spec.task
    return task.sample.pubs if task.sample is not None else task.estimate.pubs if task.estimate is not None else ()


def title(program: str, where: str, detail: str) -> str:
    """The heading of one entry of a result."""
    return f"{program}{f' at {where}' if where else ''}: {detail}"


def _samples(asked: SamplePub | EstimatePub, pub: OutcomePub, bar: str) -> Iterator[str]:
    samples = pub.samples or ()
    where = places(pub.shape)
    for sample in samples[:BINDINGS]:
        binding = parameters_at(asked, where[sample.index])
        for register in sample.registers:
            yield title(pub.program, binding, f"register {register.name}, {pub.shots:,} shots")
            yield from (f"  {line}" for line in histogram(register.counts, pub.shots, bar=bar))
    if len(samples) > BINDINGS:
        yield f"{pub.program}: … {len(samples) - BINDINGS} more bindings: see the whole outcome"


def _values(asked: SamplePub | EstimatePub, pub: OutcomePub) -> Iterator[str]:
    values, errors = pub.values or (), pub.standard_errors or ()
    yield title(pub.program, "", f"{pub.shots:,} shots for each group of commuting terms" if pub.shots else "exact")
    rows = [("PARAMETERS", "OBSERVABLE", "VALUE", "STANDARD ERROR")]
    for place, value, error in list(zip(places(pub.shape), values, errors, strict=False))[:ROWS]:
        observable = observable_at(asked, place) if isinstance(asked, EstimatePub) else ""
        rows.append((parameters_at(asked, place) or "-", observable, *value_and_error(value, error)))
    yield from columns(rows, indent=2)
    if len(values) > ROWS:
        yield f"  … {len(values) - ROWS} more values: see the whole outcome"


def value_and_error(value: float, error: float) -> tuple[str, str]:
    """A value to the digits that its standard error leaves it, and the error to two."""
    if error <= 0 or not math.isfinite(error):
        return f"{value:.6f}", "0" if error == 0 else f"{error}"
    digits = max(0, min(12, 1 - math.floor(math.log10(error))))
    # To add 0 makes 0 of what was rounded to -0.
    return f"{round(value, digits) + 0.0:.{digits}f}", f"± {error:.{digits}f}"
