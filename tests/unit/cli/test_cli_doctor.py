"""`qjob doctor` finds what is wrong, and the cluster's refusals are messages for people."""

from pathlib import Path
from typing import Any

import pytest

from quantum_operator.api.render import HASH_ANNOTATION, custom_resource_definitions, schema_hash
from quantum_operator.testing import builders
from unit.cli.apiserver import FakeCluster, kubeconfig
from unit.cli.conftest import GROUP, Commands, Ran
from unit.cli.test_cli_jobs import JOBS, failed, pod, run_of, waiting

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
DEPLOYMENTS = "/apis/apps/v1/namespaces/quantum/deployments"
LABELS = {"app.kubernetes.io/name": "quantum-operator"}


def healthy(cluster: FakeCluster) -> FakeCluster:
    """An installation as it should be."""
    for definition in custom_resource_definitions():
        cluster.add(f"{CRDS}/{definition['metadata']['name']}", definition)
    cluster.add(f"{DEPLOYMENTS}/operator", deployment(ready=1))
    cluster.add(f"{GROUP}/quantumbackends/simulator", wire(builders.backend()))
    cluster.add(f"{GROUP}/namespaces/default/backendpolicies/default", policy(True))
    return cluster


def wire(resource: Any) -> dict[str, Any]:
    """A resource as the API server answers it."""
    found: dict[str, Any] = resource.to_wire()
    return found


def policy(ready: bool) -> dict[str, Any]:
    """A policy that reaches a backend, or none."""
    condition = {
        "type": "Ready",
        "status": "True" if ready else "False",
        "reason": "Ready" if ready else "NoMatchingBackend",
        "message": "reaches 1 of 1 backends" if ready else "reaches 0 of 1 backends",
        "lastTransitionTime": builders.CREATED,
    }
    return wire(builders.policy(namespace="default")) | {"status": {"conditions": [condition]}}


def deployment(*, ready: int) -> dict[str, Any]:
    """The operator's Deployment, with so many of its two pods ready."""
    return {
        "metadata": {"name": "operator", "namespace": "quantum", "labels": LABELS},
        "spec": {
            "replicas": 2,
            "selector": {},
            "template": {"spec": {"serviceAccountName": "quantum", "containers": []}},
        },
        "status": {"readyReplicas": ready},
    }


def test_a_healthy_installation_has_no_problem(command: Commands, cluster: FakeCluster) -> None:
    """Every check of a healthy installation is ok, and the exit code is 0."""
    healthy(cluster)
    result = command("doctor")
    assert result.exit_code == 0, result.stdout
    lines = result.stdout.splitlines()
    assert lines[-1] == "no problem was found"
    assert {line.split()[0] for line in lines[:-1]} == {"ok"}
    assert {line.split()[1] for line in lines[:-1]} == {"CRD", "operator", "rights", "backends", "policies"}


def test_an_empty_cluster_has_every_problem(command: Commands, cluster: FakeCluster) -> None:
    """Nothing installed: each missing thing is a problem with a remedy."""
    result = command("doctor")
    assert result.exit_code == 1
    for text in (
        "quantumjobs.quantum-operator.dev is missing",
        "no Deployment of the operator in any namespace",
        "there is no QuantumBackend",
        "namespace default has no BackendPolicy",
        "remedy: helm install quantum-operator-crds",
    ):
        assert text in result.stdout
    problems = result.stdout.count("problem ")
    assert result.stdout.count("remedy: ") == problems
    assert result.stdout.endswith(f"{problems} problems\n")


def test_without_crds_the_rest_is_unknown(command: Commands, cluster: FakeCluster) -> None:
    """Where the API is not served, backends and policies can't be looked at, and the missing CRDs are the problem."""
    cluster.refused = {GROUP: 404}
    result = command("doctor")
    assert result.exit_code == 1
    assert "unknown  backends  can't be looked at: 404 page not found" in result.stdout
    assert "unknown  policies  can't be looked at: 404 page not found" in result.stdout


def test_another_schema_is_a_problem(command: Commands, cluster: FakeCluster) -> None:
    """CRDs of another version are found by their hash, also when they have none."""
    healthy(cluster)
    for name, annotations in (("quantumjobs", {HASH_ANNOTATION: "f" * 64}), ("quantumbackends", {})):
        path = f"{CRDS}/{name}.quantum-operator.dev"
        definition = cluster.objects[path]
        cluster.add(path, {**definition, "metadata": {**definition["metadata"], "annotations": annotations}})
    result = command("doctor")
    assert result.exit_code == 1
    assert f"schema hash ffffffffffff, this qjob has {schema_hash()[:12]}" in result.stdout
    assert "schema hash none" in result.stdout
    assert result.stdout.endswith("2 problems\n")


