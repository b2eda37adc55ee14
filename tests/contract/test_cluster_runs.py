"""The cluster's port Runs against a real API server, whose kubelet is the test."""

import asyncio

import pytest

from quantum_operator.api.backend import RunTemplate, Simulator, Target
from quantum_operator.api.envelope import seal
from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.run import RunLimits, RunSpec
from quantum_operator.cluster import podless
from quantum_operator.cluster.api import Api
from quantum_operator.decide.observed import RunObserved, StartRun, StopRun
from quantum_operator.ports.errors import GoneError, NameTakenError, RefusedError
from quantum_operator.ports.world import Key
from quantum_operator.testing import builders
from support.clusterworld import RUNNING, Json, World, terminated
from testcluster import Cluster
from testcluster.processes import eventually

RUN = "bell-1"
INPUT = ArtifactRef(name="bell-input", sha256="0" * 64, bytes=2)


@pytest.fixture
async def world(served: Cluster, namespace: str, api: Api) -> World:
    """The ports, in a namespace that holds its pods to the restricted standard."""
    return World(served, namespace, api)


NOWHERE = {"nodeSelector": {"quantum-operator.dev/node": "none"}}
"""No node takes such a pod, so that the test is its kubelet."""


def action(sha256: str = INPUT.sha256, **template: object) -> StartRun:
    spec = RunSpec(
        run=RUN,
        input_sha256=sha256,
        seed=1,
        backend="aer",
        target=Target(num_qubits=2),
        simulator=Simulator(),
        limits=RunLimits(memory_bytes=2**28, wall_seconds=60),
    )
    return StartRun(spec, INPUT, RunTemplate.model_validate({"cpu": "100m", "memory": "256Mi", **NOWHERE, **template}))


async def started(world: World) -> tuple[QuantumJob, Json]:
    """A job with a run, and the run's pod."""
    job = await world.add_job()
    await world.runs.start(job, action())
    assert eventually(lambda: bool(world.pods_of(RUN)), 60)
    await world.read()
    return job, world.pods_of(RUN)[0]


async def observed(world: World, job: QuantumJob, *, expected: bool = True) -> RunObserved:
    """The run as it is seen after everything was seen."""
    await world.read()
    seen = await world.runs.observe(job, RUN, expected=expected)
    assert seen is not None
    return seen


