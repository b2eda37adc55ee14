"""When a job may start: the next opening, against a scan of every minute of a fortnight."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.api.schedule import DAYS, Schedule, Window
from quantum_operator.decide.job import SCHEDULE_SECONDS, decide
from quantum_operator.decide.schedule import opens_in
from unit.decide.observations import NOW, apply, kinds, later, submitted, verdicts

MINUTE = timedelta(minutes=1)
clocks = st.builds(lambda hour, minute: f"{hour:02}:{minute:02}", st.integers(0, 23), st.sampled_from([0, 1, 30, 59]))
windows = st.builds(Window, start=clocks, end=clocks, days=st.lists(st.sampled_from(DAYS), unique=True).map(tuple))
moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(
    lambda moment: moment.replace(second=0, microsecond=0, tzinfo=UTC)
)


def is_open(window: Window, moment: datetime) -> bool:
    """Whether a window is open: on its own day, or still from the day before."""
    clock = f"{moment:%H:%M}"
    today, yesterday = DAYS[moment.weekday()], DAYS[moment.weekday() - 1]
    if window.start < window.end:
        return (not window.days or today in window.days) and window.start <= clock < window.end
    begun = (not window.days or today in window.days) and clock >= window.start
    return begun or ((not window.days or yesterday in window.days) and clock < window.end)


@given(st.lists(windows, min_size=1, max_size=3).map(tuple), moments)
def test_the_next_opening_is_the_first_open_minute(some: tuple[Window, ...], now: datetime) -> None:
    """As a scan minute by minute finds it."""
    moment = now
    while not any(is_open(window, moment) for window in some):
        moment += MINUTE
    assert opens_in(Schedule(windows=some), now) == (moment - now).total_seconds()


@pytest.mark.parametrize(
    ("schedule", "seconds"),
    [
        (None, 0),
        (Schedule(), 0),
        (Schedule(not_before="2026-01-01T11:00:00Z"), 0),
        (Schedule(not_before="2026-01-01T12:00:00Z"), 0),
        (Schedule(not_before="2026-01-01T12:00:07Z"), 7),
        (Schedule(windows=(Window(start="22:00", end="06:00"),)), 36_000),
        (Schedule(windows=(Window(start="11:00", end="12:00"),)), 23 * 3600),
        (Schedule(windows=(Window(start="11:00", end="12:01"),)), 0),
        (Schedule(windows=(Window(start="00:00", end="00:00"),)), 0),
        (Schedule(not_before="2026-01-02T07:00:00Z", windows=(Window(start="22:00", end="06:00"),)), 122_400),
    ],
)
def test_at_noon_of_a_thursday(schedule: Schedule | None, seconds: float) -> None:
    """Each kind of schedule, alone and together."""
    assert opens_in(schedule, NOW) == seconds


@given(st.integers(1999, 2101), st.integers(0, 13), st.integers(0, 32), st.integers(0, 24), st.integers(0, 60))
def test_a_moment_is_taken_if_there_is_such_a_second(year: int, month: int, day: int, hour: int, minute: int) -> None:
    """The pattern is exactly the calendar of this century."""
    text = f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:00Z"
    try:
        datetime.fromisoformat(text)
        there_is = 2000 <= year < 2100
    except ValueError:
        there_is = False
    assert bool(re.search(pattern(), text)) == there_is


def pattern() -> str:
    """The pattern of notBefore, as the definition has it."""
    schema = Schedule.model_json_schema()["properties"]["notBefore"]
    return str(next(one["pattern"] for one in schema["anyOf"] if "pattern" in one))


def test_a_job_waits_for_its_schedule_and_says_until_when() -> None:
    """It is accepted at once, says so once, and asks for a backend when the time has come."""
    observed = submitted(schedule={"notBefore": "2026-01-01T18:00:00Z"})
    decision = decide(observed)
    assert verdicts(decision.status) == {"Accepted": "True/Accepted", "Scheduled": "False/OutsideSchedule"}
    assert kinds(decision) == ["StoreArtifact", "OutsideSchedule"]
    assert decision.look_again == SCHEDULE_SECONDS
    observed = apply(observed, decision)
    again = decide(later(observed, 5 * 3600 + 1800))
    assert (again.status, kinds(again), again.look_again) == (observed.job.status, [], 1800.0)
    assert kinds(decide(later(observed, 6 * 3600))) == ["Nominate"]
