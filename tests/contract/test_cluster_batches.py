"""The cluster's port Batches against a real API server, whose kubelet is the test."""

import base64
import json
from typing import Any

import pytest

from quantum_operator.api.backend import RunTemplate
from quantum_operator.api.batch import BatchSpec, bind
from quantum_operator.api.envelope import seal, sha256
from quantum_operator.api.jobstatus import ArtifactRef, Attempt
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.cluster.api import Api
from quantum_operator.cluster.batches import ClusterBatches
from quantum_operator.cluster.manifest import RunSettings
from quantum_operator.decide.names import artifact_name
from quantum_operator.decide.observed import RunObserved, StartRun
from quantum_operator.ports.batches import BatchPart
from quantum_operator.ports.errors import GoneError, NameTakenError, RefusedError
from quantum_operator.ports.world import Key
from quantum_operator.testing import builders
from support.clusterworld import IMAGE, RUNNING, World, terminated
from support.runs import encoded, job, sample, spec, template
from testcluster import Cluster
from testcluster.processes import eventually

BATCH = "batch-1"
NOWHERE = {"nodeSelector": {"quantum-operator.dev/node": "none"}}
"""No node takes such a pod, so that the test is its kubelet."""

DATA = encoded(job(template("bell"), sample(shots=10)))


@pytest.fixture
async def world(served: Cluster, namespace: str, api: Api) -> World:
    """The ports, in a namespace that holds its pods to the restricted standard."""
    return World(served, namespace, api)


def batches(world: World) -> ClusterBatches:
    """The port."""
    return ClusterBatches(world.api, world.mirror, RunSettings(IMAGE))


async def member(world: World, name: str) -> BatchPart:
    """A job whose attempt is on record, and its part of the run."""
    created = await world.add_job(name)
    uid = created.metadata.uid
    digest = sha256(DATA)
    ref = ArtifactRef(name=artifact_name(name, uid, digest), sha256=digest, bytes=len(DATA))
    await world.artifacts.put(created, ref, DATA)
    attempt = Attempt(
        name=f"{name}-1",
        number=1,
        backend="aer",
        batch=BATCH,
        state="Pending",
        seed=1,
        created_time=builders.CREATED,
    )
    plan: dict[str, Any] = {
        "policy": "default",
        "policyUid": "uid",
        "policyGeneration": 1,
        "demand": {"qubits": 2, "shots": 10},
        "steps": [{"name": "primary", "attempts": [attempt.to_wire()]}],
    }
    status = created.status.model_validate({"plan": plan, "input": ref.to_wire()})
    await world.store.put_job_status(created, status)
    seen = await world.store.job(Key(world.namespace, name))
    assert seen is not None
    run = spec(DATA).model_copy(update={"run": f"{name}-1", "backend": "aer"})
    limits = RunTemplate.model_validate({"cpu": "100m", "memory": "256Mi", **NOWHERE})
    return BatchPart(seen, StartRun(run, ref, limits, BATCH), DATA)


async def started(world: World, *names: str) -> list[BatchPart]:
    """A run that the jobs of these names share, and its pod is there."""
    parts = [await member(world, name) for name in names]
    await batches(world).start(BATCH, parts)
    assert eventually(lambda: bool(world.pods_of(BATCH)), 60)
    await world.read()
    return parts


async def seen_by(world: World, one: QuantumJob, *, expected: bool = False) -> RunObserved | None:
    """The job's part of the run."""
    return await world.runs.observe(one, f"{one.metadata.name}-1", expected=expected, batch=BATCH)


async def test_a_shared_run_has_what_each_job_brings(world: World) -> None:
    """One Job that all of them own, admitted by the restricted standard, and one ConfigMap with every input."""
    parts = await started(world, "first", "second")
    made = world.get("job", BATCH)
    assert {one["uid"] for one in made["metadata"]["ownerReferences"]} == {one.job.metadata.uid for one in parts}
    (pod,) = world.pods_of(BATCH)
    volume = next(one for one in pod["spec"]["volumes"] if one["name"] == "input")
    stored = base64.b64decode(world.get("configmap", volume["configMap"]["name"])["binaryData"]["data"])
    arguments = pod["spec"]["containers"][0]["args"]
    assert arguments[arguments.index("--sha256") + 1] == sha256(stored)
    given = BatchSpec.model_validate_json(stored)
    assert [given.spec_of(one) for one in given.runs] == [one.action.spec for one in parts]
    assert {one.input.encode() for one in given.runs} == {DATA}


async def test_its_members_and_their_input_are_read(world: World) -> None:
    """Whose live attempt has it on record, and what was accepted of them."""
    part = await member(world, "first")
    await world.add_job("other")
    port = batches(world)
    assert [one.metadata.name for one in await port.members(world.namespace, BATCH)] == ["first"]
    assert await port.members("elsewhere", BATCH) == ()
    assert await port.members(world.namespace, "batch-2") == ()
    ref = part.action.input
    assert await port.input(part.job, ref) == DATA
    assert await port.input(part.job, ref.model_copy(update={"sha256": "0" * 64})) is None
    assert await port.input(part.job, ref.model_copy(update={"name": "none"})) is None


