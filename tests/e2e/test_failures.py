"""What happens to real pods: each end has a reason of its own, and the reaction that the table of failures says."""

import json
from collections.abc import Callable
from typing import Any

from support.installation import EXAMPLES, Installation, condition, job
from testcluster.processes import eventually

SECONDS = 90.0
ENDLESS = 'OPENQASM 3.0; include "stdgates.inc"; qubit q; bit c; c = measure q; while (!c) { c = measure q; }'
Json = dict[str, Any]


class Watched:
    """One job, as it is now."""

    def __init__(self, installation: Installation, home: str, name: str) -> None:
        self.installation, self.home, self.name = installation, home, name

    def now(self) -> Json:
        """The resource."""
        found = [one for one in self.installation.get("quantumjobs", self.home) if one["metadata"]["name"] == self.name]
        return found[0]

    def attempts(self) -> list[tuple[str, str]]:
        """State and reason of every attempt."""
        plan = self.now().get("status", {}).get("plan", {"steps": [{}]})
        return [(one["state"], one.get("reason", "")) for one in plan["steps"][0].get("attempts", [])]

    def says(self, kind: str, status: str, reason: str) -> bool:
        """Whether a condition comes to be so."""
        return eventually(lambda: condition(self.now(), kind)[:2] == (status, reason), SECONDS)

    def comes_to(self, *attempts: tuple[str, str]) -> bool:
        """Whether the attempts come to be these."""
        return eventually(lambda: self.attempts() == list(attempts), SECONDS)

    def pod(self) -> str:
        """The name of the pod that runs, once one does."""

        def names() -> list[str]:
            pods = self.installation.get("pods", self.home)
            return [one["metadata"]["name"] for one in pods if one["status"]["phase"] == "Running"]

        assert self.says("Running", "True", "RunStarted")
        assert eventually(lambda: bool(names()), SECONDS)
        return names()[0]

    def cancel(self) -> None:
        """End it."""
        place = (f"--namespace={self.home}", "--type=merge", '--patch={"spec":{"cancel":true}}')
        self.installation.cluster.kubectl("patch", "qjob", self.name, *place)
        assert self.says("Complete", "False", "Cancelled"), (
            json.dumps(self.now()["status"], indent=1) + self.installation.log()[-3000:]
        )


def endless(installation: Installation, home: str) -> Watched:
    """A job whose run does not end by itself."""
    task = {"sample": {"pubs": [{"program": "endless", "shots": 1}]}}
    installation.apply(home, job("endless", programs=[{"name": "endless", "qasm3": ENDLESS}], task=task))
    return Watched(installation, home, "endless")


def removed(installation: Installation, home: str, remove: Callable[[str], None], reason: str) -> None:
    """A running pod is removed: the attempt is lost for this reason, and another one follows."""
    watched = endless(installation, home)
    remove(watched.pod())
    assert watched.comes_to(("Lost", reason), ("Running", "")), watched.attempts()
    watched.cancel()


def test_an_evicted_pod_is_tried_again(installation: Installation, home: str) -> None:
    """Removed through the eviction API, as a drained node does it."""

    def evict(pod: str) -> None:
        metadata = {"name": pod, "namespace": home}
        body = json.dumps({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata})
        path = f"/api/v1/namespaces/{home}/pods/{pod}/eviction"
        installation.cluster.kubectl("create", "--raw", path, "-f", "-", input=body)

    removed(installation, home, evict, "RunEvicted")


def test_a_deleted_pod_is_tried_again(installation: Installation, home: str) -> None:
    """Removed by somebody with kubectl."""
    removed(
        installation,
        home,
        lambda pod: installation.cluster.kubectl("delete", "pod", pod, f"--namespace={home}") and None,
        "RunDeleted",
    )


def backend(installation: Installation, home: str, **run: Any) -> None:
    """Have the jobs of the namespace run on a backend of their own."""
    spec = {"target": {"numQubits": 30}, "run": {"cpu": "500m", "memory": "512Mi", **run}}
    group = {"apiVersion": "quantum-operator.dev/v1alpha1"}
    policy = {**group, "kind": "BackendPolicy", "metadata": {"name": "default"}, "spec": {"backends": [{"name": home}]}}
    installation.apply(home, {**group, "kind": "QuantumBackend", "metadata": {"name": home}, "spec": spec}, policy)


