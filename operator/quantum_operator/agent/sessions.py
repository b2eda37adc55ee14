"""What follows for a task's session at its provider: opened, found again, closed. Pure, as `decide` is.

An open session can cost money, so it is never forgotten: that it is about to be opened is on record before it can be,
it takes no more tasks as soon as it has its one, and the task is over only once the provider says that it is closed. A
session whose opening was not answered is looked for; in it nothing was submitted, so that it does not cost anything,
and the provider closes it by itself.
"""

from datetime import timedelta
from typing import assert_never

from quantum_operator.agent.calls import Answer, CloseSession, FindSession, OpenSession, SessionCall
from quantum_operator.agent.endings import refused
from quantum_operator.agent.observed import (
    CALL_SECONDS,
    FORBIDDEN_SECONDS,
    TaskDecision,
    TaskObserved,
    brought_forward,
    charge_told,
    claimed,
    just_passed,
    pause,
    say,
    still_to_wait,
    with_status,
)
from quantum_operator.api.quantumtask import QuantumTaskStatus, TaskSession
from quantum_operator.decide.times import parse, stamp
from quantum_operator.ports.adapter import (
    Absent,
    AdapterError,
    Closing,
    ForbiddenError,
    Found,
    LostError,
    RejectedError,
    SaturatedError,
    UnavailableError,
    Unknown,
    UnsupportedError,
)

MOST = 1_000
"""As far as a status counts."""


def before_submission(observed: TaskObserved) -> TaskDecision | None:
    """What a task has to be given before it can be submitted: an open session, where it asks for one."""
    status, session = observed.task.status, observed.task.status.session
    if observed.task.spec.mode == "job":
        return None
    if session is not None and session.state != "Closed":
        ready = session.state == "Open" and not _old(observed, session)
        return None if ready else TaskDecision(status, CloseSession(at_once=True))
    begin = observed.now + timedelta(seconds=CALL_SECONDS)
    openings = min(MOST, (session.openings if session is not None else 0) + 1)
    opening = TaskSession(state="Opening", since=stamp(observed.now), claim=claimed(observed, begin), openings=openings)
    status = status.model_copy(update={"state": "Opening", "session": opening, "lookups": 0, "not_before": None})
    return TaskDecision(say(observed, status, "Opening", ""), OpenSession(begin))


def _old(observed: TaskObserved, session: TaskSession) -> bool:
    """Whether the provider may close it any moment, because nothing was submitted in it."""
    idle = observed.capabilities.idle_seconds
    return 0 < idle < 2 * (observed.now - parse(session.since)).total_seconds()


def recover(observed: TaskObserved, session: TaskSession) -> TaskDecision:
    """Look for a session that may have been opened, once its call can't begin any more and it would be seen."""
    status, claim = observed.task.status, session.claim
    if claim is None:
        return TaskDecision(_never_was(observed, session))
    forward = brought_forward(observed, claim)
    if forward is not None:
        return TaskDecision(status.model_copy(update={"session": session.model_copy(update={"claim": forward})}))
    capabilities, deadline = observed.capabilities, parse(claim.deadline)
    longest = max(capabilities.idle_seconds, observed.task.spec.ceiling.seconds)
    if observed.now >= deadline + timedelta(seconds=longest):
        return TaskDecision(_never_was(observed, session))
    visible = deadline + timedelta(seconds=capabilities.visibility_seconds)
    wait = max((visible - observed.now).total_seconds(), still_to_wait(observed))
    if wait > 0:
        return TaskDecision(status, look_again=wait)
    return TaskDecision(status, FindSession(parse(session.since), observed.sessions))


def close(observed: TaskObserved, *, at_once: bool) -> TaskDecision:
    """Have the session closed, as soon as the provider may be asked."""
    wait = still_to_wait(observed)
    if wait > 0:
        return TaskDecision(observed.task.status, look_again=wait)
    return TaskDecision(observed.task.status, CloseSession(at_once=at_once))


def heard_of_session(observed: TaskObserved, call: SessionCall, answer: Answer) -> QuantumTaskStatus:
    """The status once a call about the session was answered."""
    session = observed.task.status.session
    if session is None:
        return observed.task.status
    match call:
        case OpenSession():
            return _opened(observed, session, answer)
        case FindSession():
            return _sought(observed, session, answer)
        case CloseSession():
            return _closed(observed, session, answer)
        case _:
            assert_never(call)


