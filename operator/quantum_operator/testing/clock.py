"""A clock that moves only when told to, and the timers that it fires."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(order=True)
class ManualTimer:
    """One call that is due at a time."""

    due: datetime
    order: int
    call: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        """Let it not happen."""
        self.cancelled = True


class ManualClock:
    """The Clock port, and the `later` of a Loop."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._timers: list[ManualTimer] = []
        self._made = 0

    def now(self) -> datetime:
        """The present moment, in UTC."""
        return self._now

    def later(self, seconds: float, call: Callable[[], None]) -> ManualTimer:
        """Have `call` called once the clock has moved on by so many seconds."""
        self._made += 1
        timer = ManualTimer(self._now + timedelta(seconds=seconds), self._made, call)
        heapq.heappush(self._timers, timer)
        return timer

    def next_due(self) -> datetime | None:
        """When the next timer fires; None when there is none."""
        while self._timers and self._timers[0].cancelled:
            heapq.heappop(self._timers)
        return self._timers[0].due if self._timers else None

    def advance(self, seconds: float) -> None:
        """Move on by so many seconds, and fire what comes due on the way, in order."""
        end = self._now + timedelta(seconds=seconds)
        while (due := self.next_due()) is not None and due <= end:
            self._now = max(self._now, due)
            heapq.heappop(self._timers).call()
        self._now = end

    def drop_timers(self) -> None:
        """Forget every timer, as the end of a process does."""
        self._timers.clear()