def test_an_operator_that_is_not_ready_says_why(command: Commands, cluster: FakeCluster) -> None:
    """An operator whose image can't be pulled, or whose pod has no node, is told with that cause."""
    healthy(cluster).add(f"{DEPLOYMENTS}/operator", deployment(ready=0))
    container = {
        "name": "operator",
        "image": "example.com/operator:1",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}},
    }
    placed = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node has memory"}
    found = pod("operator-1", "", containerStatuses=[container], conditions=[placed])
    found["metadata"]["labels"] = LABELS
    cluster.add("/api/v1/namespaces/quantum/pods/operator-1", found)
    result = command("doctor")
    assert result.exit_code == 1
    assert "quantum/operator: 0 of 2 pods are ready" in result.stdout
    assert "pod operator-1, image example.com/operator:1: ImagePullBackOff: not found" in result.stdout
    assert "pod operator-1: Unschedulable: no node has memory" in result.stdout
    assert "remedy: kubectl -n quantum describe deployment operator" in result.stdout


def test_missing_rights_are_problems(command: Commands, cluster: FakeCluster) -> None:
    """A right that the person or the operator lacks is named."""
    healthy(cluster).denied |= {"create quantumjobs", "create jobs", "get pods/log", "update leases"}
    result = command("doctor")
    assert result.exit_code == 1
    assert "you may not create quantumjobs in namespace default" in result.stdout
    assert "you may list quantumbackends" in result.stdout
    rights = "create quantumjobs, create jobs, get pods/log"
    assert f"system:serviceaccount:quantum:quantum may not, in namespace default: {rights}" in result.stdout
    assert "system:serviceaccount:quantum:quantum may not, in namespace quantum: update leases" in result.stdout


def test_backends_and_policies_that_are_not_ready(command: Commands, cluster: FakeCluster) -> None:
    """A backend or policy that is not ready is a problem, with its own word for it or nobody's."""
    healthy(cluster)
    cluster.add(f"{GROUP}/quantumbackends/down", wire(builders.backend("down", ready=False)))
    cluster.add(f"{GROUP}/quantumbackends/new", wire(builders.backend("new", ready=None)))
    cluster.add(f"{GROUP}/namespaces/default/backendpolicies/default", policy(False))
    bare = wire(builders.policy(name="bare", namespace="default"))
    cluster.add(f"{GROUP}/namespaces/default/backendpolicies/bare", bare)
    result = command("doctor")
    assert result.exit_code == 1
    assert "down is not ready: NoMatchingBackend: under maintenance" in result.stdout
    assert "new is not ready: nobody has reported its status" in result.stdout
    assert "default is not ready: NoMatchingBackend: reaches 0 of 1 backends" in result.stdout
    assert "bare is not ready: nobody has reported its status" in result.stdout
    assert result.stdout.endswith("4 problems\n")


def test_what_may_not_be_read_is_unknown(command: Commands, cluster: FakeCluster) -> None:
    """What the person has no right to look at is unknown, and no problem of the installation."""
    healthy(cluster).refused = {CRDS: 403, "/apis/apps/v1": 403}
    result = command("doctor")
    assert result.exit_code == 0
    assert "unknown  crds      can't be looked at: " in result.stdout
    assert "unknown  operator  can't be looked at: " in result.stdout


def test_a_fault_of_the_server_is_no_finding(command: Commands, cluster: FakeCluster) -> None:
    """An API server that fails ends the command with what it said."""
    cluster.refused = {CRDS: 500}
    result = command("doctor")
    assert result.exit_code == 1
    assert "the API server answers 500 Internal Server Error: " in result.stderr


def test_a_job_that_is_done_is_ok(command: Commands, with_job: FakeCluster) -> None:
    """A job that succeeded has no problem."""
    result = command("doctor", "bell")
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "ok       job       bell is Succeeded")


def test_a_failed_job_is_explained(command: Commands, cluster: FakeCluster, ran: Ran) -> None:
    """A failed job is a problem, with its reason, its message and a remedy."""
    cluster.add(f"{JOBS}/bell", failed(ran))
    result = command("doctor", "bell")
    assert result.exit_code == 1
    assert "bell: MemoryLimitExceeded: it needed 3 GiB" in result.stdout
    assert "remedy: The run needed more memory than its backend gives" in result.stdout


