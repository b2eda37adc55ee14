"""What a policy's status says of its breakers and of the switch for its QPUs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.meta import Condition
from quantum_operator.api.policy import BackendPolicy, BackendPolicyStatus
from quantum_operator.decide.breaker import Ending, described, look_again, next_breakers, told
from quantum_operator.decide.figures import is_qpu
from quantum_operator.decide.observed import Tell
from quantum_operator.decide.status import find_condition, set_condition
from quantum_operator.decide.switch import LOOK_SECONDS, Flight, is_to_go, may_be_submitted


@dataclass(frozen=True)
class Standing:
    """What is seen of the attempts of a policy's jobs."""

    endings: Sequence[Ending] = ()
    flights: Sequence[Flight] = ()


@dataclass(frozen=True)
class Verdicts:
    """The policy's next status, the flights to be cancelled, what to tell, and when to look again."""

    status: BackendPolicyStatus
    to_go: tuple[Flight, ...] = ()
    events: tuple[Tell, ...] = ()
    look_again: float | None = None


def needs_endings(policy: BackendPolicy) -> bool:
    """Whether it must be known how attempts ended."""
    return policy.spec.breaker is not None


def needs_flights(policy: BackendPolicy) -> bool:
    """Whether it must be known what is under way."""
    return not policy.spec.quantum_enabled


def judged(
    policy: BackendPolicy,
    status: BackendPolicyStatus,
    backends: Sequence[QuantumBackend],
    seen: Standing,
    now: datetime,
) -> Verdicts:
    """`status`, which says the rest of the policy, with its breakers and its switch as they are now."""
    known = policy.status.breakers
    # A fallback reaches other backends than the policy itself: what somebody was sent to has a breaker as well.
    names = {one.metadata.name for one in backends}
    breakers = next_breakers(policy.spec.breaker, known, names, seen.endings, now)
    qpus = {one.metadata.name for one in backends if is_qpu(one)}
    flights = [one for one in seen.flights if one.provided and one.backend in qpus]
    pending = sum(map(may_be_submitted, flights))
    to_go = tuple(one for one in flights if is_to_go(policy.spec, one))
    conditions = _switched(policy, _broken(policy, status.conditions, described(breakers), now), pending, now)
    events = [
        Tell("Warning" if reason == "BreakerOpened" else "Normal", reason, text)
        for reason, text in told(known, breakers)
    ]
    events += _turned(policy.status.conditions, conditions)
    waits = [look_again(policy.spec.breaker, breakers, now), LOOK_SECONDS if pending or to_go else None]
    update = {"breakers": breakers, "conditions": conditions}
    soonest = min((one for one in waits if one is not None), default=None)
    return Verdicts(status.model_copy(update=update), to_go, tuple(events), soonest)


def _broken(
    policy: BackendPolicy, conditions: tuple[Condition, ...], text: str, now: datetime
) -> tuple[Condition, ...]:
    if policy.spec.breaker is None:
        return tuple(one for one in conditions if one.type != ConditionType.BREAKERS_CLOSED)
    reason, message = ("BreakersOpen", text) if text else ("BreakersClosed", "closed")
    generation = policy.metadata.generation
    kind = ConditionType.BREAKERS_CLOSED
    return set_condition(conditions, kind, not text, reason, message, generation=generation, now=now)


def _switched(
    policy: BackendPolicy, conditions: tuple[Condition, ...], pending: int, now: datetime
) -> tuple[Condition, ...]:
    """The condition of the switch: absent until it was turned off for the first time."""
    kind, generation = ConditionType.QUANTUM_ENABLED, policy.metadata.generation
    if policy.spec.quantum_enabled and find_condition(conditions, kind) is None:
        return conditions
    value, reason, message = True, "QuantumEnabled", "spec.quantumEnabled is true"
    if not policy.spec.quantum_enabled and pending:
        reason, message = "QuantumDisabling", "spec.quantumEnabled is false; tasks that may be submitted are cancelled"
    elif not policy.spec.quantum_enabled:
        value, reason, message = False, "QuantumDisabled", "spec.quantumEnabled is false; nothing is submitted any more"
    return set_condition(conditions, kind, value, reason, message, generation=generation, now=now)


def _turned(before: tuple[Condition, ...], after: tuple[Condition, ...]) -> list[Tell]:
    """An event where the switch has turned."""
    kind = ConditionType.QUANTUM_ENABLED
    was, now = find_condition(before, kind), find_condition(after, kind)
    if now is None or (was is None and now.status == "True") or (was is not None and was.status == now.status):
        return []
    return [Tell("Normal", now.reason, now.message)]
