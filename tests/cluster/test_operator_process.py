"""The operator as a process, against a real API server; the kubelet is the test."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from quantum_operator.api.run import JobInput, RunSpec
from quantum_operator.decide.features import draw
from quantum_operator.testing import builders
from support.clusterworld import RUNNING, manifest, serve_crds, terminated
from support.objects import objects
from support.operators import USER, grant, operator
from testcluster import BuiltCluster, Cluster
from testcluster.processes import eventually

SECONDS = 60.0
Json = dict[str, Any]


class Site:
    """A namespace with a policy and a backend whose pods no node takes."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.backend = f"aer-{namespace}"
        run = {"nodeSelector": {"quantum-operator.dev/node": "none"}, "memory": "256Mi"}
        self.apply(manifest(builders.backend(self.backend, run=run), ""))
        self.apply(manifest(builders.policy(self.backend), namespace))

    def apply(self, body: Json) -> None:
        """Create it or change it."""
        self.cluster.kubectl("apply", "-f", "-", input=json.dumps(body))

    def submit(self, name: str = "bell", **spec: Any) -> None:
        """Create a job of a Bell pair."""
        self.apply(manifest(builders.job(name, **spec), self.namespace))

    def get(self, kind: str) -> list[Json]:
        """Every object of a kind."""
        return objects(self.cluster, kind, self.namespace)

    def conditions(self, name: str = "bell") -> dict[str, tuple[str, str]]:
        """The status and reason of every condition of a job."""
        job = next(one for one in self.get("quantumjobs") if one["metadata"]["name"] == name)
        found = job.get("status", {}).get("conditions", [])
        return {one["type"]: (one["status"], one["reason"]) for one in found}

    def pod(self) -> Json:
        """The pod of the latest run, once it is there."""
        assert eventually(lambda: bool(self.get("pods")), SECONDS)
        return max(self.get("pods"), key=lambda pod: str(pod["metadata"]["name"]))

    def outcome(self) -> str:
        """What the runner would leave of the latest run."""
        spec = self.pod()["spec"]
        (variable,) = spec["containers"][0]["env"]
        source = next(one["configMap"]["name"] for one in spec["volumes"] if "configMap" in one)
        kept = next(one for one in self.get("configmaps") if one["metadata"]["name"] == source)
        job_input = JobInput.model_validate_json(base64.b64decode(kept["binaryData"]["data"]))
        left = builders.outcome(RunSpec.model_validate_json(variable["value"]), job_input)
        return left.model_dump_json(by_alias=True, exclude_none=True)

    def kubelet(self, phase: str, state: Json) -> None:
        """Say of the latest run's pod what its kubelet would."""
        container = {"name": "runner", "image": "x", "imageID": "", "ready": False, "restartCount": 0, "state": state}
        patch = json.dumps({"status": {"phase": phase, "containerStatuses": [container]}})
        name = self.pod()["metadata"]["name"]
        place = ("--namespace", self.namespace, "--subresource=status", "--type=merge")
        self.cluster.kubectl("patch", "pod", name, *place, "--patch", patch)

    def wait(self, kind: str, status: str, reason: str, name: str = "bell") -> bool:
        """Whether a condition comes to be so."""
        return eventually(lambda: self.conditions(name).get(kind) == (status, reason), SECONDS)


@pytest.fixture(scope="module")
def served(api_server: Cluster) -> Cluster:
    """A cluster that serves our resources."""
    serve_crds(api_server)
    return api_server


@pytest.fixture
def site(served: Cluster, namespace: str) -> Iterator[Site]:
    """A namespace in which the operator has its rights."""
    grant(served, namespace)
    site = Site(served, namespace)
    yield site
    served.kubectl("delete", "quantumbackend", site.backend, "--wait=false")


def test_a_job_goes_from_its_creation_to_its_result(site: Site, tmp_path: Path) -> None:
    """Accepted, run, and complete with the counts, as a policy and a backend say, with the rights of the chart."""
    features = [{"name": f"f{share}", "percent": share, "execution": {"seed": share}} for share in (100, 50, 30)]
    site.apply(manifest(builders.policy(site.backend, features=features), site.namespace))
    with operator(site.cluster, site.namespace, tmp_path) as process:
        site.submit()
        outcome = site.outcome()
        assert site.conditions()["Accepted"] == ("True", "Accepted")
        site.kubelet("Running", RUNNING)
        assert site.wait("Running", "True", "RunStarted"), process.said()
        site.kubelet("Succeeded", terminated(outcome))
        assert site.wait("Complete", "True", "Succeeded"), process.said()
    (job,) = site.get("quantumjobs")
    registers = job["status"]["result"]["pubs"][0]["samples"][0]["registers"]
    assert registers[0]["counts"] == {"00": 512, "11": 512}
    drawn = [one["name"] for one in features if draw(one["name"], job["metadata"]["uid"]) < one["percent"]]
    assert (job["status"]["plan"]["features"], job["status"]["execution"]["seed"]) == (drawn, 100)
    assert "metadata.finalizers" not in json.dumps(job)
    assert all("kopf" not in name for name in job["metadata"].get("annotations", {}))
    assert "warning" not in process.said()


