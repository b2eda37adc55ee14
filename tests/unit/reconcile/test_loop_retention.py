"""Jobs that are deleted some time after they are over, through the loop."""

from typing import Any, get_args

import pytest

from quantum_operator.testing.builders import backend, job, policy
from quantum_operator.testing.drive import Driver, settle
from quantum_operator.testing.faults import Fault
from quantum_operator.testing.world import MemoryWorld
from support.disturbed import calls_to_disturb
from unit.reconcile.scenarios import BELL_KEY, calls_of, kept

FAULTS: tuple[Fault, ...] = tuple(fault for fault in get_args(Fault) if fault != "gone")


def world_of(**spec: Any) -> MemoryWorld:
    """A world with one job."""
    world = MemoryWorld()
    world.add(policy(), backend(), job(**spec))
    return world


async def over(**spec: Any) -> MemoryWorld:
    """A world whose job has just succeeded."""
    world = world_of(**spec)
    assert await settle(world, patience=0)
    assert world.jobs[BELL_KEY].status.phase == "Succeeded"
    return world


async def pass_by(driver: Driver, seconds: float) -> None:
    """Let so many seconds pass, and what is due be done."""
    assert await driver.idle()
    driver.world.clock.advance(seconds)
    assert await driver.idle()


def change(world: MemoryWorld, **spec: Any) -> None:
    """Have the job's user change its spec."""
    one = world.jobs[BELL_KEY]
    world.add(one.model_copy(update={"spec": one.spec.model_copy(update=spec)}))


async def test_a_job_stays_for_its_time_and_no_longer() -> None:
    """With all that belongs to it, and the loop keeps nothing of it."""
    world = await over(ttlSecondsAfterFinished=60)
    async with Driver(world) as driver:
        await pass_by(driver, 59)
        assert BELL_KEY in world.jobs
        await pass_by(driver, 2)
        assert world.jobs == world.runs == world.artifacts == {}
        assert kept(driver.loop) == 0


async def test_a_job_that_does_not_say_stays() -> None:
    """However long."""
    world = await over()
    assert await settle(world, patience=10**7)
    assert BELL_KEY in world.jobs


@pytest.mark.parametrize("seconds", [1, 3600, 86_400])
async def test_an_operator_that_was_away_deletes_what_is_due(seconds: int) -> None:
    """Nothing of it is in a process's memory alone."""
    world = await over(ttlSecondsAfterFinished=seconds)
    world.clock.advance(seconds + 1)
    assert await settle(world)
    assert BELL_KEY not in world.jobs


async def test_a_job_that_stays_long_is_looked_at_now_and_then() -> None:
    """At least once an hour, for clocks are set."""
    world = await over(ttlSecondsAfterFinished=86_400)
    before = calls_of(world, "store.job")
    assert await settle(world, patience=86_300)
    assert 23 <= calls_of(world, "store.job") - before <= 26
    assert BELL_KEY in world.jobs


@pytest.mark.parametrize("seconds", [None, 1000])
async def test_a_job_may_be_given_more_time(seconds: int | None) -> None:
    """Until it is deleted."""
    world = await over(ttlSecondsAfterFinished=60)
    async with Driver(world) as driver:
        await pass_by(driver, 50)
        change(world, ttl_seconds_after_finished=seconds)
        await pass_by(driver, 500)
        assert BELL_KEY in world.jobs


async def test_a_job_that_was_given_more_time_unseen_is_not_deleted() -> None:
    """The deletion is of the version that was read."""
    world = await over(ttlSecondsAfterFinished=60)
    async with Driver(world) as driver:
        await pass_by(driver, 50)
        world.lag()
        change(world, ttl_seconds_after_finished=None)
        await pass_by(driver, 15)
        assert calls_of(world, "store.delete_job") >= 1
        assert BELL_KEY in world.jobs
        world.catch_up()
        await pass_by(driver, 500)
        assert BELL_KEY in world.jobs


async def test_a_namesake_is_not_deleted_in_its_place() -> None:
    """Created just when the first one's time was up."""
    world = await over(ttlSecondsAfterFinished=60)
    async with Driver(world) as driver:
        await pass_by(driver, 50)
        world.lag()
        world.delete(BELL_KEY)
        world.add(job(uid="namesake"))
        await pass_by(driver, 15)
        world.catch_up()
        assert await driver.settle()
    assert world.jobs[BELL_KEY].metadata.uid == "namesake"
    assert world.jobs[BELL_KEY].status.phase == "Succeeded"


@pytest.mark.parametrize("fault", FAULTS)
async def test_one_fault_at_any_call_changes_nothing(fault: Fault, faults: str) -> None:
    """Whichever call fails so, the job ran once and is gone."""
    undisturbed = world_of(ttlSecondsAfterFinished=5)
    assert await settle(undisturbed)
    for n in calls_to_disturb(len(undisturbed.faults.calls), faults, fault):
        world = world_of(ttlSecondsAfterFinished=5)
        world.fail_at(n, fault)
        assert await settle(world) or await settle(world)
        assert (world.jobs, world.runs, len(world.started)) == ({}, {}, 1), n


async def test_a_result_under_a_key_outlives_its_job() -> None:
    """Its claim stays, and another job has it."""
    world = await over(ttlSecondsAfterFinished=5, idempotencyKey="k")
    assert await settle(world)
    assert BELL_KEY not in world.jobs
    world.add(job(uid="again", idempotencyKey="k"))
    assert await settle(world)
    assert len(world.started) == 1
    assert world.jobs[BELL_KEY].status.result_of is not None
