"""The cluster's ports Store, Statuses, Artifacts and Recorder against a real API server."""

import asyncio
import hashlib

import httpx2
import pytest
from lightkube import Client, KubeConfig

from quantum_operator.api.governance import SUBMITTER
from quantum_operator.api.jobstatus import ArtifactRef, Attempt, Demand, Plan, QuantumJobStatus, Step
from quantum_operator.api.policy import BackendPolicyStatus
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.cli.kube import Cluster as CliCluster
from quantum_operator.cli.outcomes import read_artifact
from quantum_operator.cluster.api import Api
from quantum_operator.cluster.schemas import check_schemas
from quantum_operator.decide.health import backend_status
from quantum_operator.decide.observed import Tell
from quantum_operator.decide.shadow import is_shadow_of, shadow_of
from quantum_operator.local.shell import SystemClock
from quantum_operator.ports.chunks import CHUNK_BYTES
from quantum_operator.ports.errors import ConflictError, GoneError, NameTakenError, RefusedError, TransientError
from quantum_operator.ports.world import Key
from quantum_operator.testing import builders
from support.clusterworld import World, manifest
from testcluster import Cluster

PENDING = QuantumJobStatus(phase="Pending", observed_generation=1)


@pytest.fixture
async def world(served: Cluster, namespace: str, api: Api) -> World:
    """The ports, in a namespace of their own."""
    return World(served, namespace, api)


def key_of(job: QuantumJob) -> Key:
    return Key(job.metadata.namespace, job.metadata.name)


def ref_of(name: str, data: bytes) -> ArtifactRef:
    return ArtifactRef(name=name, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))


def running_on(backend: str, run: str = "bell-1") -> QuantumJobStatus:
    attempt = Attempt(name=run, number=1, backend=backend, state="Pending", seed=1, created_time="2026-01-01T00:00:00Z")
    demand = Demand(qubits=2, shots=1, physical=False)
    step = Step(name="primary", attempts=(attempt,))
    plan = Plan(policy="default", policy_uid="u", policy_generation=1, demand=demand, steps=(step,))
    return PENDING.model_copy(update={"plan": plan})


async def test_a_status_that_was_written_is_seen_without_a_watch(world: World) -> None:
    """The answer to the write is what is read next, so that nothing is decided on what was before."""
    job = await world.add_job()
    await world.store.put_job_status(job, PENDING)
    seen = await world.store.job(key_of(job))
    assert seen is not None
    assert seen.status == PENDING
    assert seen.spec == job.spec
    assert world.get("quantumjob", "bell")["status"]["phase"] == "Pending"


async def test_a_status_can_be_written_again_and_again(world: World) -> None:
    """Each write is on the version that the one before left."""
    job: QuantumJob | None = await world.add_job()
    for shots in (1, 2, 3):
        assert job is not None
        await world.store.put_job_status(job, PENDING.model_copy(update={"shots": shots}))
        job = await world.store.job(key_of(job))
    assert world.get("quantumjob", "bell")["status"]["shots"] == 3


async def test_a_status_decided_on_an_old_version_is_refused(world: World) -> None:
    """And what the job is now is seen at once, however far behind the watch is."""
    job = await world.add_job()
    world.kubectl("annotate", "quantumjob", "bell", "seen=no")
    with pytest.raises(ConflictError):
        await world.store.put_job_status(job, PENDING)
    seen = await world.store.job(key_of(job))
    assert seen is not None
    assert seen.metadata.annotations["seen"] == "no"
    await world.store.put_job_status(seen, PENDING)


async def test_a_status_of_a_job_that_is_gone_is_refused(world: World) -> None:
    """The job is seen no more."""
    job = await world.add_job()
    world.kubectl("delete", "quantumjob", "bell")
    with pytest.raises(GoneError):
        await world.store.put_job_status(job, PENDING)
    assert await world.store.job(key_of(job)) is None


async def test_a_status_of_a_job_that_was_made_anew_is_refused(world: World) -> None:
    """A namesake is another job: it does not get the status, and is seen in the place of the first."""
    job = await world.add_job()
    world.kubectl("delete", "quantumjob", "bell")
    world.apply(manifest(builders.job(), world.namespace))
    with pytest.raises(ConflictError):
        await world.store.put_job_status(job, PENDING)
    seen = await world.store.job(key_of(job))
    assert seen is not None
    assert seen.metadata.uid != job.metadata.uid
    assert seen.status.phase is None


