"""The agents' chart as it is installed, and an agent with the token that it is given there."""

import json
from pathlib import Path

from testcluster import Cluster
from testcluster.pki import write_kubeconfig

AGENT = Path(__file__).parents[2] / "charts/quantum-operator-agent"
NAME = "quantum-operator-agent"
"""Of everything that the chart makes."""


def kubeconfig_of_agent(cluster: Cluster, namespace: str) -> Path:
    """A kubeconfig with a token of the ServiceAccount of a namespace's agent, and nothing else."""
    token = cluster.kubectl("create", "token", NAME, f"--namespace={namespace}").stdout.strip()
    view = cluster.kubectl("config", "view", "--raw", "--minify", "--flatten", "--output=json")
    path = cluster.folder / f"agent-{namespace}.kubeconfig"
    write_kubeconfig(path, json.loads(view.stdout)["clusters"][0]["cluster"], {"token": token})
    return path
