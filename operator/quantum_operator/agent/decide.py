"""What follows for one task: `decide` before the provider is called, `heard` after. Both are pure.

The life of a task, in the order of the branches of `decide`: over, or held; the provider has it; it was claimed, and
nobody knows what became of the call; nothing was submitted yet.

A claim is written, compared and set, before the call that it announces. Whoever finds a claim without the provider's
id only looks the task up, once the call can't begin any more and the provider would show what it took.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from quantum_operator.agent.calls import Answer, Call, Cancel, LookUp, Poll, Prepare, Refused, Results, Spoiled, Submit
from quantum_operator.api.quantumtask import (
    OVER,
    QuantumTask,
    QuantumTaskStatus,
    TaskCancellation,
    TaskCharge,
    TaskClaim,
)
from quantum_operator.decide.retry import backoff
from quantum_operator.decide.size import NOTE_BYTES, clip
from quantum_operator.decide.times import parse, stamp
from quantum_operator.ports.adapter import (
    Absent,
    AdapterError,
    AmbiguousError,
    Cancelled,
    Capabilities,
    ForbiddenError,
    Found,
    LostError,
    MalformedError,
    Progress,
    RejectedError,
    SaturatedError,
    UnavailableError,
    Unknown,
    UnsupportedError,
)

CALL_SECONDS = 15.0
"""How long after its claim a submission may begin. That it ends as well is the adapter's to hold."""

MAX_REFUSALS = 20
MAX_LOOKUPS = 20
MAX_LOST = 3
"""How often a provider may say that it does not know a task that it gave an id."""
MAX_UNREADABLE = 20
"""How often what a provider says of a task may be no answer: some ten minutes."""
FORBIDDEN_SECONDS = 30.0
"""How long refused credentials are not tried again: somebody has to renew them."""


@dataclass(frozen=True)
class TaskObserved:
    """All that one decision about a task may depend on.

    `former` are identities whose processes are surely over. `prepared`: its circuits are ready to be sent. `submit_in`
    and `poll_in` are seconds until the account's rate, and the pace of polling, let the provider be asked.
    """

    now: datetime
    task: QuantumTask
    agent: str
    capabilities: Capabilities
    former: tuple[str, ...] = ()
    prepared: bool = False
    submit_in: float = 0.0
    poll_in: float = 0.0


@dataclass(frozen=True)
class TaskDecision:
    """The status to write first, the call to make then, or after how many seconds to look again."""

    status: QuantumTaskStatus
    call: Call | None = None
    look_again: float | None = None


def decide(observed: TaskObserved) -> TaskDecision:
    """What follows for the task."""
    task, status = observed.task, observed.task.status
    if status.state in OVER:
        return TaskDecision(status)
    if status.state == "Held":
        return TaskDecision(_resolved(observed))
    if status.provider_id is not None:
        return _see_on(observed)
    if status.claim is not None:
        return _recover(observed, status.claim)
    if unwanted(task):
        return TaskDecision(_over(observed, "Cancelled", "Cancelled", "it was not submitted", _nothing(task)))
    wait = max(_wait(observed), observed.submit_in)
    if wait > 0:
        return TaskDecision(status, look_again=wait)
    if not observed.prepared:
        return TaskDecision(status, Prepare())
    begin = observed.now + timedelta(seconds=CALL_SECONDS)
    over = begin + timedelta(seconds=observed.capabilities.submit_seconds + 1)
    claim = TaskClaim(agent=observed.agent, deadline=stamp(over))
    update = {"state": "Submitting", "claim": claim, "submissions": status.submissions + 1, "not_before": None}
    return TaskDecision(_said(observed, status.model_copy(update=update), "Submitting", ""), Submit(begin))


def _resolved(observed: TaskObserved) -> QuantumTaskStatus:
    """The held task as a person who looked says that it is; else as it was."""
    status, told = observed.task.status, observed.task.spec.resolution
    if told is None or told == status.resolution:
        return status
    message = f"{told.by} says so: {told.why}"
    if told.provider_id is None:
        update: dict[str, object] = {"state": "Pending", "claim": None, "lookups": 0, "submissions": 0}
    else:
        submitted = status.submitted_time or stamp(observed.now)
        update = {"state": "Queued", "provider_id": told.provider_id, "submitted_time": submitted, "lookups": 0}
    return _said(observed, status.model_copy(update={**update, "resolution": told}), "Resolved", message)


