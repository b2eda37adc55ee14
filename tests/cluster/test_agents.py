"""Jobs on providers: the operator and an agent as processes, a real API server, and the vendors' own protocols."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from quantum_operator.testing import builders
from support import braketdevice, ibmserver
from support.agents import AgentProcess, finishing, grant_agent, write_folder
from support.braketserver import BraketServer
from support.clusterworld import manifest, serve_crds
from support.ibmserver import IbmServer
from support.operators import OperatorProcess, grant
from testcluster import BuiltCluster, Cluster
from testcluster.processes import eventually

SECONDS = 60.0
ASYMMETRIC = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[3] q;\nbit[3] c;\nx q[0];\nx q[1];\nc = measure q;\n'
SECRETS = ("token", "accessKeyId", "secretAccessKey", "sessionToken")
Json = dict[str, Any]


class Site:
    """A tenant's namespace and an agent's, an operator that watches both, and the agent of one account."""

    def __init__(self, cluster: BuiltCluster, namespace: str, folder: Path, ending: ExitStack) -> None:
        self.cluster, self.namespace, self.folder, self._ending = cluster, namespace, folder, ending
        self.agent_namespace = f"{namespace}-agent"
        self.backend = f"qpu-{namespace}"
        self.user = f"agent-of-{namespace}"
        cluster.kubectl("create", "namespace", self.agent_namespace)
        ending.callback(self.remove)
        for place in (namespace, self.agent_namespace):
            grant(cluster, place, f"operator-of-{namespace}")
        grant_agent(cluster, self.agent_namespace, self.user)

    def remove(self) -> None:
        """Remove what has no namespace, and what would hold one."""
        self.cluster.kubectl("delete", "quantumbackend", self.backend, "--ignore-not-found")

    def kubectl(self, *arguments: str, namespace: str = "", **more: Any) -> str:
        """Run kubectl in a namespace: the tenant's, unless given."""
        return self.cluster.kubectl("--namespace", namespace or self.namespace, *arguments, **more).stdout

    def apply(self, body: Json) -> None:
        """Create it or change it."""
        self.cluster.kubectl("apply", "-f", "-", input=json.dumps(body))

    def job(self, name: str) -> Json:
        """A job as it is."""
        found: Json = json.loads(self.kubectl("get", "quantumjob", name, "--output=json"))
        return found

    def condition(self, name: str, kind: str) -> tuple[str, str]:
        """Status and reason of a condition."""
        conditions = self.job(name).get("status", {}).get("conditions", [])
        return next(((one["status"], one["reason"]) for one in conditions if one["type"] == kind), ("", ""))

    def tasks(self) -> list[Json]:
        """The agent's tasks."""
        found = self.kubectl("get", "quantumtasks", "--output=json", namespace=self.agent_namespace)
        items: list[Json] = json.loads(found)["items"]
        return items

    def offer(self, adapter: str, device: str, price: Json, **spec: Any) -> None:
        """A backend of the account's device, and a policy that has it alone."""
        provider = {"agent": self.agent_namespace, "device": device}
        given = {"adapter": adapter, "provider": provider, "price": price, **spec}
        body = manifest(builders.backend(self.backend, qubits=5, ready=None, **given), "")
        body.pop("status", None)
        self.apply(body)
        self.apply(manifest(builders.policy(self.backend), self.namespace))

    def start_operator(self) -> OperatorProcess:
        """The operator."""
        config = self.cluster.kubeconfig_for(f"operator-of-{self.namespace}")
        both = f"{self.namespace},{self.agent_namespace}"
        process = OperatorProcess(config, both, self.folder / "operator.log")
        self._ending.callback(process.kill)
        return process

    def start_agent(self, adapter: str, settings: dict[str, str], name: str = "agent", **more: str) -> AgentProcess:
        """An agent of the account."""
        plain = {key: value for key, value in settings.items() if key not in SECRETS}
        secret = {key: value for key, value in settings.items() if key in SECRETS}
        folders = {
            "SETTINGS": str(write_folder(self.folder / "settings", plain)),
            "CREDENTIALS": str(write_folder(self.folder / "credentials", secret)),
            "LEASE": f"{self.agent_namespace}/agent",
            "LEASE_FILE": str(self.folder / f"{name}.lease"),
        }
        config = self.cluster.kubeconfig_for(self.user)
        log = self.folder / f"{name}.log"
        process = AgentProcess(config, self.agent_namespace, log, adapter, **folders, **more)
        self._ending.callback(process.kill)
        return process

    def submit(self, name: str, **spec: Any) -> None:
        """Create a job of three qubits, of which 0 and 1 are flipped."""
        program = {"name": "p", "qasm3": ASYMMETRIC}
        task = {"sample": {"pubs": [{"program": "p", "shots": 1000}]}}
        self.apply(manifest(builders.job(name, **({"programs": [program], "task": task} | spec)), self.namespace))