def test_a_job_that_nobody_looks_at_points_at_the_operator(command: Commands, cluster: FakeCluster) -> None:
    """A job without a status means that the operator is to be looked at."""
    cluster.add(f"{JOBS}/bell", waiting())
    result = command("doctor", "bell")
    assert result.exit_code == 1
    assert "bell has no status" in result.stdout
    assert "see `qjob doctor` without a name" in result.stdout


def test_a_run_that_cannot_start_says_why(command: Commands, cluster: FakeCluster, ran: Ran) -> None:
    """The pod of a live attempt tells of its image and its placement; a pod that is being made is no trouble."""
    job = ran.job("bell")
    job["status"]["conditions"] = [one for one in job["status"]["conditions"] if one["type"] == "Accepted"]
    job["status"]["plan"]["steps"][0]["attempts"][0]["state"] = "Pending"
    job["status"]["phase"] = "Queued"
    cluster.add(f"{JOBS}/bell", job)
    states: tuple[dict[str, Any], ...]
    states = ({"waiting": {"reason": "ErrImagePull"}}, {"waiting": {"reason": "ContainerCreating"}}, {"running": {}})
    containers = [
        {"name": str(at), "image": "runner:1", "imageID": "", "ready": False, "restartCount": 0, "state": state}
        for at, state in enumerate(states)
    ]
    cluster.add("/api/v1/namespaces/default/pods/p", pod("p", run_of(job), containerStatuses=containers))
    result = command("doctor", "bell")
    assert result.exit_code == 1
    assert "pod p, image runner:1: ErrImagePull: no message" in result.stdout
    assert "ContainerCreating" not in result.stdout
    assert f"describe pod -l batch.kubernetes.io/job-name={run_of(job)}" in result.stdout
    assert result.stdout.endswith("1 problem\n")


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (401, "sign in to the cluster again"),
        (403, "ask the cluster's administrator for that right"),
        (404, "install the CRDs of quantum-operator"),
        (500, "see `qjob doctor`"),
    ],
)
def test_refusals_have_remedies(command: Commands, cluster: FakeCluster, code: int, remedy: str) -> None:
    """What the API server refuses is told in its words, with what to do."""
    cluster.refused = {GROUP: code}
    result = command("describe", "bell")
    assert result.exit_code == 1
    assert f"the API server answers {code}" in result.stderr
    assert ("404 page not found" if code == 404 else "is refused") in result.stderr
    assert remedy in result.stderr


def test_another_context_and_namespace(command: Commands, cluster: FakeCluster) -> None:
    """The context's namespace is the default, and -n goes before it."""
    cluster.add(f"{GROUP}/namespaces/lab/quantumjobs/bell", waiting())
    assert command("describe", "bell").exit_code == 1
    assert command("describe", "bell", "--context", "there").exit_code == 0
    assert command("describe", "bell", "-n", "lab").exit_code == 0
    result = command("describe", "bell", "--context", "there", "-n", "default")
    assert "in namespace 'default'" in result.stderr


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "not found"),
        ("{", "can't be used"),
        ("[]", "can't be used"),
        ("{}", "can't be used"),
        ('{"clusters": [], "contexts": []}', "No current context set"),
    ],
)
def test_an_unusable_kubeconfig_is_said(
    command: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, problem: str
) -> None:
    """A kubeconfig that is missing or broken is named, and is no traceback."""
    path = tmp_path / "config"
    if text is not None:
        path.write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(path))
    result = command("describe", "bell")
    assert result.exit_code == 2
    assert f"kubeconfig {path}" in result.stderr
    assert problem in result.stderr
    assert "kubectl config get-contexts" in result.stderr


def test_an_unknown_context_is_said(command: Commands, cluster: FakeCluster) -> None:
    """A context that the kubeconfig lacks is named."""
    result = command("describe", "bell", "--context", "nowhere")
    assert result.exit_code == 2
    assert "Context 'nowhere' not found" in result.stderr


def test_a_server_that_does_not_answer_is_said(
    command: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that can't be reached is named, and is no traceback."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", "http://127.0.0.1:9")))
    result = command("describe", "bell")
    assert result.exit_code == 1
    assert "the API server http://127.0.0.1:9 can't be reached" in result.stderr
