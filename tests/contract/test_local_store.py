"""The laptop's store, artifacts and recorder keep the contracts of `ports/world.py`."""

from dataclasses import replace
from datetime import timedelta

import pytest
from localworld import KEY, NOW, World, attempted, disk_full, ref

from quantum_operator.api.jobstatus import QuantumJobStatus
from quantum_operator.api.meta import Condition
from quantum_operator.decide.observed import Tell
from quantum_operator.decide.shadow import shadow_of
from quantum_operator.decide.status import is_terminal
from quantum_operator.decide.times import stamp
from quantum_operator.local.recorder import LocalRecorder
from quantum_operator.local.shell import SystemClock
from quantum_operator.ports.errors import ConflictError, GoneError, NameTakenError, TransientError
from quantum_operator.ports.world import Key
from quantum_operator.reconcile.retention import expire
from quantum_operator.testing import builders
from quantum_operator.testing.ports import memory_ports
from quantum_operator.testing.world import MemoryWorld

OVER = {
    "type": "Complete",
    "status": "True",
    "reason": "Succeeded",
    "message": "",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}


async def test_store_writes_what_was_observed(world: World) -> None:
    """A status is written at the version that was observed, and read back with the next version."""
    await world.store.put_job_status(world.job, QuantumJobStatus(phase="Queued"))
    stored = await world.store.job(KEY)
    assert stored is not None
    assert stored.status.phase == "Queued"
    assert int(stored.metadata.resource_version) == int(world.job.metadata.resource_version) + 1
    assert world.written[-1] == stored


async def test_store_refuses_a_stale_write(world: World) -> None:
    """A status decided on an older version is refused, and changes nothing."""
    await world.store.put_job_status(world.job, QuantumJobStatus(phase="Queued"))
    with pytest.raises(ConflictError):
        await world.store.put_job_status(world.job, QuantumJobStatus(phase="Running"))
    stored = await world.store.job(KEY)
    assert stored is not None
    assert stored.status.phase == "Queued"


async def test_store_refuses_a_namesake(world: World) -> None:
    """A status of a job that was replaced by another of its name is refused."""
    world.store.create(builders.job(backoffLimit=0), NOW)
    with pytest.raises(GoneError):
        await world.store.put_job_status(world.job, QuantumJobStatus(phase="Queued"))


async def test_store_refuses_a_missing_job(world: World) -> None:
    """A status of a job whose folder was removed is refused."""
    world.folder.job(KEY).clear()
    assert await world.store.job(KEY) is None
    with pytest.raises(GoneError):
        await world.store.put_job_status(world.job, QuantumJobStatus(phase="Queued"))


