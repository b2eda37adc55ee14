"""What a tenant makes to look like the operator's own, on a real API server: it changes nothing for their job."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from quantum_operator.cluster.artifacts import config_map
from quantum_operator.cluster.labels import BACKEND, DIGEST, INPUT, JOB_UID, MANAGED_BY
from quantum_operator.testing import builders
from support.clusterworld import manifest, serve_crds
from support.objects import objects
from support.operators import OURS, OperatorProcess, grant
from testcluster import Cluster
from testcluster.processes import eventually

SECONDS = 60.0
EVERYTHING = {"apiGroups": [OURS], "resources": ["*"], "verbs": ["*"]}
"""What no role of the charts gives: a tenant to whom somebody gave all that there is in their namespace has it."""
Json = dict[str, Any]


class Tenancy:
    """A tenant with all rights in a namespace, a job of theirs on a provider's backend, and nobody as its agent."""

    def __init__(self, cluster: Cluster, namespace: str, folder: Path, ending: ExitStack) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.agent, self.tenant = f"{namespace}-agent", f"tenant-of-{namespace}"
        self.backend = f"qpu-{namespace}"
        operator = f"operator-of-{namespace}"
        cluster.kubectl("create", "namespace", self.agent)
        ending.callback(self.remove)
        for place in (namespace, self.agent):
            grant(cluster, place, operator)
        self._let_in()
        self._offer()
        config = cluster.kubeconfig_for(operator)
        self.operator = OperatorProcess(config, f"{namespace},{self.agent}", folder / "operator.log")
        ending.callback(self.operator.kill)

    def _let_in(self) -> None:
        here = {"name": "everything", "namespace": self.namespace}
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": here, "rules": [EVERYTHING]}
        self.cluster.kubectl("create", "-f", "-", input=json.dumps(role))
        for kind, name in (("role", "everything"), ("clusterrole", "admin")):
            given = (f"--{kind}={name}", f"--user={self.tenant}", f"--namespace={self.namespace}")
            self.cluster.kubectl("create", "rolebinding", name, *given)

    def _offer(self) -> None:
        spec: Json = {"adapter": "ibm", "provider": {"agent": self.agent, "device": "d"}, "price": {"perShotMicros": 1}}
        ready = builders.backend(self.backend, ready=True, **spec)
        for body in (manifest(ready, ""), manifest(builders.policy(self.backend), self.namespace)):
            self.cluster.kubectl("create", "-f", "-", input=json.dumps(body))
        status = json.dumps({"status": ready.status.to_wire()})
        self.set_status("quantumbackend", self.backend, status)

    def remove(self) -> None:
        """Remove what has no namespace, and what the operator would have let go."""
        self.cluster.kubectl("delete", "quantumbackend", self.backend, "--ignore-not-found")
        free = ("--type=merge", '--patch={"metadata":{"finalizers":null}}')
        for one in self.get("quantumtasks", self.agent):
            self.cluster.kubectl("patch", "quantumtask", one["metadata"]["name"], f"--namespace={self.agent}", *free)
        self.cluster.kubectl("delete", "namespace", self.agent, "--wait=false")

    def get(self, kind: str, namespace: str) -> list[Json]:
        """All of a kind in a namespace."""
        return objects(self.cluster, kind, namespace)

    def job(self) -> Json:
        """The tenant's job."""
        (found,) = self.get("quantumjobs", self.namespace)
        return found

    def forge(self, body: Json) -> None:
        """Create it as the tenant."""
        body["metadata"]["namespace"] = self.namespace
        self.cluster.kubectl("create", "-f", "-", input=json.dumps(body), user=self.tenant)

    def set_status(self, kind: str, name: str, patch: str, namespace: str = "", user: str | None = None) -> None:
        """Change a status: as the administrator, unless a user is given."""
        place = [f"--namespace={namespace}"] if namespace else []
        change = ("--subresource=status", "--type=merge", f"--patch={patch}")
        self.cluster.kubectl("patch", kind, name, *place, *change, user=user)


@pytest.fixture
def tenancy(api_server: Cluster, namespace: str, tmp_path: Path) -> Iterator[Tenancy]:
    serve_crds(api_server)
    with ExitStack() as ending:
        yield Tenancy(api_server, namespace, tmp_path, ending)


def like(job: Json, name: str, **annotations: str) -> Json:
    """Metadata as the operator's own objects for a job have it."""
    owner = {
        "apiVersion": job["apiVersion"],
        "kind": job["kind"],
        "name": job["metadata"]["name"],
        "uid": job["metadata"]["uid"],
        "controller": True,
    }
    labels = {**MANAGED_BY, JOB_UID: job["metadata"]["uid"]}
    return {"name": name, "labels": labels, "annotations": annotations, "ownerReferences": [owner]}


