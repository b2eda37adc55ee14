"""Jobs under one key, through the loop: errors and crashes at every port call, and still one run in all."""

import asyncio
from collections.abc import Callable
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.ports.world import Key
from quantum_operator.testing.builders import backend, job, policy
from quantum_operator.testing.drive import Driver, settle
from quantum_operator.testing.faults import Fault
from quantum_operator.testing.world import MemoryWorld, Script
from support.disturbed import calls_to_disturb
from unit.reconcile.scenarios import BELL_KEY, attempts, first_is_evicted, reason

KEY = "nightly-7"
FAULTS: tuple[Fault, ...] = tuple(fault for fault in get_args(Fault) if fault != "gone")
PLACE = ("team", KEY)


def keyed(name: str = "bell", uid: str = "", **spec: Any) -> QuantumJob:
    """A job under the key."""
    return job(name, uid=uid, idempotencyKey=KEY, **spec)


def world_of(*jobs: QuantumJob, script: Script | None = None) -> MemoryWorld:
    """A world with these jobs, a policy and a backend."""
    world = MemoryWorld() if script is None else MemoryWorld(script=script)
    world.add(policy(), backend(), *jobs)
    return world


def done_world() -> MemoryWorld:
    """The first job has its result and is deleted; its namesake has just been created."""
    world = world_of(keyed())
    assert asyncio.run(settle(world))
    world.delete(BELL_KEY)
    world.add(keyed(uid="again"))
    return world


def interrupted_world() -> MemoryWorld:
    """The first job was deleted while its run executed; its namesake has just been created."""
    world = world_of(keyed())

    async def half() -> None:
        async with Driver(world) as driver:
            await driver.idle()
            world.advance_runs()
            await driver.idle()

    asyncio.run(half())
    assert world.jobs[BELL_KEY].status.phase == "Running"
    world.delete(BELL_KEY)
    world.add(keyed(uid="again"))
    return world


SCENARIOS: dict[str, tuple[Callable[[], MemoryWorld], int]] = {
    "one job": (lambda: world_of(keyed()), 1),
    "one job, whose first run is lost": (lambda: world_of(keyed(), script=first_is_evicted), 2),
    "two at once": (lambda: world_of(keyed("one"), keyed("two")), 1),
    "done and created again": (done_world, 1),
    "deleted while it ran": (interrupted_world, 2),
}
"""Worlds, and how many runs there are in all."""


def survive(scenario: str, faults: dict[int, Fault]) -> MemoryWorld:
    """The scenario's world after as many processes as it takes, with these faults at the calls from now on."""
    world = SCENARIOS[scenario][0]()
    before = len(world.faults.calls)
    for n, fault in faults.items():
        world.fail_at(before + n, fault)
    for _ in range(len(faults) + 1):
        if asyncio.run(settle(world)):
            return world
    raise AssertionError("crashed more often than was planned")


def calls(scenario: str) -> int:
    """How many port calls it takes without any fault, from the scenario's beginning on."""
    before = len(SCENARIOS[scenario][0]().faults.calls)
    return len(survive(scenario, {}).faults.calls) - before


def assert_one_ran(scenario: str, world: MemoryWorld) -> None:
    """Every job has the result of the one that ran, in the claim as well; nothing ran more than it had to."""
    assert {one.status.phase for one in world.jobs.values()} == {"Succeeded"}
    assert len(world.started) == len(set(world.started)) == SCENARIOS[scenario][1]
    ran = [one for one in world.jobs.values() if attempts(one)]
    claim = world.claims[PLACE].claim
    assert claim.done is not None
    assert [one.metadata.uid for one in ran] in ([claim.uid], [])
    for one in world.jobs.values():
        assert one.status.result is not None
        assert one.status.result.pubs == claim.done.result.pubs
        if one not in ran:
            assert reason(one) == "AlreadyDone"
            assert one.status.cost is not None
            assert one.status.cost.micros == 0
            assert one.status.result_of == claim.done.of
    assert all(count == 1 for name, count in world.most_live.items() if name != "simulator")


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("fault", ["crash-before", "crash-after", "transient-after", "conflict"])
def test_one_fault_at_any_call_changes_nothing(scenario: str, fault: Fault, faults: str) -> None:
    """Whichever call fails so, the jobs end as without."""
    for n in calls_to_disturb(calls(scenario), faults, fault):
        assert_one_ran(scenario, survive(scenario, {n: fault}))


@settings(max_examples=60, derandomize=True)
@given(
    st.sampled_from(sorted(SCENARIOS)),
    st.dictionaries(st.integers(1, 60), st.sampled_from(FAULTS), min_size=2, max_size=10),
)
def test_any_faults_at_any_calls_change_nothing(scenario: str, faults: dict[int, Fault]) -> None:
    """However many calls fail and however often the process dies."""
    assert_one_ran(scenario, survive(scenario, faults))


