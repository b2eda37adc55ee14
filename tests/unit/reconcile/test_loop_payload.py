"""The payload of jobs that are over: removed after its time, while the job stays with its status."""

from collections.abc import Callable
from typing import Any, get_args

import pytest

from quantum_operator.api.jobstatus import QuantumJobStatus
from quantum_operator.api.run import JobInput, RunSpec
from quantum_operator.decide.retention import payload_expires_in, payload_of, stays
from quantum_operator.testing.builders import backend, job, outcome, policy
from quantum_operator.testing.drive import Driver, settle
from quantum_operator.testing.faults import Fault
from quantum_operator.testing.provider import MemoryProvider
from quantum_operator.testing.world import MemoryWorld
from support.disturbed import calls_to_disturb
from unit.agent.paidworld import live, paid_world
from unit.reconcile.scenarios import BELL_KEY, calls_of

FAULTS: tuple[Fault, ...] = tuple(fault for fault in get_args(Fault) if fault != "gone")
MINUTE = {"payloadSeconds": 60}
WIDE = {f"{number:012b}": 1 for number in range(1000)}


def spread(spec: RunSpec, job_input: JobInput) -> bytes:
    """A run whose outcome is too large for a status."""
    samples = [{"index": 0, "registers": [{"name": "c", "size": 12, "counts": WIDE}]}]
    pubs = [{"program": "bell", "shape": [], "shots": 1000, "samples": samples}]
    return outcome(spec, job_input, pubs=pubs).model_dump_json(by_alias=True, exclude_none=True).encode()


def world_of(**spec: Any) -> MemoryWorld:
    """A world with one job, whose outcome is large."""
    world = MemoryWorld(script=spread)
    world.add(policy(), backend(), job(**spec))
    return world


async def over(**spec: Any) -> MemoryWorld:
    """A world whose job has just succeeded."""
    world = world_of(**spec)
    assert await settle(world, patience=0)
    assert status(world).phase == "Succeeded"
    return world


def status(world: MemoryWorld) -> QuantumJobStatus:
    """The job's."""
    return world.jobs[BELL_KEY].status


async def pass_by(driver: Driver, seconds: float) -> None:
    """Let so many seconds pass, and what is due be done."""
    assert await driver.idle()
    driver.world.clock.advance(seconds)
    assert await driver.idle()


async def test_the_payload_goes_and_the_status_stays() -> None:
    """Only when it is gone is said changes; digests stay, and so does what the status has of the result."""
    world = await over(retention=MINUTE)
    before = status(world)
    assert len(world.artifacts) == len(payload_of(before)) == 2
    async with Driver(world) as driver:
        await pass_by(driver, 59)
        assert (len(world.artifacts), len(world.runs), status(world)) == (2, 1, before)
        await pass_by(driver, 2)
    assert world.artifacts == world.runs == {}
    removed = status(world).payload_removed_time
    assert removed == "2026-01-01T00:01:01Z"
    assert status(world) == before.model_copy(update={"payload_removed_time": removed})
    result = status(world).result
    assert result is not None
    assert result.truncated


async def test_it_is_removed_once() -> None:
    """And the job is not looked at again."""
    world = await over(retention=MINUTE)
    assert await settle(world)
    count = calls_of(world, "artifacts.remove"), calls_of(world, "store.job")
    assert count[0] == 2
    assert await settle(world, patience=10**6)
    assert (calls_of(world, "artifacts.remove"), calls_of(world, "store.whole_job")) == (2, 1)


async def test_a_job_that_does_not_say_keeps_everything() -> None:
    """However long."""
    world = await over()
    assert await settle(world, patience=10**7)
    assert len(world.artifacts) == 2
    assert status(world).payload_removed_time is None


async def test_a_failed_jobs_payload_goes_as_well() -> None:
    """There is no outcome then."""
    world = world_of(retention=MINUTE, backoffLimit=0)
    world.script = lambda spec, job_input: "Evicted"
    assert await settle(world)
    assert status(world).phase == "Failed"
    assert world.artifacts == world.runs == {}
    assert status(world).payload_removed_time is not None