async def test_everybody_hears_of_it(world: World) -> None:
    """What happens to the run or its pod has all of its jobs looked at."""
    await started(world, "first", "second")
    world.asked.keys.clear()
    (pod,) = world.pods_of(BATCH)
    world.be_kubelet(pod["metadata"]["name"], "Running", RUNNING)
    await world.read()
    assert {key.name for key in world.asked.keys} == {"first", "second"}
    assert {(await seen_by(world, one)).state for one in world.mirror.jobs.cache.values()} == {"Running"}  # type: ignore[union-attr]


async def test_each_job_has_its_own_outcome(world: World) -> None:
    """From the one message; a job that the run did not bring to an end is told so, and one that is not in it too."""
    parts = await started(world, "first", "second", "third")
    stranger = await member(world, "stranger")
    (pod,) = world.pods_of(BATCH)
    sealed = seal(bind({"first-1": b'{"a": 1}', "second-1": b'{"b": 2}'}))
    world.be_kubelet(pod["metadata"]["name"], "Succeeded", terminated(sealed.termination))
    await world.read()
    found = {one.job.metadata.name: await seen_by(world, one.job) for one in [*parts, stranger]}
    assert [one is not None and one.outcome for one in found.values()] == [b'{"a": 1}', b'{"b": 2}', None, None]
    assert [one is not None and one.failure for one in found.values()] == ["", "", "NotReached", "NotReached"]
    assert {one.uid for one in found.values() if one is not None} == {world.get("job", BATCH)["metadata"]["uid"]}


@pytest.mark.parametrize("message", ["{}", "nonsense", '{"run": "first-1"}'])
async def test_an_outcome_that_is_none_is_lost(world: World, message: str) -> None:
    """What the pod left is not trusted: each job tries again."""
    (part,) = await started(world, "first")
    (pod,) = world.pods_of(BATCH)
    world.be_kubelet(pod["metadata"]["name"], "Succeeded", terminated(message))
    await world.read()
    seen = await seen_by(world, part.job)
    assert seen is not None
    assert (seen.outcome, seen.failure) == (None, "OutcomeLost")


async def test_starting_it_again_changes_nothing(world: World) -> None:
    """Also by an operator that has seen nothing yet, and with fewer jobs than before: who is in it is settled."""
    parts = await started(world, "first", "second")
    before = world.get("job", BATCH)["metadata"]
    world.restart()
    assert await seen_by(world, parts[0].job) is None
    assert await seen_by(world, parts[0].job, expected=True) is not None
    await batches(world).start(BATCH, parts)
    await batches(world).start(BATCH, parts[:1])
    after = world.get("job", BATCH)["metadata"]
    assert (after["uid"], after["ownerReferences"]) == (before["uid"], before["ownerReferences"])
    assert world.names("jobs") == [BATCH]


async def test_it_goes_with_the_last_of_its_jobs(world: World) -> None:
    """One job's deletion leaves the run to the other; with that one it goes, and so does its ConfigMap."""
    await started(world, "first", "second")
    world.kubectl("delete", "quantumjob", "first")
    assert eventually(lambda: _owners(world) == ["second"], 60)
    assert world.names("jobs") == [BATCH]
    world.kubectl("delete", "quantumjob", "second")
    for pod in world.pods_of(BATCH):
        world.kubectl("delete", "pod", pod["metadata"]["name"], "--grace-period=0", "--force", "--ignore-not-found")
    assert eventually(lambda: world.names("jobs") == [], 30)
    assert eventually(lambda: world.names("configmaps") == ["kube-root-ca.crt"], 30)


def _owners(world: World) -> list[str]:
    """The names of the jobs that own the run."""
    found = json.loads(world.kubectl("get", "job", BATCH, "--output=json"))
    return sorted(one["name"] for one in found["metadata"]["ownerReferences"])


async def test_it_is_refused_as_any_run(world: World) -> None:
    """A quota refuses it, and a namespace that is gone has no place for it."""
    part = await member(world, "first")
    world.quota("jobs")
    with pytest.raises(RefusedError, match="quota"):
        await batches(world).start(BATCH, [part])
    meta = part.job.metadata.model_copy(update={"namespace": "nowhere"})
    gone = BatchPart(part.job.model_copy(update={"metadata": meta}), part.action, part.data)
    with pytest.raises(GoneError):
        await batches(world).start(BATCH, [gone])


async def test_a_name_that_is_taken_is_said(world: World) -> None:
    """A ConfigMap of its input's name with other content is somebody else's."""
    part = await member(world, "first")
    port = batches(world)
    await port.start(BATCH, [part])
    (stored,) = [name for name in world.names("configmaps") if name.startswith(BATCH)]
    world.kubectl("delete", "job", BATCH, "--cascade=orphan")
    world.kubectl("delete", "configmap", stored)
    world.kubectl("create", "configmap", stored, "--from-literal=data=other")
    with pytest.raises(NameTakenError, match=stored):
        await port.start(BATCH, [part])
