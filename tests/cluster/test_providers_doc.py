"""docs/providers.md, command by command, on a real API server: the chart's agent has the rights that a job takes."""

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from moto.server import ThreadedMotoServer

from support import braketdevice, ibmserver
from support.agentchart import NAME, kubeconfig_of_agent
from support.agents import AgentProcess, finishing, write_folder
from support.braketserver import BraketServer
from support.clusterworld import serve_crds
from support.ibmserver import IbmServer
from support.operators import OperatorProcess, grant
from support.providersdoc import ROOT, Way, way
from testcluster import BuiltCluster, Cluster

Json = dict[str, Any]


class Reader:
    """Somebody who does what the page says, with an operator at work, and an agent where a node would start it."""

    def __init__(self, cluster: BuiltCluster, namespace: str, folder: Path, ending: ExitStack, page: Way) -> None:
        self.cluster, self.namespace, self.folder, self.page = cluster, namespace, folder, page
        self._ending = ending
        ending.callback(self._remove)

    def _remove(self) -> None:
        name = self.page.document("backend.yaml")["metadata"]["name"]
        self.cluster.kubectl("delete", "quantumbackend", name, "--ignore-not-found")
        place = f"--namespace={self.page.agent}"
        self.cluster.helm("uninstall", self.page.adapter, place, "--ignore-not-found")
        free = ("--type=merge", '--patch={"metadata":{"finalizers":null}}')
        for one in self.get("quantumtasks", self.page.agent):
            self.cluster.kubectl("patch", "quantumtask", one["metadata"]["name"], place, *free)
        self.cluster.kubectl("delete", "namespace", self.page.agent, "--wait=false")

    def get(self, kind: str, namespace: str) -> list[Json]:
        """All of a kind in a namespace."""
        found = self.cluster.kubectl("get", kind, f"--namespace={namespace}", "--output=json").stdout
        items: list[Json] = json.loads(found)["items"]
        return items

    def set_up(self, credentials: dict[str, str], device: str, qubits: int) -> None:
        """The commands before the job but the last one, for a device that there is."""
        for key, file in self.page.secret.items():
            (self.folder / file).write_text(credentials[key] + "\n", encoding="utf-8")
        backend = self.page.document("backend.yaml")
        backend["spec"]["provider"]["device"], backend["spec"]["target"]["numQubits"] = device, qubits
        (self.folder / "backend.yaml").write_text(yaml.safe_dump(backend), encoding="utf-8")
        for program, *arguments in self.page.setup[:-1]:
            self.cluster.run(program, *map(self._file, arguments))

    def _file(self, word: str) -> str:
        if word.endswith("backend.yaml"):
            return str(self.folder / "backend.yaml")
        key, _, file = word.rpartition("=")
        if file in self.page.secret.values():
            return f"{key}={self.folder / file}"
        return str(ROOT / word) if (ROOT / word).exists() else word

    def start(self, **elsewhere: str) -> AgentProcess:
        """Operator and agent: its token, its ConfigMap and its Secret are what the chart gives it in the cluster."""
        user, agent = f"operator-of-{self.namespace}", self.page.agent
        for place in (self.namespace, agent):
            grant(self.cluster, place, user)
        config = self.cluster.kubeconfig_for(user)
        operator = OperatorProcess(config, f"{self.namespace},{agent}", self.folder / "operator.log")
        self._ending.callback(operator.kill)
        settings = next(one for one in self.get("configmaps", agent) if one["metadata"]["name"] == NAME)["data"]
        wanted = self.page.document("agent.yaml")["credentialsSecret"]
        secret = next(one for one in self.get("secrets", agent) if one["metadata"]["name"] == wanted)["data"]
        credentials = {key: base64.b64decode(text).decode() for key, text in secret.items()}
        folders = {
            "SETTINGS": str(write_folder(self.folder / "settings", settings | elsewhere)),
            "CREDENTIALS": str(write_folder(self.folder / "credentials", credentials)),
            "LEASE": f"{agent}/{NAME}",
            "LEASE_FILE": str(self.folder / "lease"),
        }
        token = kubeconfig_of_agent(self.cluster, agent)
        process = AgentProcess(token, agent, self.folder / "agent.log", self.page.adapter, **folders)
        self._ending.callback(process.kill)
        return process

    def run_job(self) -> Json:
        """The last command before the job, and those of the job; returns the job as it is then."""
        for program, *arguments in (self.page.setup[-1], *self.page.job):
            place = () if "quantumbackend" in "".join(arguments) else (f"--namespace={self.namespace}",)
            self.cluster.run(program, *map(self._file, arguments), *place)
        (job,) = self.get("quantumjobs", self.namespace)
        return job


def assert_done(reader: Reader, job: Json, agent: AgentProcess, charged: int) -> None:
    """The job has the counts of a Bell pair and what the provider charged, and the agent was refused nothing."""
    assert job["status"]["phase"] == "Succeeded", agent.said()
    counts = job["status"]["result"]["pubs"][0]["samples"][0]["registers"][0]["counts"]
    assert sum(counts.values()) == 1000
    assert counts["00"] + counts["11"] > 900
    assert job["status"]["cost"]["micros"] == charged > 0
    (task,) = reader.get("quantumtasks", reader.page.agent)
    assert task["status"]["state"] == "Succeeded"
    asked = [
        one for one in reader.cluster.audit_events() if one.user == f"system:serviceaccount:{reader.page.agent}:{NAME}"
    ]
    assert len(asked) > 5
    assert [one for one in asked if one.code in (401, 403)] == []


@pytest.fixture
def built(api_server: Cluster) -> BuiltCluster:
    if not isinstance(api_server, BuiltCluster):
        pytest.skip("the page's names may be taken in a given cluster")
    serve_crds(api_server)
    return api_server


@pytest.fixture
def s3_url() -> Iterator[str]:
    moto = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


def test_ibm_quantum(built: BuiltCluster, namespace: str, tmp_path: Path) -> None:
    """From an API key in a file to counts."""
    with ExitStack() as ending, IbmServer() as server:
        reader = Reader(built, namespace, tmp_path, ending, way("ibm"))
        reader.set_up(server.settings(), ibmserver.DEVICE, 5)
        agent = reader.start(**{key: text for key, text in server.settings().items() if key != "token"})
        waiting = lambda: [one.id for one in server.jobs.values() if one.status == "Queued"]  # noqa: E731
        with finishing(waiting, server.finish):
            job = reader.run_job()
        assert_done(reader, job, agent, server.charged_micros())
        assert server.submissions() == 1


def test_amazon_braket(built: BuiltCluster, namespace: str, tmp_path: Path, s3_url: str) -> None:
    """From an access key in files to counts."""
    with ExitStack() as ending, BraketServer(s3_url) as server:
        reader = Reader(built, namespace, tmp_path, ending, way("braket"))
        price = reader.page.document("backend.yaml")["spec"]["price"]
        told = {
            f"priceMicrosPer{kind}": str(price[f"per{one}Micros"]) for kind, one in (("Task", "Run"), ("Shot", "Shot"))
        }
        credentials = server.settings(**told)
        reader.set_up(credentials, braketdevice.DEVICE, 5)
        agent = reader.start(**{key: text for key, text in credentials.items() if key not in reader.page.secret})
        waiting = lambda: [one.arn for one in server.all_tasks.values() if one.status == "QUEUED"]  # noqa: E731
        with finishing(waiting, server.finish):
            job = reader.run_job()
        assert_done(reader, job, agent, price["perRunMicros"] + 1000 * price["perShotMicros"])
        assert server.submissions() == 1
