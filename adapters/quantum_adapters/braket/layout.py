"""Where the measured bits of a task's circuits belong, in a text that the task carries as a tag.

A circuit's measured qubits are its first ones, in the order of the classical bits that they are measured into, so that
every order of columns that a device might have is the same. What is left to tell is how many classical bits there are,
which of them are measured, and how many times the circuit stands in the program set.
"""

import re
from dataclasses import dataclass
from itertools import groupby

LONGEST = 256
"""Of a tag's value, as AWS takes it."""


@dataclass(frozen=True)
class Layout:
    """Of one circuit: `bits` are the measured ones of `width` classical bits, ascending."""

    width: int
    bits: tuple[int, ...]
    copies: int = 1

    def text(self, column: str) -> str:
        """All classical bits, bit 0 rightmost, of a column of measured ones, bit 0 leftmost."""
        word = ["0"] * self.width
        for bit, value in zip(self.bits, column, strict=True):
            word[self.width - 1 - bit] = value
        return "".join(word)


def written(layouts: list[Layout]) -> str:
    """The text of circuits' layouts: `3x5.1f.2` is three times 5 bits, all of them measured, in two copies."""
    parts = []
    for one, run in groupby(layouts):
        mask = sum(1 << bit for bit in one.bits)
        parts.append(f"{len(list(run))}x{one.width}.{mask:x}.{one.copies}")
    return "+".join(parts)


def read(text: str) -> list[Layout]:
    """The layouts of a text. Raises ValueError."""
    layouts: list[Layout] = []
    for part in text.split("+"):
        match = re.fullmatch(r"(\d{1,3})x(\d{1,4})\.([0-9a-f]{1,256})\.(\d{1,3})", part)
        if match is None:
            raise ValueError("this is no layout")
        width, mask = int(match[2]), int(match[3], 16)
        bits = tuple(bit for bit in range(width) if mask >> bit & 1)
        if not bits or mask >> width or match[4] == "0":
            raise ValueError("this is no layout")
        layouts += [Layout(width, bits, int(match[4]))] * int(match[1])
    return layouts
