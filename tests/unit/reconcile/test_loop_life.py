"""One job's life in the loop, over a world in memory."""

import pytest

from quantum_operator.decide.names import artifact_name, run_name
from quantum_operator.testing.builders import BELL, backend, job, outcome, policy
from quantum_operator.testing.drive import Driver, settle
from quantum_operator.testing.world import Artifact, MemoryRun, MemoryWorld, succeed
from unit.reconcile.scenarios import BELL_KEY, attempts, bell_world, reason, retried_world


async def test_a_job_runs_to_completion() -> None:
    """A Bell job ends with its counts, on the backend of its policy."""
    world = bell_world()
    assert await settle(world)
    status = world.jobs[BELL_KEY].status
    assert status.phase == "Succeeded"
    assert status.backend == "simulator"
    assert status.result is not None
    samples = status.result.pubs[0].samples
    assert samples is not None
    assert samples[0].registers[0].counts == {"00": 512, "11": 512}
    assert [one.state for one in attempts(world.jobs[BELL_KEY])] == ["Succeeded"]


async def test_a_bell_job_costs_five_writes() -> None:
    """One Bell job takes exactly three status writes, one artifact and one run."""
    world = bell_world()
    assert await settle(world)
    calls = world.faults.calls
    writes = {name: calls.count(name) for name in set(calls) if "put" in name or "start" in name}
    assert writes == {"store.put_job_status": 3, "artifacts.put": 1, "runs.start": 1}
    assert [status.phase for _, status in world.history] == ["Queued", "Running", "Succeeded"]


async def test_a_settled_world_is_left_alone() -> None:
    """A second process over a finished world writes nothing."""
    world = bell_world()
    assert await settle(world)
    before = len(world.faults.calls)
    assert await settle(world)
    assert not [name for name in world.faults.calls[before:] if "put" in name or "start" in name or "tell" in name]


async def test_people_are_told_the_story_once() -> None:
    """The events of a job are its assignment, its start and its end, in this order."""
    world = bell_world()
    assert await settle(world)
    assert [event.reason for _, event in world.events] == ["Assigned", "RunStarted", "Succeeded"]


async def test_a_lost_run_is_tried_again() -> None:
    """A run that leaves no outcome for an infrastructure's cause is followed by a second attempt under another name."""
    world = retried_world()
    assert await settle(world)
    done = world.jobs[BELL_KEY]
    assert [(one.number, one.state) for one in attempts(done)] == [(1, "Lost"), (2, "Succeeded")]
    assert done.status.phase == "Succeeded"
    assert world.most_live[done.metadata.uid] == 1


async def test_attempts_end_at_the_backoff_limit() -> None:
    """A job whose every run is lost fails after backoffLimit + 1 attempts, which wait longer and longer."""
    world = bell_world()
    world.add(job(backoffLimit=2))
    world.script = lambda spec, job_input: "Evicted"
    start = world.clock.now()
    assert await settle(world)
    done = world.jobs[BELL_KEY]
    assert reason(done) == "BackoffLimitExceeded"
    assert [one.state for one in attempts(done)] == ["Lost"] * 3
    assert 1 <= (world.clock.now() - start).total_seconds() < 10


@pytest.mark.parametrize(
    ("failure", "expected"), [("OOMKilled", "MemoryLimitExceeded"), ("DeadlineExceeded", "TimeLimitExceeded")]
)
async def test_what_would_end_the_same_way_is_not_tried_again(failure: str, expected: str) -> None:
    """A run over its limits fails the job at once."""
    world = bell_world()
    world.script = lambda spec, job_input: failure
    assert await settle(world)
    assert reason(world.jobs[BELL_KEY]) == expected
    assert len(world.started) == 1


async def test_a_refused_program_ends_the_job() -> None:
    """The run's diagnosis becomes the reason of Complete and withdraws Accepted."""
    world = bell_world()
    error = {"reason": "InvalidParameters", "message": "no such input", "field": "spec.task"}
    world.script = lambda spec, job_input: outcome(spec, job_input, error=error, pubs=[]).model_dump_json().encode()
    assert await settle(world)
    done = world.jobs[BELL_KEY]
    assert (reason(done), reason(done, "Accepted")) == ("InvalidParameters", "InvalidParameters")
    assert len(world.started) == 1


async def test_a_large_outcome_is_kept_whole() -> None:
    """What does not fit the status is an artifact under its digest."""

    def many(spec, job_input):  # type: ignore[no-untyped-def]
        counts = {f"{index:014b}": 1 for index in range(5000)}
        register = {"name": "c", "size": 14, "counts": counts}
        pub = {"program": "bell", "shape": [], "shots": 5000, "samples": [{"index": 0, "registers": [register]}]}
        return outcome(spec, job_input, pubs=[pub]).model_dump_json().encode()

    world = bell_world()
    world.script = many
    assert await settle(world)
    result = world.jobs[BELL_KEY].status.result
    assert result is not None
    assert result.truncated
    assert result.outcome is not None
    assert len(world.artifacts["team", result.outcome.name].data) == result.outcome.bytes


async def test_a_job_waits_for_its_config_map() -> None:
    """A job whose ConfigMap is missing says so, and runs once it is there."""
    world = bell_world()
    ref = {"name": "programs", "key": "bell.qasm"}
    world.add(job(programs=[{"name": "bell", "configMapKeyRef": ref}]))
    async with Driver(world) as driver:
        assert await driver.settle(patience=20)
        assert reason(world.jobs[BELL_KEY], "Accepted") == "ConfigMapNotFound"
        assert len(world.history) == 1
        world.config_maps["team", "programs", "bell.qasm"] = BELL
        assert await driver.settle()
    assert world.jobs[BELL_KEY].status.phase == "Succeeded"


