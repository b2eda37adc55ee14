"""When a lost run is tried again."""

from datetime import datetime

from quantum_operator.api.jobstatus import Attempt
from quantum_operator.decide.times import parse

FIRST_DELAY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 60.0


def backoff(losses: int) -> float:
    """Seconds to wait after the `losses`-th attempt (from 1) was lost: doubling, capped."""
    return float(min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** (losses - 1)))


def retry_delay(last: Attempt | None, losses: int, now: datetime) -> float:
    """Seconds until the next attempt may be made, after so many losses; 0 when it may be made now.

    Never more than the backoff, whatever the clock says: it may have been set back since.
    """
    if last is None or last.completion_time is None or last.state != "Lost":
        return 0.0
    delay = backoff(losses)
    passed = (now - parse(last.completion_time)).total_seconds()
    return min(delay, max(0.0, delay - passed))
