"""Shapes of OpenQASM statements, read off their tokens: brackets, headers of loops, literals. Linear and total."""

from collections.abc import Sequence
from typing import Final

from quantum_operator.decide.qasmtokens import Token

HEADERS: Final = frozenset({"if", "else", "while", "for"})
CLOSERS: Final = {")": "(", "]": "[", "}": "{"}


def skip_headers(statement: Sequence[Token], ceiling: int) -> tuple[int, int]:
    """Where the statement behind its `if`, `else`, `while` and `for` begins, and how often those make it run.

    The count is exact up to `ceiling`, and more than `ceiling` above it; what can't be told counts as once.
    """
    at, repeat = 0, 1
    while at < len(statement) and statement[at].text in HEADERS:
        word, at = statement[at].text, at + 1
        if word == "for":
            end = _behind_set(statement, at)
            repeat = min(repeat * _iterations(statement[at:end]), ceiling + 1)
            at = end
        elif word != "else":
            at = behind_bracket(statement, at)
    return at, repeat


def behind_bracket(statement: Sequence[Token], at: int) -> int:
    """The position behind the bracket that opens at `at`; `at` itself when none does."""
    depth = 0
    for position in range(at, len(statement)):
        text = statement[position].text
        depth += (text in ("(", "[", "{")) - (text in CLOSERS)
        if depth == 0:
            return position + 1 if position > at else at
    return len(statement)


def _behind_set(statement: Sequence[Token], at: int) -> int:
    for position in range(at, len(statement)):
        if statement[position].text == "in":
            return behind_bracket(statement, position + 1)
    return len(statement)


def _iterations(header: Sequence[Token]) -> int:
    """How often `for TYPE NAME in SET` runs, when the set is written in plain integers; else 1."""
    texts = [token.text for token in header]
    if "in" not in texts:
        return 1
    inside = texts[texts.index("in") + 1 :]
    if inside[:1] == ["{"]:
        return inside.count(",") + 1
    bounds = "".join(inside[1:-1]).split(":")
    numbers = [integer(bound.removeprefix("-")) for bound in bounds]
    if inside[:1] != ["["] or not 2 <= len(numbers) <= 3 or any(number is None for number in numbers):
        return 1
    first, *step, last = (
        -(number or 0) if bound.startswith("-") else number or 0 for bound, number in zip(bounds, numbers, strict=True)
    )
    stride = step[0] if step else 1
    return max(0, (last - first) // stride + 1) if stride else 1


def integer(text: str) -> int | None:
    """The value of an integer literal, no more than 10^12; None for anything else."""
    digits = text.replace("_", "")
    if digits.isascii() and digits.isdigit():
        return int(digits[-12:]) if len(digits.lstrip("0")) <= 12 else 10**12
    if len(digits) > 64:
        return None
    try:
        return min(int(digits, 0), 10**12)
    except ValueError:
        return None