async def test_a_config_map_edited_later_changes_nothing() -> None:
    """What was accepted is what runs, whatever becomes of the ConfigMap."""
    world = bell_world()
    ref = {"name": "programs", "key": "bell.qasm"}
    world.config_maps["team", "programs", "bell.qasm"] = BELL
    world.script = lambda spec, job_input: "Evicted" if spec.run.endswith("-1") else succeed(spec, job_input)
    world.add(job(programs=[{"name": "bell", "configMapKeyRef": ref}]))
    async with Driver(world) as driver:
        await driver.idle()
        world.config_maps["team", "programs", "bell.qasm"] = "not a program"
        assert await driver.settle()
    assert world.jobs[BELL_KEY].status.phase == "Succeeded"


async def test_a_config_map_edited_while_the_job_is_placed_is_placed_anew() -> None:
    """A backend that was chosen for a narrower program is not used for what the ConfigMap says by then."""
    world = MemoryWorld()
    world.config_maps["team", "programs", "bell.qasm"] = BELL
    ref = {"name": "programs", "key": "bell.qasm"}
    world.add(policy("small", "large"), backend("small", qubits=2), backend("large", qubits=20))
    world.add(job(programs=[{"name": "bell", "configMapKeyRef": ref}]))
    async with Driver(world, workers=1) as driver:
        while "store.live_runs" not in world.faults.calls:
            await driver.step()
        world.config_maps["team", "programs", "bell.qasm"] = BELL.replace("qubit[2]", "qubit[5]").replace(
            "c = measure q", "c[0] = measure q[0]"
        )
        assert await driver.settle()
    assert world.jobs[BELL_KEY].status.backend == "large"


async def test_a_refused_run_is_asked_for_again() -> None:
    """A platform that refuses the run is told on the status, and tried again every few seconds until it gives in."""
    world = bell_world()
    calls = 0
    undisturbed = bell_world()
    assert await settle(undisturbed)
    first = undisturbed.faults.calls.index("runs.start") + 1
    world.fail_at(first, "refused")
    async with Driver(world) as driver:
        await driver.idle()
        calls = world.faults.calls.count("runs.start")
        assert (calls, reason(world.jobs[BELL_KEY], "Running")) == (1, "RunRefused")
        assert "RunRefused" in [event.reason for _, event in world.events]
        assert await driver.settle()
    assert world.jobs[BELL_KEY].status.phase == "Succeeded"
    assert world.faults.calls.count("runs.start") == 2


async def test_a_vanished_run_is_lost_and_followed_by_another() -> None:
    """A run that was seen and is gone is never started again under its name."""
    world = bell_world()
    async with Driver(world) as driver:
        await driver.idle()
        world.advance_runs()
        await driver.idle()
        world.delete_run("team", world.started[0])
        assert await driver.settle()
    assert [(one.state, one.reason) for one in attempts(world.jobs[BELL_KEY])] == [
        ("Lost", "RunLost"),
        ("Succeeded", "Succeeded"),
    ]
    assert len(set(world.started)) == len(world.started) == 2


async def test_a_run_of_another_uid_is_not_adopted() -> None:
    """A finished run that bears the name but belongs to a job of another UID gives this job no outcome."""
    world = bell_world()
    uid = world.jobs[BELL_KEY].metadata.uid
    other = bell_world()
    assert await settle(other)
    name = run_name("bell", uid, 1)
    theirs = other.runs["team", name]
    world.runs["team", name] = MemoryRun(BELL_KEY, "another-uid", "run-0", theirs.spec, theirs.seen, theirs.ending)
    assert await settle(world, patience=30)
    waiting = world.jobs[BELL_KEY]
    assert waiting.status.phase == "Queued"
    assert reason(waiting, "Running") == "RunRefused"
    assert world.started == []


async def test_an_artifact_of_another_uid_is_not_written_over() -> None:
    """A job whose artifact's name is taken stays as it is and leaves the other's bytes alone."""
    world, other = bell_world(), bell_world()
    assert await settle(other)
    stored = other.jobs[BELL_KEY].status.input
    assert stored is not None
    assert stored.name == artifact_name("bell", other.jobs[BELL_KEY].metadata.uid, stored.sha256)
    world.artifacts["team", stored.name] = Artifact("another-uid", b"theirs")
    assert await settle(world, patience=60)
    assert world.artifacts["team", stored.name] == Artifact("another-uid", b"theirs")
    assert world.history == []


async def test_delete_and_create_again_never_mix() -> None:
    """Two jobs of one name, one after the other, have runs, artifacts and attempts of their own."""
    world = bell_world()
    async with Driver(world) as driver:
        await driver.idle()
        world.advance_runs()
        world.delete(BELL_KEY)
        world.add(job(uid="second"))
        assert await driver.settle()
    second = world.jobs[BELL_KEY]
    assert second.status.phase == "Succeeded"
    assert [one.number for one in attempts(second)] == [1]
    assert {run.job_uid for run in world.runs.values()} == {"second"}
    assert len(set(world.started)) == 2


async def test_a_job_deleted_at_any_moment_leaves_the_loop_at_peace() -> None:
    """Whenever its job is deleted, the loop settles, and no run is created for it afterwards."""
    undisturbed = bell_world()
    assert await settle(undisturbed)
    for moment in range(1, len(undisturbed.faults.calls)):
        world = bell_world()
        async with Driver(world) as driver:
            while len(world.faults.calls) < moment:
                await driver.step()
                if driver.loop.is_idle and not world.advance_runs():
                    break
            world.delete(BELL_KEY)
            assert await driver.settle()
        assert world.jobs == {}
        assert world.runs == {}
