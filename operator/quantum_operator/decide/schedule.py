"""When a job may start: not before a moment, and within windows of the week."""

from datetime import datetime, time, timedelta

from quantum_operator.api.schedule import DAYS, Schedule, Window
from quantum_operator.decide.times import parse

DAY = timedelta(days=1)


def opens_in(schedule: Schedule | None, now: datetime) -> float:
    """Seconds until a job may start; 0 when it may start now. `now` is in UTC."""
    if schedule is None:
        return 0.0
    earliest = max(now, parse(schedule.not_before)) if schedule.not_before is not None else now
    opened = min((_next_opening(one, earliest) for one in schedule.windows), default=earliest)
    return max(0.0, (opened - now).total_seconds())


def _next_opening(window: Window, moment: datetime) -> datetime:
    """`moment` if the window is open then, else the next time it opens."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    for days in range(-1, 8):
        day = midnight + days * DAY
        if window.days and DAYS[day.weekday()] not in window.days:
            continue
        start, end = _at(day, window.start), _at(day, window.end)
        if end <= start:
            end += DAY
        if moment < end:
            return max(moment, start)
    raise AssertionError("a week has every day")


def _at(day: datetime, clock: str) -> datetime:
    return datetime.combine(day.date(), time.fromisoformat(clock), day.tzinfo)
