"""What may go wrong with a run, of which class each is, and what is done about it.

The one place that says so: the platform's words for an end without an outcome, what a run itself reports, and the words
for why a run does not start, in this order of columns: class, the reason that a status gives, the reaction. The
reference docs/reference/failures.md is generated from it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from quantum_operator.api.conditions import REASONS, table
from quantum_operator.api.patience import limits_markdown

Reaction = Literal["fail", "retry", "return", "elsewhere", "reroute", "wait", "hold"]


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

    `fail`: the job is over. `retry`: another attempt, up to backoffLimit. `return`: another attempt, which no limit
    counts. `elsewhere`: a retry on another backend of the policy where one can take it. `reroute`: another attempt on
    another backend, or none. `wait`: the run may still start. `hold`: a person decides.

    No attempt follows one that may have been paid for, whatever the table says. What would fail or reroute a job is a
    `return` where its run is shared with other jobs.
    """

    kind: FailureClass
    reason: str
    reaction: Reaction


MOST_FAILED = 8
"""How many attempts of a job may fail on their backends, or with their parameters, and be followed by another."""

_INFRASTRUCTURE, _LOST = FailureClass.INFRASTRUCTURE, FailureClass.LOST
_EVICTED = Failure(_INFRASTRUCTURE, "RunEvicted", "retry")
_DELETED = Failure(_LOST, "RunDeleted", "retry")
_NOT_STARTED = Failure(FailureClass.TIMEOUT, "RunNotStarted", "elsewhere")
_TOO_LARGE = Failure(_INFRASTRUCTURE, "MemoryLimitExceeded", "reroute")
_TOO_SLOW = Failure(FailureClass.TIMEOUT, "TimeLimitExceeded", "fail")
_OTHER_TARGET = Failure(FailureClass.PERMANENT, "IncompatibleTarget", "reroute")
_OTHER_RESULTS = Failure(_LOST, "ResultUnreadable", "fail")

ENDINGS: dict[str, Failure] = {
    "OOMKilled": _TOO_LARGE,
    "DeadlineExceeded": _TOO_SLOW,
    "StartDeadlineExceeded": _NOT_STARTED,
    "NotStarted": Failure(_INFRASTRUCTURE, "RunNotStarted", "elsewhere"),
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
    "NotReached": Failure(FailureClass.SATURATED, "RunAlone", "return"),
    "OutcomeLost": Failure(_LOST, "OutcomeLost", "retry"),
    "Rejected": Failure(FailureClass.PERMANENT, "TaskRejected", "reroute"),
    "Unsupported": _OTHER_TARGET,
    "CeilingExceeded": Failure(FailureClass.PERMANENT, "CeilingExceeded", "reroute"),
    "SubmissionRefused": Failure(FailureClass.TRANSIENT, "TaskNotSubmitted", "elsewhere"),
    "TaskFailed": Failure(FailureClass.PERMANENT, "TaskFailed", "reroute"),
    "QueueTimeExceeded": Failure(FailureClass.TIMEOUT, "QueueTimeExceeded", "reroute"),
    "Cancelled": Failure(FailureClass.CANCELLED, "TaskCancelled", "fail"),
    "Withdrawn": Failure(FailureClass.CANCELLED, "TaskWithdrawn", "return"),
    "ResultUnreadable": _OTHER_RESULTS,
    "TaskLost": Failure(_LOST, "TaskLost", "fail"),
}
"""Words for a run that is over and left no outcome. Any other word is UNKNOWN."""

UNKNOWN = Failure(_LOST, "RunLost", "retry")

REPORTED: dict[str, Failure] = {
    **{
        word: Failure(FailureClass.PERMANENT, word, "fail")
        for word in (
            "InvalidProgram",
            "UnsupportedConstruct",
            "InvalidParameters",
            "InvalidObservable",
            "InvalidTemplate",
            "NoMeasurements",
            "MeasuredEstimate",
            "NoiseHasNoEffect",
            "OutcomeTooLarge",
            "ProgramCrashedRunner",
            "InputMismatch",
            "InternalError",
        )
    },
    "IncompatibleTarget": _OTHER_TARGET,
    "MemoryLimitExceeded": _TOO_LARGE,
    "TimeLimitExceeded": _TOO_SLOW,
    "ResultUnreadable": _OTHER_RESULTS,
}
"""Words of an outcome that is an error: every `RunError.reason`."""

WAITS: dict[str, Failure] = {
    "Unschedulable": Failure(FailureClass.SATURATED, "RunUnschedulable", "wait"),
    "QuotaExceeded": Failure(FailureClass.SATURATED, "QuotaExceeded", "wait"),
    "PodRefused": Failure(_INFRASTRUCTURE, "RunRefused", "wait"),
    "ImageUnavailable": Failure(_INFRASTRUCTURE, "ImageUnavailable", "wait"),
    "Submitted": Failure(FailureClass.SATURATED, "TaskQueued", "wait"),
    "Held": Failure(_LOST, "TaskHeld", "hold"),
    "FetchFailed": Failure(FailureClass.TRANSIENT, "FetchFailed", "wait"),
    "ResultHeld": Failure(FailureClass.TIMEOUT, "ResultHeld", "hold"),
    "ProviderBusy": Failure(FailureClass.SATURATED, "ProviderBusy", "wait"),
    "ProviderUnavailable": Failure(FailureClass.TRANSIENT, "ProviderUnavailable", "wait"),
    "CompilerUnavailable": Failure(_INFRASTRUCTURE, "CompilerUnavailable", "wait"),
    "AnswerUnreadable": Failure(FailureClass.TRANSIENT, "AnswerUnreadable", "wait"),
    "CredentialsRefused": Failure(FailureClass.TRANSIENT, "CredentialsRefused", "wait"),
    "AnswerLost": Failure(_LOST, "TaskSought", "wait"),
    "LookupFailed": Failure(_LOST, "TaskSought", "wait"),
    "SessionSought": Failure(_LOST, "SessionSought", "wait"),
    "SessionOpen": Failure(_LOST, "SessionOpen", "wait"),
    "NotSubmitted": Failure(FailureClass.TRANSIENT, "TaskPending", "wait"),
}
"""Words for why a run does not start. Any other one is RunPending."""

