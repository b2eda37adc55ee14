"""Which tasks of a group are submitted together, and what each does meanwhile.

The first by name carries the others. Those have that on record as soon as they are prepared; then the carrier claims
the submission, with all who have it on record, and none but these is ever a part of it. While a task has on record who
carries it, it is not submitted by itself: whether it is a part of what was submitted, its carrier's record says.
"""

from datetime import timedelta

from quantum_operator.agent.calls import Prepare, Submit
from quantum_operator.agent.observed import (
    CALL_SECONDS,
    Load,
    TaskDecision,
    TaskObserved,
    claimed,
    hold,
    say,
    still_to_wait,
    unwanted,
)
from quantum_operator.agent.together import (
    aboard,
    apart,
    carried,
    dissolved,
    left,
    member_of,
    over,
    ride_of,
    shared_token,
)
from quantum_operator.api.quantumtask import OVER, QuantumTask, QuantumTaskStatus
from quantum_operator.api.sharedtask import SharedMember, SharedSubmission
from quantum_operator.decide.tasks import FETCHES_TOLD
from quantum_operator.decide.times import parse

BOARDING_SECONDS = 15.0
"""How long, at most, a carrier that is prepared waits for those of its group that are there to be, too."""

ARRIVAL_SECONDS = 4.0
"""How long is waited for another one of its group to be created, after the last one was."""

ALIKE = ("group", "device", "mode", "queue_seconds", "fetch_seconds")
"""What must be the same of tasks that are submitted together."""

SOON_SECONDS = 0.2
FOLLOW_SECONDS = 1.0
"""How often one that is carried looks at its carrier, where nobody wakes it."""


def beside_others(observed: TaskObserved) -> TaskDecision | None:
    """What follows for a task that is carried, or whose submission is over for all of it; None for any other."""
    task, shared = observed.task, observed.task.status.shared
    ride = ride_of(task)
    if ride is not None:
        return _follow(observed, ride)
    if shared is None or shared.carrier_uid != task.metadata.uid or not (shared.dissolved or shared.end):
        return None
    if aboard(observed):
        return TaskDecision(task.status, look_again=SOON_SECONDS)
    member = member_of(shared, task.metadata.uid)
    if shared.dissolved or shared.end is None or member is None:
        return None
    return TaskDecision(over(observed, shared, member, shared.end))


def board(observed: TaskObserved) -> TaskDecision | None:
    """What follows for a prepared task that may be submitted with others; None: it is submitted by itself."""
    task, status = observed.task, observed.task.status
    shared = carried(task)
    if shared is not None:
        return _once_more(observed, shared)
    if not may_share(observed):
        return None
    mine = aboard(observed)
    free = [one for one in observed.company if _is_free(one, task, observed)]
    first = min((task, *free), key=lambda one: one.metadata.name)
    if first is not task and not mine:
        if _more_may_come(observed):  # and be the first: whoever rides can't carry, nor ride with another
            return TaskDecision(status, look_again=SOON_SECONDS)
        ride = SharedSubmission(carrier=first.metadata.name, carrier_uid=first.metadata.uid)
        message = f"it is submitted with task {first.metadata.name}"
        return TaskDecision(say(observed, status.model_copy(update={"shared": ride}), "NotSubmitted", message))
    if _waits_for(observed, free):
        return TaskDecision(status, look_again=SOON_SECONDS)
    members = _members(observed, [one for one in mine if not unwanted(one)])
    if len(members) < 2:
        return None if not mine else TaskDecision(dissolved(observed, "nobody goes along"))
    uids = {one.uid for one in members}
    return _claim(observed, members, shared_token(one for one in (task, *mine) if one.metadata.uid in uids))


def by_itself(observed: TaskObserved) -> SharedSubmission | None:
    """What is on record of a task that is submitted by itself now: whoever would have gone along is not waited for."""
    shared = observed.task.status.shared
    return apart(observed.task) if shared is None and observed.task.spec.group is not None else shared


