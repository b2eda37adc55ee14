"""Results of tasks as counts, from the documents that Amazon Braket writes to S3.

They are read here and not by the SDK, which gets the parts of a program set's result as whoever the environment is.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from quantum_adapters.braket.layout import Layout
from quantum_operator.ports.adapter import MalformedError, RegisterBits

Get = Callable[[str, str], bytes]
"""Bucket and key of an object of S3, to what it has."""

RESULTS = "results.json"
UNREADABLE = (KeyError, IndexError, TypeError, ValueError, AttributeError)


def read(bucket: str, folder: str, get: Get) -> Mapping[str, Any]:
    """The result of a task whose results are in this folder. Raises MalformedError."""
    return _object(get(bucket, f"{folder}/{RESULTS}"))


def counts_of(result: Mapping[str, Any], layouts: Sequence[Layout], shots: int, get: Get) -> tuple[RegisterBits, ...]:
    """The counts of every circuit, of which a device may have taken fewer shots than asked. Raises MalformedError."""
    try:
        measured = list(_executables(result, get)) if "programResults" in result else [result]
        executables = sum(layout.copies for layout in layouts)
        if len(measured) != executables or shots % executables:
            raise ValueError("another number of circuits")
        each, ahead = shots // executables, iter(measured)
        return tuple(
            RegisterBits(dict(_sum(_counts(next(ahead), layout, each) for _ in range(layout.copies))))
            for layout in layouts
        )
    except UNREADABLE as error:
        raise MalformedError(f"Amazon Braket's result can't be read: {type(error).__name__}: {error}") from None


def seconds_of(result: Mapping[str, Any]) -> int | None:
    """The time that a simulator took; None of a QPU, which does not tell."""
    try:
        told = ((result.get("additionalMetadata") or {}).get("simulatorMetadata") or {}).get("executionDuration")
        return None if told is None else math.ceil(int(told) / 1000)
    except UNREADABLE:
        raise MalformedError("Amazon Braket's time of execution can't be read") from None


def _executables(result: Mapping[str, Any], get: Get) -> Iterator[Mapping[str, Any]]:
    """What was measured of every executable of a program set; parts may be objects of their own."""
    bucket, folder = result.get("s3Location") or ("", "")
    for told in result["programResults"]:
        program, place = told, folder
        if isinstance(told, str):
            program, place = _object(get(bucket, f"{folder}/{told}")), f"{folder}/{told}".rpartition("/")[0]
        for part in program["executableResults"]:
            executable = _object(get(bucket, f"{place}/{part}")) if isinstance(part, str) else part
            if failure := executable.get("failureMetadata"):
                raise MalformedError(f"an executable of the task failed: {str(failure.get('failureReason'))[:200]}")
            yield executable


def _object(data: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(data)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise MalformedError("Amazon Braket's result is no JSON object")
    return document


def _counts(executable: Mapping[str, Any], layout: Layout, shots: int) -> Counter[str]:
    """The counts of one executable, from its measurements, or from probabilities, which IonQ's QPUs give."""
    order = _order(executable["measuredQubits"], len(layout.bits))
    if executable.get("measurements"):
        columns = Counter("".join(map(str, row)) for row in executable["measurements"])
    else:
        columns = _shared(executable["measurementProbabilities"], shots)
    if not 0 < sum(columns.values()) <= shots:
        raise ValueError(f"{sum(columns.values())} of {shots} shots")
    counts: Counter[str] = Counter()
    for column, number in columns.items():
        if len(column) != len(order) or not set(column) <= {"0", "1"}:
            raise ValueError("measurements of other bits")
        counts[layout.text("".join(column[place] for place in order))] += number
    return counts


def _order(qubits: Sequence[int], number: int) -> list[int]:
    """Where in a row each measured qubit is. Raises ValueError where they are not the circuit's first ones."""
    if sorted(qubits) != list(range(number)):
        raise ValueError("measurements of other qubits")
    return sorted(range(number), key=lambda place: qubits[place])


def _shared(probabilities: Mapping[str, float], shots: int) -> Counter[str]:
    """The counts that are nearest to the probabilities, and sum to the shots: those left over go to the largest rests.

    Raises ValueError where the probabilities don't sum to 1.
    """
    if not math.isclose(sum(probabilities.values()), 1, abs_tol=1e-4) or min(probabilities.values()) < 0:
        raise ValueError("probabilities that don't sum to 1")
    counts = Counter({column: int(value * shots + 1e-6) for column, value in probabilities.items()})
    by_rest = sorted(probabilities, key=lambda column: (counts[column] - probabilities[column] * shots, column))
    for column in by_rest[: shots - sum(counts.values())]:
        counts[column] += 1
    return Counter({column: number for column, number in counts.items() if number})


def _sum(parts: Iterator[Counter[str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return total
