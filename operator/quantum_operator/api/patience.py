"""How often and how long each part of a job's way is tried: submitting, running and fetching have limits of their own.

None takes of another's: a result that can't be fetched never has its task submitted again. The numbers that are no
field of a resource are here, and the table of docs/reference/failures.md is made of them.
"""

from dataclasses import dataclass
from typing import Literal

from quantum_operator.api.conditions import table

MAX_REFUSALS = 20
"""How often a submission may be refused for the moment."""

MAX_LOOKUPS = 20
"""How often a provider may be unable to say whether it has a task."""

MAX_LOST = 3
"""How often a provider may say that it does not know a task that it gave an id."""

MAX_UNREADABLE = 20
"""How often what a provider says of a task may be no answer: some ten minutes."""

MAX_UNWANTED_FETCHES = 3
"""How often the results of a task that nobody wants any more are asked for: they say what it cost."""

MAX_UNASSEMBLED = 10
"""How often the compiler may fail with the results of a task right after it served one that it was submitted with."""

FETCH_PAUSE_SECONDS = 300.0
"""The longest pause before results are asked for again."""


@dataclass(frozen=True)
class Limit:
    """One row: what is counted, in which part of the way, up to what, and the reason of the job that then follows."""

    part: Literal["submitting", "running", "fetching"]
    counted: str
    limit: str
    reason: str
    then: str


LIMITS: tuple[Limit, ...] = (
    Limit(
        "submitting",
        "submissions that are refused for the moment, or whose provider can't be reached",
        f"{MAX_REFUSALS}",
        "TaskNotSubmitted",
        "a retry elsewhere, up to `spec.backoffLimit`: nothing was taken",
    ),
    Limit(
        "submitting",
        "lookups of a submission whose answer was lost, to which the provider has no answer",
        f"{MAX_LOOKUPS}",
        "TaskHeld",
        "a person decides",
    ),
    Limit("running", "time in a provider's queue", "`provider.queueSeconds`", "QueueTimeExceeded", "a reroute"),
    Limit(
        "running",
        "time of one run on a simulator",
        "`spec.activeDeadlineSeconds`",
        "TimeLimitExceeded",
        "the job fails",
    ),
    Limit(
        "running",
        "time on a provider's device, where the provider limits it",
        "`limits.maxTaskSeconds`",
        "TaskFailed",
        "a reroute where it surely cost nothing",
    ),
    Limit(
        "running",
        "answers about a task that can't be read",
        f"{MAX_UNREADABLE} in a row",
        "TaskHeld",
        "a person decides",
    ),
    Limit(
        "running",
        "answers that a task is not known which was taken",
        f"{MAX_LOST} in a row",
        "TaskHeld",
        "a person decides",
    ),
    Limit("running", "runs that are lost", "`spec.backoffLimit`", "BackoffLimitExceeded", "the job fails"),
    Limit(
        "fetching",
        "time since results that are there could first not be had, or not be read",
        "`provider.fetchSeconds`",
        "ResultHeld",
        "a person has them fetched again (`qjob resolve TASK --adopt ID`), or the job is cancelled; nothing is "
        "submitted again",
    ),
)
"""Every limit, in the order of a job's way."""


def limits_markdown() -> str:
    """The limits as a table, for docs/reference/failures.md."""
    heads = ("Part", "What is counted", "Limit", "Reason", "What follows")
    return table(heads, [(one.part, one.counted, one.limit, f"`{one.reason}`", one.then) for one in LIMITS])