def may_share(observed: TaskObserved) -> bool:
    """Whether the task may be submitted with others, for it never was submitted."""
    spec, status = observed.task.spec, observed.task.status
    return (
        observed.capabilities.combines
        and spec.group is not None
        and spec.mode == "job"
        and spec.resolution is None
        and status.shared is None
        and status.submissions == 0
    )


def _is_free(one: QuantumTask, task: QuantumTask, observed: TaskObserved) -> bool:
    """Whether another task of the group is to come along with this one, or may carry it."""
    spec, status = one.spec, one.status
    alike = all(getattr(spec, name) == getattr(task.spec, name) for name in ALIKE)
    fresh = status.state == "Pending" and status.submissions == 0 and status.shared is None and status.claim is None
    late = _is_late(one, observed)
    same_money = spec.ceiling.currency == task.spec.ceiling.currency
    return alike and same_money and fresh and not late and not unwanted(one) and spec.resolution is None


def _is_late(one: QuantumTask, observed: TaskObserved) -> bool:
    return one.status.not_before is not None and parse(one.status.not_before) > observed.now


def _waits_for(observed: TaskObserved, free: list[QuantumTask]) -> bool:
    """Whether others of the group are to be waited for: those who are there, and those who are not yet."""
    if any(one.metadata.uid not in observed.loads and not _is_late(one, observed) for one in aboard(observed)):
        return True
    if free:
        return observed.ready_for < BOARDING_SECONDS
    return _more_may_come(observed)


def _more_may_come(observed: TaskObserved) -> bool:
    """Whether others of the group may yet be created."""
    task = observed.task
    ages = [
        (observed.now - parse(one.metadata.creation_timestamp)).total_seconds() for one in (task, *observed.company)
    ]
    size = task.spec.group.size if task.spec.group is not None else 1
    return len(observed.company) + 1 < size and min(ages) < ARRIVAL_SECONDS


def _members(observed: TaskObserved, others: list[QuantumTask]) -> tuple[SharedMember, ...]:
    """The task and those of the others that are prepared, as many as the provider takes."""
    members: list[SharedMember] = []
    room = observed.capabilities.max_circuits
    for one in (observed.task, *others):
        load = observed.loads.get(one.metadata.uid)
        if load is None or load.circuits > room:
            if not members:
                return ()
            continue
        room -= load.circuits
        members.append(
            SharedMember(
                name=one.metadata.name,
                uid=one.metadata.uid,
                circuits=load.circuits,
                shots=load.shots,
                ceiling_micros=one.spec.ceiling.micros,
            )
        )
    return tuple(members)


def _claim(observed: TaskObserved, members: tuple[SharedMember, ...], token: str) -> TaskDecision:
    """Put on record who is submitted, and have it done."""
    task = observed.task
    if observed.submit_in > 0:
        return TaskDecision(task.status, look_again=observed.submit_in)
    shared = SharedSubmission(carrier=task.metadata.name, carrier_uid=task.metadata.uid, token=token, members=members)
    by_uid = {one.metadata.uid: one for one in aboard(observed)}
    return submit(observed, shared, tuple(by_uid[one.uid] for one in members if one.uid in by_uid))


def submit(
    observed: TaskObserved, shared: SharedSubmission | None, others: tuple[QuantumTask, ...] = ()
) -> TaskDecision:
    """Claim the submission, with this on record of who goes along, and make the call."""
    status, begin = observed.task.status, observed.now + timedelta(seconds=CALL_SECONDS)
    update = {
        "state": "Submitting",
        "claim": claimed(observed, begin),
        "submissions": status.submissions + 1,
        "not_before": None,
        "shared": shared,
    }
    return TaskDecision(say(observed, status.model_copy(update=update), "Submitting", ""), Submit(begin, others))


