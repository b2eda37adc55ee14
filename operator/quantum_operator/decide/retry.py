"""When a lost run is tried again."""

import hashlib
from datetime import datetime

from quantum_operator.api.jobstatus import Attempt
from quantum_operator.decide.times import parse

FIRST_DELAY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 60.0
JITTER = 0.5
"""How much of a delay may be left out, so that what is lost together (with a node, say) does not come back together."""

_DOUBLINGS = 9
"""After so many every longest delay is reached."""

_DIGITS = 3
"""Delays are of whole milliseconds: a clock may not be able to tell what is left of less."""


def longest_backoff(losses: int) -> float:
    """The most seconds to wait after `losses` attempts (from 1) were lost: doubling, capped."""
    return _longest(losses, LONGEST_DELAY_SECONDS)


def _longest(losses: int, most: float) -> float:
    return float(min(most, FIRST_DELAY_SECONDS * 2 ** min(losses - 1, _DOUBLINGS)))


def backoff(uid: str, number: int, losses: int) -> float:
    """Seconds to wait after attempt `number` of the job of this UID was lost, the `losses`-th one that was.

    Between half of `longest_backoff` and all of it; where in between derives from the job and the attempt, so that the
    same is decided whenever it is asked.
    """
    return doubled(uid, number, losses, LONGEST_DELAY_SECONDS)


def doubled(uid: str, number: int, times: int, most: float) -> float:
    """The same for what is tried `number` times and failed `times` times, with a longest delay of its own."""
    digest = hashlib.sha256(f"backoff/{uid}/{number}".encode()).digest()
    share = int.from_bytes(digest[:8], "big") / 2**64
    return round(_longest(times, most) * (1.0 - JITTER * share), _DIGITS)


def retry_delay(uid: str, last: Attempt | None, losses: int, now: datetime) -> float:
    """Seconds until the job's next attempt may be made, after so many losses; 0 when it may be made now.

    Never more than the backoff, whatever the clock says: it may have been set back since. It counts from the second in
    which the last one ended, for that is what is on record.
    """
    if last is None or last.completion_time is None or last.state != "Lost":
        return 0.0
    delay = backoff(uid, last.number, losses)
    passed = (now - parse(last.completion_time)).total_seconds()
    return min(delay, max(0.0, round(delay - passed, _DIGITS)))
