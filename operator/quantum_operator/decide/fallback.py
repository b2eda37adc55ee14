"""What a job falls back to rather than fail, or wait: the chain of its policy.

A job goes down the chain, and never up: the links that it took are on record in its plan, and the next one has a higher
position. That is why it ends, whatever fails and however the policy is changed meanwhile. While it is on a link, its
backends are those of the link, and what else holds of a job's attempts holds there as well.

After an attempt that may have been paid for, only what surely costs nothing follows: a simulator without a price, or a
result that is there already.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

from quantum_operator.api.choice import BackendChoice
from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.failures import FailureClass, class_of
from quantum_operator.api.figures import Demand, Figures, Question
from quantum_operator.api.jobstatus import QuantumJobStatus
from quantum_operator.api.policy import BackendPolicySpec
from quantum_operator.api.resilience import Fallback, FallbackCause, FallbackKind, FallbackRule, FallbackTaken
from quantum_operator.decide.finish import fail, put
from quantum_operator.decide.observed import Assignment, Decision, Observed
from quantum_operator.decide.size import NOTE_BYTES, clip
from quantum_operator.decide.status import attempts_of, find_condition, is_terminal, latest_attempt, with_step
from quantum_operator.decide.verdict import Verdict

_OF_CLASS: dict[FailureClass, FallbackCause] = {
    FailureClass.PERMANENT: "Permanent",
    FailureClass.TRANSIENT: "Transient",
    FailureClass.CANCELLED: "Cancelled",
    FailureClass.TIMEOUT: "Timeout",
    FailureClass.INFRASTRUCTURE: "Infrastructure",
    FailureClass.SATURATED: "Saturated",
    FailureClass.LOST: "Lost",
}

ENDS: dict[str, FallbackCause] = {
    "NoEligibleBackend": "NoEligibleBackend",
    "BudgetExceeded": "BudgetExceeded",
    "InvalidOutcome": "Lost",
}
"""Reasons that a job would fail for, other than those of its attempts."""

WAITS: dict[str, FallbackCause] = {
    "QuantumDisabled": "QuantumDisabled",
    "BreakerOpen": "BreakerOpen",
    "NoReadyBackend": "NoReadyBackend",
    "AllBackendsBusy": "Saturated",
    "BudgetExhausted": "BudgetExceeded",
}
"""Reasons that a job waits for."""

_PLACES: dict[str, FallbackKind] = {"OtherBackend": "OtherBackend", "Simulator": "Simulator"}


def cause_of(status: QuantumJobStatus, reason: str) -> FallbackCause | None:
    """Why a job that would fail for this reason may fall back; None: it may not, whatever its policy says."""
    last = latest_attempt(status)
    if reason == "BackoffLimitExceeded" and last is not None:
        reason = last.reason
    kind = class_of(reason)
    return ENDS.get(reason) if kind is None else _OF_CLASS[kind]


def taken(status: QuantumJobStatus) -> tuple[FallbackTaken, ...]:
    """The links that the job took, the latest last."""
    return status.plan.steps[-1].fallbacks if status.plan is not None and status.plan.steps else ()


def link(status: QuantumJobStatus) -> FallbackTaken | None:
    """The link that the job is on; None while it is, or is again, for the backends that its policy prefers."""
    last = taken(status)[-1:]
    return last[0] if last and last[0].to != "Preferred" else None


def next_link(chain: tuple[FallbackRule, ...], gone: tuple[FallbackTaken, ...], causes: Collection[str]) -> int | None:
    """The position of the link that comes next for any of these causes."""
    first = max((one.position for one in gone), default=-1) + 1
    return next((at for at in range(first, len(chain)) if any(one in causes for one in chain[at].covers)), None)


def may_have_paid(status: QuantumJobStatus) -> bool:
    """Whether an attempt that is over cost something, or may have."""
    return any((one.cost or 0) > 0 or one.reason in ("TaskLost", "TaskLeft") for one in attempts_of(status))


def on_terms(status: QuantumJobStatus, demand: Demand) -> Demand:
    """What the job asks of a backend now: on the link that it is on, and after what it paid."""
    now = link(status)
    update: dict[str, object] = {"free": may_have_paid(status)}
    if now is not None:
        update |= {"fallback": now.position, "simulator": now.to == "Simulator"}
    return demand.model_copy(update=update)


def at_link(spec: BackendPolicySpec, demand: Demand) -> BackendPolicySpec:
    """The policy with the backends of the link that a job is on; a shadow has its own, and no share of traffic."""
    if demand.shadow is not None:
        return spec.model_copy(update={"backends": (BackendChoice(name=demand.shadow),), "traffic": ()})
    if demand.fallback is None or demand.fallback >= len(spec.fallback):
        return spec
    backends = spec.fallback[demand.fallback].backends
    return spec if backends is None else spec.model_copy(update={"backends": backends})


def as_fallback_wants(figures: Figures, question: Question) -> Verdict | None:
    """The backend is a simulator where the job falls back to one, and free where something may have been paid for."""
    demand = question.demand
    if demand.simulator and figures.kind == "Hardware":
        return Verdict("NotSimulator", "the job falls back to a simulator, and this is a QPU")
    if demand.free and (figures.provider or figures.ceiling_micros != 0):
        return Verdict("PaidBefore", "an attempt may have been paid for: only what costs nothing follows")
    return None


def waits_for(reasons: Collection[str]) -> str:
    """The reason of a job that waits, by the reasons for which backends are passed over for the moment."""
    if "Busy" in reasons:
        return "AllBackendsBusy"
    if set(reasons) == {"QuantumDisabled"}:
        return "QuantumDisabled"
    return "BreakerOpen" if set(reasons) <= {"QuantumDisabled", "BreakerOpen", "BreakerProbing"} else "NoReadyBackend"


def rescued(observed: Observed, decision: Decision) -> Decision:
    """`decision`, or where the job would fail by it, the fallback that its policy has for that."""
    complete = find_condition(decision.status.conditions, ConditionType.COMPLETE)
    chain = _chain(observed)
    if complete is None or complete.status == "True" or is_terminal(observed.job.status) or chain is None:
        return decision
    cause = cause_of(decision.status, complete.reason)
    if cause is None or decision.status.plan is None:
        return decision
    now = link(decision.status)
    if now is not None and complete.reason == "NoEligibleBackend":
        return _go_on(observed, decision, now, f"{now.message}; no backend of fallback {now.position} can run it")
    position = next_link(chain, taken(decision.status), {cause})
    if position is None:
        return decision
    return _take(observed, decision, position, cause, complete.reason, complete.message)


def instead_of_waiting(observed: Observed, decision: Decision, assignment: Assignment) -> Decision:
    """`decision`, by which the job waits for what was assigned to it, or the fallback that its policy has for that."""
    now, chain = link(decision.status), _chain(observed)
    if chain is None:
        return decision
    if now is not None and assignment.reason == "NoBackends":
        return _go_on(observed, decision, now, f"{now.message}; fallback {now.position} matches no QuantumBackend")
    cause = WAITS.get(assignment.reason)
    position = next_link(chain, taken(decision.status), {cause}) if cause is not None else None
    if cause is None or position is None:
        return decision
    avoided = next((one.backend for one in assignment.candidates if one.reason == assignment.reason), None)
    return _take(observed, decision, position, cause, assignment.reason, assignment.message, avoided)


def _chain(observed: Observed) -> tuple[FallbackRule, ...] | None:
    """The chain of the job's policy; None where that is gone, and for shadows, which have none."""
    if observed.policy is None or observed.job.spec.shadow_of is not None:
        return None
    return observed.policy.spec.fallback


