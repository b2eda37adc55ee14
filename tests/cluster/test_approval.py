"""A paid job waits until somebody else approves it: the operator, an agent and a provider, and people with rights."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from quantum_operator.cli.app import app
from quantum_operator.cli.present import LEDGERS_REFUSED
from support.clusterworld import serve_crds_of_our_own
from support.governed import GROUP, Governed, Person, governed, job
from support.loopback import DEVICE, provider, register
from support.sites import Site
from testcluster import BuiltCluster, Cluster
from testcluster.processes import eventually

Json = dict[str, Any]
SECONDS = 90.0


class Paid:
    """A governed namespace with an operator, a provider's device at a dollar a run, and people."""

    def __init__(self, place: Governed, folder: Path, ending: ExitStack) -> None:
        assert isinstance(place.cluster, BuiltCluster)
        self.place = place
        self.submitter = place.person("submitter", "-edit", "-view", "view", "-policy-user", "-approver")
        self.approver = place.person("approver", "-view", "-approver")
        view = (f"planner-{place.namespace}", f"--user={self.submitter.name}")
        place.cluster.kubectl("create", "clusterrolebinding", *view, f"--clusterrole={place.fullname}-view")
        ending.callback(lambda: place.cluster.kubectl("delete", "clusterrolebinding", view[0]))
        site = self.site = Site(place.cluster, place.namespace, folder, ending)
        self.backend = site.backend
        site.offer("loopback", DEVICE, {"perRunMicros": 1_000_000})
        self.policy("gold", aboveMicros=500_000)
        place.wait_until_in_force(self.submitter, "gold")
        port = ending.enter_context(provider())
        path = os.pathsep.join([str(register(folder / "path")), *filter(None, sys.path)])
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYTHONPATH", path)
            site.start_operator()
            site.start_agent("loopback", {"port": str(port), "submissionsPerMinute": "1000000"})
        ready = f"quantumbackend/{site.backend}"
        place.cluster.kubectl("wait", "--for=condition=Ready", ready, "--timeout=90s")

    def policy(self, name: str, **approval: Any) -> None:
        """A policy of production with these thresholds."""
        self.place.policy(name, backends=[{"name": self.backend}], tier="production", approval=approval)

    def submit(self, name: str, policy: str = "gold", **spec: Any) -> Json:
        """Have the submitter create a job, and wait until it asks for approval; what it asks."""
        made = self.submitter.create(job(name, policy, **spec))
        assert made["kind"] == "QuantumJob", made
        assert eventually(lambda: self.condition(name, "Approved") == "False/AwaitingApproval", SECONDS), self.job(name)
        asked: Json = self.job(name)["status"]["approval"]
        return asked

    def job(self, name: str) -> Json:
        """A job as it is."""
        return self.place.admin.job(name)

    def condition(self, name: str, kind: str) -> str:
        """A condition's status and reason."""
        found = self.job(name).get("status", {}).get("conditions", [])
        return next((f"{one['status']}/{one['reason']}" for one in found if one["type"] == kind), "")

    def becomes(self, name: str, kind: str, expected: str) -> bool:
        """Whether a condition comes to be this."""
        return eventually(lambda: self.condition(name, kind) == expected, SECONDS)

    def qjob(self, who: Person, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `qjob` as somebody."""
        environment = {**os.environ, "KUBECONFIG": str(who.kubeconfig), "NO_PROXY": "*", "COLUMNS": "200"}
        command = [sys.executable, "-m", "quantum_operator.cli", *arguments, "-n", self.place.namespace]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def planned(self, folder: Path, name: str, **spec: Any) -> Json:
        """What `qjob plan` says to the submitter, who may look at everything but ledgers."""
        file = folder / "job.json"
        file.write_text(json.dumps(job(name, "gold", **spec)), encoding="utf-8")
        here = {"KUBECONFIG": str(self.submitter.kubeconfig), "NO_PROXY": "*"}
        command = ["plan", str(file), "--cluster", "-o", "json", "-n", self.place.namespace]
        found: Json = json.loads(CliRunner().invoke(app, command, env=here).stdout)["jobs"][0]
        return found


@pytest.fixture(scope="module")
def paid(api_server: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paid]:
    """All of it."""
    serve_crds_of_our_own(api_server)
    with ExitStack() as ending:
        place = ending.enter_context(governed(api_server))
        yield Paid(place, tmp_path_factory.mktemp("paid"), ending)


def test_a_paid_job_is_approved_by_a_second_person_and_runs(paid: Paid, tmp_path: Path) -> None:
    """It waits without a task; its submitter can't approve it; somebody else does, in their own name, and it runs."""
    asked = paid.submit("bell")
    assert (asked["backend"], asked["ceilingMicros"], asked["currency"]) == (paid.backend, 1_000_000, "USD")
    assert paid.site.tasks() == []
    told = paid.qjob(paid.submitter, "describe", "bell")
    assert told.returncode == 0, told.stderr
    assert "AwaitingApproval" in told.stdout
    assert asked["digest"] in told.stdout
    own = paid.qjob(paid.submitter, "approve", "bell")
    assert own.returncode == 1
    assert "submitted job 'bell', and can't approve it" in own.stderr
    done = paid.qjob(paid.approver, "approve", "bell", "--reason", "for the paper", "--digest", asked["digest"][:8])
    assert done.returncode == 0, done.stderr
    assert "1.00 USD" in done.stdout
    assert f"bell is approved by {paid.approver.name}" in done.stdout
    assert paid.becomes("bell", "Complete", "True/Succeeded"), paid.job("bell")["status"]
    status = paid.job("bell")["status"]
    assert status["approval"]["by"] == paid.approver.name
    assert status["approval"]["digest"] == asked["digest"]
    assert paid.condition("bell", "Approved") == "True/Approved"
    planned = paid.planned(tmp_path, "bell", priority=7)
    assert planned["approvedBy"] == paid.approver.name
    assert planned["notCounted"] == [LEDGERS_REFUSED]
    assert (planned["verdict"], planned["backend"]) == ("Assigned", paid.backend)
    other = paid.planned(tmp_path, "bell", backoffLimit=1)
    assert (other["reason"], other["approvalNeeded"], "approvedBy" in other) == ("AwaitingApproval", True, False)
    again = paid.qjob(paid.approver, "approve", "bell")
    assert again.returncode == 1
    assert "does not wait for approval" in again.stderr


def test_a_rejected_job_is_over(paid: Paid) -> None:
    """With the reason, under the name of who rejected it, and nothing was submitted."""
    paid.submit("rejected")
    assert paid.qjob(paid.approver, "reject", "rejected").returncode == 2
    done = paid.qjob(paid.approver, "reject", "rejected", "--reason", "too dear")
    assert done.returncode == 0, done.stderr
    assert paid.becomes("rejected", "Complete", "False/Rejected")
    (complete,) = (one for one in paid.job("rejected")["status"]["conditions"] if one["type"] == "Complete")
    assert complete["message"] == f"rejected by {paid.approver.name}: too dear"
    assert all(one["spec"]["job"]["name"] != "rejected" for one in paid.site.tasks())


def test_an_approval_is_void_once_the_policy_changes(paid: Paid) -> None:
    """What is decided on is the plan as it is: after a change the job asks anew, and an older decision is refused."""
    paid.policy("changing", aboveShots=1)
    before = paid.submit("changing", "changing")
    change = '{"spec":{"approval":{"aboveShots":2}}}'
    here = f"--namespace={paid.place.namespace}"
    paid.place.cluster.kubectl("patch", "backendpolicy", "changing", here, "--type=merge", f"--patch={change}")
    assert eventually(lambda: paid.job("changing")["status"]["approval"]["digest"] != before["digest"], SECONDS)
    refused = paid.approver.decide("changing", digest=before["digest"])
    assert "the job asks for approval of" in refused["message"]
    late = paid.qjob(paid.approver, "approve", "changing", "--digest", before["digest"])
    assert late.returncode == 1
    assert "--digest" in late.stderr
    assert paid.approver.decide("changing")["spec"]["approval"]["by"] == paid.approver.name
    assert paid.becomes("changing", "Complete", "True/Succeeded")


def test_the_results_of_a_confidential_job_are_in_its_artifact_alone(paid: Paid) -> None:
    """Whoever may read the job's status sees no count of it."""
    paid.place.policy("free", backends=[{"name": paid.backend}])
    made = paid.submitter.create(job("secret", "free", data={"class": "confidential"}))
    assert made["metadata"]["annotations"][f"{GROUP}/submitter"] == paid.submitter.name
    assert paid.becomes("secret", "Complete", "True/Succeeded"), paid.job("secret")["status"]
    result = paid.job("secret")["status"]["result"]
    assert result.get("pubs", []) == []
    assert result["outcome"]["sha256"] == result["outcomeSha256"]
    shown = paid.qjob(paid.place.admin, "result", "secret")
    assert shown.returncode == 0, shown.stderr
    assert "00" in shown.stdout
