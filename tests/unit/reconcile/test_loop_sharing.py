"""Jobs that share backends: who waits, what ends the waiting, and what is never exceeded."""

import pytest

from quantum_operator.ports.world import Key
from quantum_operator.testing.builders import backend, job, policy
from quantum_operator.testing.drive import Driver, settle
from quantum_operator.testing.world import MemoryWorld
from unit.reconcile.scenarios import BELL_KEY, attempts, reason


def phases(world: MemoryWorld) -> dict[str, str | None]:
    """Every job's phase, by name."""
    return {key.name: one.status.phase for key, one in world.jobs.items()}


async def test_two_hundred_jobs_never_exceed_a_limit_of_five() -> None:
    """Of 200 jobs for a backend that takes five runs at once, five run at a time until all are done."""
    world = MemoryWorld()
    world.add(policy(), backend(limits={"maxConcurrentRuns": 5}))
    world.add(
        *(job(f"job-{index:03}", programs=[{"name": "bell", "template": {"name": "bell"}}]) for index in range(200))
    )
    assert await settle(world)
    assert set(phases(world).values()) == {"Succeeded"}
    assert world.most_live["simulator"] == 5


async def test_a_waiting_job_is_placed_when_a_slot_frees() -> None:
    """The second job of a full backend waits, says why, and runs when the first is over."""
    world = MemoryWorld()
    world.add(policy(), backend(limits={"maxConcurrentRuns": 1}), job("first"), job("second"))
    async with Driver(world) as driver:
        await driver.idle()
        waiting = [one for one in world.jobs.values() if reason(one, "Scheduled") == "AllBackendsBusy"]
        assert len(waiting) == 1
        assert attempts(waiting[0]) == ()
        assert await driver.settle()
    assert phases(world) == {"first": "Succeeded", "second": "Succeeded"}
    assert world.most_live["simulator"] == 1


async def test_a_slot_frees_while_its_last_holder_backs_off() -> None:
    """A lost run's slot goes to the job that waits, at once, and not only when the lost one is tried again."""
    world = MemoryWorld(script=lambda spec, job_input: "Evicted")
    world.add(policy(), backend(limits={"maxConcurrentRuns": 1}), job("first"))
    async with Driver(world) as driver:
        await driver.idle()
        world.add(job("second"))
        await driver.idle()
        start = world.clock.now()
        while world.advance_runs() and len(world.started) < 2:
            await driver.idle()
        assert world.clock.now() == start
        assert [one.state for one in attempts(world.jobs[Key("team", "first")])] == ["Lost"]
        assert [one.state for one in attempts(world.jobs[Key("team", "second")])] == ["Pending"]


async def test_a_slot_of_a_deleted_job_frees() -> None:
    """Deleting the job that holds the only slot lets the waiting one have it."""
    world = MemoryWorld()
    world.add(policy(), backend(limits={"maxConcurrentRuns": 1}), job("first"))
    async with Driver(world) as driver:
        await driver.idle()
        world.add(job("second"))
        await driver.idle()
        assert reason(world.jobs[Key("team", "second")], "Scheduled") == "AllBackendsBusy"
        world.delete(Key("team", "first"))
        assert await driver.settle()
    assert phases(world) == {"second": "Succeeded"}


async def test_the_only_slot_is_not_lost_between_two_jobs_of_one_name() -> None:
    """A job deleted and re-created while the scheduler has just placed it gets the slot of its forerunner."""
    for steps in range(60):
        world = MemoryWorld()
        world.add(policy(), backend(limits={"maxConcurrentRuns": 1}), job())
        async with Driver(world) as driver:
            for _ in range(steps):
                await driver.step()
            world.delete(BELL_KEY)
            world.add(job(uid="second"))
            assert await driver.settle()
        assert phases(world) == {"bell": "Succeeded"}, steps
        assert world.most_live["simulator"] == 1


async def test_a_job_waits_for_its_policy() -> None:
    """A job without its policy says so and runs once the policy is created."""
    world = MemoryWorld()
    world.add(backend(), job())
    async with Driver(world) as driver:
        assert await driver.settle(patience=20)
        assert reason(world.jobs[BELL_KEY], "Accepted") == "PolicyNotFound"
        assert len(world.history) == 1
        world.add(policy())
        assert await driver.settle()
    assert phases(world) == {"bell": "Succeeded"}


async def test_a_retry_waits_for_a_policy_that_was_deleted() -> None:
    """A job whose policy goes away between two attempts waits for it and is woken by its return alone."""
    world = MemoryWorld(script=lambda spec, job_input: "Evicted")
    world.add(policy(), backend(), job(backoffLimit=1))
    async with Driver(world) as driver:
        await driver.idle()
        world.policies.clear()
        assert await driver.settle()
        assert reason(world.jobs[BELL_KEY], "Scheduled") == "PolicyNotFound"
        assert len(world.started) == 1
        assert world.clock.next_due() is None
        world.add(policy())
        assert await driver.settle()
    assert len(world.started) == 2