def unwanted(task: QuantumTask) -> bool:
    """Whether the task is to be cancelled: the operator says so, or somebody deletes it."""
    return task.spec.cancel or task.metadata.deletion_timestamp is not None


def _see_on(observed: TaskObserved) -> TaskDecision:
    task, status = observed.task, observed.task.status
    wait = max(_wait(observed), observed.poll_in)
    if status.cancellation is None and (unwanted(task) or _queued_too_long(observed)) and _wait(observed) <= 0:
        return TaskDecision(status, Cancel())
    return TaskDecision(status, look_again=wait) if wait > 0 else TaskDecision(status, Poll())


def _queued_too_long(observed: TaskObserved) -> bool:
    status = observed.task.status
    if status.state != "Queued" or status.submitted_time is None:
        return False
    return (observed.now - parse(status.submitted_time)).total_seconds() > observed.task.spec.queue_seconds


def _recover(observed: TaskObserved, claim: TaskClaim) -> TaskDecision:
    """Look the task up, once its call can't begin any more and what it made would be seen."""
    status = observed.task.status
    if observed.capabilities.token == "none":  # noqa: S105 - not a secret
        message = "the call that submits it was not answered, and this provider can't be asked for it"
        return TaskDecision(_held(observed, "SubmissionUnknown", message))
    if claim.agent in observed.former and parse(claim.deadline) > _passed(observed):
        claim = claim.model_copy(update={"deadline": stamp(_passed(observed))})
        return TaskDecision(status.model_copy(update={"claim": claim}))
    visible = parse(claim.deadline) + timedelta(seconds=observed.capabilities.visibility_seconds)
    wait = max((visible - observed.now).total_seconds(), _wait(observed))
    return TaskDecision(status, look_again=wait) if wait > 0 else TaskDecision(status, LookUp())


def _passed(observed: TaskObserved) -> datetime:
    """A time that is over within a second: stamps are of whole seconds, and one cut short would be too early."""
    return observed.now + timedelta(seconds=0.999)


def _wait(observed: TaskObserved) -> float:
    until = observed.task.status.not_before
    return 0.0 if until is None else max(0.0, (parse(until) - observed.now).total_seconds())


def heard(observed: TaskObserved, call: Call, answer: Answer) -> QuantumTaskStatus:
    """The status once the call was answered; an AdapterError is an answer as well."""
    status = observed.task.status
    match answer:
        case Spoiled():
            status = _over(observed, "Failed", "Refused" if isinstance(call, Prepare) else "ResultUnreadable", "")
            charge = _nothing(observed.task) if isinstance(call, Prepare) else answer.charge
            update = {"outcome": answer.outcome, "message": clip(answer.message, NOTE_BYTES), "charge": charge}
            return status.model_copy(update=update)
        case Refused():
            return _over(observed, "Failed", "CeilingExceeded", answer.message, _nothing(observed.task))
    match call:
        case Prepare():
            return _not_submitted(observed, answer) if isinstance(answer, AdapterError) else status
        case Submit():
            return _submitted(observed, answer)
        case LookUp():
            return _looked_up(observed, answer)
        case Poll():
            return _polled(observed, answer)
        case Cancel():
            return _cancelled(observed, answer)
        case _:
            assert_never(call)


def _submitted(observed: TaskObserved, answer: Answer) -> QuantumTaskStatus:
    if isinstance(answer, str):
        return _accepted(observed, answer)
    if isinstance(answer, RejectedError | UnsupportedError | ForbiddenError | SaturatedError | UnavailableError):
        return _not_submitted(observed, answer)
    status = observed.task.status
    if status.claim is None:
        return status
    # The call is over, whatever came of it: nothing begins after now.
    over = min(parse(status.claim.deadline), _passed(observed))
    status = status.model_copy(update={"claim": status.claim.model_copy(update={"deadline": stamp(over)})})
    return _said(observed, status, "AnswerLost", f"the provider's answer was lost ({answer}); it is looked up")


