"""How a task ends, and how a submission is given back of which surely nothing came."""

from datetime import timedelta

from quantum_operator.agent.observed import (
    FORBIDDEN_SECONDS,
    TaskObserved,
    pause,
    reason_of,
    say,
    with_status,
)
from quantum_operator.agent.together import apart, carried, carries, concluded, with_paid
from quantum_operator.api.patience import MAX_REFUSALS
from quantum_operator.api.quantumtask import QuantumTask, QuantumTaskStatus
from quantum_operator.api.sharedtask import TaskCharge
from quantum_operator.decide.times import stamp
from quantum_operator.ports.adapter import AdapterError, ForbiddenError, RejectedError, UnsupportedError


def refused(observed: TaskObserved, error: AdapterError) -> QuantumTaskStatus:
    """Surely nothing was submitted: the claim is given back."""
    status = observed.task.status
    made = max(0, status.submissions - (status.claim is not None))
    status = status.model_copy(update={"state": "Pending", "claim": None, "submissions": made})
    here = with_status(observed, status)
    if isinstance(error, RejectedError | UnsupportedError):
        reason = "Unsupported" if isinstance(error, UnsupportedError) else "Rejected"
        return ended(here, "Failed", reason, str(error), no_charge(observed.task))
    refusals = status.refusals + 1
    reason = reason_of(error, "ProviderBusy")
    if refusals > MAX_REFUSALS:
        return ended(
            here, "Failed", "SubmissionRefused", f"refused {refusals} times: {error}", no_charge(observed.task)
        )
    delay = max(pause(observed, refusals), error.retry_after or 0.0)
    delay = max(delay, FORBIDDEN_SECONDS) if isinstance(error, ForbiddenError) else delay
    update: dict[str, object] = {"refusals": refusals}
    update["not_before"] = stamp(observed.now + timedelta(seconds=delay + 0.999))
    if carried(observed.task) is None and carries(here):
        update["shared"] = apart(observed.task)  # who waits for it to be prepared does not wait for that
    return say(observed, status.model_copy(update=update), reason, str(error))


def ended(
    observed: TaskObserved, state: str, reason: str, message: str, charge: TaskCharge | None = None
) -> QuantumTaskStatus:
    """The task as over, but for its session: where it has one that may be open, that is closed first.

    Of a task that carries others, it is what they share that is over: what becomes of each is on record first.
    """
    if carries(observed):
        return concluded(
            observed, state, reason, message, charge or TaskCharge(currency=observed.task.spec.ceiling.currency)
        )
    status, session = observed.task.status, observed.task.status.session
    update: dict[str, object] = {"not_before": None, "queue_position": None}
    update["charge"] = None if charge is None else with_paid(observed.task, charge)
    if session is None or session.state == "Closed":
        update |= {"state": state, "completion_time": stamp(observed.now)}
    else:
        update |= {"state": "Closing", "session": session.model_copy(update={"then": state, "asked": 0})}
    return say(observed, status.model_copy(update=update), reason, message)


def no_charge(task: QuantumTask) -> TaskCharge:
    """What was never submitted costs nothing, unless an earlier submission may have been taken."""
    micros = 0 if task.status.submissions <= (task.status.claim is not None) else None
    return TaskCharge(micros=micros, currency=task.spec.ceiling.currency, seconds=micros)
