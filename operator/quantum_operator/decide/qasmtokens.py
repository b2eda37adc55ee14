"""OpenQASM 2 and 3 cut into tokens: linear in the text, and total. What is a program and what is not, parsers decide.

Comments and the text inside strings never become tokens. The rules follow the lexers that read the program later
(Qiskit's for OpenQASM 2, the reference grammar's for OpenQASM 3); where those two differ, the text is refused.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["name", "number", "physical", "string", "annotation", "mark"]

_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n]++ | //[^\r\n]*+)
    | (?P<comment>/\*)
    | (?P<name>[^\W\d]\w*+)
    | (?P<number>[0-9][0-9A-Za-z_.]*+)
    | (?P<physical>\$[0-9]++)
    | (?P<string>"[^"\r\n]*+" | '[^'\r\n]*+')
    | (?P<annotation>@[^\W\d])
    | (?P<mark>-> | == | != | \+\+ | .)
    """,
    re.VERBOSE | re.DOTALL,
)
"""Every repetition is possessive, and a first character leaves at most two alternatives: nothing backtracks."""

_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]|\r(?!\n)"
)
"""Control characters, a carriage return alone (a new line to one lexer and not to the other), characters that show a
text in another order than it is read, and halves of surrogate pairs."""


class Token(NamedTuple):
    """A token, and the line (from 1) that it starts on."""

    kind: Kind
    text: str
    line: int


@dataclass(frozen=True)
class BadText:
    """Text that is refused before anybody asks what it means."""

    message: str
    line: int


def bad_text(source: str) -> BadText | None:
    """The first character that no program has, or a comment without end."""
    found = _FORBIDDEN.search(source)
    if found is None:
        return None
    character = ord(found.group()[0])
    return BadText(
        f"character U+{character:04X} is not allowed in a program; remove it", source.count("\n", 0, found.start()) + 1
    )


def tokens(source: str) -> Iterator[Token]:
    """The tokens of `source`, in order. A comment without end swallows the rest, as it does in the parsers."""
    position, line = 0, 1
    while position < len(source):
        found = _TOKEN.match(source, position)
        assert found is not None  # noqa: S101 - the last alternative matches any character
        kind, end = found.lastgroup, found.end()
        if kind == "comment":
            close = source.find("*/", end)
            end = len(source) if close < 0 else close + 2
        elif kind != "space":
            yield Token(kind, found.group(), line)  # type: ignore[arg-type]
        line += source.count("\n", position, end)
        position = end
