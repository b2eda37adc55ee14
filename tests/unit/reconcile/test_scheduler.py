"""The scheduler and the reconciler's memory: whose word is whose, and what is forgotten."""

from quantum_operator.api.jobstatus import Demand
from quantum_operator.decide.observed import Nominate
from quantum_operator.ports.world import Key
from quantum_operator.reconcile.scheduler import Scheduler
from quantum_operator.testing.builders import backend, job, policy
from quantum_operator.testing.drive import Driver
from quantum_operator.testing.ports import memory_ports
from quantum_operator.testing.world import MemoryWorld
from unit.reconcile.scenarios import BELL_KEY, bell_world, calls_of, kept, settled_calls

DEMAND = Demand(qubits=2, shots=1024)


def world_of_one_slot() -> MemoryWorld:
    """A backend that takes one run at a time."""
    world = MemoryWorld()
    world.add(policy(), backend(limits={"maxConcurrentRuns": 1}))
    return world


async def test_a_word_is_for_the_job_of_its_uid_alone() -> None:
    """What was assigned to a job is not given to another of the same name."""
    asked: list[Key] = []
    world = world_of_one_slot()
    scheduler = Scheduler(memory_ports(world), asked.append, world.clock.later)
    scheduler.nominate(BELL_KEY, job(uid="first"), Nominate(DEMAND))
    await scheduler.round()
    word = scheduler.assignment(BELL_KEY, "first")
    assert word is not None
    assert (word.verdict, word.backend) == ("Assigned", "simulator")
    assert scheduler.assignment(BELL_KEY, "second") is None
    assert asked == [BELL_KEY]


async def test_a_namesake_takes_over_the_place_in_line() -> None:
    """A job nominated under a name that was assigned to a forerunner gets the forerunner's slot."""
    world = world_of_one_slot()
    scheduler = Scheduler(memory_ports(world), lambda key: None, world.clock.later)
    scheduler.nominate(BELL_KEY, job(uid="first"), Nominate(DEMAND))
    await scheduler.round()
    scheduler.nominate(BELL_KEY, job(uid="second"), Nominate(DEMAND))
    await scheduler.round()
    word = scheduler.assignment(BELL_KEY, "second")
    assert word is not None
    assert word.verdict == "Assigned"


async def test_asking_again_keeps_what_was_given() -> None:
    """A job that asks again is given the same slot again, not a second one, and told so."""
    asked: list[Key] = []
    world = world_of_one_slot()
    scheduler = Scheduler(memory_ports(world), asked.append, world.clock.later)
    scheduler.nominate(BELL_KEY, job(uid="first"), Nominate(DEMAND))
    await scheduler.round()
    scheduler.nominate(BELL_KEY, job(uid="first"), Nominate(DEMAND))
    await scheduler.round()
    word = scheduler.assignment(BELL_KEY, "first")
    assert word is not None
    assert word.verdict == "Assigned"
    assert asked == [BELL_KEY, BELL_KEY]


async def test_a_refused_job_that_is_deleted_is_forgotten() -> None:
    """Nothing of a job whose run was refused is kept once the job is gone."""
    world = bell_world()
    world.fail_at(await settled_calls("runs.start"), "refused")
    async with Driver(world) as driver:
        await driver.idle()
        assert kept(driver.loop) > 0
        world.delete(BELL_KEY)
        assert await driver.settle()
        assert kept(driver.loop) == 0


async def test_a_quick_series_of_events_does_not_hammer_a_platform_that_refuses() -> None:
    """However often the job is looked at, a refused run is asked for again only after some seconds."""
    world = bell_world()
    first = await settled_calls("runs.start")
    for n in range(first, first + 40):
        world.fail_at(n, "refused")
    async with Driver(world) as driver:
        for _ in range(10):
            await driver.idle()
            driver.loop.request(BELL_KEY)
        await driver.idle()
    assert calls_of(world, "runs.start") == 1