async def test_the_second_waits_while_the_first_is_under_way() -> None:
    """It asks for no backend, and has its result as soon as it looks again."""
    world = world_of(keyed("one"), keyed("two"))
    async with Driver(world) as driver:
        await driver.idle()
        world.clock.advance(1)  # of two that would create the claim, one failed and looks again
        await driver.idle()
        waiting = next(one for one in world.jobs.values() if not attempts(one))
        assert (waiting.status.phase, reason(waiting, "Accepted"), reason(waiting, "Scheduled")) == (
            "Queued",
            "Accepted",
            "KeyInUse",
        )
        assert await driver.settle()
    assert_one_ran("two at once", world)


@pytest.mark.parametrize("how", ["cancel", "fail"])
async def test_the_second_runs_when_the_first_has_no_result(how: str) -> None:
    """Nothing was paid, so that the claim is free."""
    world = world_of(keyed("one"), keyed("two"), script=lambda spec, _: "OOMKilled" if how == "fail" else "Evicted")
    async with Driver(world) as driver:
        await driver.idle()
        world.clock.advance(1)
        await driver.idle()
        ran = next(key for key, one in world.jobs.items() if attempts(one))
        if how == "cancel":
            one = world.jobs[ran]
            world.add(one.model_copy(update={"spec": one.spec.model_copy(update={"cancel": True})}))
        world.script = MemoryWorld().script
        assert await driver.settle()
    other = next(one for key, one in world.jobs.items() if key != ran)
    assert (world.jobs[ran].status.phase, reason(other)) == ("Failed", "Succeeded")
    assert world.claims[PLACE].claim.uid == other.metadata.uid


async def test_another_spec_under_the_key_is_refused_and_runs_nothing() -> None:
    """Also long after the first is gone."""
    world = world_of(keyed())
    assert await settle(world)
    world.delete(BELL_KEY)
    world.add(keyed("other", execution={"seed": 3}))
    assert await settle(world)
    assert reason(world.jobs[Key("team", "other")]) == "KeyOfAnotherSpec"
    assert len(world.started) == 1


@pytest.mark.parametrize("percents", [(0, 100), (100, 0), (100, 100)])
@pytest.mark.parametrize("waits", [False, True])
async def test_a_feature_that_changes_makes_no_other_spec(percents: tuple[int, int], waits: bool) -> None:
    """Of what a key answers to it is what the job itself declares, whatever its policy adds to that by then."""
    first, second = (
        policy(features=[{"name": "deep", "percent": percent, "execution": {"optimizationLevel": 3}}])
        for percent in percents
    )
    world = world_of(keyed())
    world.add(first)
    async with Driver(world) as driver:
        assert await (driver.idle() if waits else driver.settle())
        world.add(second, keyed("second"))
        assert await driver.idle()
        world.add(first)
        assert await driver.settle()
        world.add(second, keyed("other", execution={"optimizationLevel": 3}), keyed("third"))
        assert await driver.settle()
    names = ("bell", "second", "third", "other")
    ends = [reason(world.jobs[Key("team", name)]) for name in names]
    assert ends == ["Succeeded", "AlreadyDone", "AlreadyDone", "KeyOfAnotherSpec"]
    assert len(world.started) == 1
    plan = world.jobs[BELL_KEY].status.plan
    assert plan is not None
    assert (plan.features, plan.declared_sha256 is not None) == (("deep",) if percents[0] else (), percents[0] > 0)


async def test_a_key_is_of_its_namespace() -> None:
    """Another team's job of the same key runs."""
    world = world_of(keyed(), keyed(uid="theirs").model_copy(update={"metadata": job(namespace="other").metadata}))
    world.add(policy(namespace="other"))
    assert await settle(world)
    assert [reason(one) for one in world.jobs.values()] == ["Succeeded", "Succeeded"]
    assert len(world.started) == 2


async def test_many_under_one_key_run_once() -> None:
    """Also where reads of jobs lag behind: no cache decides who holds the claim."""
    world = world_of(*(keyed(f"job-{number}") for number in range(12)))
    async with Driver(world) as driver:
        for _ in range(10):
            world.lag()
            assert await driver.settle(patience=1)
            world.catch_up()
            assert await driver.idle()
        assert await driver.settle()
    assert sorted(reason(one) for one in world.jobs.values()) == ["AlreadyDone"] * 11 + ["Succeeded"]
    assert len(world.started) == 1


async def test_fifty_namesakes_one_after_the_other_run_once() -> None:
    """Deleted and created again, as a folder that is applied again and again does; nothing is left but the claim."""
    world = world_of()
    for number in range(50):
        world.add(keyed(uid=f"uid-{number}"))
        assert await settle(world)
        assert world.jobs[BELL_KEY].status.phase == "Succeeded"
        world.delete(BELL_KEY)
    assert len(world.started) == 1
    assert (world.runs, world.artifacts, len(world.claims)) == ({}, {}, 1)