def nothing_cached(observed: Observed, decision: Decision) -> Decision:
    """What follows where no earlier job has a result of the same input."""
    now = link(decision.status)
    if now is None:
        return decision
    return _go_on(observed, decision, now, f"{now.message}; no earlier job has a result of the same input")


def fallback_of(status: QuantumJobStatus, assignment: Assignment) -> Fallback | None:
    """That the attempt to come is a fallback; None: it is where the policy prefers it to be."""
    now = link(status)
    kind = _PLACES.get(now.to) if now is not None else None
    if now is not None and kind is not None:
        to = assignment.backend
        return Fallback(kind=kind, from_=now.from_, to=to, class_=now.cause, reason=now.reason, message=now.message)
    withdrawn = any(one.reason in ("TaskWithdrawn", "TaskLeft") for one in attempts_of(status))
    off = next(_switched_off(assignment, {"QuantumDisabled", "PaidBefore"} if withdrawn else {"QuantumDisabled"}), None)
    if off is None or assignment.agent is not None:
        return None
    message = f"{off} would have come first, and the policy's spec.quantumEnabled was false"
    why: FallbackCause = "QuantumDisabled"
    return Fallback(kind="Simulator", from_=off, to=assignment.backend, class_=why, reason=why, message=message)


def _switched_off(assignment: Assignment, reasons: Collection[str]) -> Iterator[str]:
    """The backends that come before the one that was given, and are passed over for these reasons."""
    for one in assignment.candidates:
        if one.backend == assignment.backend:
            return
        if one.reason in reasons:
            yield one.backend


