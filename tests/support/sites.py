"""A tenant and an agent's namespace on a real API server: the operator that watches both, and agents, as processes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from quantum_operator.api.ledger import QuantumLedger
from quantum_operator.testing import builders
from support.agents import AgentProcess, grant_agent, write_folder
from support.clusterworld import manifest
from support.objects import apply_all, named, objects
from support.operators import OperatorProcess, grant
from testcluster import BuiltCluster

ASYMMETRIC = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[3] q;\nbit[3] c;\nx q[0];\nx q[1];\nc = measure q;\n'
SECRETS = ("token", "accessKeyId", "secretAccessKey", "sessionToken")
Json = dict[str, Any]


class Site:
    """A tenant's namespace and an agent's, an operator that watches both, and the agent of one account."""

    def __init__(self, cluster: BuiltCluster, namespace: str, folder: Path, ending: ExitStack) -> None:
        self.cluster, self.namespace, self.folder, self._ending = cluster, namespace, folder, ending
        self.agent_namespace = f"{namespace}-agent"
        self.backend = f"qpu-{namespace}"
        self.user, self.operator_user = f"agent-of-{namespace}", f"operator-of-{namespace}"
        self.kubeconfig: Callable[[str], Path] = cluster.kubeconfig_for
        """By what a user's processes ask the API server."""
        cluster.kubectl("create", "namespace", self.agent_namespace)
        ending.callback(self.remove)
        for place in (namespace, self.agent_namespace):
            grant(cluster, place, self.operator_user)
        grant_agent(cluster, self.agent_namespace, self.user)

    def remove(self) -> None:
        """Remove what has no namespace, and what would hold one."""
        self.cluster.kubectl("delete", "quantumbackend", self.backend, "--ignore-not-found")

    def kubectl(self, *arguments: str, namespace: str = "", **more: Any) -> str:
        """Run kubectl in a namespace: the tenant's, unless given."""
        return self.cluster.kubectl("--namespace", namespace or self.namespace, *arguments, **more).stdout

    def apply(self, *bodies: Json) -> None:
        """Create these or change them."""
        apply_all(self.cluster, bodies)

    def job(self, name: str) -> Json:
        """A job as it is."""
        return named(self.cluster, "quantumjobs", name, self.namespace)

    def condition(self, name: str, kind: str) -> tuple[str, str]:
        """Status and reason of a condition."""
        conditions = self.job(name).get("status", {}).get("conditions", [])
        return next(((one["status"], one["reason"]) for one in conditions if one["type"] == kind), ("", ""))

    def tasks(self) -> list[Json]:
        """The agent's tasks."""
        return objects(self.cluster, "quantumtasks", self.agent_namespace)

    def ledger(self) -> tuple[int, int]:
        """What the tenant's jobs spent of all months' money, and what is reserved for them."""
        found = objects(self.cluster, "quantumledgers")
        books = [QuantumLedger.model_validate(one).status for one in found]
        spent = sum(one.micros for book in books for one in book.totals if one.namespace == self.namespace)
        reserved = [one for book in books for one in book.reservations if one.job.namespace == self.namespace]
        return spent, sum(one.micros for one in reserved)

    def offer(self, adapter: str, device: str, price: Json, **spec: Any) -> None:
        """A backend of the account's device, and a policy that has it alone."""
        provider = {"agent": self.agent_namespace, "device": device}
        given = {"adapter": adapter, "provider": provider, "price": price, **spec}
        body = manifest(builders.backend(self.backend, qubits=5, ready=None, **given), "")
        body.pop("status", None)
        self.apply(body)
        self.apply(manifest(builders.policy(self.backend), self.namespace))

    def start_operator(self, name: str = "operator") -> OperatorProcess:
        """An operator, as the one of this name."""
        config = self.kubeconfig(self.operator_user)
        both = f"{self.namespace},{self.agent_namespace}"
        lease = {"LEASE": f"{self.agent_namespace}/operator", "LEASE_FILE": str(self.folder / f"{name}.lease")}
        process = OperatorProcess(config, both, self.folder / f"{name}.log", **lease)
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
        config = self.kubeconfig(self.user)
        log = self.folder / f"{name}.log"
        process = AgentProcess(config, self.agent_namespace, log, adapter, **folders, **more)
        self._ending.callback(process.kill)
        return process

    def submit(self, name: str, **spec: Any) -> None:
        """Create a job of three qubits, of which 0 and 1 are flipped."""
        program = {"name": "p", "qasm3": ASYMMETRIC}
        task = {"sample": {"pubs": [{"program": "p", "shots": 1000}]}}
        self.apply(manifest(builders.job(name, **({"programs": [program], "task": task} | spec)), self.namespace))

    def change(self, name: str, **spec: Any) -> None:
        """Change a job's spec."""
        self.kubectl("patch", "quantumjob", name, "--type=merge", "--patch", json.dumps({"spec": spec}))

    def left_of(self, name: str) -> list[str]:
        """What there is of a job, in both namespaces."""
        return [
            f"{kind}/{one['metadata']['name']}"
            for kind in ("quantumjobs", "quantumtasks", "jobs", "pods", "configmaps")
            for place in (self.namespace, self.agent_namespace)
            for one in objects(self.cluster, kind, place)
            if one["metadata"]["name"].startswith(name)
        ]

    def resolve(self, task: str, *how: str) -> None:
        """Say by `qjob` what became of a held task."""
        done = self.resolving(task, *how)
        assert done.returncode == 0, done.stderr

    def resolving(self, task: str, *how: str) -> subprocess.CompletedProcess[str]:
        """What `qjob` answers to that."""
        command = [sys.executable, "-m", "quantum_operator.cli", "resolve", task, *how, "-n", self.agent_namespace]
        environment = {**os.environ, "KUBECONFIG": str(self.cluster.kubeconfig), "NO_PROXY": "*"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