def test_a_run_that_needs_more_memory_than_there_is_fails_at_once(installation: Installation, home: str) -> None:
    """A state of 28 qubits takes 4 GiB: the job says so after one attempt."""
    backend(installation, home)
    programs = [{"name": "ghz", "template": {"name": "qft", "parameters": {"qubits": "28"}}}]
    installation.apply(home, job("wide", programs=programs, task={"sample": {"pubs": [{"program": "ghz"}]}}))
    watched = Watched(installation, home, "wide")
    assert watched.says("Complete", "False", "MemoryLimitExceeded"), watched.now()["status"]
    assert watched.attempts() == [("Failed", "MemoryLimitExceeded")]
    installation.cluster.kubectl("delete", "quantumbackend", home)


def test_a_container_over_its_memory_limit_fails_the_job(installation: Installation, home: str) -> None:
    """The kernel ends it before the run can say a word: the libraries alone are more than it has."""
    backend(installation, home, memory="72Mi")
    installation.submit_bell(home)
    watched = Watched(installation, home, "bell")
    assert watched.says("Complete", "False", "MemoryLimitExceeded"), watched.now()["status"]
    assert watched.attempts() == [("Failed", "MemoryLimitExceeded")]
    installation.cluster.kubectl("delete", "quantumbackend", home)


def test_a_program_that_never_ends_is_ended(installation: Installation, home: str) -> None:
    """By the run itself, at the job's time limit; it would end the same way again, so it is not tried again."""
    programs = [{"name": "endless", "qasm3": ENDLESS}]
    task = {"sample": {"pubs": [{"program": "endless", "shots": 1}]}}
    installation.apply(home, job("endless", programs=programs, task=task, activeDeadlineSeconds=5))
    watched = Watched(installation, home, "endless")
    assert watched.says("Complete", "False", "TimeLimitExceeded"), watched.now()["status"]
    assert watched.attempts() == [("Failed", "TimeLimitExceeded")]


def test_a_missing_image_is_waited_for_and_named(installation: Installation, home: str) -> None:
    """The job is not over: somebody may push the image."""
    backend(installation, home, image="docker.io/local/absent:1")
    installation.submit_bell(home)
    watched = Watched(installation, home, "bell")
    assert watched.says("Running", "False", "ImageUnavailable")
    assert "docker.io/local/absent:1" in condition(watched.now(), "Running")[2]
    watched.cancel()
    installation.cluster.kubectl("delete", "quantumbackend", home)


def test_a_namespace_at_its_quota_makes_its_jobs_wait(installation: Installation, home: str) -> None:
    """The job says whose quota, and runs once there is room."""
    hard = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    installation.apply(home, hard)
    cluster = installation.cluster
    cluster.kubectl("wait", f"--namespace={home}", "resourcequota/none", "--for=jsonpath={.status.hard.pods}=0")
    installation.submit_bell(home)
    watched = Watched(installation, home, "bell")
    assert watched.says("Running", "False", "QuotaExceeded")
    assert "exceeded quota: none" in condition(watched.now(), "Running")[2]
    cluster.kubectl("delete", "resourcequota", "none", f"--namespace={home}")
    assert watched.says("Complete", "True", "Succeeded")
    assert watched.attempts() == [("Succeeded", "Succeeded")]


def test_a_name_used_again_and_again_is_another_job_every_time(
    installation: Installation, home: str, faults: str
) -> None:
    """Deleted and applied a dozen times, or a few, a finished job is never adopted and never leaks."""
    runs: set[str] = set()
    times = 12 if faults == "all" else 3
    for _ in range(times):
        installation.cluster.kubectl("apply", f"--namespace={home}", "-f", str(EXAMPLES / "bell.yaml"))
        installation.wait(home, "bell", seconds=120)
        (run,) = {one["metadata"]["uid"] for one in installation.get("jobs", home)} - runs
        runs.add(run)
        installation.cluster.kubectl("delete", "qjob", "bell", f"--namespace={home}")
    assert len(runs) == times
    assert eventually(lambda: installation.left_over(home) == [], 60), installation.left_over(home)