def _accepted(observed: TaskObserved, provider_id: str) -> QuantumTaskStatus:
    update = {
        "state": "Queued",
        "provider_id": provider_id,
        "submitted_time": stamp(observed.now),
        "not_before": None,
    }
    return _said(observed, observed.task.status.model_copy(update=update), "Submitted", "")


def _not_submitted(observed: TaskObserved, error: AdapterError) -> QuantumTaskStatus:
    """Surely nothing was submitted: the claim is given back."""
    status = observed.task.status
    made = max(0, status.submissions - (status.claim is not None))
    status = status.model_copy(update={"state": "Pending", "claim": None, "submissions": made})
    here = _of(observed, status)
    if isinstance(error, RejectedError | UnsupportedError):
        reason = "Unsupported" if isinstance(error, UnsupportedError) else "Rejected"
        return _over(here, "Failed", reason, str(error), _nothing(observed.task))
    refusals = status.refusals + 1
    reason = "CredentialsRefused" if isinstance(error, ForbiddenError) else "ProviderBusy"
    if refusals > MAX_REFUSALS:
        return _over(here, "Failed", "SubmissionRefused", f"refused {refusals} times: {error}", _nothing(observed.task))
    delay = max(_backoff(observed, refusals), error.retry_after or 0.0)
    delay = max(delay, FORBIDDEN_SECONDS) if isinstance(error, ForbiddenError) else delay
    update = {"refusals": refusals, "not_before": stamp(observed.now + timedelta(seconds=delay + 0.999))}
    return _said(observed, status.model_copy(update=update), reason, str(error))


def _looked_up(observed: TaskObserved, answer: Answer) -> QuantumTaskStatus:
    status = observed.task.status
    if isinstance(answer, Found):
        accepted = _accepted(observed, answer.ids[0])
        return accepted.model_copy(update={"duplicates": _joined(accepted.duplicates, answer.ids[1:])})
    if isinstance(answer, Absent):
        update = {"state": "Pending", "claim": None, "lookups": 0, "not_before": None}
        return _said(observed, status.model_copy(update=update), "NotFound", "the provider has nothing of it")
    why = answer.why if isinstance(answer, Unknown) else str(answer)
    lookups = status.lookups + 1
    if lookups > MAX_LOOKUPS:
        return _held(observed, "SubmissionUnknown", f"asked {lookups} times, the provider can't say whether it has it")
    until = stamp(observed.now + timedelta(seconds=_backoff(observed, lookups) + 0.999))
    return _said(observed, status.model_copy(update={"lookups": lookups, "not_before": until}), "LookupFailed", why)


def _polled(observed: TaskObserved, answer: Answer) -> QuantumTaskStatus:
    status = observed.task.status
    if isinstance(answer, Results):
        done = _over(observed, "Succeeded", "Succeeded", "", answer.charge)
        others = _joined(done.duplicates, answer.others)
        return done.model_copy(update={"outcome": answer.outcome, "duplicates": others})
    if isinstance(answer, LostError):
        return _puzzled(observed, "LookupFailed", f"the provider does not know it: {answer}", MAX_LOST, "TaskLost")
    if isinstance(answer, MalformedError | AmbiguousError | RejectedError):
        return _puzzled(observed, "AnswerUnreadable", str(answer), MAX_UNREADABLE, "AnswerUnreadable")
    if isinstance(answer, AdapterError):
        return _later(observed, answer)
    if not isinstance(answer, Progress):
        return status
    if answer.state in ("Failed", "Cancelled"):
        return _ended(observed, answer)
    update: dict[str, object] = {"not_before": None, "queue_position": answer.queue_position, "lookups": 0}
    if answer.state == "Running":
        update |= {"state": "Running", "start_time": status.start_time or stamp(observed.now)}
    return _said(observed, status.model_copy(update=update), "Submitted" if answer.state == "Queued" else "Running", "")