def _once_more(observed: TaskObserved, shared: SharedSubmission) -> TaskDecision:
    """Of a submission that surely was not made: make it, as it is on record, or dissolve it where somebody is gone."""
    there = {one.metadata.uid for one in (observed.task, *aboard(observed)) if not unwanted(one)}
    if any(one.uid not in there for one in shared.members):
        return TaskDecision(dissolved(observed, "not all of those who were to go along are to be submitted any more"))
    if not observed.capabilities.combines:
        return TaskDecision(dissolved(observed, "the agent's adapter submits every task by itself"))
    loads = [(one, observed.loads.get(one.uid)) for one in shared.members]
    if any(load is None for _, load in loads):
        return TaskDecision(observed.task.status, look_again=SOON_SECONDS)
    if any(load != Load(one.circuits, one.shots) for one, load in loads):
        return TaskDecision(dissolved(observed, "the circuits of one of them are others by now"))
    return _claim(observed, shared.members, shared.token or "")


def _follow(observed: TaskObserved, ride: SharedSubmission) -> TaskDecision:
    """What follows for a task that is carried: what its carrier's record says."""
    carrier = observed.carrier
    if carrier is None or carrier.metadata.uid != ride.carrier_uid:
        return _stranded(observed, ride)
    on = carrier.status.shared
    member = member_of(on, observed.task.metadata.uid) if on is not None else None
    if on is None or member is None:
        return _released(observed) if _goes_without(carrier) else _ready(observed)
    if on.dissolved:
        return TaskDecision(left(observed, on))
    if on.end is not None:
        seen = ("provider_id", "submitted_time", "start_time")
        update = {name: getattr(carrier.status, name) for name in seen}
        return TaskDecision(over(observed, on, member, on.end).model_copy(update=update))
    if carrier.status.state in OVER:
        return _stranded(observed, ride)
    if carrier.status.state == "Pending":
        return _ready(observed)
    return TaskDecision(_as_carrier(observed, carrier), look_again=FOLLOW_SECONDS)


def _goes_without(carrier: QuantumTask) -> bool:
    """Whether the task that was to carry this one is submitted without it, and can't be with it any more."""
    shared, state = carrier.status.shared, carrier.status.state
    if state in OVER:
        return True
    own = shared is not None and (shared.dissolved or shared.carrier_uid == carrier.metadata.uid)
    return own or (shared is not None and state != "Pending")


def _ready(observed: TaskObserved) -> TaskDecision:
    """Be prepared for the moment at which the carrier claims."""
    status = observed.task.status
    wait = still_to_wait(observed)
    if observed.prepared or wait > 0:
        return TaskDecision(status, look_again=wait or FOLLOW_SECONDS)
    return TaskDecision(status, Prepare())


def _released(observed: TaskObserved) -> TaskDecision:
    """The carrier was submitted without it."""
    status = observed.task.status.model_copy(update={"shared": None})
    return TaskDecision(say(observed, status, "NotSubmitted", ""))


def _stranded(observed: TaskObserved, ride: SharedSubmission) -> TaskDecision:
    """The carrier is gone, which it should not be: a person has to say what became of it."""
    told = observed.task.spec.resolution
    if told is not None and told != observed.task.status.resolution and observed.task.status.state == "Held":
        return TaskDecision(observed.task.status.model_copy(update={"shared": None}))
    message = f"task {ride.carrier}, which it was submitted with, is gone"
    return TaskDecision(hold(observed, "SubmissionUnknown", message))


def _as_carrier(observed: TaskObserved, task: QuantumTask) -> QuantumTaskStatus:
    """The task's status with how its carrier stands, where that is news."""
    status, carrier = observed.task.status, task.status
    if carrier.state not in ("Queued", "Running", "Held") or _stands(status) == _stands(carrier):
        return status
    update = {
        "state": carrier.state,
        "provider_id": carrier.provider_id,
        "queue_position": carrier.queue_position,
        "submitted_time": carrier.submitted_time,
        "start_time": carrier.start_time,
        "fetches": carrier.fetches,
    }
    message = carrier.message
    if carrier.state == "Held":
        message = f"it was submitted as a part of task {task.metadata.name}, which is to be resolved: {message}"
    return say(observed, status.model_copy(update=update), carrier.reason, message)


def _stands(status: QuantumTaskStatus) -> tuple[object, ...]:
    return status.state, status.provider_id, status.reason, status.start_time, status.fetches >= FETCHES_TOLD
