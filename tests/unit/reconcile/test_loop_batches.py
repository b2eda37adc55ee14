"""Jobs that share a run: together they start and end, and nothing that befalls one is another's."""

import asyncio
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_operator.api.run import JobInput, RunSpec
from quantum_operator.ports.world import Key
from quantum_operator.testing.builders import backend, job, policy
from quantum_operator.testing.drive import Driver, settle
from quantum_operator.testing.faults import Fault
from quantum_operator.testing.world import MemoryWorld, Script, succeed
from support.disturbed import calls_to_disturb
from unit.reconcile.scenarios import attempts, kept, reason

FAULTS: tuple[Fault, ...] = tuple(fault for fault in get_args(Fault) if fault != "gone")


def world_of(count: int, script: Script = succeed, **limits: int) -> MemoryWorld:
    """So many jobs for a backend whose runs may be shared."""
    world = MemoryWorld(script=script)
    world.add(policy(), backend(limits={"maxBatchJobs": 50, **limits}))
    world.add(*(job(f"job-{index:02}") for index in range(count)))
    return world


def shared_by(world: MemoryWorld) -> dict[str, str | None]:
    """What the first attempt of every job shares, by the job's name."""
    return {key.name: attempts(one)[0].batch for key, one in world.jobs.items()}


def states(world: MemoryWorld, name: str) -> list[tuple[str, str]]:
    """The attempts of a job, with the reason of each one's end."""
    return [(one.state, one.reason) for one in attempts(world.jobs[Key("team", name)])]


async def test_those_who_come_together_share_a_run() -> None:
    """Ten jobs are one run; each has its own outcome, seed and record, and was written four times at most."""
    world = world_of(10)
    assert await settle(world, workers=10)
    assert {one.status.phase for one in world.jobs.values()} == {"Succeeded"}
    assert set(shared_by(world).values()) == {name for _, name in world.batches}
    assert list(world.batches.values()) == [10]
    assert len({attempts(one)[0].seed for one in world.jobs.values()}) == 10
    assert len({one.status.result.outcome_sha256 for one in world.jobs.values() if one.status.result}) == 10
    writes = [key.name for key, _ in world.history]
    assert max(writes.count(name) for name in writes) <= 4


async def test_those_who_wait_become_one_run() -> None:
    """While the backend's only run is under way, whoever comes lines up; then they go together."""
    world = world_of(1, maxConcurrentRuns=1)
    async with Driver(world) as driver:
        await driver.idle()
        for index in range(1, 8):
            world.add(job(f"job-{index:02}"))
            await driver.idle()
        assert [reason(one, "Scheduled") for one in world.jobs.values()].count("AllBackendsBusy") == 7
        assert await driver.settle()
    shared = shared_by(world)
    assert shared.pop("job-00") is None
    assert len(set(shared.values())) == 1
    assert list(world.batches.values()) == [7]
    assert world.most_live["simulator"] == 1


async def test_what_a_shared_run_does_not_reach_runs_alone() -> None:
    """It loses nothing by that: no try is counted, and it is not shared again."""

    def script(spec: RunSpec, job_input: JobInput) -> bytes | str:
        return "NotReached" if spec.run.startswith("job-03") and spec.run.endswith("-1") else succeed(spec, job_input)

    world = world_of(6, script)
    world.add(job("job-03", backoffLimit=0))
    assert await settle(world)
    assert {one.status.phase for one in world.jobs.values()} == {"Succeeded"}
    assert states(world, "job-03") == [("Returned", "RunAlone"), ("Succeeded", "Succeeded")]
    assert [one.batch is None for one in attempts(world.jobs[Key("team", "job-03")])] == [False, True]
    assert states(world, "job-02") == [("Succeeded", "Succeeded")]


@pytest.mark.parametrize("word", ["OOMKilled", "DeadlineExceeded"])
async def test_what_would_fail_a_job_does_so_only_when_it_ran_alone(word: str) -> None:
    """A shared pod that ran out of memory fails nobody; who takes too much alone fails by himself."""

    def script(spec: RunSpec, job_input: JobInput) -> bytes | str:
        alone = not spec.run.endswith("-1")
        return succeed(spec, job_input) if alone and not spec.run.startswith("job-01") else word

    world = world_of(4, script)
    assert await settle(world)
    phases = {key.name: one.status.phase for key, one in world.jobs.items()}
    assert phases == {"job-00": "Succeeded", "job-01": "Failed", "job-02": "Succeeded", "job-03": "Succeeded"}
    assert [state for state, _ in states(world, "job-01")] == ["Returned", "Failed"]


