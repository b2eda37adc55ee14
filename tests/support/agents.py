"""Agents as processes, with the rights that their chart gives them, and providers whose tasks go on by themselves."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.operators import OURS, Watching
from testcluster import Cluster

AGENT: list[dict[str, Any]] = [
    {"apiGroups": [OURS], "resources": ["quantumtasks"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [OURS], "resources": ["quantumtasks/status"], "verbs": ["update"]},
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "create"]},
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create", "get", "update"]},
]
AGENT_CLUSTER_WIDE: list[dict[str, Any]] = [
    {"apiGroups": [OURS], "resources": ["quantumbackends"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [OURS], "resources": ["quantumbackends/status"], "verbs": ["update"]},
    {"apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"], "verbs": ["get"]},
]


def grant_agent(cluster: Cluster, namespace: str, user: str) -> None:
    """Give an agent its rights."""
    subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]
    here = {"namespace": namespace}
    for kind, place, rules in (("ClusterRole", {}, AGENT_CLUSTER_WIDE), ("Role", here, AGENT)):
        ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": user}
        common = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": user, **place}}
        for body in (
            {**common, "kind": kind, "rules": rules},
            {**common, "kind": f"{kind}Binding", "roleRef": ref, "subjects": subjects},
        ):
            cluster.kubectl("apply", "-f", "-", input=json.dumps(body))


def write_folder(folder: Path, files: Mapping[str, str]) -> Path:
    """A folder as a mounted ConfigMap or Secret has it."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


class AgentProcess(Watching):
    """The agent of one account, in its namespace."""

    def __init__(self, kubeconfig: Path, namespace: str, log: Path, adapter: str, **settings: str) -> None:
        given = {"NAMESPACE": namespace, "ADAPTER": adapter, "POLL_SECONDS": "0.2", "HEALTH_SECONDS": "1"} | settings
        super().__init__("quantum_operator.agent", "QUANTUM_AGENT_", kubeconfig, log, **given)


@contextmanager
def finishing(waiting: Callable[[], Iterable[str]], finish: Callable[[str], None]) -> Iterator[None]:
    """A provider that executes what waits in its queue, one task after the other."""
    over = threading.Event()

    def execute() -> None:
        while not over.wait(0.05):
            for task in list(waiting()):
                finish(task)

    thread = threading.Thread(target=execute, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
