"""Pausing and ending jobs that run, with errors and crashes at every port call from that moment on."""

import asyncio
from typing import Any, get_args

import pytest

from quantum_operator.testing.drive import Driver, settle
from quantum_operator.testing.faults import Fault
from quantum_operator.testing.world import MemoryWorld
from support.disturbed import calls_to_disturb
from unit.reconcile.scenarios import BELL_KEY, attempts, bell_world, reason

FAULTS: tuple[Fault, ...] = tuple(fault for fault in get_args(Fault) if fault != "gone")


def ask(world: MemoryWorld, **spec: Any) -> None:
    """Have the job's user change its spec."""
    job = world.jobs[BELL_KEY]
    world.add(job.model_copy(update={"spec": job.spec.model_copy(update=spec)}))


async def running() -> MemoryWorld:
    """A world whose job's run executes, and whose operator has just ended."""
    world = bell_world()
    async with Driver(world) as driver:
        await driver.idle()
        world.advance_runs()
        await driver.idle()
    assert world.jobs[BELL_KEY].status.phase == "Running"
    return world


def survive(world: MemoryWorld, faults: dict[int, Fault], **spec: Any) -> int:
    """Change the spec, with these faults at the calls that follow; returns how many calls there were."""
    before = len(world.faults.calls)
    for n, fault in faults.items():
        world.fail_at(before + n, fault)
    ask(world, **spec)
    for _ in range(len(faults) + 1):
        if asyncio.run(settle_without_runs(world)):
            return len(world.faults.calls) - before
    raise AssertionError("crashed more often than was planned")


async def settle_without_runs(world: MemoryWorld) -> bool:
    """Let a process work for a minute in which no run moves on; False when it crashed."""
    async with Driver(world) as driver:
        for _ in range(60):
            if not await driver.idle():
                return False
            world.clock.advance(1)
        return await driver.idle()


def calls(**spec: Any) -> int:
    """How many port calls it takes without any fault."""
    return survive(asyncio.run(running()), {}, **spec)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_cancelled_job_ends_and_leaves_no_run(fault: Fault, faults: str) -> None:
    """Whichever call fails so, the job ends as cancelled, and its run is gone."""
    for n in calls_to_disturb(calls(cancel=True), faults, fault):
        world = asyncio.run(running())
        survive(world, {n: fault}, cancel=True)
        job = world.jobs[BELL_KEY]
        assert (job.status.phase, reason(job)) == ("Failed", "Cancelled")
        assert [one.state for one in attempts(job)] == ["Cancelled"]
        assert world.runs == {}
        assert len(world.started) == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_suspended_job_has_no_run_and_goes_on_with_a_new_one(fault: Fault, faults: str) -> None:
    """Whichever call fails so, the run is stopped; resumed, the job has one run more and succeeds."""
    for n in calls_to_disturb(calls(suspend=True), faults, fault):
        world = asyncio.run(running())
        survive(world, {n: fault}, suspend=True)
        job = world.jobs[BELL_KEY]
        assert (job.status.phase, [one.state for one in attempts(job)]) == ("Suspended", ["Suspended"])
        assert world.runs == {}
        ask(world, suspend=False)
        assert asyncio.run(settle(world))
        job = world.jobs[BELL_KEY]
        assert (job.status.phase, [one.state for one in attempts(job)]) == ("Succeeded", ["Suspended", "Succeeded"])
        assert len(set(world.started)) == len(world.started) == 2


async def test_a_job_created_suspended_starts_when_it_is_resumed() -> None:
    """Nothing is assigned to it before, so that it takes no room from others."""
    world = bell_world()
    ask(world, suspend=True)
    assert await settle(world)
    assert world.jobs[BELL_KEY].status.phase == "Suspended"
    assert (world.started, attempts(world.jobs[BELL_KEY])) == ([], ())
    ask(world, suspend=False)
    assert await settle(world)
    assert world.jobs[BELL_KEY].status.phase == "Succeeded"


async def test_suspending_a_job_that_waits_frees_its_place() -> None:
    """What the scheduler kept of it is forgotten."""
    world = bell_world()
    world.backends.clear()
    assert await settle(world)
    async with Driver(world) as driver:
        ask(world, suspend=True)
        await driver.idle()
        assert driver.loop.scheduler.assignment(BELL_KEY, world.jobs[BELL_KEY].metadata.uid) is None
    assert world.jobs[BELL_KEY].status.phase == "Suspended"


async def test_people_are_told_of_what_they_asked_for() -> None:
    """As normal events: nothing is wrong."""
    world = bell_world()
    for change in ({"suspend": True}, {"suspend": False, "schedule": None}, {"cancel": True}):
        ask(world, **change)
        async with Driver(world) as driver:
            await driver.idle()
    told = [(event.type, event.reason) for _, event in world.events]
    assert told == [
        ("Normal", "Suspended"),
        ("Normal", "Resumed"),
        ("Normal", "Assigned"),
        ("Normal", "Cancelled"),
    ]
