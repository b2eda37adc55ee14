"""What follows for one task: `decide` before the provider is called, `heard` after. Both are pure.

The life of a task, in the order of the branches of `decide`: over, but for its session perhaps, or held; a session for
it may be open; the provider has it; it was claimed, and nobody knows what became of that; nothing was submitted yet.

A claim is written, compared and set, before the call that it announces. Whoever finds a claim without the provider's
id only looks the task up, once the call can't begin any more and the provider would show what it took.
"""

from datetime import timedelta
from typing import assert_never

from quantum_operator.agent.boarding import beside_others, board, by_itself, may_share, submit
from quantum_operator.agent.calls import (
    Answer,
    Call,
    Cancel,
    CloseSession,
    FindSession,
    LookUp,
    NotFetched,
    OpenSession,
    Poll,
    Prepare,
    Refused,
    Results,
    ResultsTogether,
    Spoiled,
    Submit,
)
from quantum_operator.agent.endings import ended, no_charge, refused
from quantum_operator.agent.fetching import HELD, given_up, unfetched
from quantum_operator.agent.observed import (
    TaskDecision,
    TaskObserved,
    brought_forward,
    charge_told,
    hold,
    just_passed,
    pause,
    reason_of,
    say,
    still_to_wait,
    unwanted,
)
from quantum_operator.agent.sessions import before_submission, close, heard_of_session, recover
from quantum_operator.agent.together import aboard, carried, carries, dissolved, nobody_wants, succeeded, with_paid
from quantum_operator.api.patience import MAX_LOOKUPS, MAX_LOST, MAX_UNREADABLE
from quantum_operator.api.quantumtask import OVER, QuantumTaskStatus, TaskCancellation, TaskClaim
from quantum_operator.api.sharedtask import TaskCharge
from quantum_operator.decide.size import NOTE_BYTES, clip
from quantum_operator.decide.times import parse, stamp
from quantum_operator.ports.adapter import (
    Absent,
    AdapterError,
    AmbiguousError,
    Cancelled,
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


def decide(observed: TaskObserved) -> TaskDecision:
    """What follows for the task."""
    task, status = observed.task, observed.task.status
    if status.state in OVER:
        return TaskDecision(status)
    together = beside_others(observed)
    if together is not None:
        return together
    if status.state == "Closing":
        return close(observed, at_once=True)
    if status.state == "Held":
        return _held(observed)
    if status.session is not None and status.session.state == "Opening":
        return recover(observed, status.session)
    if status.provider_id is not None:
        return _see_on(observed)
    if status.claim is not None:
        return _recover(observed, status.claim)
    if nobody_wants(observed) or (unwanted(task) and carried(task) is None):
        return TaskDecision(ended(observed, "Cancelled", "Cancelled", "it was not submitted", no_charge(task)))
    return _submit(observed)


def _submit(observed: TaskObserved) -> TaskDecision:
    """Have it submitted: at its time, prepared, in its session, and claimed."""
    status = observed.task.status
    in_company = may_share(observed) or carried(observed.task) is not None
    wait = max(still_to_wait(observed), 0.0 if in_company else observed.submit_in)
    if wait > 0:
        return TaskDecision(status, look_again=wait)
    if not observed.prepared:
        return TaskDecision(status, Prepare())
    boarded = board(observed)
    if boarded is not None:
        return boarded
    if observed.submit_in > 0:
        return TaskDecision(status, look_again=observed.submit_in)
    first = before_submission(observed)
    if first is not None:
        return first
    return submit(observed, by_itself(observed))


def _held(observed: TaskObserved) -> TaskDecision:
    """Follow whoever says what became of it. Until then its session, at least, is to take nothing more."""
    status, resolved = observed.task.status, _resolved(observed)
    if resolved == status and status.session is not None and status.session.state != "Closed":
        return close(observed, at_once=False)
    if resolved == status and status.reason == HELD and nobody_wants(observed):
        resolved = given_up(observed, "its results could not be fetched")
    return TaskDecision(resolved)


def _resolved(observed: TaskObserved) -> QuantumTaskStatus:
    """The held task as a person who looked says that it is; else as it was."""
    status, told = observed.task.status, observed.task.spec.resolution
    if told is None or told == status.resolution:
        return status
    message = f"{told.by} says so: {told.why}"
    if told.provider_id is None:
        update: dict[str, object] = {"state": "Pending", "claim": None, "lookups": 0, "submissions": 0}
        if status.reason != HELD:  # else the provider has it: whoever says that it has not is not believed
            update |= dict.fromkeys(("provider_id", "submitted_time", "start_time", "queue_position", "cancellation"))
    else:
        submitted = status.submitted_time or stamp(observed.now)
        update = {"state": "Queued", "provider_id": told.provider_id, "submitted_time": submitted, "lookups": 0}
    update |= {"fetches": 0, "fetch_since": None, "resolution": told}
    return say(observed, status.model_copy(update=update), "Resolved", message)


def _see_on(observed: TaskObserved) -> TaskDecision:
    status = observed.task.status
    wait = max(still_to_wait(observed), observed.poll_in)
    if status.session is not None and status.session.state == "Open":
        return close(observed, at_once=False)
    unwanted_by_all, others = nobody_wants(observed), aboard(observed)
    if status.cancellation is None and (unwanted_by_all or _queued_too_long(observed)) and still_to_wait(observed) <= 0:
        return TaskDecision(status, Cancel(others))
    return TaskDecision(status, look_again=wait) if wait > 0 else TaskDecision(status, Poll(others))


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
        return TaskDecision(hold(observed, "SubmissionUnknown", message))
    forward = brought_forward(observed, claim)
    if forward is not None:
        return TaskDecision(status.model_copy(update={"claim": forward}))
    visible = parse(claim.deadline) + timedelta(seconds=observed.capabilities.visibility_seconds)
    wait = max((visible - observed.now).total_seconds(), still_to_wait(observed))
    return TaskDecision(status, look_again=wait) if wait > 0 else TaskDecision(status, LookUp())


def heard(observed: TaskObserved, call: Call, answer: Answer) -> QuantumTaskStatus:
    """The status once the call was answered; an AdapterError is an answer as well."""
    status = observed.task.status
    match answer:
        case Spoiled():
            return _spoiled(observed, call, answer)
        case NotFetched():
            return unfetched(observed, answer.error)
        case Refused():
            return ended(observed, "Failed", "CeilingExceeded", answer.message, no_charge(observed.task))
    match call:
        case Prepare():
            return refused(observed, answer) if isinstance(answer, AdapterError) else status
        case Submit():
            return _submitted(observed, answer)
        case LookUp():
            return _looked_up(observed, answer)
        case Poll():
            return _polled(observed, answer)
        case Cancel():
            return _cancelled(observed, answer)
        case OpenSession() | FindSession() | CloseSession():
            return heard_of_session(observed, call, answer)
        case _:
            assert_never(call)


def _spoiled(observed: TaskObserved, call: Call, answer: Spoiled) -> QuantumTaskStatus:
    if carries(observed):
        return dissolved(observed, answer.message)
    status = ended(observed, "Failed", "Refused" if isinstance(call, Prepare) else "ResultUnreadable", "")
    charge = no_charge(observed.task) if isinstance(call, Prepare) else answer.charge
    update = {"outcome": answer.outcome, "message": clip(answer.message, NOTE_BYTES)}
    return status.model_copy(update=update | {"charge": with_paid(observed.task, charge)})


def _submitted(observed: TaskObserved, answer: Answer) -> QuantumTaskStatus:
    if isinstance(answer, str):
        return _accepted(observed, answer)
    if isinstance(answer, RejectedError | UnsupportedError | ForbiddenError | SaturatedError | UnavailableError):
        return refused(observed, answer)
    status = observed.task.status
    if status.claim is None:
        return status
    # The call is over, whatever came of it: nothing begins after now.
    over = min(parse(status.claim.deadline), just_passed(observed))
    status = status.model_copy(update={"claim": status.claim.model_copy(update={"deadline": stamp(over)})})
    return say(observed, status, "AnswerLost", f"the provider's answer was lost ({answer}); it is looked up")


def _accepted(observed: TaskObserved, provider_id: str) -> QuantumTaskStatus:
    update = {
        "state": "Queued",
        "provider_id": provider_id,
        "submitted_time": stamp(observed.now),
        "not_before": None,
    }
    return say(observed, observed.task.status.model_copy(update=update), "Submitted", "")


def _looked_up(observed: TaskObserved, answer: Answer) -> QuantumTaskStatus:
    status = observed.task.status
    if isinstance(answer, Found):
        accepted = _accepted(observed, answer.ids[0])
        return accepted.model_copy(update={"duplicates": _joined(accepted.duplicates, answer.ids[1:])})
    if isinstance(answer, Absent):
        update = {"state": "Pending", "claim": None, "lookups": 0, "not_before": None}
        return say(observed, status.model_copy(update=update), "NotFound", "the provider has nothing of it")
    why = answer.why if isinstance(answer, Unknown) else str(answer)
    lookups = status.lookups + 1
    if lookups > MAX_LOOKUPS:
        return hold(observed, "SubmissionUnknown", f"asked {lookups} times, the provider can't say whether it has it")
    until = stamp(observed.now + timedelta(seconds=pause(observed, lookups) + 0.999))
    return say(observed, status.model_copy(update={"lookups": lookups, "not_before": until}), "LookupFailed", why)


def _polled(observed: TaskObserved, answer: Answer) -> QuantumTaskStatus:
    status = observed.task.status
    if isinstance(answer, Results):
        done = ended(observed, "Succeeded", "Succeeded", "", answer.charge)
        others = _joined(done.duplicates, answer.others)
        return done.model_copy(update={"outcome": answer.outcome, "duplicates": others})
    if isinstance(answer, ResultsTogether):
        done = succeeded(observed, answer.outcomes, answer.charge)
        return done.model_copy(update={"duplicates": _joined(done.duplicates, answer.others)})
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
    return say(observed, status.model_copy(update=update), "Submitted" if answer.state == "Queued" else "Running", "")


def _later(observed: TaskObserved, error: AdapterError) -> QuantumTaskStatus:
    """The provider can't be asked now. It is asked again for as long as that takes."""
    until = stamp(observed.now + timedelta(seconds=(error.retry_after or 5.0) + 0.999))
    status = observed.task.status.model_copy(update={"not_before": until})
    return say(observed, status, reason_of(error, "ProviderUnavailable"), str(error))


def _puzzled(observed: TaskObserved, reason: str, message: str, most: int, held: str) -> QuantumTaskStatus:
    """The provider says what can't be true of the task: asked again, for that may be a mistake, but not for ever."""
    status = observed.task.status
    lookups = status.lookups + 1 if status.reason == reason else 1
    if lookups >= most:
        return hold(observed, held, f"asked {lookups} times: {message}")
    until = stamp(observed.now + timedelta(seconds=pause(observed, lookups) + 0.999))
    return say(observed, status.model_copy(update={"lookups": lookups, "not_before": until}), reason, message)


def _ended(observed: TaskObserved, progress: Progress) -> QuantumTaskStatus:
    charge, status = charge_told(observed.task, progress.charged), observed.task.status
    if charge.micros == 0 and (status.duplicates or (status.submissions > 1 and not observed.alone)):
        charge = TaskCharge(currency=charge.currency)  # what else was submitted under its token may have cost something
    if progress.state == "Failed":
        return ended(observed, "Failed", "TaskFailed", progress.message, charge)
    if not nobody_wants(observed) and observed.task.status.cancellation is not None:
        seconds = observed.task.spec.queue_seconds
        message = f"it waited in the provider's queue for more than {seconds} s, and was cancelled"
        return ended(observed, "Cancelled", "QueueTimeExceeded", message, charge)
    return ended(observed, "Cancelled", "Cancelled", progress.message or "the provider cancelled it", charge)


def _cancelled(observed: TaskObserved, answer: Answer) -> QuantumTaskStatus:
    status = observed.task.status
    if isinstance(answer, RejectedError | UnsupportedError):
        answer = Cancelled(confirmed=False, message=str(answer))  # nothing else would come of asking again
    if isinstance(answer, AdapterError) and not isinstance(answer, LostError):
        return _later(observed, answer)
    if isinstance(answer, Cancelled):
        told = TaskCancellation(confirmed=answer.confirmed, message=clip(answer.message, NOTE_BYTES))
        return say(observed, status.model_copy(update={"cancellation": told}), status.reason, status.message)
    return _polled(observed, answer)


def _joined(known: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*known, *more]))[:16]