async def test_a_status_that_the_schema_refuses_can_be_tried_again(world: World) -> None:
    """It is a fault of ours, which must not end the job."""
    job = await world.add_job()
    with pytest.raises(TransientError, match="422"):
        await world.store.put_job_status(job, PENDING.model_copy(update={"phase": "Nonsense"}))


async def test_an_api_server_that_is_away_can_be_asked_again(world: World) -> None:
    """What can't be reached may be reached later."""
    async with httpx2.AsyncClient(base_url="https://127.0.0.1:9", trust_env=False) as client:
        with pytest.raises(TransientError, match="can't be reached"):
            await Api(client).get("/api")


async def test_runs_under_way_are_counted_by_backend(world: World) -> None:
    """From the attempts on record, not from what runs."""
    for name in ("one", "two", "three"):
        job = await world.add_job(name)
        await world.store.put_job_status(job, running_on("aer", f"{name}-1") if name != "three" else PENDING)
    assert await world.store.live_runs() == {"aer": 2}


async def test_the_labels_of_a_namespace_are_read(world: World) -> None:
    """As they are; a namespace that is not there has none."""
    labels = await world.store.namespace_labels(world.namespace)
    assert labels["kubernetes.io/metadata.name"] == world.namespace
    assert await world.store.namespace_labels("nowhere") == {}


async def test_a_value_of_a_config_map_is_read_now(world: World) -> None:
    """No cache is between: what was changed last counts."""
    for text in ("before", "after"):
        world.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "source"}, "data": {"qasm": text}})
        assert await world.store.config_map_value(world.namespace, "source", "qasm") == text


async def test_a_value_that_is_missing_is_none(world: World) -> None:
    """No ConfigMap, no key, or bytes in place of text."""
    world.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "bytes"}, "binaryData": {"qasm": "AAA="}}
    )
    assert await world.store.config_map_value(world.namespace, "bytes", "qasm") is None
    assert await world.store.config_map_value(world.namespace, "bytes", "other") is None
    assert await world.store.config_map_value(world.namespace, "missing", "qasm") is None


async def test_the_health_of_policies_and_backends_is_written(world: World) -> None:
    """And is seen without a watch."""
    backend = builders.backend(f"aer-{world.namespace}", ready=None)
    world.apply(manifest(backend, ""), manifest(builders.policy(), world.namespace))
    await world.read()
    seen = next(one for one in await world.store.backends() if one.metadata.name == backend.metadata.name)
    await world.store.put_backend_status(seen, backend_status(seen, SystemClock().now()))
    policy = next(one for one in await world.store.policies() if one.metadata.namespace == world.namespace)
    await world.store.put_policy_status(policy, BackendPolicyStatus(backends=1))
    written = await world.store.policy(world.namespace, "default")
    assert written is not None
    assert written.status.backends == 1
    (ready,) = world.get("quantumbackend", backend.metadata.name)["status"]["conditions"]
    assert (ready["type"], ready["status"]) == ("Ready", "True")
    world.kubectl("delete", "quantumbackend", backend.metadata.name)


async def test_the_health_of_what_changed_meanwhile_is_judged_anew(world: World) -> None:
    """The write is dropped, and the change is told as a watch would."""
    world.apply(manifest(builders.policy(), world.namespace))
    await world.read()
    policy = await world.store.policy(world.namespace, "default")
    assert policy is not None
    world.kubectl("annotate", "backendpolicy", "default", "seen=no")
    before = world.asked.ground
    await world.store.put_policy_status(policy, BackendPolicyStatus(backends=1))
    assert world.asked.ground == before + 1
    assert "status" not in world.get("backendpolicy", "default")


async def test_what_a_watch_missed_is_seen_when_all_is_read_anew(world: World) -> None:
    """A job that was deleted while nobody watched is told, and gone."""
    job = await world.add_job()
    world.kubectl("delete", "quantumjob", "bell")
    world.asked.keys.clear()
    await world.read()
    assert world.asked.keys == [key_of(job)]
    assert await world.store.job(key_of(job)) is None


async def test_reading_anew_what_did_not_change_tells_nobody(world: World) -> None:
    """Nothing is looked at for no reason."""
    await world.add_job()
    world.asked.keys.clear()
    await world.read()
    assert world.asked.keys == []


async def test_the_definitions_of_this_version_are_accepted(world: World) -> None:
    """The operator starts on the definitions that it renders."""
    await check_schemas(world.api)


