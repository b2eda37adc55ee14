"""The operator as a process, with the rights that its chart gives it and no others."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from support.clusterworld import IMAGE
from support.objects import apply_all, until_allowed
from testcluster import Cluster
from testcluster.ports import LOCAL, unused_port
from testcluster.processes import eventually

USER = "operator-under-test"
OURS = "quantum-operator.dev"

NAMESPACED: list[dict[str, Any]] = [
    {"apiGroups": [OURS], "resources": ["quantumjobs", "backendpolicies"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [OURS], "resources": ["quantumjobs"], "verbs": ["create", "delete"]},
    {"apiGroups": [OURS], "resources": ["quantumjobs/status", "backendpolicies/status"], "verbs": ["update"]},
    {
        "apiGroups": [OURS],
        "resources": ["quantumtasks"],
        "verbs": ["get", "list", "watch", "create", "patch", "delete"],
    },
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get", "list", "watch", "create", "delete"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "create", "delete"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "list"]},
]
CLUSTER_WIDE: list[dict[str, Any]] = [
    {"apiGroups": [OURS], "resources": ["quantumbackends"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [OURS], "resources": ["quantumbackends/status", "quantumledgers/status"], "verbs": ["update"]},
    {"apiGroups": [OURS], "resources": ["quantumledgers"], "verbs": ["get", "list", "create"]},
    {"apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]},
]
AT_HOME: list[dict[str, Any]] = [
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create", "get", "update"]},
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "get", "update"]},
]
"""In the operator's own namespace."""

Rights: TypeAlias = dict[tuple[str, str], set[str]]
"""The verbs on each group and resource."""


def rights_of(rules: Iterable[dict[str, Any]]) -> Rights:
    """What these rules of RBAC give together."""
    found: Rights = {}
    for rule in rules:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                found.setdefault((group, resource), set()).update(rule["verbs"])
    return found


def grant(cluster: Cluster, namespace: str, user: str = USER) -> None:
    """Have the operator have its rights in one namespace, which is its home as well, and those on what has none."""
    subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]
    here = {"namespace": namespace}
    bodies: list[dict[str, Any]] = []
    for kind, place, rules in (("ClusterRole", {}, CLUSTER_WIDE), ("Role", here, [*NAMESPACED, *AT_HOME])):
        metadata = {"name": user, **place}
        ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": user}
        common = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": metadata}
        bodies += [
            {**common, "kind": kind, "rules": rules},
            {**common, "kind": f"{kind}Binding", "roleRef": ref, "subjects": subjects},
        ]
    apply_all(cluster, bodies)
    until_allowed(cluster, user, "list", OURS, "quantumbackends")
    until_allowed(cluster, user, "list", OURS, "quantumjobs", namespace)


def grant_everywhere(cluster: Cluster, user: str) -> None:
    """Give the operator its rights in all namespaces, as the chart does unless it is told which to watch."""
    rbac, metadata = "rbac.authorization.k8s.io", {"name": user}
    common = {"apiVersion": f"{rbac}/v1", "metadata": metadata}
    role = {**common, "kind": "ClusterRole", "rules": [*NAMESPACED, *CLUSTER_WIDE]}
    subjects = [{"apiGroup": rbac, "kind": "User", "name": user}]
    ref = {"apiGroup": rbac, "kind": "ClusterRole", "name": user}
    apply_all(cluster, [role, {**common, "kind": "ClusterRoleBinding", "roleRef": ref, "subjects": subjects}])
    until_allowed(cluster, user, "list", OURS, "quantumjobs")


class Watching:
    """A process of ours that watches a cluster, with these settings, whose names begin with `prefix`."""

    def __init__(self, module: str, prefix: str, kubeconfig: Path, log: Path, **settings: str) -> None:
        self.health = f"http://{LOCAL}:{unused_port()}/healthz"
        self.log = log
        environment = {
            **os.environ,
            "KUBECONFIG": str(kubeconfig),
            "NO_PROXY": "*",
            f"{prefix}LIVENESS": self.health,
            **{f"{prefix}{name}": value for name, value in settings.items()},
        }
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module], env=environment, stdout=output, stderr=output
            )
        if not eventually(lambda: self.is_healthy() or self._is_over(), 90) or self._is_over():
            self.kill()
            raise AssertionError(self.said())

    @property
    def pid(self) -> int:
        """Its process's id."""
        return self._process.pid

    def require(self) -> None:
        """Raise AssertionError with what it said last where it has ended."""
        code = self._process.poll()
        assert code is None, f"it ended with {code}: {self.said()[-1000:]}"

    def _is_over(self) -> bool:
        return self._process.poll() is not None

    def is_healthy(self) -> bool:
        """Whether its health is served."""
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(self.health, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def said(self) -> str:
        """Its log."""
        return self.log.read_text(encoding="utf-8")

    def pause(self) -> None:
        """Let it stand still, as a machine that has other things to do does."""
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> int:
        """Let it go on; returns the exit code with which it ends. Raises TimeoutExpired where it takes over 10 s."""
        self._process.send_signal(signal.SIGCONT)
        return self._process.wait(10)

    def kill(self) -> None:
        """End it as a node that fails does."""
        self._process.kill()
        self._process.wait()

    def terminate(self) -> int:
        """End it as Kubernetes does; returns its exit code. Raises TimeoutExpired where it takes over 10 s."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(10)


class OperatorProcess(Watching):
    """An operator that watches one namespace, or several, separated by commas."""

    def __init__(self, kubeconfig: Path, namespace: str, log: Path, **settings: str) -> None:
        given = {"RUNNER_IMAGE": IMAGE, "NAMESPACES": namespace} | settings
        super().__init__("quantum_operator.cluster", "QUANTUM_OPERATOR_", kubeconfig, log, **given)


@contextmanager
def operator(cluster: Cluster, namespace: str, folder: Path, **settings: str) -> Iterator[OperatorProcess]:
    """A running operator."""
    process = OperatorProcess(cluster.kubeconfig_for(USER), namespace, folder / "operator.log", **settings)
    try:
        yield process
    finally:
        process.kill()