def forged_run(job: Json, task: Json) -> Json:
    """A batch Job that says that it is the run of a task's attempt."""
    about = {BACKEND: task["spec"]["backend"], INPUT: task["spec"]["inputSha256"]}
    container = {"name": "runner", "image": "none"}
    pod = {"metadata": {"labels": {JOB_UID: job["metadata"]["uid"]}}, "spec": {"containers": [container]}}
    pod["spec"]["restartPolicy"] = "Never"
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": like(job, task["metadata"]["name"], **about),
        "spec": {"template": pod, "suspend": True},
    }


def forged_task(job: Json, task: Json, name: str, **of: str) -> Json:
    """A task with all that the operator's own has; `of` changes which job it is for."""
    metadata = {**like(job, name), "ownerReferences": []}
    spec = {**task["spec"], "job": {**task["spec"]["job"], **of}}
    return {"apiVersion": task["apiVersion"], "kind": task["kind"], "metadata": metadata, "spec": spec}


def test_a_lookalike_changes_nothing(tenancy: Tenancy) -> None:
    """A run, a task and its outcome, all of the job's own UID and names, beside the agent's task that is the job's."""
    tenancy.forge(manifest(builders.job("bell"), tenancy.namespace))
    assert eventually(lambda: tenancy.get("quantumtasks", tenancy.agent) != [], SECONDS), tenancy.operator.said()
    (task,) = tenancy.get("quantumtasks", tenancy.agent)
    job, name = tenancy.job(), task["metadata"]["name"]

    outcome = json.dumps({"run": name, "inputSha256": task["spec"]["inputSha256"]}).encode()
    ref = {"name": "forged", "sha256": hashlib.sha256(outcome).hexdigest(), "bytes": len(outcome)}
    tenancy.forge(config_map(like(job, "forged", **{DIGEST: ref["sha256"]}), outcome))
    tenancy.forge(forged_run(job, task))
    tenancy.forge(forged_task(job, task, name))
    ended = {"state": "Succeeded", "outcome": ref, "charge": {"micros": 7, "currency": "USD"}}
    tenancy.set_status("quantumtask", name, json.dumps({"status": ended}), tenancy.namespace, tenancy.tenant)

    # What was made after all that is seen after it: a task of a job that never was is cancelled.
    tenancy.forge(forged_task(job, task, "orphan", uid="of-no-job"))
    there = lambda: {one["metadata"]["name"]: one for one in tenancy.get("quantumtasks", tenancy.namespace)}  # noqa: E731
    assert eventually(lambda: there()["orphan"]["spec"]["cancel"], SECONDS), tenancy.operator.said()
    tenancy.set_status("quantumtask", name, '{"status":{"state":"Running"}}', tenancy.agent)
    assert eventually(lambda: tenancy.job()["status"]["phase"] == "Running", SECONDS), tenancy.job()

    status = tenancy.job()["status"]
    assert "Complete" not in [one["type"] for one in status["conditions"]]
    assert status.get("cost", {}).get("micros", 0) == 0
    (still,) = tenancy.get("quantumtasks", tenancy.agent)
    assert (still["metadata"]["uid"], still["spec"]["cancel"]) == (task["metadata"]["uid"], False)
    assert there()[name]["status"] == ended


def test_a_task_of_no_job_goes_once_it_is_over(tenancy: Tenancy) -> None:
    """Whoever made it, the operator cancels it, waits for its agent's word, and deletes it."""
    tenancy.forge(manifest(builders.job("bell"), tenancy.namespace))
    assert eventually(lambda: tenancy.get("quantumtasks", tenancy.agent) != [], SECONDS), tenancy.operator.said()
    (task,) = tenancy.get("quantumtasks", tenancy.agent)
    tenancy.forge(forged_task(tenancy.job(), task, "orphan", uid="of-no-job"))
    place = tenancy.namespace
    assert eventually(lambda: tenancy.get("quantumtasks", place)[0]["spec"]["cancel"], SECONDS), tenancy.operator.said()
    tenancy.set_status("quantumtask", "orphan", '{"status":{"state":"Cancelled"}}', place, tenancy.tenant)
    assert eventually(lambda: tenancy.get("quantumtasks", place) == [], SECONDS), tenancy.operator.said()
    assert len(tenancy.get("quantumtasks", tenancy.agent)) == 1
