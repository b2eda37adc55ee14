"""Lines of those who wait for the same: each in order, so that who is in front is found without asking them all."""

from bisect import bisect_left, insort
from collections.abc import Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Place = tuple[Any, ...]


class Lines(Generic[T]):
    """Ordered lines by what those in them have in common. No two in a line have one place."""

    def __init__(self) -> None:
        self._lines: dict[Hashable, list[tuple[Place, T]]] = {}

    def add(self, line: Hashable, place: Place, who: T) -> None:
        """Line up. A place is worth more the smaller it is."""
        insort(self._lines.setdefault(line, []), (place, who), key=lambda one: one[0])

    def remove(self, line: Hashable, place: Place) -> None:
        """Leave the line; a no-op where nobody has the place."""
        there = self._lines.get(line, [])
        index = bisect_left(there, place, key=lambda one: one[0])
        if index < len(there) and there[index][0] == place:
            del there[index]
        if not there:
            self._lines.pop(line, None)

    def front(self, count: int) -> set[T]:
        """So many from the front of each line."""
        return {who for line in self._lines.values() for _, who in line[:count]}

    def length(self, line: Hashable) -> int:
        """How many are in a line."""
        return len(self._lines.get(line, ()))