@pytest.mark.parametrize("data", [b'{"small":1}', b"", bytes(range(256)) * 4096, b"x" * CHUNK_BYTES])
async def test_an_artifact_is_read_as_it_was_put(world: World, data: bytes) -> None:
    """Whatever its size, by the program that people read it with."""
    job = await world.add_job()
    ref = ref_of("bell-outcome", data)
    await world.artifacts.put(job, ref, data)
    with Client(config=KubeConfig.from_file(world.cluster.kubeconfig), trust_env=False) as client:
        assert read_artifact(CliCluster(client, world.namespace), ref) == data


async def test_an_artifact_belongs_to_its_job_and_never_changes(world: World) -> None:
    """It is deleted with the job, and nobody can edit it."""
    job = await world.add_job()
    await world.artifacts.put(job, ref_of("bell-input", b"{}"), b"{}")
    made = world.get("configmap", "bell-input")
    (owner,) = made["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["controller"], owner["kind"]) == (job.metadata.uid, True, "QuantumJob")
    assert made["immutable"] is True


async def test_putting_an_artifact_again_changes_nothing(world: World) -> None:
    """Also when only its first chunk was written before the operator ended."""
    job = await world.add_job()
    data = b"y" * (CHUNK_BYTES + 1)
    ref = ref_of("bell-outcome", data)
    await world.artifacts.put(job, ref, data)
    before = world.get("configmap", "bell-outcome")["metadata"]["resourceVersion"]
    world.kubectl("delete", "configmap", "bell-outcome-1")
    await world.artifacts.put(job, ref, data)
    assert world.get("configmap", "bell-outcome")["metadata"]["resourceVersion"] == before
    assert "bell-outcome-1" in world.names("configmaps")


async def test_a_config_map_of_somebody_else_is_no_artifact(world: World) -> None:
    """It is left as it is, and who can help is told what to do."""
    job = await world.add_job()
    world.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "bell-input"}, "data": {"data": "{}"}})
    with pytest.raises(NameTakenError, match=r"ConfigMap bell-input .* delete it"):
        await world.artifacts.put(job, ref_of("bell-input", b"{}"), b"{}")
    assert world.get("configmap", "bell-input")["data"] == {"data": "{}"}


async def test_a_config_map_with_other_bytes_is_no_artifact(world: World) -> None:
    """Even the job's own: a digest has one content."""
    job = await world.add_job()
    await world.artifacts.put(job, ref_of("bell-input", b"{}"), b"{}")
    with pytest.raises(NameTakenError):
        await world.artifacts.put(job, ref_of("bell-input", b"[]"), b"[]")


async def test_an_artifact_is_removed_and_nothing_else(world: World) -> None:
    """All of its chunks, once or again; not what has its name and is somebody else's."""
    job = await world.add_job()
    data = b"y" * (CHUNK_BYTES + 1)
    ref = ref_of("bell-outcome", data)
    await world.artifacts.put(job, ref, data)
    await world.artifacts.put(job, ref_of("bell-input", b"{}"), b"{}")
    await world.artifacts.remove(job, ref)
    await world.artifacts.remove(job, ref)
    assert await world.artifacts.get(job, ref) is None
    assert await world.artifacts.get(job, ref_of("bell-input", b"{}")) == b"{}"
    foreign = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "bell-other"}, "data": {"data": "{}"}}
    world.apply(foreign)
    await world.artifacts.remove(job, ref_of("bell-other", b"{}"))
    assert world.get("configmap", "bell-other")["data"] == {"data": "{}"}


async def test_an_artifact_in_a_namespace_that_is_gone_is_refused(world: World) -> None:
    """As for a job that is gone."""
    job = builders.job(namespace="nowhere")
    with pytest.raises(GoneError):
        await world.artifacts.put(job, ref_of("bell-input", b"{}"), b"{}")


async def record(world: World, job: QuantumJob, *events: Tell) -> None:
    for event in events:
        await world.recorder.tell(job, event)
    task = asyncio.create_task(world.recorder.run())
    await world.recorder.flush()
    task.cancel()


async def test_an_event_is_shown_by_kubectl_describe(world: World) -> None:
    """With its type, its reason and its message."""
    job = await world.add_job()
    await record(world, job, Tell("Normal", "Assigned", "assigned to aer"), Tell("Warning", "RunLost", "node died"))
    described = world.kubectl("describe", "quantumjob", "bell").partition("Events:")[2]
    assert "Normal" in described
    assert "assigned to aer" in described
    assert "Warning  RunLost" in described
    assert "quantum-operator" in described