async def test_store_says_when_it_cannot_write(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is a passing fault: the old status stays, and the loop tries again."""
    monkeypatch.setattr("quantum_operator.local.store.write_json", disk_full)
    with pytest.raises(TransientError, match="No space left"):
        await world.store.put_job_status(world.job, QuantumJobStatus(phase="Queued"))
    assert (await world.store.job(KEY)) == world.job


async def test_store_finds_the_replays_of_a_job(world: World) -> None:
    """By the job's UID, in its namespace."""
    of = {"name": "bell", "uid": "u-1"}
    again = world.store.create(builders.job("again", replayOf=of), NOW)
    world.store.create(builders.job("other", replayOf={**of, "uid": "u-2"}), NOW)
    (found,) = await world.store.replays(KEY.namespace, "u-1")
    assert (found.created, found.uid) == (again.metadata.creation_timestamp, again.metadata.uid)
    assert await world.store.replays("another", "u-1") == ()


async def test_what_ran_on_this_machine_stays(world: World) -> None:
    """Whatever its spec says of a cluster: whoever ran it removes its folder."""
    now = SystemClock().now()
    status = QuantumJobStatus(
        completion_time=stamp(now - timedelta(days=1)),
        conditions=(Condition.model_validate(OVER),),
        input=ref(b"input"),
    )
    await world.artifacts.put(world.job, ref(b"input"), b"input")
    for spec in ({"ttlSecondsAfterFinished": 0}, {"retention": {"payloadSeconds": 0}}):
        job = builders.job(**spec).model_copy(update={"metadata": world.job.metadata, "status": status})
        await expire(
            replace(memory_ports(MemoryWorld()), clock=SystemClock(), store=world.store, artifacts=world.artifacts), job
        )
        assert await world.store.job(KEY) == world.job
        assert is_terminal(job.status)
        assert await world.artifacts.get(world.job, ref(b"input")) == b"input"


async def test_store_keeps_a_shadow_as_long_as_its_primary(world: World) -> None:
    """It is created once, and seen again by who goes on; a namesake is left alone."""
    made = shadow_of(world.job)
    for _ in range(2):
        await world.store.create_job(made)
    key = Key(KEY.namespace, made.metadata.name)
    assert [one.metadata.name for one in world.written].count(key.name) == 2
    await world.store.put_job_status(world.job, QuantumJobStatus(shadow=key.name))
    job = await world.store.job(KEY)
    assert job is not None
    shadow = world.store.shadow_of(job)
    assert shadow is not None
    assert shadow.spec.shadow_of == made.spec.shadow_of
    world.store.create(builders.job(priority=1), NOW)
    assert await world.store.job(key) is None
    world.store.create(builders.job(key.name), NOW)
    with pytest.raises(NameTakenError):
        await world.store.create_job(made)


async def test_store_counts_live_runs(world: World) -> None:
    """The attempts under way are counted by backend, and no longer once they are over."""
    assert dict(await world.store.live_runs()) == {}
    await world.store.put_job_status(world.job, attempted())
    assert dict(await world.store.live_runs()) == {"simulator": 1}
    job = await world.store.job(KEY)
    assert job is not None
    await world.store.put_job_status(job, QuantumJobStatus())
    assert dict(await world.store.live_runs()) == {}


async def test_store_reads_the_catalog(world: World) -> None:
    """Policies, backends, labels and ConfigMaps are those of the manifests, and None where there is none."""
    policy = await world.store.policy("team", "default")
    assert policy is not None
    assert policy.spec == builders.policy().spec
    assert await world.store.policy("other", "default") is None
    assert [one.metadata.name for one in await world.store.backends()] == ["simulator"]
    assert await world.store.namespace_labels("team") == {"kubernetes.io/metadata.name": "team"}
    assert await world.store.config_map_value("team", "bell", "a") == "text"
    assert await world.store.config_map_value("team", "bell", "b") is None
    assert await world.store.config_map_value("team", "other", "a") is None


async def test_backends_are_ready_at_once(world: World) -> None:
    """No job is told to wait for a simulator that was just never looked at."""
    (backend,) = await world.store.backends()
    assert [(one.type, one.status) for one in backend.status.conditions] == [("Ready", "True")]


async def test_statuses_compare_and_set(world: World) -> None:
    """The status of a policy or backend is written once; a second write at the old version is dropped."""
    (policy,), (backend,) = await world.catalog.policies(), await world.store.backends()
    for count in (1, 2):
        await world.catalog.put_policy_status(policy, policy.status.model_copy(update={"backends": count}))
        status = backend.status.model_copy(update={"observed_generation": 4 + count})
        await world.catalog.put_backend_status(backend, status)
    assert [one.status.backends for one in await world.catalog.policies()] == [1]
    assert [one.status.observed_generation for one in await world.store.backends()] == [5]


async def test_resumes_an_unfinished_job(world: World) -> None:
    """The unfinished job of the same spec is taken up with its UID and status, whoever left it."""
    await world.store.put_job_status(world.job, attempted())
    again = World(world.folder.path)
    assert again.job.metadata.uid == world.job.metadata.uid
    assert again.job.status == attempted()
    assert dict(await again.store.live_runs()) == {"simulator": 1}


async def test_another_spec_is_another_job(world: World) -> None:
    """A job of the same name and another spec replaces the one in the folder, files and all."""
    await world.artifacts.put(world.job, ref(b"old"), b"old")
    replaced = world.store.create(builders.job(backoffLimit=0), NOW)
    assert replaced.metadata.uid != world.job.metadata.uid
    assert not world.folder.job(KEY).artifact("input").exists()


async def test_artifacts_are_kept_once(world: World) -> None:
    """An artifact can be put twice, and its bytes are those of its digest."""
    for _ in range(2):
        await world.artifacts.put(world.job, ref(b"data"), b"data")
    assert world.folder.job(KEY).artifact("input").read_bytes() == b"data"


async def test_artifacts_are_read_as_they_were_kept(world: World) -> None:
    """What is not there, or was changed since, is none."""
    await world.artifacts.put(world.job, ref(b"data"), b"data")
    assert await world.artifacts.get(world.job, ref(b"data")) == b"data"
    assert await world.artifacts.get(world.job, ref(b"other")) is None
    world.folder.job(KEY).artifact("input").unlink()
    assert await world.artifacts.get(world.job, ref(b"data")) is None


async def test_artifacts_never_replace_other_content(world: World) -> None:
    """Other bytes under an artifact's name are an error, and stay as they are."""
    await world.artifacts.put(world.job, ref(b"data"), b"data")
    with pytest.raises(NameTakenError, match="remove it"):
        await world.artifacts.put(world.job, ref(b"other"), b"other")
    assert world.folder.job(KEY).artifact("input").read_bytes() == b"data"


async def test_artifacts_say_when_they_cannot_be_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is a passing fault."""
    monkeypatch.setattr("quantum_operator.local.artifacts.write_atomically", disk_full)
    with pytest.raises(TransientError, match="No space left"):
        await world.artifacts.put(world.job, ref(b"data"), b"data")


async def test_recorder_keeps_and_tells(world: World) -> None:
    """An event is told to whoever listens and kept in the folder, in order."""
    told: list[tuple[Key, Tell]] = []
    recorder = LocalRecorder(world.folder, SystemClock(), lambda key, event: told.append((key, event)))
    for reason in ("Assigned", "RunStarted"):
        await recorder.tell(world.job, Tell("Normal", reason, "a message"))
    assert [(key, event.reason) for key, event in told] == [(KEY, "Assigned"), (KEY, "RunStarted")]
    assert [event["reason"] for event in world.folder.job(KEY).read_events()] == ["Assigned", "RunStarted"]


async def test_recorder_never_raises(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """An event that can't be kept is told nevertheless, and the log says so."""
    told: list[Tell] = []
    world.folder.job(KEY).events.mkdir()
    await LocalRecorder(world.folder, SystemClock(), lambda _, event: told.append(event)).tell(
        world.job, Tell("Normal", "Assigned", "a message")
    )
    assert [event.reason for event in told] == ["Assigned"]
    assert "can't be kept" in caplog.text


async def test_an_event_is_kept_with_what_its_job_is_part_of(world: World) -> None:
    """Where the job says so."""
    recorder = LocalRecorder(world.folder, SystemClock(), lambda key, tell: None)
    told = builders.job(correlationId="order-7")
    for job in (told, world.job):
        await recorder.tell(job, Tell("Normal", "Assigned", "x"))
    events = world.folder.job(KEY).read_events()
    assert [event.get("correlationId") for event in events] == ["order-7", None]


async def test_what_was_run_on_a_laptop_stays(world: World) -> None:
    """Whatever its spec says of a time: people remove their results themselves."""
    await world.store.delete_job(world.job)
    assert await world.store.job(KEY) == world.job
