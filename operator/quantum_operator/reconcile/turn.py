"""When jobs that wait for money are looked at again by themselves: once a day or a month is over."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from quantum_operator.decide.ledger import WAITS_FOR_MONEY
from quantum_operator.decide.observed import Assignment
from quantum_operator.reconcile.timers import Later

LOOK_SECONDS = 3600.0
"""How often, at least, they are looked at: clocks are set."""

SOON_SECONDS = 1.0


class Turn:
    """One timer, for all who wait."""

    def __init__(self, later: Later, wake: Callable[[], None]) -> None:
        """`wake` has everyone who waits looked at."""
        self._later = later
        self._wake = wake
        self._expected = False

    def expect(self, now: datetime, told: Iterable[Assignment]) -> None:
        """Wake at the end of the day where somebody was told to wait for money."""
        if any(one.verdict == "Waiting" and one.reason in WAITS_FOR_MONEY for one in told):
            midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
            self._set(min(LOOK_SECONDS, (midnight - now).total_seconds()))

    def soon(self) -> None:
        """Wake in a moment: what was read is old."""
        self._later(SOON_SECONDS, self._wake)

    def _set(self, seconds: float) -> None:
        if not self._expected:
            self._expected = True
            self._later(seconds, self._due)

    def _due(self) -> None:
        self._expected = False
        self._wake()
