"""When a lost run is tried again: bounds, the cap, and that the same is decided whenever it is asked."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.api.jobstatus import Attempt
from quantum_operator.decide.retry import JITTER, LONGEST_DELAY_SECONDS, backoff, longest_backoff, retry_delay
from quantum_operator.decide.times import stamp
from unit.decide.observations import NOW, after

UIDS = st.uuids().map(str)
NUMBERS = st.integers(1, 1000)
LOSSES = st.integers(1, 10**6)


def lost(number: int, completed: str | None) -> Attempt:
    """An attempt that was lost, at this time."""
    return Attempt(
        name="run",
        number=number,
        backend="simulator",
        state="Lost",
        seed=0,
        created_time=stamp(NOW),
        completion_time=completed,
    )


@pytest.mark.parametrize(
    ("losses", "seconds"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (8, 60), (11, 60), (10**9, 60)]
)
def test_the_longest_backoff_doubles_up_to_a_minute(losses: int, seconds: float) -> None:
    """However many were lost."""
    assert longest_backoff(losses) == seconds


@pytest.mark.parametrize(
    ("uid", "number", "losses", "seconds"),
    [
        ("uid-1", 1, 1, 0.534),
        ("uid-1", 2, 2, 1.067),
        ("uid-1", 2, 1, 0.533),
        ("uid-2", 1, 1, 0.88),
        ("uid-2", 1, 20, 52.815),
    ],
)
def test_a_backoff_is_the_same_for_ever(uid: str, number: int, losses: int, seconds: float) -> None:
    """It is of the job, the attempt and the losses, and no version of the operator changes it on the way."""
    assert backoff(uid, number, losses) == seconds


@given(UIDS, NUMBERS, LOSSES)
def test_a_backoff_stays_in_its_bounds(uid: str, number: int, losses: int) -> None:
    """At least half of the longest, at most all of it, and never above the cap."""
    longest = longest_backoff(losses)
    assert longest * (1 - JITTER) <= backoff(uid, number, losses) <= longest <= LONGEST_DELAY_SECONDS


@given(UIDS, NUMBERS, LOSSES, LOSSES)
def test_more_losses_never_wait_less(uid: str, number: int, one: int, other: int) -> None:
    """Of the same attempt."""
    fewer, more = sorted((one, other))
    assert longest_backoff(fewer) <= longest_backoff(more)
    assert backoff(uid, number, fewer) <= backoff(uid, number, more)


@pytest.mark.parametrize("number", [1, 2, 7])
def test_jobs_that_are_lost_together_come_back_apart(number: int) -> None:
    """Of a thousand jobs, about as many come in every tenth of the time in which they may."""
    delays = [backoff(f"uid-{index}", number, 7) for index in range(1000)]
    tenths = Counter(int((delay - 30) / 3) for delay in delays)
    assert sorted(tenths) == list(range(10))
    assert all(60 < count < 140 for count in tenths.values())


@given(UIDS, NUMBERS, LOSSES, st.floats(-1e6, 1e6))
def test_what_is_left_of_a_backoff_is_within_it(uid: str, number: int, losses: int, ended: float) -> None:
    """Never negative, never more than the backoff, even when the clock was set back; the same whenever it is asked."""
    attempt = lost(number, stamp(after(ended)))
    left = retry_delay(uid, attempt, losses, NOW)
    assert 0 <= left <= backoff(uid, number, losses)
    assert left == retry_delay(uid, attempt, losses, NOW)


@pytest.mark.parametrize(("ended", "share"), [(0, 1.0), (3600, 1.0), (-60, 0.0), (-1000, 0.0)])
def test_the_delay_counts_from_the_end_of_the_last_attempt(ended: float, share: float) -> None:
    """All of it at once, nothing of it after a minute."""
    whole = backoff("uid-1", 8, 8)
    assert retry_delay("uid-1", lost(8, stamp(after(ended))), 8, NOW) == share * whole


def test_part_of_the_delay_may_have_passed() -> None:
    """What is left of it is waited for."""
    whole = backoff("uid-1", 8, 8)
    assert retry_delay("uid-1", lost(8, stamp(after(-10))), 8, NOW) == pytest.approx(whole - 10)


def test_a_first_attempt_does_not_wait() -> None:
    """Without an attempt that ended there is nothing to wait for."""
    assert retry_delay("uid-1", None, 0, NOW) == 0
    assert retry_delay("uid-1", lost(1, None), 1, NOW) == 0


@pytest.mark.parametrize("state", ["Suspended", "Pending", "Running", "Succeeded"])
def test_only_a_loss_is_waited_for(state: str) -> None:
    """An attempt that was suspended is followed at once."""
    attempt = lost(1, stamp(NOW)).model_copy(update={"state": state})
    assert retry_delay("uid-1", attempt, 1, NOW) == 0


@given(UIDS, NUMBERS, st.integers(1, 20), st.integers(0, 10**6))
def test_a_delay_that_was_waited_for_is_over(uid: str, number: int, losses: int, microseconds: int) -> None:
    """Whenever it is asked for, and however finely the clock counts."""
    attempt = lost(number, stamp(NOW))
    now = NOW + timedelta(microseconds=microseconds)
    then = now + timedelta(seconds=retry_delay(uid, attempt, losses, now))
    assert retry_delay(uid, attempt, losses, then) == 0
