"""Errors and crashes at every single port call: they change nothing of how a world ends."""

import asyncio
from collections.abc import Callable
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_operator.api.jobstatus import QuantumJobStatus
from quantum_operator.ports.world import Key
from quantum_operator.testing.drive import Driver, settle
from quantum_operator.testing.faults import Fault
from quantum_operator.testing.world import MemoryWorld
from support.disturbed import calls_to_disturb
from unit.reconcile.scenarios import BELL_KEY, bell_world, crowded_world, ending, kept, retried_world

SCENARIOS: dict[str, Callable[[], MemoryWorld]] = {
    "bell": bell_world,
    "retried": retried_world,
    "crowded": crowded_world,
}
# A call answers "gone" only when the job is: that is another world, and tested with deletions.
FAULTS: tuple[Fault, ...] = tuple(fault for fault in get_args(Fault) if fault != "gone")
_UNDISTURBED: dict[str, MemoryWorld] = {}


def undisturbed(scenario: str) -> MemoryWorld:
    """The scenario's world after one process without any fault."""
    if scenario not in _UNDISTURBED:
        world = SCENARIOS[scenario]()
        assert asyncio.run(settle(world))
        _UNDISTURBED[scenario] = world
    return _UNDISTURBED[scenario]


def survive(scenario: str, faults: dict[int, Fault]) -> MemoryWorld:
    """The scenario's world after as many processes as it takes, with these faults at these calls."""
    world = SCENARIOS[scenario]()
    for n, fault in faults.items():
        world.fail_at(n, fault)
    for _ in range(len(faults) + 1):
        if asyncio.run(settle(world)):
            return world
    raise AssertionError("crashed more often than was planned")


def assert_as_undisturbed(scenario: str, world: MemoryWorld) -> None:
    """It ended as without faults; no job ever had two runs alive, no run was created twice, nothing went backward."""
    assert ending(world) == ending(undisturbed(scenario))
    assert len(set(world.started)) == len(world.started)
    for key, job in world.jobs.items():
        assert world.most_live[job.metadata.uid] == 1, key
        written = [status for owner, status in world.history if owner == key]
        assert [_progress(one) for one in written] == sorted(_progress(one) for one in written)
    for name, one in world.backends.items():
        assert world.most_live[name] <= one.spec.limits.max_concurrent_runs


def _progress(status: QuantumJobStatus) -> tuple[int, int, int]:
    attempts = status.plan.steps[-1].attempts if status.plan is not None else ()
    states = ("Pending", "Running", "Lost", "Failed", "Succeeded")
    return (
        sum(one.type == "Complete" for one in status.conditions),
        len(attempts),
        states.index(attempts[-1].state) if attempts else 0,
    )


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_scenarios_end_well(scenario: str) -> None:
    """Without faults every job of a scenario succeeds."""
    world = undisturbed(scenario)
    assert {job.status.phase for job in world.jobs.values()} == {"Succeeded"}
    assert_as_undisturbed(scenario, world)


@pytest.mark.parametrize("fault", FAULTS)
def test_one_fault_at_any_call_changes_nothing(fault: Fault, faults: str) -> None:
    """Whichever port call fails so, alone, on the way to a run, to its loss or to its result, the job ends well."""
    for n in calls_to_disturb(len(undisturbed("retried").faults.calls), faults, fault):
        assert_as_undisturbed("retried", survive("retried", {n: fault}))


@pytest.mark.parametrize("fault", ["crash-before", "crash-after", "transient-after", "conflict"])
def test_one_fault_among_many_jobs_changes_nothing(fault: Fault, faults: str) -> None:
    """The same holds where jobs share a backend and wait for one another."""
    for n in calls_to_disturb(len(undisturbed("crowded").faults.calls), faults, fault)[:: 1 if faults == "all" else 2]:
        assert_as_undisturbed("crowded", survive("crowded", {n: fault}))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.dictionaries(st.integers(1, 120), st.sampled_from(FAULTS), min_size=2, max_size=12))
def test_any_faults_at_any_calls_change_nothing(faults: dict[int, Fault]) -> None:
    """However many calls fail and however often the process dies, the jobs end as they would have."""
    assert_as_undisturbed("crowded", survive("crowded", faults))


@pytest.mark.parametrize("fault", ["conflict", "transient-before"])
async def test_a_platform_that_is_down_for_long_is_waited_for(fault: Fault) -> None:
    """Forty failures in a row are outlasted, with pauses between the tries."""
    world = bell_world()
    for n in range(8, 48):
        world.fail_at(n, fault)
    start = world.clock.now()
    assert await settle(world, patience=3600)
    assert world.jobs[BELL_KEY].status.phase == "Succeeded"
    assert (world.clock.now() - start).total_seconds() > 2


async def test_a_fault_in_one_job_does_not_stop_another() -> None:
    """A job whose every pass meets an unexpected error leaves the others to run."""
    world = crowded_world()
    broken = world.jobs[Key("team", "mapped")]
    status = broken.status.model_copy(update={"conditions": "not conditions"})
    world.jobs[Key("team", "mapped")] = broken.model_copy(update={"status": status})
    assert await settle(world, patience=200)
    phases = {key.name: job.status.phase for key, job in world.jobs.items()}
    assert phases == {"sampled": "Succeeded", "estimated": "Succeeded", "mapped": None}


async def test_a_job_that_is_gone_is_forgotten() -> None:
    """A write that finds its job gone ends the pass, and the loop keeps nothing of the job."""
    world = bell_world()
    undisturbed_world = bell_world()
    assert await settle(undisturbed_world)
    world.fail_at(undisturbed_world.faults.calls.index("store.put_job_status") + 1, "gone")
    async with Driver(world) as driver:
        await driver.idle()
        assert not world.started
        world.delete(BELL_KEY)
        assert await driver.settle()
        assert kept(driver.loop) == 0


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_the_loop_keeps_nothing_of_jobs_that_are_over(scenario: str) -> None:
    """Once every job is over, the loop's tables are empty: its memory does not grow with the jobs it has seen."""
    world = SCENARIOS[scenario]()
    for n in range(10, 100, 7):
        world.fail_at(n, "transient-before" if n % 2 else "refused")
    async with Driver(world) as driver:
        assert await driver.settle()
        assert kept(driver.loop) == 0
