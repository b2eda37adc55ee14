"""What is on record of a submission that tasks share, and how it ends for each of them.

One of them, the carrier, is submitted for all: what it has on record of the submission is what became of it, and each
of the others follows that. So the carrier is not over before all the others are.
"""

import hashlib
from collections.abc import Iterable, Mapping

from quantum_operator.agent.observed import TaskObserved, say, unwanted
from quantum_operator.agent.shares import shares
from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.quantumtask import QuantumTask, QuantumTaskStatus
from quantum_operator.api.sharedtask import SharedEnd, SharedMember, SharedSubmission, TaskCharge
from quantum_operator.decide.size import NOTE_BYTES, clip
from quantum_operator.decide.times import stamp

NEVER_WAS: Mapping[str, object] = {
    "state": "Pending",
    "claim": None,
    "provider_id": None,
    "submitted_time": None,
    "start_time": None,
    "queue_position": None,
    "submissions": 0,
    "refusals": 0,
    "lookups": 0,
    "fetches": 0,
    "fetch_since": None,
    "cancellation": None,
    "not_before": None,
}
"""The status of a task of which nothing has been submitted."""


def aboard(observed: TaskObserved) -> tuple[QuantumTask, ...]:
    """The tasks that this one carries, or is to carry; in the order of their circuits.

    Those on its record had it on theirs before: where that is not seen yet, another agent wrote it a moment ago.
    """
    uid, shared = observed.task.metadata.uid, observed.task.status.shared
    named = {one.uid for one in shared.members} if shared is not None else set()
    found = []
    for one in observed.company:
        ride = ride_of(one)
        unseen = one.status.shared is None and one.metadata.uid in named
        if unseen or (ride is not None and ride.carrier_uid == uid):
            found.append(one)
    return tuple(sorted(found, key=lambda one: one.metadata.name))


def ride_of(task: QuantumTask) -> SharedSubmission | None:
    """What another task carries this one in, or is to; None where none does."""
    shared = task.status.shared
    if shared is None or shared.dissolved or shared.carrier_uid == task.metadata.uid:
        return None
    return shared


def carried(task: QuantumTask) -> SharedSubmission | None:
    """The submission that this task carries; None where it is submitted by itself, or carried itself."""
    shared = task.status.shared
    if shared is None or shared.dissolved or shared.carrier_uid != task.metadata.uid:
        return None
    return shared


def carries(observed: TaskObserved) -> bool:
    """Whether the task carries others, or others wait for it to and it was not submitted without them."""
    status = observed.task.status
    waited_for = status.shared is None and status.submissions == 0 and status.provider_id is None
    return carried(observed.task) is not None or (waited_for and bool(aboard(observed)))


def nobody_wants(observed: TaskObserved) -> bool:
    """Whether the task is to be cancelled, and so are all that it carries."""
    return unwanted(observed.task) and all(unwanted(one) for one in aboard(observed))


def token_of(task: QuantumTask) -> str:
    """What the provider knows the task's submission by."""
    shared = carried(task)
    return shared.token if shared is not None and shared.token is not None else task.spec.token


def tokens_of(task: QuantumTask) -> tuple[str, ...]:
    """What the provider may know submissions of the task by: that one first which it knows the present one by.

    One that is dissolved, and of which the provider had nothing, may have been taken all the same.
    """
    shared = task.status.shared
    former = shared.token if shared is not None and shared.dissolved and shared.end is None else None
    return (token_of(task),) if former is None else (token_of(task), former)


def apart(task: QuantumTask) -> SharedSubmission:
    """The record of a task that carries nobody, and never will: whoever would have gone along is not waited for."""
    return SharedSubmission(carrier=task.metadata.name, carrier_uid=task.metadata.uid, dissolved=True)


def shared_token(tasks: Iterable[QuantumTask]) -> str:
    """The token of a submission of these tasks: that of no other submission, and of none of them alone."""
    tokens = "/".join(sorted(one.spec.token for one in tasks))
    return f"qo-{hashlib.sha256(f'together/{tokens}'.encode()).hexdigest()[:48]}"


def concluded(observed: TaskObserved, state: str, reason: str, message: str, charge: TaskCharge) -> QuantumTaskStatus:
    """The carrier's status, where what it carries ended so: each of them follows that.

    Of one that failed, each is submitted by itself, unless nobody can say what that has cost: whose fault it was shows
    then, and nobody fails for a neighbor.
    """
    status, shared = observed.task.status, carried(observed.task)
    if shared is None:
        return dissolved(observed, message)
    end = SharedEnd.model_validate(
        {"state": state, "reason": reason, "message": clip(message, NOTE_BYTES), "charge": charge}
    )
    if state == "Failed" and charge.micros is not None:
        return dissolved(observed, message, end)
    update = {"shared": shared.model_copy(update={"end": end}), "not_before": None, "queue_position": None}
    return status.model_copy(update=update)


