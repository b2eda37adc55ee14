"""The one error by which this package refuses what it was asked."""

from typing import Literal

Reason = Literal[
    "InvalidProgram",
    "UnsupportedConstruct",
    "InvalidParameters",
    "InvalidObservable",
    "InvalidTemplate",
    "NoMeasurements",
    "MeasuredEstimate",
    "IncompatibleTarget",
    "NoiseHasNoEffect",
    "OutcomeTooLarge",
    "MemoryLimitExceeded",
    "ResultUnreadable",
]

LONGEST_QUOTE = 300


class RefusedError(Exception):
    """What was asked can't be done: a documented reason, the field at fault, and a message with the remedy."""

    def __init__(self, reason: Reason, message: str, field: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.field = field


def quote(text: object) -> str:
    """`text` of somebody else's making, on one line and of bounded length."""
    line = " ".join(str(text).split())
    return line if len(line) <= LONGEST_QUOTE else line[: LONGEST_QUOTE - 1] + "…"