def _later(observed: TaskObserved, error: AdapterError) -> QuantumTaskStatus:
    """The provider can't be asked now. It is asked again for as long as that takes."""
    until = stamp(observed.now + timedelta(seconds=(error.retry_after or 5.0) + 0.999))
    reason = "CredentialsRefused" if isinstance(error, ForbiddenError) else "ProviderUnavailable"
    return _said(observed, observed.task.status.model_copy(update={"not_before": until}), reason, str(error))


def _puzzled(observed: TaskObserved, reason: str, message: str, most: int, held: str) -> QuantumTaskStatus:
    """The provider says what can't be true of the task: asked again, for that may be a mistake, but not for ever."""
    status = observed.task.status
    lookups = status.lookups + 1 if status.reason == reason else 1
    if lookups >= most:
        return _held(observed, held, f"asked {lookups} times: {message}")
    until = stamp(observed.now + timedelta(seconds=_backoff(observed, lookups) + 0.999))
    return _said(observed, status.model_copy(update={"lookups": lookups, "not_before": until}), reason, message)


def _ended(observed: TaskObserved, progress: Progress) -> QuantumTaskStatus:
    status = observed.task.status
    free = progress.free and status.start_time is None and status.submissions <= 1 and not status.duplicates
    micros = 0 if free else None
    charge = TaskCharge(currency=observed.task.spec.ceiling.currency, micros=micros, seconds=micros)
    if progress.state == "Failed":
        return _over(observed, "Failed", "TaskFailed", progress.message, charge)
    if not unwanted(observed.task) and status.cancellation is not None:
        seconds = observed.task.spec.queue_seconds
        message = f"it waited in the provider's queue for more than {seconds} s, and was cancelled"
        return _over(observed, "Cancelled", "QueueTimeExceeded", message, charge)
    return _over(observed, "Cancelled", "Cancelled", progress.message or "the provider cancelled it", charge)


def _cancelled(observed: TaskObserved, answer: Answer) -> QuantumTaskStatus:
    status = observed.task.status
    if isinstance(answer, RejectedError | UnsupportedError):
        answer = Cancelled(confirmed=False, message=str(answer))  # nothing else would come of asking again
    if isinstance(answer, AdapterError) and not isinstance(answer, LostError):
        return _later(observed, answer)
    if isinstance(answer, Cancelled):
        told = TaskCancellation(confirmed=answer.confirmed, message=clip(answer.message, NOTE_BYTES))
        return _said(observed, status.model_copy(update={"cancellation": told}), status.reason, status.message)
    return _polled(observed, answer)


def _over(
    observed: TaskObserved, state: str, reason: str, message: str, charge: TaskCharge | None = None
) -> QuantumTaskStatus:
    update = {
        "state": state,
        "completion_time": stamp(observed.now),
        "charge": charge,
        "not_before": None,
        "queue_position": None,
    }
    return _said(observed, observed.task.status.model_copy(update=update), reason, message)


def _held(observed: TaskObserved, reason: str, message: str) -> QuantumTaskStatus:
    status = observed.task.status.model_copy(update={"state": "Held", "not_before": None})
    return _said(observed, status, reason, f"{message}; a person has to say what became of it")


def _said(observed: TaskObserved, status: QuantumTaskStatus, reason: str, message: str) -> QuantumTaskStatus:
    update = {
        "reason": reason,
        "message": clip(message, NOTE_BYTES),
        "observed_generation": observed.task.metadata.generation,
    }
    return status.model_copy(update=update)


def _nothing(task: QuantumTask) -> TaskCharge:
    """What was never submitted costs nothing, unless an earlier submission may have been taken."""
    micros = 0 if task.status.submissions <= (task.status.claim is not None) else None
    return TaskCharge(micros=micros, currency=task.spec.ceiling.currency, seconds=micros)


def _backoff(observed: TaskObserved, times: int) -> float:
    return backoff(observed.task.metadata.uid, times, times)


def _joined(known: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*known, *more]))[:16]


def _of(observed: TaskObserved, status: QuantumTaskStatus) -> TaskObserved:
    task = observed.task.model_copy(update={"status": status})
    return TaskObserved(observed.now, task, observed.agent, observed.capabilities)