def succeeded(
    observed: TaskObserved, outcomes: Mapping[str, tuple[ArtifactRef, bool]], charge: TaskCharge
) -> QuantumTaskStatus:
    """The carrier's status with the outcome of each member, by UID; with whether that is only an error."""
    status, shared = observed.task.status, carried(observed.task)
    if shared is None:
        return status
    kept = []
    for one in shared.members:
        outcome, spoiled = outcomes.get(one.uid, (None, True))
        kept.append(one.model_copy(update={"outcome": outcome, "spoiled": spoiled}))
    end = SharedEnd(state="Succeeded", reason="Succeeded", charge=charge)
    update = {"shared": shared.model_copy(update={"members": tuple(kept), "end": end}), "not_before": None}
    return status.model_copy(update=update)


def dissolved(observed: TaskObserved, why: str, end: SharedEnd | None = None) -> QuantumTaskStatus:
    """The carrier's status where each of those that it carries, and itself, is submitted alone from now on."""
    status = observed.task.status
    shared = (status.shared or apart(observed.task)).model_copy(update={"end": end, "dissolved": True})
    shared = shared.model_copy(update={"paid": paid_of(shared, observed.task.metadata.uid)})
    made = status.submissions if end is None else 0  # what may have been taken is sought once more in the end
    return _by_itself(observed, shared, why).model_copy(update={"submissions": made})


def left(observed: TaskObserved, on: SharedSubmission) -> QuantumTaskStatus:
    """The status of one that was carried in a submission that is dissolved."""
    ride = SharedSubmission(
        carrier=on.carrier, carrier_uid=on.carrier_uid, dissolved=True, paid=paid_of(on, observed.task.metadata.uid)
    )
    return _by_itself(observed, ride, on.end.message if on.end is not None else "")


def over(observed: TaskObserved, on: SharedSubmission, member: SharedMember, end: SharedEnd) -> QuantumTaskStatus:
    """The status of a task, carrier or carried, whose submission has ended so: with its outcome and its share."""
    spoiled = member.spoiled and end.state == "Succeeded"
    update = {
        "state": "Failed" if spoiled else end.state,
        "outcome": member.outcome,
        "charge": share_of(on, member.uid, end.charge),
        "completion_time": stamp(observed.now),
        "not_before": None,
        "queue_position": None,
    }
    others = f"{len(on.members) - 1} other{'s' if len(on.members) > 2 else ''}"
    told = f"submitted with {others} as task {on.carrier}; what it cost is its share, by shots"
    why = "its outcome says why" if member.outcome is not None else "its results can't be read"
    message = end.message or (why if spoiled else told)
    return say(
        observed,
        observed.task.status.model_copy(update=update),
        "ResultUnreadable" if spoiled else end.reason,
        message,
    )


def member_of(on: SharedSubmission, uid: str) -> SharedMember | None:
    """What the submission has of the task of this UID."""
    return next((one for one in on.members if one.uid == uid), None)


def share_of(on: SharedSubmission, uid: str, charge: TaskCharge) -> TaskCharge:
    """The part of a charge that the task of this UID has to bear."""
    shots = [one.shots for one in on.members]
    place = next(index for index, one in enumerate(on.members) if one.uid == uid)
    micros, seconds = charge.micros, charge.seconds
    if micros is not None:
        micros = shares(micros, shots, [one.ceiling_micros for one in on.members])[place]
    if seconds is not None:
        seconds = shares(seconds, shots, [0] * len(shots))[place]
    return TaskCharge(micros=micros, currency=charge.currency, seconds=seconds)


def paid_of(on: SharedSubmission, uid: str) -> int | None:
    """What of a dissolved submission's charge the task has to bear; None: nothing."""
    if on.end is None or member_of(on, uid) is None:
        return None
    return share_of(on, uid, on.end.charge).micros or None


def already_paid(task: QuantumTask) -> int:
    """What the task's share of a submission that was dissolved has cost."""
    shared = task.status.shared
    return shared.paid or 0 if shared is not None and shared.dissolved else 0


def with_paid(task: QuantumTask, charge: TaskCharge) -> TaskCharge:
    """A charge of the task, and what it paid before."""
    paid = already_paid(task)
    if charge.micros is None or not paid:
        return charge
    return charge.model_copy(update={"micros": charge.micros + paid})


def _by_itself(observed: TaskObserved, shared: SharedSubmission, why: str) -> QuantumTaskStatus:
    told = observed.task.spec.resolution  # it is of what was, and of nothing that is submitted from now on
    status = observed.task.status.model_copy(update={**NEVER_WAS, "shared": shared, "resolution": told})
    message = f"it is submitted by itself{f': {why}' if why else ''}"
    return say(observed, status, "NotSubmitted", message)
