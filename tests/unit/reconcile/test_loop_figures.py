"""How budgets stand, in the statuses of their policies: written rarely, and told when one warns."""

from typing import Any

from quantum_operator.api.policy import BackendPolicyStatus
from quantum_operator.testing.builders import backend, job, policy
from quantum_operator.testing.drive import settle
from quantum_operator.testing.world import MemoryWorld
from unit.reconcile.scenarios import calls_of

SHOTS = 1024
PRICED = {"price": {"perShotMicros": 1}}


def world_of(count: int, limit: int, **budget: Any) -> MemoryWorld:
    """So many jobs whose shots are paid for, and a budget."""
    world = MemoryWorld()
    world.add(policy(budgets=[{"name": "all", "limitMicros": limit, **budget}]), backend(**PRICED))
    world.add(*(job(f"job{number}") for number in range(count)))
    return world


def status(world: MemoryWorld) -> BackendPolicyStatus:
    """The status of the one policy."""
    (found,) = world.policies.values()
    return found.status


def within(world: MemoryWorld) -> tuple[str, str]:
    """Whether the policy is within its budgets, and why."""
    (found,) = (one for one in status(world).conditions if one.type == "WithinBudget")
    return found.status, found.message


def told(world: MemoryWorld) -> list[str]:
    """The warnings that there were events of."""
    return [event.message for _, event in world.events if event.reason == "BudgetWarning"]


async def test_the_figures_of_a_budget_are_in_the_status() -> None:
    """Beside what health says of the policy; nothing warns."""
    world = world_of(2, 100 * SHOTS)
    assert await settle(world)
    (figures,) = status(world).budgets
    assert (figures.name, figures.since, figures.currency) == ("all", "2026-01", "USD")
    assert (figures.limit_micros, figures.reserved_micros, figures.warned_percent) == (100 * SHOTS, 0, None)
    assert within(world) == ("True", "no budget warns")
    assert status(world).backends == 1
    assert told(world) == []


async def test_a_budget_warns_once_at_each_threshold() -> None:
    """By an event and a condition, with what was reached, and no figure that changes all the time."""
    world = world_of(8, 10 * SHOTS)
    assert await settle(world)
    assert within(world) == ("False", "budget 'all' has reached 80 % of 0.01024 USD for 2026-01")
    world.add(*(job(f"more{number}") for number in range(4)))
    assert await settle(world)
    assert within(world)[1] == "budget 'all' has reached 100 % of 0.01024 USD for 2026-01"
    assert [one.partition(" reached ")[2].partition(" % ")[0] for one in told(world)] == ["80", "100"]
    assert status(world).budgets[0].spent_micros == 10 * SHOTS


async def test_the_figures_are_written_rarely() -> None:
    """Forty jobs that come one after the other are a few writes of the status."""
    world = world_of(40, 1000 * SHOTS)
    world.add(backend(**PRICED, limits={"maxConcurrentRuns": 1}))
    assert await settle(world)
    assert calls_of(world, "statuses.put_policy_status") <= 4


async def test_a_policy_without_budgets_says_nothing_of_them() -> None:
    """Also once it had some."""
    world = world_of(1, SHOTS)
    assert await settle(world)
    assert within(world)[0] == "False"
    world.add(next(iter(world.policies.values())).model_copy(update={"spec": policy().spec}))
    assert await settle(world)
    assert status(world).budgets == ()
    assert [one.type for one in status(world).conditions] == ["Ready"]
