"""What a submission may cost at most, and what it did cost."""

from collections.abc import Sequence

from quantum_operator.agent.together import already_paid
from quantum_operator.api.quantumtask import QuantumTask
from quantum_operator.api.sharedtask import TaskCharge
from quantum_operator.ports.adapter import Adapter, Ceiling, Fetched, MalformedError, Prepared


def ceiling_of(task: QuantumTask) -> Ceiling:
    """The task's ceiling as the adapter takes it."""
    given = task.spec.ceiling
    return Ceiling(max(0, given.micros - already_paid(task)), given.currency, given.seconds)


def sum_of(tasks: Sequence[QuantumTask]) -> Ceiling:
    """The ceiling of a submission of all these tasks, whose ceilings are in one currency."""
    each = [ceiling_of(one) for one in tasks]
    return Ceiling(sum(one.cost_micros for one in each), each[0].currency, sum(one.seconds for one in each))


def over_ceiling(adapter: Adapter, prepared: Prepared, ceiling: Ceiling) -> str:
    """Why a submission could cost more than it may; empty where it can't."""
    estimate = adapter.estimate(prepared)
    if estimate.cost_micros is None:
        if adapter.capabilities().enforces_ceiling:
            return ""
        return "what it would cost is not known: give the agent the provider's prices"
    if estimate.currency != ceiling.currency:
        return f"it costs {estimate.currency}, and its ceiling is in {ceiling.currency}"
    if estimate.cost_micros > ceiling.cost_micros:
        return (
            f"it would cost {estimate.cost_micros} millionths of {ceiling.currency}, at most {ceiling.cost_micros} may"
        )
    return ""


def charge_of(fetched: Fetched, task: QuantumTask) -> TaskCharge:
    """What was charged. Raises MalformedError where that is in another currency than the task's ceiling."""
    currency = task.spec.ceiling.currency
    if fetched.cost_micros is not None and fetched.currency != currency:
        raise MalformedError(f"the provider charges {fetched.currency}, and the ceiling is in {currency}")
    return TaskCharge(micros=fetched.cost_micros, currency=currency, seconds=fetched.seconds)
