"""Small pure steps from one status to the next."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from quantum_operator.api.conditions import REASONS, ConditionType
from quantum_operator.api.jobstatus import Attempt, Phase, QuantumJobStatus, Step
from quantum_operator.api.meta import Condition
from quantum_operator.decide.size import clip
from quantum_operator.decide.times import stamp

ATTEMPTS_KEPT = 20


def set_condition(
    conditions: tuple[Condition, ...],
    kind: ConditionType,
    status: bool | None,
    reason: str,
    message: str,
    *,
    generation: int,
    now: datetime,
) -> tuple[Condition, ...]:
    """`conditions` with this one set (None: it is unknown), sorted by type. The time changes only with the status.

    Raises KeyError for a reason that is not documented.
    """
    if reason not in REASONS:
        raise KeyError(f"{reason!r} is not a documented reason")
    value: Literal["True", "False", "Unknown"] = "Unknown" if status is None else "True" if status else "False"
    before = find_condition(conditions, kind)
    since = before.last_transition_time if before is not None and before.status == value else stamp(now)
    condition = Condition(
        type=kind,
        status=value,
        reason=reason,
        message=clip(message),
        observed_generation=generation,
        last_transition_time=since,
    )
    others = [other for other in conditions if other.type != kind]
    return tuple(sorted([*others, condition], key=lambda one: one.type))


def find_condition(conditions: tuple[Condition, ...], kind: ConditionType) -> Condition | None:
    """The condition of this type, if it is set."""
    return next((one for one in conditions if one.type == kind), None)


def is_terminal(status: QuantumJobStatus) -> bool:
    """Whether the job is over: its `Complete` condition is set."""
    return find_condition(status.conditions, ConditionType.COMPLETE) is not None


def is_accepted(status: QuantumJobStatus) -> bool:
    """Whether the job was accepted: its input is stored and its plan made."""
    return status.plan is not None and status.input is not None


def is_suspended(status: QuantumJobStatus) -> bool:
    """Whether the job is on record as suspended."""
    suspended = find_condition(status.conditions, ConditionType.SUSPENDED)
    return suspended is not None and suspended.status == "True"


def latest_attempt(status: QuantumJobStatus) -> Attempt | None:
    """The last attempt on record, whatever its state."""
    if status.plan is None or not status.plan.steps or not status.plan.steps[-1].attempts:
        return None
    return status.plan.steps[-1].attempts[-1]


def attempts_of(status: QuantumJobStatus) -> tuple[Attempt, ...]:
    """The attempts on record, the latest last."""
    return status.plan.steps[-1].attempts if status.plan is not None and status.plan.steps else ()


def stage_of(status: QuantumJobStatus) -> int:
    """How many fallbacks the job has taken: what limits its attempts counts anew after each."""
    return len(status.plan.steps[-1].fallbacks) if status.plan is not None and status.plan.steps else 0


def lost_attempts(status: QuantumJobStatus) -> int:
    """How many attempts on record were lost to the infrastructure, since the last fallback."""
    stage = stage_of(status)
    return sum(1 for one in attempts_of(status) if one.state == "Lost" and one.stage == stage)


def live_attempt(status: QuantumJobStatus) -> Attempt | None:
    """The attempt whose run may be under way."""
    attempt = latest_attempt(status)
    return attempt if attempt is not None and attempt.state in ("Pending", "Running") else None


def with_step(status: QuantumJobStatus, **changes: object) -> QuantumJobStatus:
    """`status` with these fields of the plan's last step changed. Without a step there is nothing to change."""
    return with_last_step(status, lambda step: step.model_copy(update=changes))


def with_last_step(status: QuantumJobStatus, change: Callable[[Step], Step]) -> QuantumJobStatus:
    """`status` with the plan's last step changed so. Without a step there is nothing to change."""
    if status.plan is None or not status.plan.steps:
        return status
    *steps, step = status.plan.steps
    plan = status.plan.model_copy(update={"steps": (*steps, change(step))})
    return status.model_copy(update={"plan": plan})


def with_attempt(status: QuantumJobStatus, attempt: Attempt) -> QuantumJobStatus:
    """`status` with this attempt appended to the last step, or put in place of the one of its number."""
    if status.plan is None or not status.plan.steps:
        return status
    others = tuple(one for one in status.plan.steps[-1].attempts if one.number != attempt.number)
    return with_step(status, attempts=_kept((*others, attempt)))


def _kept(attempts: tuple[Attempt, ...]) -> tuple[Attempt, ...]:
    """As many as a status has room for: suspensions are forgotten first, the oldest before others."""
    while len(attempts) > ATTEMPTS_KEPT:
        oldest = next((one for one in attempts if one.state == "Suspended"), attempts[0])
        attempts = tuple(one for one in attempts if one is not oldest)
    return attempts


def phase_of(status: QuantumJobStatus) -> Phase:
    """The word for people; nothing reads it back."""
    complete = find_condition(status.conditions, ConditionType.COMPLETE)
    if complete is not None:
        return "Succeeded" if complete.status == "True" else "Failed"
    if not is_accepted(status):
        return "Pending"
    if is_suspended(status):
        return "Suspended"
    attempt = live_attempt(status)
    return "Running" if attempt is not None and attempt.state == "Running" else "Queued"