async def test_an_event_that_can_not_be_written_is_lost_in_silence(world: World) -> None:
    """The job goes on; only the log has it."""
    job = await world.add_job()
    nowhere = job.model_copy(update={"metadata": job.metadata.model_copy(update={"namespace": "nowhere"})})
    await record(world, nowhere, Tell("Normal", "Assigned", "x"))
    await record(world, job, Tell("Normal", "Assigned", "after it"))
    assert "after it" in world.kubectl("describe", "quantumjob", "bell")


async def test_a_job_is_deleted_at_the_version_that_was_observed(world: World) -> None:
    """One that has changed since is seen as it is now and stays; what is gone is gone."""
    job = await world.add_job()
    world.kubectl("annotate", "quantumjob", "bell", "seen=no")
    with pytest.raises(ConflictError):
        await world.store.delete_job(job)
    seen = await world.store.job(key_of(job))
    assert seen is not None
    assert seen.metadata.annotations["seen"] == "no"
    await world.store.delete_job(seen)
    world.kubectl("wait", "quantumjob", "bell", "--for=delete", "--timeout=60s")
    await world.store.delete_job(seen)


async def test_a_namesake_is_not_deleted_in_a_jobs_place(world: World) -> None:
    """It is another job, and is seen from then on."""
    job = await world.add_job()
    world.kubectl("delete", "quantumjob", "bell")
    world.apply(manifest(builders.job(), world.namespace))
    with pytest.raises(ConflictError):
        await world.store.delete_job(job)
    seen = await world.store.job(key_of(job))
    assert seen is not None
    assert seen.metadata.uid != job.metadata.uid


@pytest.mark.parametrize("size", [0, 10, CHUNK_BYTES + 1])
async def test_an_artifact_is_read_as_it_was_kept(world: World, size: int) -> None:
    """In however many chunks; what is not there, or is something else, is none."""
    job = await world.add_job()
    data = b"x" * size
    ref = ref_of("kept", data)
    await world.artifacts.put(job, ref, data)
    assert await world.artifacts.get(job, ref) == data
    assert await world.artifacts.get(job, ref_of("absent", data)) is None
    assert await world.artifacts.get(job, ref_of("kept", b"another" + data[:3])) is None


async def test_the_replays_of_a_job_are_found_among_others(world: World) -> None:
    """By the job's UID alone, whatever is in that, and also those that are over and no longer kept in memory."""
    odd = "a,b=c\\d"
    for name, uid in (("one", "u-1"), ("two", "u-1"), ("other", "u-2"), ("odd", odd)):
        job = builders.job(name, replayOf={"name": "first", "uid": uid})
        world.apply(manifest(job, world.namespace))
    await world.add_job("plain")
    assert {name: len(await world.store.replays(world.namespace, name)) for name in ("u-1", "u-2", "u-3", odd)} == {
        "u-1": 2,
        "u-2": 1,
        "u-3": 0,
        odd: 1,
    }
    (found,) = await world.store.replays(world.namespace, "u-2")
    meta = world.get("quantumjob", "other")["metadata"]
    assert (found.created, found.uid) == (meta["creationTimestamp"], meta["uid"])
    assert await world.store.replays("another", "u-1") == ()


async def test_a_shadow_is_created_once(world: World) -> None:
    """With its owner, who submitted that, and its spec; one of its name that is another job is left alone."""
    primary = await world.add_job()
    marked = primary.metadata.model_copy(update={"annotations": {SUBMITTER: "ada"}})
    made = shadow_of(primary.model_copy(update={"metadata": marked}))
    for _ in range(2):
        await world.store.create_job(made)
    name = made.metadata.name
    there = QuantumJob.model_validate(world.get("quantumjob", name))
    assert there.spec == made.spec
    assert there.metadata.annotations[SUBMITTER] == "ada"
    assert [one.uid for one in there.metadata.owner_references] == [primary.metadata.uid]
    assert is_shadow_of(there, with_shadow(primary, name))
    world.kubectl("delete", "quantumjob", name)
    world.apply(manifest(builders.job(name), world.namespace))
    with pytest.raises(NameTakenError, match="is another one"):
        await world.store.create_job(made)
    bad = made.model_copy(update={"metadata": made.metadata.model_copy(update={"name": "No Name"})})
    with pytest.raises(RefusedError, match="RFC 1123"):
        await world.store.create_job(bad)


def with_shadow(job: QuantumJob, name: str) -> QuantumJob:
    """The job with this shadow on record."""
    return job.model_copy(update={"status": job.status.model_copy(update={"shadow": name})})
