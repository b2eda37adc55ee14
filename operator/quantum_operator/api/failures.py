"""What may go wrong with a run, of which class each is, and what is done about it.

The one place that says so: the platform's words for an end without an outcome, or for why a run does not start, in
this order of columns: class, the reason that a status gives, the reaction. The reference docs/reference/failures.md is
generated from it. What a run itself reports as wrong with the job is permanent, and fails the job at once.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from quantum_operator.api.conditions import REASONS, table

Reaction = Literal["fail", "retry", "wait"]


class FailureClass(StrEnum):
    """What kind of thing went wrong."""

    PERMANENT = "permanent"
    """Asking again would change nothing."""
    TRANSIENT = "transient"
    """It passes."""
    CANCELLED = "cancelled"
    """Somebody did not want it any more."""
    TIMEOUT = "timeout"
    """It took longer than it may."""
    INFRASTRUCTURE = "infrastructure"
    """The platform ended it, or can't start it."""
    SATURATED = "saturated"
    """There is no room for it now."""
    LOST = "lost"
    """It is gone, and nobody can say what came of it."""


@dataclass(frozen=True)
class Failure:
    """One row: a class, a documented reason, and what follows.

    `fail`: the job is over. `retry`: another attempt, up to backoffLimit. `wait`: the run may still start.
    """

    kind: FailureClass
    reason: str
    reaction: Reaction


_INFRASTRUCTURE, _LOST = FailureClass.INFRASTRUCTURE, FailureClass.LOST
_EVICTED = Failure(_INFRASTRUCTURE, "RunEvicted", "retry")
_DELETED = Failure(_LOST, "RunDeleted", "retry")
_NOT_STARTED = Failure(FailureClass.TIMEOUT, "RunNotStarted", "retry")

ENDINGS: dict[str, Failure] = {
    "OOMKilled": Failure(_INFRASTRUCTURE, "MemoryLimitExceeded", "fail"),
    "DeadlineExceeded": Failure(FailureClass.TIMEOUT, "TimeLimitExceeded", "fail"),
    "StartDeadlineExceeded": _NOT_STARTED,
    "NotStarted": Failure(_INFRASTRUCTURE, "RunNotStarted", "retry"),
    "Evicted": _EVICTED,
    "Preempting": _EVICTED,
    "Terminated": _EVICTED,
    "NodeShutdown": _EVICTED,
    "EvictionByEvictionAPI": _EVICTED,
    "PreemptionByScheduler": _EVICTED,
    "DeletionByTaintManager": _EVICTED,
    "TerminationByKubelet": _EVICTED,
    "DeletionByPodGC": _DELETED,
    "PodDeleted": _DELETED,
    "PodGone": _DELETED,
    "OutcomeLost": Failure(_LOST, "OutcomeLost", "retry"),
    "Rejected": Failure(FailureClass.PERMANENT, "TaskRejected", "fail"),
    "Unsupported": Failure(FailureClass.PERMANENT, "IncompatibleTarget", "fail"),
    "CeilingExceeded": Failure(FailureClass.PERMANENT, "CeilingExceeded", "fail"),
    "SubmissionRefused": Failure(FailureClass.TRANSIENT, "TaskNotSubmitted", "retry"),
    "TaskFailed": Failure(FailureClass.PERMANENT, "TaskFailed", "fail"),
    "QueueTimeExceeded": Failure(FailureClass.TIMEOUT, "QueueTimeExceeded", "fail"),
    "Cancelled": Failure(FailureClass.CANCELLED, "TaskCancelled", "fail"),
    "ResultUnreadable": Failure(_LOST, "ResultUnreadable", "fail"),
    "TaskLost": Failure(_LOST, "TaskLost", "fail"),
}
"""Words for a run that is over and left no outcome. Any other word is UNKNOWN."""

UNKNOWN = Failure(_LOST, "RunLost", "retry")

WAITS: dict[str, Failure] = {
    "Unschedulable": Failure(FailureClass.SATURATED, "RunUnschedulable", "wait"),
    "QuotaExceeded": Failure(FailureClass.SATURATED, "QuotaExceeded", "wait"),
    "PodRefused": Failure(_INFRASTRUCTURE, "RunRefused", "wait"),
    "ImageUnavailable": Failure(_INFRASTRUCTURE, "ImageUnavailable", "wait"),
    "Submitted": Failure(FailureClass.SATURATED, "TaskQueued", "wait"),
    "Held": Failure(_LOST, "TaskHeld", "wait"),
    "ProviderBusy": Failure(FailureClass.SATURATED, "ProviderBusy", "wait"),
    "ProviderUnavailable": Failure(FailureClass.TRANSIENT, "ProviderUnavailable", "wait"),
    "CredentialsRefused": Failure(FailureClass.TRANSIENT, "CredentialsRefused", "wait"),
    "AnswerLost": Failure(_LOST, "TaskSought", "wait"),
    "LookupFailed": Failure(_LOST, "TaskSought", "wait"),
    "SessionSought": Failure(_LOST, "SessionSought", "wait"),
    "SessionOpen": Failure(_LOST, "SessionOpen", "wait"),
    "NotSubmitted": Failure(FailureClass.TRANSIENT, "TaskPending", "wait"),
}
"""Words for why a run does not start. Any other one is RunPending."""

UNNAMED_WAIT = Failure(FailureClass.SATURATED, "RunPending", "wait")


def ending(word: str) -> Failure:
    """The row of a run that is over without an outcome."""
    return ENDINGS.get(word, UNKNOWN)


def waiting(word: str) -> Failure:
    """The row of a run that does not start."""
    return WAITS.get(word, UNNAMED_WAIT)


def failures_markdown() -> str:
    """The reference of all failures, docs/reference/failures.md."""
    return f"""# Failures

Generated from `operator/quantum_operator/api/failures.py` by `make generate`; not to be edited.

What a run reports as wrong with the job (an invalid program, say) is *permanent*: the job fails at once, with the run's
own reason. All else is below. *fail*: the job is over. *retry*: another attempt follows, up to `spec.backoffLimit`,
after a delay that doubles from a second to a minute, less up to half of it, so that what is lost together does not come
back together. *wait*: the run may still start.

## Runs that left no outcome

{_rows({**ENDINGS, "any other": UNKNOWN})}
## Runs that do not start

{_rows({**WAITS, "any other": UNNAMED_WAIT})}"""


def _rows(rows: dict[str, Failure]) -> str:
    heads = ("What the platform says", "Class", "Reason", "Reaction", "Meaning")
    return table(
        heads,
        [(f"`{word}`", one.kind, f"`{one.reason}`", one.reaction, REASONS[one.reason]) for word, one in rows.items()],
    )
