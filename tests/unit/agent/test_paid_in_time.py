"""A paid job whose time is up: its task is cancelled, settles, and what it cost is on record, whatever dies."""

import asyncio
from collections.abc import Callable
from typing import get_args

import pytest

from quantum_operator.testing.faults import Fault
from quantum_operator.testing.provider import PRICE_MICROS, MemoryProvider
from quantum_operator.testing.world import MemoryWorld
from unit.agent.paidworld import BELL, live, paid_world

FAULTS: tuple[Fault, ...] = tuple(fault for fault in get_args(Fault) if fault not in ("gone", "refused", "taken"))
SECONDS = 8


def stuck() -> MemoryProvider:
    """A provider whose queue does not move."""
    return MemoryProvider(waiting={f"memory-{number}" for number in range(1, 9)})


def starting(at: MemoryProvider) -> Callable[[], bool]:
    """Has whatever is in the queue run, without ever ending it."""

    def never() -> bool:
        for one in at.tasks:
            if one.state == "Queued":
                one.state, one.charged = "Running", PRICE_MICROS // 4
        return False

    return never


def ended(world: MemoryWorld, at: MemoryProvider) -> None:
    """The job is over for want of time, nothing is under way, and its cost is what was charged."""
    status = world.jobs[BELL].status
    complete = next(one for one in status.conditions if one.type == "Complete")
    assert (complete.status, complete.reason) == ("False", "TimeBudgetExceeded")
    assert {one.state for one in at.tasks} <= {"Cancelled"}
    assert {one.status.state for one in world.tasks.values()} <= {"Cancelled"}
    cost = status.cost
    if cost is not None and cost.text.startswith("at most"):  # whether an earlier call was taken is not known
        assert cost.micros >= at.charged
    else:
        assert (cost.micros if cost is not None else 0) == at.charged


def points(faults: str) -> list[int]:
    """The calls to disturb: each, or in a slice every third of those around the end of the time."""
    world, at = paid_world(timeBudgetSeconds=SECONDS), stuck()
    asyncio.run(live(world, at))
    ended(world, at)
    assert at.charged == 0
    count = len(world.faults.calls)
    return list(range(1, count + 1) if faults == "all" else range(count - 24, count + 1, 3))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_task_in_a_queue_is_cancelled_whichever_call_fails(fault: Fault, faults: str) -> None:
    """And costs nothing."""
    for n in points(faults):
        world, at = paid_world(timeBudgetSeconds=SECONDS), stuck()
        world.fail_at(n, fault)
        asyncio.run(live(world, at))
        ended(world, at)


def test_what_a_task_cost_that_had_begun_is_on_record() -> None:
    """It is the provider that says it, and the job that names it."""
    world, at = paid_world(timeBudgetSeconds=SECONDS), stuck()
    asyncio.run(live(world, at, until=starting(at)))
    ended(world, at)
    cost = world.jobs[BELL].status.cost
    assert cost is not None
    assert cost.micros == at.charged == PRICE_MICROS // 4
    complete = next(one for one in world.jobs[BELL].status.conditions if one.type == "Complete")
    assert "was stopped; 0.25 USD was charged" in complete.message


def test_a_job_within_its_time_succeeds() -> None:
    """And is not looked at again for its budget."""
    world, at = paid_world(timeBudgetSeconds=3600), MemoryProvider()
    asyncio.run(live(world, at))
    assert world.jobs[BELL].status.phase == "Succeeded"
    assert at.charged == PRICE_MICROS


def test_a_result_that_came_before_the_task_could_be_cancelled_counts() -> None:
    """What was paid for is not thrown away for having come too late."""
    world, at = paid_world(timeBudgetSeconds=3), MemoryProvider()

    def done() -> bool:
        for one in at.tasks:
            one.state, one.charged = "Succeeded", PRICE_MICROS
        return False

    asyncio.run(live(world, at, until=done))
    assert world.jobs[BELL].status.phase == "Succeeded"
    assert at.charged == PRICE_MICROS