STALLS = frozenset({"Held", "FetchFailed", "ResultHeld"})
"""Those words that are also of what was under way already."""

UNNAMED_WAIT = Failure(FailureClass.SATURATED, "RunPending", "wait")


def ending(word: str) -> Failure:
    """The row of a run that is over without an outcome."""
    return ENDINGS.get(word, UNKNOWN)


def reported(word: str) -> Failure:
    """The row of an outcome that is an error. Raises KeyError for what is no `RunError.reason`."""
    return REPORTED[word]


ELSEWHERE = frozenset(row.reason for row in ENDINGS.values() if row.reaction == "elsewhere")
"""Reasons after which another backend comes first, and the same one again where there is none."""


AGAINST_BACKEND = frozenset(
    {
        "RunEvicted",
        "RunDeleted",
        "RunLost",
        "RunNotStarted",
        "OutcomeLost",
        "InvalidOutcome",
        "TaskNotSubmitted",
        "TaskFailed",
        "QueueTimeExceeded",
        "ResultUnreadable",
        "TaskLost",
    }
)
"""Reasons of attempts that count against their backend where a policy has a breaker: those that may have come of it.

What comes of the job (a program, its size, its time limit, the most that it may cost) does not, nor what somebody
wanted (a cancellation).
"""


def waiting(word: str) -> Failure:
    """The row of a run that does not start."""
    return WAITS.get(word, UNNAMED_WAIT)


_CLASSES = {row.reason: row.kind for row in (*REPORTED.values(), *ENDINGS.values(), UNKNOWN)}
_OWN = frozenset(
    row.reason for row in REPORTED.values() if row.kind == FailureClass.PERMANENT and row.reaction == "fail"
)


def class_of(reason: str) -> FailureClass | None:
    """The class of a failure that a job or an attempt ended with; None of a program's own error, or of no failure."""
    return None if reason in _OWN else _CLASSES.get(reason)


def failures_markdown() -> str:
    """The reference of all failures, docs/reference/failures.md."""
    return f"""# Failures

Generated from `operator/quantum_operator/api/failures.py` by `make generate`; not to be edited.

| Reaction | What follows |
|---|---|
| fail | The job is over. |
| retry | Another attempt, up to `spec.backoffLimit`, after a delay that doubles from a second to a minute, less up to \
half of it, so that what is lost together does not come back together. |
| return | Another attempt at once, with a run of its own; no limit counts it. What would be a fail or a reroute is \
a return where the run is shared with other jobs: it is diagnosed alone. |
| elsewhere | A retry on another backend of the policy where one can take the job; else on the same one again. |
| reroute | Another attempt at once, on a backend of the policy on which none has failed (the others have the verdict \
`TriedBefore`); where there is none, the job fails with the diagnosis of the first. At most {MOST_FAILED} times. |
| wait | The run may still start. |
| hold | Nothing follows by itself: a person decides (`qjob resolve`). |

What a job's `spec.retry.onFailure` says comes before the table: after a failure for one of its reasons another attempt
follows at once, with fewer shots, another optimization level or on another backend. What was changed is in the plan, in
each attempt and in the message of the result; the input that comes of it is an artifact of its own.

No attempt follows one on a provider that may have been paid for, whatever the table or the user says: only those that
surely cost nothing are followed by others, and any other fails the job; unless its policy has a
[fallback](../resilience.md) that costs nothing itself. A policy's breaker counts what has `yes` in the column Backend.

## How often, and how long

Submitting, running and fetching have limits of their own, and none takes of another's. Above them all is a job's
`spec.timeBudgetSeconds`: it counts everything from the creation on, and what is under way when it ends is cancelled.

{limits_markdown()}
## Runs that left no outcome

{_rows({**ENDINGS, "any other": UNKNOWN})}
## Runs that left an error

{_rows(REPORTED)}
## Runs that do not start

{_rows({**WAITS, "any other": UNNAMED_WAIT})}"""


def _rows(rows: dict[str, Failure]) -> str:
    heads = ("What the platform says", "Class", "Reason", "Reaction", "Backend", "Meaning")
    return table(
        heads,
        [
            (f"`{word}`", one.kind, f"`{one.reason}`", one.reaction, _blames(one), REASONS[one.reason])
            for word, one in rows.items()
        ],
    )


def _blames(row: Failure) -> str:
    return "yes" if row.reason in AGAINST_BACKEND else ""
