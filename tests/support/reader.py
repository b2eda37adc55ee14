"""Somebody who does what docs/providers.md says."""

import base64
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml

from support.agentchart import NAME, kubeconfig_of_agent
from support.agents import AgentProcess, write_folder
from support.objects import objects
from support.operators import OperatorProcess, grant
from support.providersdoc import ROOT, Way
from testcluster import BuiltCluster

RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"
Json = dict[str, Any]


class Reader:
    """A reader of the page, with a cluster, and a namespace of jobs."""

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
        return objects(self.cluster, kind, namespace)

    def set_up(self, credentials: Mapping[str, str], device: str, qubits: int, *helm: str) -> None:
        """The commands before the job but the last one, for a device that there is; more options for Helm's."""
        for key, file in self.page.secret.items():
            (self.folder / file).write_text(credentials[key] + "\n", encoding="utf-8")
        backend = self.page.document("backend.yaml")
        backend["spec"]["provider"]["device"], backend["spec"]["target"]["numQubits"] = device, qubits
        (self.folder / "backend.yaml").write_text(yaml.safe_dump(backend), encoding="utf-8")
        for program, *arguments in self.page.setup[:-1]:
            if program == "helm":
                self.cluster.kubectl("label", "namespace", self.page.agent, RESTRICTED)
            self.cluster.run(program, *map(self._file, arguments), *(helm if program == "helm" else ()))

    def _file(self, word: str) -> str:
        if word.endswith("backend.yaml"):
            return str(self.folder / "backend.yaml")
        key, _, file = word.rpartition("=")
        if file in self.page.secret.values():
            return f"{key}={self.folder / file}"
        return str(ROOT / word) if (ROOT / word).exists() else word

    def start_operator(self) -> None:
        """An operator that watches the agent's namespace, and that of jobs."""
        user, agent = f"operator-of-{self.namespace}", self.page.agent
        for place in (self.namespace, agent):
            grant(self.cluster, place, user)
        config = self.cluster.kubeconfig_for(user)
        operator = OperatorProcess(config, f"{self.namespace},{agent}", self.folder / "operator.log")
        self._ending.callback(operator.kill)

    def start_agent(self, **elsewhere: str) -> AgentProcess:
        """An agent here: its token, its ConfigMap and its Secret are what the chart gives it in the cluster."""
        agent = self.page.agent
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
