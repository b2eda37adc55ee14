"""A job that goes from one device to another is paid once, whatever dies on the way."""

import asyncio

import pytest

from quantum_operator.ports.adapter import Capabilities, RejectedError, SaturatedError, UnsupportedError
from quantum_operator.testing import builders
from quantum_operator.testing.faults import Fault
from quantum_operator.testing.provider import PRICE_MICROS, MemoryProvider
from quantum_operator.testing.world import MemoryWorld
from support.disturbed import calls_to_disturb
from unit.agent.paidworld import BELL, live, paid_world

FAULTS: tuple[Fault, ...] = ("crash-before", "crash-after", "conflict", "transient-after")


def provider() -> MemoryProvider:
    """A provider that refuses the first submission for what it is."""
    at = MemoryProvider(Capabilities("Memory", "tag", 3, False, 10, 600, submit_seconds=2))
    at.failing["submit"] = [(RejectedError("this device takes no such circuit"), False)]
    return at


def world_of_two() -> MemoryWorld:
    """A Bell job whose policy has two devices of one account, and then a simulator."""
    world = paid_world()
    there = {"agent": "agents", "device": "other"}
    world.add(
        builders.backend("other", adapter="memory", provider=there, price={"perRunMicros": 2_000_000}),
        builders.backend("simulator"),
        builders.policy("qpu", "other", "simulator"),
    )
    return world


def places(world: MemoryWorld) -> list[tuple[str, str]]:
    """Where each attempt was, and how it ended."""
    plan = world.jobs[BELL].status.plan
    return [(one.backend, one.state) for one in plan.steps[-1].attempts] if plan is not None else []


def assert_went_on(world: MemoryWorld, at: MemoryProvider) -> None:
    """The job was refused by the first, and paid for at the second."""
    status = world.jobs[BELL].status
    assert status.phase == "Succeeded", status.conditions
    assert places(world) == [("qpu", "Failed"), ("other", "Succeeded")]
    assert status.cost is not None
    assert status.cost.micros == at.charged == PRICE_MICROS
    assert len(at.tasks) == 1


def test_a_job_that_a_device_refuses_is_paid_for_on_another() -> None:
    """Once, and the first task cost nothing."""
    world, at = world_of_two(), provider()
    asyncio.run(live(world, at))
    assert_went_on(world, at)
    assert sorted(task.status.reason for task in world.tasks.values()) == ["Rejected", "Succeeded"]
    assert len({task.spec.token for task in world.tasks.values()}) == 2


@pytest.mark.parametrize("fault", FAULTS)
def test_it_is_paid_once_whichever_call_fails(fault: Fault, faults: str) -> None:
    """Of the operator, of the agent, and at the provider; before and after."""
    undisturbed = world_of_two()
    asyncio.run(live(undisturbed, provider()))
    for n in calls_to_disturb(len(undisturbed.faults.calls), faults, fault):
        world, at = world_of_two(), provider()
        world.fail_at(n, fault)
        asyncio.run(live(world, at))
        status = world.jobs[BELL].status
        if status.phase == "Succeeded":
            assert (len(at.tasks), at.charged) == (1, PRICE_MICROS), n
            assert places(world)[-1] in [("qpu", "Succeeded"), ("other", "Succeeded")]
        else:
            # A submission before the one that was refused was lost: it may have been paid for, so that nothing follows.
            assert at.calls.count("find") == 1, n
            assert (places(world), at.tasks) == ([("qpu", "Failed")], [])
            assert "may have been paid for" in next(one.message for one in status.conditions if one.type == "Complete")


def test_a_device_that_no_circuit_fits_is_left_for_a_simulator() -> None:
    """Both devices refuse: nothing was submitted, nothing is paid."""
    world, at = world_of_two(), provider()
    at.failing["submit"] = [(UnsupportedError("no such gate"), False)] * 2
    world.add(builders.policy("qpu", "other", "simulator"))
    asyncio.run(_live_with_runs(world, at))
    assert places(world) == [("qpu", "Failed"), ("other", "Failed"), ("simulator", "Succeeded")]
    assert at.tasks == []
    assert at.charged == 0


def test_a_device_that_stays_busy_is_left_for_another() -> None:
    """Beyond all refusals: the attempt is lost, the next one is at the other device."""
    world, at = world_of_two(), provider()
    at.failing["submit"] = [(SaturatedError("too many tasks", retry_after=1), False)] * 21
    asyncio.run(live(world, at))
    assert places(world) == [("qpu", "Lost"), ("other", "Succeeded")]
    assert len(at.tasks) == 1


async def _live_with_runs(world: MemoryWorld, at: MemoryProvider) -> None:
    """As `live`, with the simulators' runs at work."""

    def work() -> bool:
        world.advance_runs()
        return False

    await live(world, at, until=work)


def test_what_a_key_says_may_have_been_paid_follows_the_dearer_device() -> None:
    """The claim has the ceiling of the task that may be paid, and not that of one before it."""
    world, at = world_of_two(), provider()
    job = world.jobs[BELL]
    world.add(job.model_copy(update={"spec": job.spec.model_copy(update={"idempotency_key": "k"})}))
    asyncio.run(live(world, at, until=lambda: bool(at.tasks)))
    (claim,) = world.claims.values()
    assert claim.claim.paid is not None
    assert claim.claim.paid.text == "at most 2.00 USD"


@pytest.mark.parametrize("tells", [True, False])
def test_a_device_whose_queue_is_too_long_is_left_for_another_if_that_is_free(tells: bool) -> None:
    """The provider says that it charged nothing: the job goes on. Where it does not say so, the job fails."""
    world, at = world_of_two(), provider()
    at.failing.clear()
    at.tells, at.waiting = tells, {"memory-1"}
    impatient = {"agent": "agents", "device": "qpu", "queueSeconds": 60}
    world.add(builders.backend("qpu", adapter="memory", provider=impatient, price={"perRunMicros": 1_000_000}))
    asyncio.run(live(world, at))
    status = world.jobs[BELL].status
    if tells:
        assert places(world) == [("qpu", "Failed"), ("other", "Succeeded")]
        assert at.charged == PRICE_MICROS
        assert [one.state for one in at.tasks] == ["Cancelled", "Succeeded"]
    else:
        assert places(world) == [("qpu", "Failed")]
        assert [one.reason for one in status.conditions if one.type == "Complete"] == ["QueueTimeExceeded"]
        assert status.cost is not None
        assert status.cost.text == "at most 1.00 USD"


@pytest.mark.parametrize(
    ("asked", "allowed", "expected"), [(None, 60, 60), (30, 60, 30), (90, 60, 60), (60, 60, 60), (1, 2_592_000, 1)]
)
def test_the_shorter_patience_counts(asked: int | None, allowed: int, expected: int) -> None:
    """A job may wait less long in a provider's queue than its backend allows, and never longer."""
    world = paid_world(**({} if asked is None else {"queueDeadlineSeconds": asked}))
    there = {"agent": "agents", "device": "qpu", "queueSeconds": allowed}
    world.add(builders.backend("qpu", adapter="memory", provider=there, price={"perRunMicros": 1_000_000}))
    asyncio.run(live(world, MemoryProvider(), until=lambda: bool(world.tasks)))
    (task,) = world.tasks.values()
    assert task.spec.queue_seconds == expected
