"""The batch Job of a run."""

import json
from typing import Any

from quantum_operator.api.backend import RunTemplate, Simulator, Target, Toleration
from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.run import RunLimits, RunSpec
from quantum_operator.api.runenvironment import from_environment
from quantum_operator.cluster.manifest import START_GRACE_SECONDS, RunSettings, run_manifest
from quantum_operator.decide.observed import StartRun
from quantum_operator.testing import builders

SPEC = RunSpec(
    run="bell-1",
    input_sha256="0" * 64,
    seed=1,
    backend="aer",
    target=Target(num_qubits=2),
    simulator=Simulator(),
    limits=RunLimits(memory_bytes=2**30, wall_seconds=60),
)


def made(template: RunTemplate | None = None, job: QuantumJob | None = None, **settings: Any) -> dict[str, Any]:
    action = StartRun(SPEC, ArtifactRef(name="in", sha256="0" * 64, bytes=2), template or RunTemplate())
    return run_manifest(job or builders.job(), action, RunSettings("example.com/runner:1", **settings))


def pod(template: RunTemplate | None = None, **settings: Any) -> dict[str, Any]:
    spec: dict[str, Any] = made(template, **settings)["spec"]["template"]["spec"]
    return spec


def test_a_run_is_told_what_to_do_in_its_environment() -> None:
    """Where the runner reads its RunSpec."""
    variables = pod()["containers"][0]["env"]
    assert from_environment({one["name"]: one["value"] for one in variables}) == SPEC


def test_a_run_finds_its_input_as_a_file() -> None:
    """Where its arguments say, read-only, from the artifact's own ConfigMap."""
    spec = pod()
    assert spec["containers"][0]["args"][:2] == ["--input", "/input/input.json"]
    assert spec["volumes"][0]["configMap"] == {"name": "in", "items": [{"key": "data", "path": "input.json"}]}
    assert spec["containers"][0]["volumeMounts"][0] == {"name": "input", "mountPath": "/input", "readOnly": True}


def test_a_run_leaves_its_outcome_in_the_termination_message() -> None:
    """The file that it is told to write is the one that Kubernetes reads, and no log takes its place."""
    container = pod()["containers"][0]
    assert container["args"][2:] == ["--termination", container["terminationMessagePath"]]
    assert container["terminationMessagePolicy"] == "File"


def test_a_run_gets_what_its_backend_gives() -> None:
    """Requests equal limits, and its own limit of time ends it before Kubernetes does."""
    spec = pod(RunTemplate(cpu="2", memory="4Gi"))
    resources = spec["containers"][0]["resources"]
    assert resources["requests"] == resources["limits"] == {"cpu": "2", "memory": "4Gi"}
    assert spec["activeDeadlineSeconds"] == 60 + START_GRACE_SECONDS


def test_a_run_goes_where_its_backend_says() -> None:
    """Node labels, tolerations without what they leave open, and another image."""
    toleration = Toleration(key="gpu", operator="Exists")
    spec = pod(RunTemplate(image="example.com/gpu:2", node_selector={"gpu": "yes"}, tolerations=(toleration,)))
    assert spec["containers"][0]["image"] == "example.com/gpu:2"
    assert spec["nodeSelector"] == {"gpu": "yes"}
    assert spec["tolerations"] == [{"key": "gpu", "operator": "Exists"}]


def test_a_run_is_as_the_installation_says() -> None:
    """Its image, how and with what that is pulled, and how much it matters."""
    spec = pod(pull_policy="Always", pull_secrets=("one", "two"), priority_class="batch")
    assert spec["containers"][0]["image"] == "example.com/runner:1"
    assert spec["containers"][0]["imagePullPolicy"] == "Always"
    assert spec["imagePullSecrets"] == [{"name": "one"}, {"name": "two"}]
    assert spec["priorityClassName"] == "batch"


def test_a_run_has_nothing_that_it_does_not_need() -> None:
    """No token, no services, no other user, no capability, no writable root; and what nobody asked for is absent."""
    spec = pod()
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"nodeSelector", "tolerations", "imagePullSecrets", "priorityClassName"} & set(spec)


def test_a_run_is_made_alike_every_time() -> None:
    """Nothing in it depends on when or by whom."""
    assert json.dumps(made()) == json.dumps(made())
    assert "ttlSecondsAfterFinished" not in made()["spec"]


def test_a_run_and_its_pod_are_found_by_what_their_job_is_part_of() -> None:
    """The correlation id is a label, each tag an annotation; the label that marks what is ours stays."""
    job = builders.job(correlationId="order-7", tags={"team": "qc", "cost.center": "42 b"})
    body = made(job=job)
    for metadata in (body["metadata"], body["spec"]["template"]["metadata"]):
        assert metadata["labels"]["quantum-operator.dev/correlation-id"] == "order-7"
        assert metadata["labels"]["quantum-operator.dev/job-uid"] == job.metadata.uid
        assert metadata["annotations"]["tags.quantum-operator.dev/team"] == "qc"
        assert metadata["annotations"]["tags.quantum-operator.dev/cost.center"] == "42 b"


def test_a_run_of_a_job_that_says_nothing_has_no_such_label() -> None:
    """Nor an annotation of a tag."""
    body = made()
    assert set(body["metadata"]["labels"]) == {"app.kubernetes.io/managed-by", "quantum-operator.dev/job-uid"}
    assert body["spec"]["template"]["metadata"]["annotations"] == {}


def test_a_run_on_a_gpu_asks_for_it() -> None:
    """By extended resources, which are limits and requests alike, and the runtime class that gives a pod its GPU."""
    template = RunTemplate(
        image="example.com/runner-gpu:1", resources={"nvidia.com/gpu": 2}, runtime_class_name="nvidia"
    )
    spec = pod(template)
    given = {"cpu": "1", "memory": "2Gi", "nvidia.com/gpu": "2"}
    assert spec["containers"][0]["resources"] == {"requests": given, "limits": given}
    assert spec["containers"][0]["image"] == "example.com/runner-gpu:1"
    assert spec["runtimeClassName"] == "nvidia"
    assert "runtimeClassName" not in pod()
