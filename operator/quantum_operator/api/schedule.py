"""When a job may start."""

from typing import Annotated, Final, Literal

from pydantic import Field

from quantum_operator.api.meta import ApiModel, ListSet

Day = Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
DAYS: Final[tuple[Day, ...]] = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
Clock = Annotated[str, Field(min_length=5, max_length=5, pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


_DATE = (
    "20[0-9]{2}-("
    "(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8])"
    ")|20([02468][048]|[13579][26])-02-29"
)
_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
Moment = Annotated[str, Field(min_length=20, max_length=20, pattern=f"^({_DATE})T{_TIME}Z$")]
"""A second of this century in UTC. The pattern takes only days that there are, so that it can always be read."""


class Window(ApiModel):
    """A part of the day, in UTC, in which jobs may start. One that ends when or before it starts ends the next day."""

    start: Annotated[Clock, Field(description="When it opens, as HH:MM in UTC.")]
    end: Annotated[Clock, Field(description="When it closes, as HH:MM in UTC; itself no longer in it.")]
    days: Annotated[
        tuple[Day, ...],
        Field(max_length=7, description="The days on which it opens; none: every day."),
        ListSet(),
    ] = ()


class Schedule(ApiModel):
    """When the job may start. What has started goes on when a window closes."""

    not_before: Annotated[Moment | None, Field(description="Not before this moment, as 2027-01-31T22:00:00Z.")] = None
    windows: Annotated[
        tuple[Window, ...],
        Field(max_length=16, description="Only while one of these is open; none: at any time."),
    ] = ()