@pytest.mark.parametrize(("payload", "ttl"), [(10, 60), (60, 10), (10, 10)])
async def test_a_job_may_go_after_its_payload(payload: int, ttl: int) -> None:
    """Each at its own time; nothing of it is left."""
    world = await over(retention={"payloadSeconds": payload}, ttlSecondsAfterFinished=ttl)
    async with Driver(world) as driver:
        await pass_by(driver, 11)
        assert (BELL_KEY in world.jobs) == (ttl == 60)
        assert world.artifacts == {} or (payload == 60 and ttl == 60)
        await pass_by(driver, 60)
    assert world.jobs == world.artifacts == world.runs == {}


async def test_a_payload_may_be_given_more_time() -> None:
    """Until it is removed; also where that is seen only when its time has come."""
    world = await over(retention=MINUTE)
    async with Driver(world) as driver:
        await pass_by(driver, 50)
        world.lag()
        one = world.jobs[BELL_KEY]
        longer = one.spec.model_copy(update={"retention": None})
        world.add(one.model_copy(update={"spec": longer}))
        await pass_by(driver, 20)
        assert len(world.artifacts) == 2
        world.catch_up()
        await pass_by(driver, 500)
    assert len(world.artifacts) == 2


async def test_what_has_its_name_and_is_somebody_elses_stays() -> None:
    """A namesake's artifacts are its own."""
    world = await over(retention=MINUTE)
    other = {key: type(kept)("another", kept.data) for key, kept in world.artifacts.items()}
    world.artifacts.update(other)
    assert await settle(world)
    assert world.artifacts == other


@pytest.mark.parametrize("fault", FAULTS)
async def test_one_fault_at_any_call_changes_nothing(fault: Fault, faults: str) -> None:
    """Whichever call fails so, in the end everything is gone, and the status says so."""
    undisturbed = world_of(retention={"payloadSeconds": 5})
    assert await settle(undisturbed)
    expected = status(undisturbed)
    for n in calls_to_disturb(len(undisturbed.faults.calls), faults, fault):
        world = world_of(retention={"payloadSeconds": 5})
        world.fail_at(n, fault)
        assert await settle(world) or await settle(world)
        assert world.artifacts == world.runs == {}, n
        assert status(world).payload_removed_time is not None
        assert status(world).result == expected.result
        assert len(world.started) == 1


async def test_a_providers_task_goes_with_the_payload() -> None:
    """It has the whole input and the whole outcome; what it cost stays on record with the job."""
    world, provider = paid_world(retention=MINUTE), MemoryProvider()
    await live(world, provider)
    cost = status(world).cost
    assert len(world.tasks) == 1
    assert await settle(world)
    assert world.tasks == world.artifacts == {}
    assert status(world).cost == cost
    assert (cost.micros if cost is not None else 0) == provider.charged > 0


async def test_a_job_with_a_retention_shares_no_run() -> None:
    """What a shared run holds of it would stay for the others."""
    world = MemoryWorld()
    world.add(policy(), backend(limits={"maxBatchJobs": 8, "maxConcurrentRuns": 1}))
    world.add(*(job(f"one-{number}", retention=MINUTE) for number in range(3)))
    assert await settle(world, patience=30)
    attempts = [one.status.plan.steps[-1].attempts[-1] for one in world.jobs.values() if one.status.plan is not None]
    assert [one.batch for one in attempts] == [None] * 3


Change = Callable[[QuantumJobStatus], QuantumJobStatus]


async def test_what_is_left_to_do_is_read_off_the_job() -> None:
    """Nothing of a job that is under way, none twice."""
    ended = (await over(retention=MINUTE)).jobs[BELL_KEY]
    now = MemoryWorld().clock.now()
    assert payload_expires_in(ended, now) == 60
    assert not stays(ended)
    assert payload_expires_in(job(retention=MINUTE), now) is None
    gone = ended.model_copy(update={"status": ended.status.model_copy(update={"payload_removed_time": "x"})})
    assert payload_expires_in(gone, now) is None
    assert stays(gone)