def _go_on(observed: Observed, decision: Decision, now: FallbackTaken, message: str) -> Decision:
    """Nothing came of the link that the job is on: the next one for the same cause, or back to where it came from."""
    chain = observed.policy.spec.fallback if observed.policy is not None else ()
    position = next_link(chain, taken(decision.status), {now.cause, "NoEligibleBackend"})
    if position is not None:
        return _take(observed, decision, position, now.cause, now.reason, message, now.from_)
    if now.reason in WAITS:
        back = (*taken(decision.status)[:-1], now.model_copy(update={"to": "Preferred"}))
        return _falling(observed, decision, back, f"{message}: it waits for the policy's own backends")
    return replace(fail(observed, decision.status, now.reason, message), before=decision.before)


def _take(
    observed: Observed,
    decision: Decision,
    position: int,
    cause: FallbackCause,
    reason: str,
    message: str,
    avoided: str | None = None,
) -> Decision:
    rule = observed.policy.spec.fallback[position] if observed.policy is not None else None
    last = latest_attempt(decision.status)
    one = FallbackTaken(
        position=position,
        to=rule.to if rule is not None else "Preferred",
        cause=cause,
        reason=reason,
        message=clip(message, NOTE_BYTES),
        from_=last.backend if last is not None else avoided,
    )
    words = f"{reason} ({cause}): it falls back to {one.to} by spec.fallback[{position}] of its policy; {message}"
    return _falling(observed, decision, (*taken(decision.status), one), words)


def _falling(observed: Observed, decision: Decision, gone: tuple[FallbackTaken, ...], message: str) -> Decision:
    """The job on its way along the chain: accepted, without a backend, and not over."""
    status = with_step(decision.status, fallbacks=gone)
    accepted = find_condition(observed.job.status.conditions, ConditionType.ACCEPTED)
    over = (ConditionType.COMPLETE, ConditionType.ACCEPTED)
    kept = [one for one in status.conditions if one.type not in over] + ([accepted] if accepted is not None else [])
    conditions = tuple(sorted(kept, key=lambda condition: condition.type))
    status = status.model_copy(update={"conditions": conditions, "completion_time": None})
    if accepted is None:
        status = put(observed, status, ConditionType.ACCEPTED, True, "Accepted", "the job is valid")
    status = put(observed, status, ConditionType.SCHEDULED, False, "FallingBack", message)
    return replace(decision, status=status, look_again=0.0)
