"""The cluster's ports over a real API server, and what an administrator does to it beside them."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from quantum_operator.api.generate import files
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.render import RESOURCES
from quantum_operator.cluster.api import Api
from quantum_operator.cluster.artifacts import ClusterArtifacts
from quantum_operator.cluster.manifest import RunSettings
from quantum_operator.cluster.mirror import Mirror
from quantum_operator.cluster.recorder import ClusterRecorder
from quantum_operator.cluster.runs import ClusterRuns
from quantum_operator.cluster.store import ClusterStore
from quantum_operator.ports.world import Key
from quantum_operator.testing import builders
from support.objects import objects
from testcluster import BuiltCluster, Cluster
from testcluster.processes import eventually

Json = dict[str, Any]

IMAGE = "docker.io/local/quantum-operator-runner:test"


def serve_crds(cluster: Cluster) -> None:
    """Have the cluster serve our resources."""
    for name, text in files().items():
        if name.startswith("crds/"):
            cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=text)
    names = [f"crd/{model.plural}.quantum-operator.dev" for model in RESOURCES]
    assert eventually(lambda: are_established(cluster, names), 30)


def serve_crds_of_our_own(cluster: Cluster) -> None:
    """The same, of a cluster that the tests have made; the test is skipped where it is given."""
    if not isinstance(cluster, BuiltCluster):
        pytest.skip("users are made by the test's own cluster")
    serve_crds(cluster)


def are_established(cluster: Cluster, names: list[str]) -> bool:
    """Whether these definitions are served. `kubectl wait` fails on one that has no conditions yet."""
    found = json.loads(cluster.kubectl("get", *names, "--output=json").stdout)
    listed = found.get("items", [found])
    conditions = [one.get("status", {}).get("conditions") or [] for one in listed]
    return all(any(one["type"] == "Established" and one["status"] == "True" for one in some) for some in conditions)


def manifest(resource: Any, namespace: str) -> Json:
    """A resource as a user writes it."""
    body: Json = resource.model_dump(mode="json", by_alias=True, exclude_none=True)
    body.pop("status")
    body["metadata"] = {"name": resource.metadata.name} | ({"namespace": namespace} if resource.namespaced else {})
    return body


@dataclass
class Asked:
    """Remembers what was asked to be looked at."""

    keys: list[Key] = field(default_factory=list)
    ground: int = 0
    tasks: int = 0

    def request(self, key: Key) -> None:
        """A job."""
        self.keys.append(key)

    def backends_or_policies_changed(self) -> None:
        """Everything that waits."""
        self.ground += 1

    def tasks_changed(self) -> None:
        """Tasks of jobs that are gone."""
        self.tasks += 1


class World:
    """The ports, in a namespace of a cluster."""

    def __init__(self, cluster: Cluster, namespace: str, api: Api) -> None:
        self.cluster, self.namespace, self.api = cluster, namespace, api
        self.asked = Asked()
        self.woken: list[Key] = []
        self.restart()

    def restart(self) -> None:
        """Have ports that have seen nothing yet."""
        self.mirror = Mirror()
        self.mirror.connect(self.asked)
        self.store = ClusterStore(self.api, self.mirror)
        self.runs = ClusterRuns(self.api, self.mirror, RunSettings(IMAGE), self.woken.append)
        self.artifacts = ClusterArtifacts(self.api)
        self.recorder = ClusterRecorder(self.api)

    async def read(self) -> None:
        """See everything of the namespace, as a watch would."""
        await self.mirror.read(self.api, [self.namespace])

    async def add_job(self, name: str = "bell") -> QuantumJob:
        """Create a job and see it."""
        self.apply(manifest(builders.job(name), self.namespace))
        await self.read()
        job = self.mirror.jobs.cache.get(Key(self.namespace, name))
        assert job is not None
        return job

    def kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002 - as subprocess.run calls it
        """Run kubectl in the namespace; returns what it wrote."""
        return self.cluster.kubectl("--namespace", self.namespace, *arguments, input=input).stdout

    def apply(self, *bodies: Json) -> None:
        """Create these or change them."""
        for body in bodies:
            self.kubectl("apply", "-f", "-", input=json.dumps(body))

    def quota(self, plural: str) -> None:
        """Allow no more `jobs` or `pods`; returns once that is in force, a moment after the quota says that it is."""
        hard = {"count/jobs.batch" if plural == "jobs" else plural: "0"}
        self.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": hard}})
        one: Json = {"apiVersion": "v1", "kind": "Pod", "spec": RESTRICTED_POD}
        if plural == "jobs":
            one = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": RESTRICTED_POD}}}
        asked = ("create", "--namespace", self.namespace, "--dry-run=server", "-f", "-")
        given = json.dumps({**one, "metadata": {"name": "probe"}})
        assert eventually(lambda: "exceeded quota" in self.cluster.kubectl(*asked, input=given, check=False).stderr, 60)

    def get(self, kind: str, name: str) -> Json:
        """An object as it is."""
        body: Json = json.loads(self.kubectl("get", kind, name, "--output=json"))
        return body

    def names(self, kind: str) -> list[str]:
        """The names of all objects of a kind."""
        return sorted(one["metadata"]["name"] for one in objects(self.cluster, kind, self.namespace))

    def pods_of(self, run: str) -> list[Json]:
        """The pods of a batch Job."""
        selector = f"--selector=batch.kubernetes.io/job-name={run}"
        found: list[Json] = json.loads(self.kubectl("get", "pods", selector, "--output=json"))["items"]
        return found

    def be_kubelet(self, pod: str, phase: str, state: Json | None = None, **status: Any) -> None:
        """Say of a pod what its kubelet would."""
        container = {"name": "runner", "image": IMAGE, "imageID": "", "ready": phase == "Running", "restartCount": 0}
        containers = {"containerStatuses": [{**container, "state": state}]} if state is not None else {}
        patch = json.dumps({"status": {"phase": phase, **containers, **status}})
        self.kubectl("patch", "pod", pod, "--subresource=status", "--type=merge", "--patch", patch)


def terminated(message: str = "", code: int = 0, reason: str = "Completed") -> Json:
    """The state of a container that ran and ended."""
    times = {"startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:01Z"}
    return {"terminated": {"exitCode": code, "reason": reason, "message": message, **times}}


RESTRICTED_POD: Json = {
    "restartPolicy": "Never",
    "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "probe",
            "image": "none",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
}
"""The spec of a pod that the restricted standard takes."""

RUNNING: Json = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