@pytest.fixture
def site(api_server: Cluster, namespace: str, tmp_path: Path) -> Iterator[Site]:
    if not isinstance(api_server, BuiltCluster):
        pytest.skip("users are made by the test's own cluster")
    serve_crds(api_server)
    with ExitStack() as ending:
        yield Site(api_server, namespace, tmp_path, ending)


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    moto = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


def assert_paid_once(site: Site, name: str, charged: int) -> None:
    """The job has the counts of its circuit, one task, and the cost that the provider charged."""
    job = site.job(name)
    register = job["status"]["result"]["pubs"][0]["samples"][0]["registers"][0]
    assert register["counts"] == {"011": 1000}
    assert job["status"]["cost"]["micros"] == charged > 0
    (task,) = [one for one in site.tasks() if one["spec"]["job"]["name"] == name]
    assert task["status"]["state"] == "Succeeded"
    assert task["status"]["charge"]["micros"] == charged


def test_a_job_runs_on_ibm_quantum(site: Site) -> None:
    """One submission, its counts, and what IBM charged for it."""
    with IbmServer() as server:
        site.offer("ibm", ibmserver.DEVICE, {"perSecondMicros": ibmserver.PRICE})
        operator, agent = site.start_operator(), site.start_agent("ibm", server.settings())
        waiting = lambda: [one.id for one in server.jobs.values() if one.status == "Queued"]  # noqa: E731
        with finishing(waiting, server.finish):
            site.submit("bell")
            assert eventually(lambda: site.condition("bell", "Complete")[0] != "", SECONDS), (
                operator.said() + agent.said() + json.dumps(site.tasks())
            )
        assert site.condition("bell", "Complete") == ("True", "Succeeded")
        assert server.submissions() == 1
        assert_paid_once(site, "bell", server.charged_micros())
        assert ibmserver.API_KEY not in agent.said()


def test_a_job_runs_on_amazon_braket(site: Site, s3_url: str) -> None:
    """One submission, its counts, and what Braket charges for it."""
    with BraketServer(s3_url) as server:
        site.offer("braket", braketdevice.DEVICE, {"perRunMicros": 300_000, "perShotMicros": 80_000})
        operator, agent = site.start_operator(), site.start_agent("braket", server.settings())
        waiting = lambda: [one.arn for one in server.all_tasks.values() if one.status == "QUEUED"]  # noqa: E731
        with finishing(waiting, server.finish):
            site.submit("bell")
            assert eventually(lambda: site.condition("bell", "Complete")[0] != "", SECONDS), (
                operator.said() + agent.said() + json.dumps(site.tasks())
            )
        assert site.condition("bell", "Complete") == ("True", "Succeeded"), site.job("bell")
        assert server.submissions() == 1
        assert_paid_once(site, "bell", server.charged_micros())


def test_a_task_that_nobody_can_tell_of_is_held_until_somebody_does(site: Site) -> None:
    """IBM forgets a job that it took: it is not submitted again. Somebody finds it, and says so."""
    with IbmServer() as server:
        site.offer("ibm", ibmserver.DEVICE, {"perSecondMicros": ibmserver.PRICE})
        operator, agent = site.start_operator(), site.start_agent("ibm", server.settings())
        site.submit("bell")
        assert eventually(lambda: bool(server.jobs), SECONDS), operator.said() + agent.said()
        (forgotten,) = server.jobs
        known = server.jobs.pop(forgotten)
        assert eventually(lambda: [one["status"].get("state") for one in site.tasks()] == ["Held"], SECONDS)
        assert eventually(lambda: site.condition("bell", "Running") == ("False", "TaskHeld"), SECONDS), site.job("bell")
        server.jobs[forgotten] = known
        server.finish(forgotten)
        (task,) = [one["metadata"]["name"] for one in site.tasks()]
        resolve = ("resolve", task, "--adopt", forgotten, "--why", "seen in the console", "-n", site.agent_namespace)
        environment = {**os.environ, "KUBECONFIG": str(site.cluster.kubeconfig), "NO_PROXY": "*"}
        done = subprocess.run(
            [sys.executable, "-m", "quantum_operator.cli", *resolve],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert eventually(lambda: site.condition("bell", "Complete") == ("True", "Succeeded"), SECONDS)
        assert server.submissions() == 1
        (told,) = [one["status"]["resolution"] for one in site.tasks()]
        assert (told["by"], told["why"]) == ("admin", "seen in the console")