async def test_a_policy_edited_while_a_job_waits_counts() -> None:
    """A waiting job is placed by what its policy says now, not by what it said when the wait began."""
    world = MemoryWorld()
    world.add(policy("absent"), backend(), job())
    async with Driver(world) as driver:
        assert await driver.settle()
        assert reason(world.jobs[BELL_KEY], "Scheduled") == "NoBackends"
        world.add(policy("simulator"))
        assert await driver.settle()
    assert phases(world) == {"bell": "Succeeded"}


async def test_a_job_waits_for_a_backend_to_be_created() -> None:
    """A policy that matches nothing keeps its jobs waiting until a backend is created."""
    world = MemoryWorld()
    world.add(policy(), job())
    async with Driver(world) as driver:
        assert await driver.settle()
        assert reason(world.jobs[BELL_KEY], "Scheduled") == "NoBackends"
        world.add(backend())
        assert await driver.settle()
    assert phases(world) == {"bell": "Succeeded"}


@pytest.mark.parametrize("ready", [None, False])
async def test_a_job_runs_once_its_backend_is_ready(ready: bool | None) -> None:
    """A simulator that has not reported, or was not ready, is made ready, and the job runs."""
    world = MemoryWorld()
    world.add(policy(), backend(ready=ready), job())
    assert await settle(world)
    assert phases(world) == {"bell": "Succeeded"}


async def test_a_job_that_no_backend_can_ever_run_fails_at_once() -> None:
    """A job that is too wide for every backend ends with each one's objection, and its input is kept."""
    world = MemoryWorld()
    world.add(policy(), backend(qubits=1), job())
    assert await settle(world)
    done = world.jobs[BELL_KEY]
    assert reason(done) == "NoEligibleBackend"
    assert done.status.plan is not None
    assert [one.reason for one in done.status.plan.steps[0].candidates] == ["TooFewQubits"]
    assert done.status.input is not None
    assert ("team", done.status.input.name) in world.artifacts


async def test_a_backend_deleted_before_the_run_starts_costs_an_attempt() -> None:
    """A job whose backend is gone before its run exists goes to the next backend of the policy."""
    world = MemoryWorld()
    world.add(policy("doomed", "simulator"), backend("doomed"), backend(), job())
    async with Driver(world) as driver:
        while not world.history:
            await driver.step()
        del world.backends["doomed"]
        assert await driver.settle()
    done = world.jobs[BELL_KEY]
    assert [(one.backend, one.state) for one in attempts(done)] == [("doomed", "Lost"), ("simulator", "Succeeded")]


async def test_a_slow_cache_does_not_overfill_a_backend() -> None:
    """While reads lag behind writes, a backend given away counts as taken."""
    world = MemoryWorld()
    world.add(policy(), backend(limits={"maxConcurrentRuns": 2}))
    world.add(*(job(f"job-{index}") for index in range(6)))
    async with Driver(world) as driver:
        for _ in range(40):
            world.lag()
            assert await driver.settle(patience=1)
            world.catch_up()
            assert await driver.idle()
        assert await driver.settle()
    assert set(phases(world).values()) == {"Succeeded"}
    assert world.most_live["simulator"] == 2


async def test_the_oldest_job_goes_first() -> None:
    """Among jobs that wait for the same slot the one that was created first gets it."""
    world = MemoryWorld()
    world.add(policy(), backend(limits={"maxConcurrentRuns": 1}), job("running"))
    async with Driver(world) as driver:
        await driver.idle()
        for name, created in (("younger", "2026-01-02T00:00:00Z"), ("older", "2026-01-01T12:00:00Z")):
            one = job(name)
            metadata = one.metadata.model_copy(update={"creation_timestamp": created})
            world.add(one.model_copy(update={"metadata": metadata}))
        assert await driver.settle()
    assert [name.rsplit("-", 2)[0] for name in world.started] == ["running", "older", "younger"]


async def test_a_waiting_job_is_written_once() -> None:
    """However often others come and go, a job that keeps waiting for the same reason is not written again."""
    world = MemoryWorld()
    world.add(policy(), backend(limits={"maxConcurrentRuns": 1}))
    world.add(*(job(f"job-{index}") for index in range(8)))
    assert await settle(world)
    writes = [key.name for key, _ in world.history]
    assert max(writes.count(name) for name in writes) == 4


async def test_a_namespace_without_a_share_is_told_so() -> None:
    """A backend that is shared by label serves only namespaces that have it."""
    world = MemoryWorld()
    world.add(policy(), backend(namespaces={"from": "Selector", "selector": {"matchLabels": {"tier": "gold"}}}), job())
    world.namespaces["team"] = {"tier": "gold"}
    world.add(policy(namespace="others"), job("stranger", namespace="others"))
    assert await settle(world)
    assert phases(world) == {"bell": "Succeeded", "stranger": "Failed"}
