"""What there is in a cluster, asked of its API server alone: tests ask often, and kubectl takes a fifth of a second."""

import http.client
import json
from functools import lru_cache
from pathlib import Path

from support.restclient import Json, RestClient
from testcluster import BuiltCluster, Cluster, ClusterError

OURS = "/apis/quantum-operator.dev/v1alpha1"
PATHS = {
    **dict.fromkeys(("configmaps", "events", "pods", "secrets"), "/api/v1"),
    "jobs": "/apis/batch/v1",
    "leases": "/apis/coordination.k8s.io/v1",
}
"""Where kinds are served that are not ours."""


def objects(cluster: Cluster, plural: str, namespace: str = "") -> list[Json]:
    """Every object of a kind: of a namespace, or those that have none."""
    if not isinstance(cluster, BuiltCluster):  # how its owner's kubeconfig is to be used, kubectl knows
        place = ("--namespace", namespace) if namespace else ()
        listed: list[Json] = json.loads(cluster.kubectl("get", plural, *place, "--output=json").stdout)["items"]
        return listed
    place_path = f"/namespaces/{namespace}" if namespace else ""
    path = f"{PATHS.get(plural, OURS)}{place_path}/{plural}"
    client = _client(cluster.kubeconfig)
    try:
        found = client.request("GET", path)
    except (http.client.HTTPException, OSError):  # the API server, or the connection, is another one by now
        client.close()
        found = client.request("GET", path)
    items: list[Json] = found["items"]
    return items


def named(cluster: Cluster, plural: str, name: str, namespace: str = "") -> Json:
    """The object of this name. Raises ClusterError where there is none."""
    for one in objects(cluster, plural, namespace):
        if one["metadata"]["name"] == name:
            return one
    raise ClusterError(f"no {plural} {name} in namespace {namespace!r}")


@lru_cache
def _client(kubeconfig: Path) -> RestClient:
    return RestClient(kubeconfig)
