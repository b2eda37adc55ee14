"""When a paid attempt was submitted and started, as the provider's side of it knows: on record with the job."""

import asyncio

import pytest

from quantum_operator.api.jobstatus import Attempt
from quantum_operator.cli.describe import story
from quantum_operator.decide.times import parse
from quantum_operator.testing.provider import MemoryProvider
from quantum_operator.testing.world import MemoryWorld
from unit.agent.paidworld import BELL, live, paid_world


def attempt(world: MemoryWorld) -> Attempt:
    """The only one."""
    plan = world.jobs[BELL].status.plan
    assert plan is not None
    (one,) = plan.steps[-1].attempts
    return one


def writes(world: MemoryWorld) -> int:
    """How often the job's status was written."""
    return world.faults.calls.count("store.put_job_status")


def test_an_attempt_has_the_times_of_its_task() -> None:
    """In their order, without a write more for them, and told by `qjob describe`."""
    world = paid_world()
    asyncio.run(live(world, MemoryProvider()))
    (task,) = world.tasks.values()
    one = attempt(world)
    assert (one.submitted_time, one.start_time) == (task.status.submitted_time, task.status.start_time)
    assert one.submitted_time is not None
    assert one.start_time is not None
    assert one.completion_time is not None
    times = [parse(one.created_time), parse(one.submitted_time), parse(one.start_time), parse(one.completion_time)]
    assert times == sorted(times)
    assert writes(world) <= 4
    assert any(f"submitted {one.submitted_time}" in line for line in story(world.jobs[BELL], ()))


@pytest.mark.parametrize("started", [False, True])
def test_an_attempt_that_was_stopped_has_them_as_well(started: bool) -> None:
    """A task that was only ever queued has not started."""
    world, provider = paid_world(), MemoryProvider(waiting={"memory-1"})
    asyncio.run(live(world, provider, until=lambda: bool(provider.tasks)))
    if started:
        provider.tasks[0].state = "Running"
        asyncio.run(live(world, provider, until=lambda: attempt(world).state == "Running"))
    job = world.jobs[BELL]
    world.add(job.model_copy(update={"spec": job.spec.model_copy(update={"cancel": True})}))
    asyncio.run(live(world, provider))
    one = attempt(world)
    assert one.state == "Cancelled"
    assert one.submitted_time is not None
    assert (one.start_time is not None) == started