def _opened(observed: TaskObserved, session: TaskSession, answer: Answer) -> QuantumTaskStatus:
    status = observed.task.status
    if isinstance(answer, str):
        return _is_open(observed, session, answer)
    if isinstance(answer, RejectedError | UnsupportedError | ForbiddenError | SaturatedError | UnavailableError):
        update = {"state": "Closed", "claim": None, "openings": max(0, session.openings - 1)}
        status = status.model_copy(update={"session": session.model_copy(update=update)})
        return refused(with_status(observed, status), answer)
    if session.claim is None:
        return status
    # The call is over, whatever came of it: nothing begins after now.
    deadline = stamp(min(parse(session.claim.deadline), just_passed(observed)))
    claim = session.claim.model_copy(update={"deadline": deadline})
    status = status.model_copy(update={"session": session.model_copy(update={"claim": claim})})
    return say(observed, status, "SessionSought", f"the answer to its opening was lost ({answer}); it is looked for")


def _is_open(observed: TaskObserved, session: TaskSession, name: str) -> QuantumTaskStatus:
    session = session.model_copy(update={"state": "Open", "id": name, "claim": None})
    update = {"state": "Pending", "session": session, "lookups": 0, "not_before": None}
    return say(observed, observed.task.status.model_copy(update=update), "SessionOpened", "")


def _never_was(observed: TaskObserved, session: TaskSession) -> QuantumTaskStatus:
    """There is no session, or by now the provider has closed it."""
    session = session.model_copy(update={"state": "Closed", "claim": None})
    update = {"state": "Pending", "session": session, "lookups": 0, "not_before": None}
    return say(observed, observed.task.status.model_copy(update=update), "NotFound", "the provider has no such session")


def _sought(observed: TaskObserved, session: TaskSession, answer: Answer) -> QuantumTaskStatus:
    if isinstance(answer, Found):
        return _is_open(observed, session, answer.ids[0])
    if isinstance(answer, Absent):
        return _never_was(observed, session)
    why = answer.why if isinstance(answer, Unknown) else str(answer)
    lookups = min(MOST, observed.task.status.lookups + 1)
    until = stamp(observed.now + timedelta(seconds=pause(observed, lookups) + 0.999))
    status = observed.task.status.model_copy(update={"lookups": lookups, "not_before": until})
    return say(observed, status, "SessionSought", why)


def _closed(observed: TaskObserved, session: TaskSession, answer: Answer) -> QuantumTaskStatus:
    status = observed.task.status
    if status.provider_id is not None and status.state in ("Queued", "Running"):
        # It has its task, and runs it. Whatever came of this, it is asked for again in the end.
        return status.model_copy(update={"session": session.model_copy(update={"state": "Closing"})})
    if not isinstance(answer, LostError) and not (isinstance(answer, Closing) and answer.closed):
        return _still_open(observed, session, answer)
    closed = session.model_copy(update={"state": "Closed", "then": None})
    update: dict[str, object] = {"session": closed, "not_before": None}
    if status.state != "Closing" or session.then is None:
        return status.model_copy(update=update)
    update |= {"state": session.then, "completion_time": stamp(observed.now)}
    if observed.task.spec.mode == "session" and status.provider_id is not None:
        told = answer.charged if isinstance(answer, Closing) else None
        update |= {"charge": charge_told(observed.task, told)}
    return status.model_copy(update=update)


def _still_open(observed: TaskObserved, session: TaskSession, answer: Answer) -> QuantumTaskStatus:
    """Not closed, or not surely: asked for again, without an end. What became of the task stays said."""
    status, asked = observed.task.status, min(MOST, session.asked + 1)
    seconds = pause(observed, asked)
    if isinstance(answer, AdapterError):
        seconds = max(
            seconds, answer.retry_after or 0.0, FORBIDDEN_SECONDS if isinstance(answer, ForbiddenError) else 0
        )
    update = {
        "session": session.model_copy(update={"state": "Closing", "asked": asked}),
        "not_before": stamp(observed.now + timedelta(seconds=seconds + 0.999)),
    }
    status = status.model_copy(update=update)
    if status.state in ("Closing", "Held"):
        return status
    return say(observed, status, "SessionOpen", f"its session is not closed yet: {answer}")