async def test_a_shared_run_that_is_lost_is_a_loss_of_each() -> None:
    """Its pod was evicted: everybody tries again, alone, and it counts."""

    def script(spec: RunSpec, job_input: JobInput) -> bytes | str:
        return "Evicted" if spec.run.endswith("-1") else succeed(spec, job_input)

    world = world_of(3, script)
    assert await settle(world)
    for name in ("job-00", "job-01", "job-02"):
        assert states(world, name) == [("Lost", "RunEvicted"), ("Succeeded", "Succeeded")]


@pytest.mark.parametrize("change", [{"cancel": True}, {"suspend": True}])
@pytest.mark.parametrize("running", [False, True])
async def test_who_leaves_a_shared_run_stops_nobody(change: dict[str, Any], running: bool) -> None:
    """A cancelled or suspended job is so at once; the others have their results, and the suspended one later too."""
    world = world_of(4)
    key = Key("team", "job-02")
    async with Driver(world) as driver:
        await driver.idle()
        while not world.batches:
            world.clock.advance(1)
            await driver.idle()
        if running:
            world.advance_runs()
            await driver.idle()
        spec = world.jobs[key].spec.model_copy(update=change)
        world.add(world.jobs[key].model_copy(update={"spec": spec}))
        await driver.idle()
        word = "Cancelled" if "cancel" in change else "Suspended"
        assert states(world, "job-02") == [(word, word)]
        assert await driver.settle()
        phases = {one.name: job.status.phase for one, job in world.jobs.items()}
        assert [phases[name] for name in ("job-00", "job-01", "job-03")] == ["Succeeded"] * 3
        if word == "Suspended":
            spec = spec.model_copy(update={"suspend": False})
            world.add(world.jobs[key].model_copy(update={"spec": spec}))
            assert await driver.settle()
            assert [state for state, _ in states(world, "job-02")] == ["Suspended", "Succeeded"]
            assert attempts(world.jobs[key])[1].batch is None
        assert kept(driver.loop) == 0


async def test_a_job_that_is_deleted_before_the_run_is_not_in_it() -> None:
    """The others are not kept waiting for it."""
    world = world_of(5)
    async with Driver(world) as driver:
        while not any(status.plan for _, status in world.history):
            await driver.step()
        world.delete(Key("team", "job-04"))
        assert await driver.settle()
    assert {one.status.phase for one in world.jobs.values()} == {"Succeeded"}
    assert sum(world.batches.values()) <= 4


def survive(faults: dict[int, Fault]) -> MemoryWorld:
    """Five jobs that share a run, after as many processes as it takes, with these faults at these calls."""
    world = world_of(5, maxConcurrentRuns=2)
    for n, fault in faults.items():
        world.fail_at(n, fault)
    for _ in range(len(faults) + 1):
        if asyncio.run(settle(world)):
            return world
    raise AssertionError("crashed more often than was planned")


def assert_sound(world: MemoryWorld) -> None:
    """Every job has its result; no run was created twice, no job had two at once, none was lost or over the limit."""
    assert {one.status.phase for one in world.jobs.values()} == {"Succeeded"}
    assert len(set(world.started)) == len(world.started)
    assert world.most_live["simulator"] <= 2
    for key, one in world.jobs.items():
        assert world.most_live[one.metadata.uid] == 1, key
        found = [attempt.state for attempt in attempts(one)]
        assert found in (["Succeeded"], ["Returned", "Succeeded"]), key


@pytest.mark.parametrize("fault", FAULTS)
def test_one_fault_at_any_call_harms_nobody(fault: Fault, faults: str) -> None:
    """Whichever call fails so, alone: all five have their results, nothing runs twice."""
    undisturbed = survive({})
    assert list(undisturbed.batches.values()) in ([4], [5]), "the fifth may come a round later"
    for n in calls_to_disturb(len(undisturbed.faults.calls), faults, fault):
        assert_sound(survive({n: fault}))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.dictionaries(st.integers(1, 120), st.sampled_from(FAULTS), min_size=2, max_size=10))
def test_any_faults_at_any_calls_harm_nobody(faults: dict[int, Fault]) -> None:
    """The same with many faults, and however often the process dies."""
    assert_sound(survive(faults))