async def test_a_run_on_a_gpu_asks_the_node_for_it(world: World) -> None:
    """Its pod has the extended resource as request and limit, its runtime class, and the nodes of its backend."""
    runtime = f"gpu-{world.namespace}"[:63]
    world.apply(
        {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": runtime}, "handler": "nvidia"}
    )
    job = await world.add_job()
    await world.runs.start(job, action(resources={"nvidia.com/gpu": 2}, runtimeClassName=runtime))
    assert eventually(lambda: bool(world.pods_of(RUN)), 60)
    spec = world.pods_of(RUN)[0]["spec"]
    resources = spec["containers"][0]["resources"]
    assert resources["limits"]["nvidia.com/gpu"] == resources["requests"]["nvidia.com/gpu"] == "2"
    assert spec["runtimeClassName"] == runtime
    assert spec["nodeSelector"] == NOWHERE["nodeSelector"]


async def test_a_run_is_a_job_that_goes_with_its_quantum_job(world: World) -> None:
    """The restricted standard admits its pod, which is tried once and never started anew by Kubernetes."""
    job, pod = await started(world)
    made = world.get("job", RUN)
    (owner,) = made["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["controller"]) == (job.metadata.uid, True)
    assert (made["spec"]["backoffLimit"], made["spec"]["podReplacementPolicy"]) == (0, "Failed")
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert pod["status"]["qosClass"] == "Guaranteed"


async def test_a_run_is_seen_as_soon_as_it_is_created(world: World) -> None:
    """No watch is waited for, so that the next look does not create it again."""
    job = await world.add_job()
    await world.runs.start(job, action())
    seen = await world.runs.observe(job, RUN, expected=False)
    assert seen is not None
    assert (seen.state, seen.uid) == ("Pending", world.get("job", RUN)["metadata"]["uid"])


async def test_starting_a_run_again_changes_nothing(world: World) -> None:
    """Also by an operator that has seen nothing yet: the run is the job's, by its UID."""
    job = await world.add_job()
    await world.runs.start(job, action())
    before = world.get("job", RUN)["metadata"]["uid"]
    world.restart()
    assert await world.runs.observe(job, RUN, expected=False) is None
    await world.runs.start(job, action())
    seen = await world.runs.observe(job, RUN, expected=False)
    assert seen is not None
    assert seen.uid == before
    assert world.names("jobs") == [RUN]


async def test_a_run_is_stopped_by_its_uid_alone(world: World) -> None:
    """A run of another UID is left alone; stopped, it and its pod are gone, and stopping it again is no error."""
    job, pod = await started(world)
    uid = world.get("job", RUN)["metadata"]["uid"]
    await world.runs.stop(job, StopRun(RUN, "another"))
    assert "deletionTimestamp" not in world.get("job", RUN)["metadata"]
    await world.runs.stop(job, StopRun(RUN, uid))
    world.kubectl("delete", "pod", pod["metadata"]["name"], "--grace-period=0", "--force", "--ignore-not-found")
    assert eventually(lambda: world.names("jobs") == [], 20)
    await world.read()
    assert await world.runs.observe(job, RUN, expected=True) is None
    await world.runs.stop(job, StopRun(RUN, uid))
    assert world.pods_of(RUN) == []


async def test_a_run_that_is_expected_is_looked_for_live(world: World) -> None:
    """The silence of a cache is no evidence that it is gone."""
    job = await world.add_job()
    await world.runs.start(job, action())
    world.restart()
    seen = await world.runs.observe(job, RUN, expected=True)
    assert seen is not None
    assert seen.state == "Pending"


async def test_a_run_that_is_gone_is_none(world: World) -> None:
    """When it is expected, and a live look does not find it."""
    job = await world.add_job()
    assert await world.runs.observe(job, RUN, expected=True) is None


async def test_a_job_of_somebody_else_is_no_run(world: World) -> None:
    """A batch Job that has the run's name is not taken over, and is not observed."""
    job = await world.add_job()
    world.kubectl("create", "job", RUN, "--image=example.com/x")
    with pytest.raises(NameTakenError, match=f"Job {RUN} .* delete it"):
        await world.runs.start(job, action())
    assert await world.runs.observe(job, RUN, expected=True) is None


async def test_a_run_of_a_namesake_is_no_run(world: World) -> None:
    """A job that is deleted and made anew does not get what the first one ran, also while that is still there."""
    job = await world.add_job()
    await world.runs.start(job, action())
    namesake = job.model_copy(update={"metadata": job.metadata.model_copy(update={"uid": "another"})})
    with pytest.raises(NameTakenError):
        await world.runs.start(namesake, action())
    assert await world.runs.observe(namesake, RUN, expected=True) is None


async def test_a_run_on_another_input_is_no_run(world: World) -> None:
    """The name alone does not make it the attempt that is on record."""
    job = await world.add_job()
    await world.runs.start(job, action())
    with pytest.raises(NameTakenError):
        await world.runs.start(job, action(sha256="1" * 64))


async def test_a_run_over_quota_is_refused_in_kubernetes_words(world: World) -> None:
    """The quota's name and numbers are in the message."""
    job = await world.add_job()
    world.quota("jobs")
    with pytest.raises(RefusedError, match="exceeded quota: none"):
        await world.runs.start(job, action())


async def test_a_run_that_kubernetes_finds_invalid_is_refused(world: World) -> None:
    """The field that it names is in the message."""
    job = await world.add_job()
    with pytest.raises(RefusedError, match="nodeSelector"):
        await world.runs.start(job, action(nodeSelector={"not a label": "x"}))


async def test_a_run_in_a_namespace_that_is_gone_is_gone(world: World) -> None:
    """As a job that is gone."""
    with pytest.raises(GoneError):
        await world.runs.start(builders.job(namespace="nowhere"), action())


async def test_a_run_executes_when_its_container_does(world: World) -> None:
    """Until then it is pending."""
    job, pod = await started(world)
    assert (await observed(world, job)).state == "Pending"
    world.be_kubelet(pod["metadata"]["name"], "Running", RUNNING)
    assert (await observed(world, job)).state == "Running"


async def test_an_outcome_counts_before_kubernetes_says_that_the_run_is_over(world: World) -> None:
    """As soon as the pod has it."""
    job, pod = await started(world)
    before = world.get("job", RUN)["status"]
    world.be_kubelet(pod["metadata"]["name"], "Running", terminated('{"run":"bell-1"}'))
    seen = await observed(world, job)
    assert "completionTime" not in before
    assert (seen.state, seen.outcome, seen.failure) == ("Finished", b'{"run":"bell-1"}', "")


async def test_an_outcome_is_there_after_the_run_is_over(world: World) -> None:
    """A new operator reads it from the pod, whatever it has missed."""
    job, pod = await started(world)
    world.be_kubelet(pod["metadata"]["name"], "Succeeded", terminated('{"run":"bell-1"}'))
    world.kubectl("wait", f"job/{RUN}", "--for=condition=Complete", "--timeout=60s")
    world.restart()
    seen = await world.runs.observe(job, RUN, expected=True)
    assert seen is not None
    assert seen.outcome == b'{"run":"bell-1"}'


async def test_a_run_without_an_outcome_is_over_when_kubernetes_says_so(world: World) -> None:
    """With the infrastructure's word for why."""
    job, pod = await started(world)
    world.be_kubelet(pod["metadata"]["name"], "Failed", terminated(code=137, reason="OOMKilled"))
    world.kubectl("wait", f"job/{RUN}", "--for=condition=Failed", "--timeout=60s")
    seen = await observed(world, job)
    assert (seen.state, seen.outcome, seen.failure) == ("Finished", None, "OOMKilled")
    assert seen.message == "OOMKilled (exit code 137)"


async def test_an_outcome_that_the_watch_has_not_brought_is_looked_for_live(world: World) -> None:
    """The Job's end may be seen before its pod's: no failure is declared before the pod was looked at."""
    job, pod = await started(world)
    world.be_kubelet(pod["metadata"]["name"], "Failed", terminated('{"run":"bell-1"}', 11, "Error"))
    world.kubectl("wait", f"job/{RUN}", "--for=condition=Failed", "--timeout=60s")
    await world.mirror.runs.read(world.api, world.namespace)
    seen = await world.runs.observe(job, RUN, expected=True)
    assert seen is not None
    assert seen.outcome == b'{"run":"bell-1"}'


async def test_a_pod_that_is_deleted_before_its_outcome_is_read_is_gone(world: World) -> None:
    """There is nothing left to read."""
    job, pod = await started(world)
    name = pod["metadata"]["name"]
    world.be_kubelet(name, "Failed", terminated(code=1, reason="Error"))
    world.kubectl("wait", f"job/{RUN}", "--for=condition=Failed", "--timeout=60s")
    world.kubectl("delete", "pod", name, "--force", "--grace-period=0")
    seen = await observed(world, job)
    assert (seen.state, seen.failure) == ("Finished", "PodGone")


async def test_a_pod_of_somebody_else_leaves_no_outcome(world: World) -> None:
    """Labels make no pod a run's: only its controller's UID does."""
    job, pod = await started(world)
    labels = {"quantum-operator.dev/job-uid": job.metadata.uid}
    forged = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "forged", "labels": labels}}
    spec = {name: pod["spec"][name] for name in ("containers", "volumes", "nodeSelector", "securityContext")}
    world.apply({**forged, "spec": {**spec, "automountServiceAccountToken": False}})
    world.be_kubelet("forged", "Succeeded", terminated('{"run":"bell-1"}'))
    assert (await observed(world, job)).state == "Pending"


async def test_an_outcome_in_a_log_that_is_gone_is_lost(world: World) -> None:
    """The attempt is tried again; no job ends on what its node took with it."""
    job, pod = await started(world)
    announced = seal(b'{"x":"' + b"y" * 5000 + b'"}').termination
    world.be_kubelet(pod["metadata"]["name"], "Succeeded", terminated(announced))
    seen = await observed(world, job)
    assert (seen.state, seen.outcome, seen.failure) == ("Finished", None, "OutcomeLost")


async def test_a_run_whose_pod_is_refused_says_why(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """No event tells of it: the run is looked at after a while, and then says what Kubernetes does."""
    monkeypatch.setattr(podless, "PODLESS_SECONDS", 0.0)
    job = await world.add_job()
    world.quota("pods")
    await world.runs.start(job, action())
    assert (await observed(world, job)).message == ""
    assert eventually(lambda: "FailedCreate" in world.kubectl("get", "events"), 60)
    await asyncio.sleep(0.01)
    assert world.woken == [Key(world.namespace, "bell")]
    message = (await observed(world, job)).message
    assert message.startswith("Error creating: its pod is forbidden: exceeded quota: none")
    assert (await observed(world, job)).message == message