def test_a_job_costs_five_writes_and_its_events(site: Site, tmp_path: Path) -> None:
    """Input, plan, run, running, result: kopf writes nothing."""
    cluster = site.cluster
    if not isinstance(cluster, BuiltCluster):
        pytest.skip("a given cluster's audit log is its owner's")
    with operator(cluster, site.namespace, tmp_path):
        assert eventually(lambda: bool(site.get("backendpolicies")[0].get("status")), SECONDS)
        before = cluster.audit_position()
        site.submit()
        outcome = site.outcome()
        site.kubelet("Running", RUNNING)
        assert site.wait("Running", "True", "RunStarted")
        site.kubelet("Succeeded", terminated(outcome))
        assert site.wait("Complete", "True", "Succeeded")
        cluster.kubectl("wait", "--namespace", site.namespace, "job", "--all", "--for=condition=Complete")
    asked = [one for one in cluster.audit_events(before) if one.user == USER]
    writes = [(one.verb, one.resource, one.subresource) for one in asked if one.is_write and one.resource != "events"]
    assert writes == [
        ("create", "configmaps", ""),
        ("update", "quantumjobs", "status"),
        ("create", "jobs", ""),
        ("update", "quantumjobs", "status"),
        ("update", "quantumjobs", "status"),
    ]
    assert all(one.code < 400 for one in asked)


@pytest.mark.parametrize("moment", ["before the job", "while the run waits", "while the run executes"])
def test_an_operator_that_dies_is_taken_over_from(site: Site, tmp_path: Path, moment: str) -> None:
    """What happens while there is none is found out by the next one; the job still runs once."""
    with operator(site.cluster, site.namespace, tmp_path) as process:
        if moment == "before the job":
            process.kill()
        site.submit()
        if moment != "before the job":
            site.pod()
        if moment == "while the run executes":
            site.kubelet("Running", RUNNING)
            assert site.wait("Running", "True", "RunStarted")
        process.kill()
    if moment != "before the job":
        site.kubelet("Succeeded", terminated(site.outcome()))
    with operator(site.cluster, site.namespace, tmp_path) as process:
        if moment == "before the job":
            site.kubelet("Succeeded", terminated(site.outcome()))
        assert site.wait("Complete", "True", "Succeeded"), process.said()
    assert len(site.get("jobs")) == 1


def test_a_lost_run_is_tried_again(site: Site, tmp_path: Path) -> None:
    """Kubernetes does not do so; the operator makes another run, and the job has its result."""
    with operator(site.cluster, site.namespace, tmp_path) as process:
        site.submit()
        site.kubelet("Failed", terminated(code=143, reason="Error"))
        assert eventually(lambda: len(site.get("pods")) == 2, SECONDS), process.said()
        site.kubelet("Succeeded", terminated(site.outcome()))
        assert site.wait("Complete", "True", "Succeeded"), process.said()
    (job,) = site.get("quantumjobs")
    states = [one["state"] for one in job["status"]["plan"]["steps"][0]["attempts"]]
    assert states == ["Lost", "Succeeded"]


def test_a_job_waits_for_its_policy(site: Site, tmp_path: Path) -> None:
    """Whichever is created first; what is missing is in the job's conditions meanwhile."""
    with operator(site.cluster, site.namespace, tmp_path) as process:
        site.submit(policyRef={"name": "late"})
        assert site.wait("Accepted", "False", "PolicyNotFound"), process.said()
        site.apply(manifest(builders.policy(site.backend, name="late"), site.namespace))
        assert site.wait("Scheduled", "True", "Assigned"), process.said()


def test_a_deleted_job_leaves_nothing_to_do(site: Site, tmp_path: Path) -> None:
    """Nothing holds it back, its run goes with it, and a namesake has a run of its own."""
    with operator(site.cluster, site.namespace, tmp_path) as process:
        site.submit()
        first = site.pod()["metadata"]["name"]
        site.cluster.kubectl("delete", "quantumjob", "bell", "--namespace", site.namespace, "--timeout=10s")
        site.submit()
        gone = eventually(lambda: bool(site.get("pods")) and first not in names(site.get("pods")), SECONDS)
        assert gone, process.said()
        site.kubelet("Succeeded", terminated(site.outcome()))
        assert site.wait("Complete", "True", "Succeeded"), process.said()
    assert "traceback" not in process.said()


def names(bodies: list[Json]) -> list[str]:
    return [one["metadata"]["name"] for one in bodies]


def test_it_ends_when_it_is_told_to(site: Site, tmp_path: Path) -> None:
    """Within seconds, and without an error."""
    with operator(site.cluster, site.namespace, tmp_path) as process:
        site.submit()
        site.pod()
        assert process.terminate() == 0
        lines = [json.loads(line) for line in process.said().splitlines()]
    assert {one["level"] for one in lines} == {"info"}


def test_it_ends_when_it_is_told_to_while_it_starts(site: Site, tmp_path: Path) -> None:
    """Without an error as well."""
    with operator(site.cluster, site.namespace, tmp_path) as process:
        assert process.terminate() == 0


def start(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "-m", "quantum_operator.cluster"]
    return subprocess.run(command, env={**kept, **environment}, capture_output=True, text=True, check=False, timeout=60)


def without_image(_folder: Path) -> dict[str, str]:
    return {}


def without_kubeconfig(folder: Path) -> dict[str, str]:
    return {"QUANTUM_OPERATOR_RUNNER_IMAGE": "x", "KUBECONFIG": str(folder / "missing")}


@pytest.mark.parametrize(
    ("environment", "remedy"),
    [(without_image, "QUANTUM_OPERATOR_RUNNER_IMAGE is not set"), (without_kubeconfig, "give a kubeconfig")],
)
def test_it_says_in_one_line_why_it_can_not_start(
    tmp_path: Path, environment: Callable[[Path], dict[str, str]], remedy: str
) -> None:
    """And ends, so that Kubernetes shows it."""
    done = start(environment(tmp_path))
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert remedy in json.loads(line)["message"]
