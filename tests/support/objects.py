"""What there is in a cluster, asked of its API server alone: tests ask often, and kubectl takes a fifth of a second."""

import http.client
import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from support.restclient import Json, RestClient
from testcluster import BuiltCluster, Cluster, ClusterError
from testcluster.processes import eventually

OURS = "/apis/quantum-operator.dev/v1alpha1"
REVIEWS = "/apis/authorization.k8s.io/v1"
PATHS = {
    **dict.fromkeys(("configmaps", "events", "pods", "secrets"), "/api/v1"),
    "jobs": "/apis/batch/v1",
    "leases": "/apis/coordination.k8s.io/v1",
}
"""Where kinds are served that are not ours."""


def objects(cluster: Cluster, plural: str, namespace: str = "") -> list[Json]:
    """Every object of a kind: of a namespace, or those that have none."""
    place = f"/namespaces/{namespace}" if namespace else ""
    items: list[Json] = _ask(cluster, "GET", f"{PATHS.get(plural, OURS)}{place}/{plural}")["items"]
    return items


def named(cluster: Cluster, plural: str, name: str, namespace: str = "") -> Json:
    """The object of this name. Raises ClusterError where there is none."""
    for one in objects(cluster, plural, namespace):
        if one["metadata"]["name"] == name:
            return one
    raise ClusterError(f"no {plural} {name} in namespace {namespace!r}")


def apply_all(cluster: Cluster, bodies: Iterable[Json], *options: str) -> None:
    """Create these or change them, in this order and by one command, which has these options."""
    listed = {"apiVersion": "v1", "kind": "List", "items": list(bodies)}
    cluster.kubectl("apply", *options, "-f", "-", input=json.dumps(listed))


def until_allowed(
    cluster: Cluster, user: str, verb: str, group: str, resource: str, namespace: str = "", name: str = ""
) -> None:
    """Return once the API server lets the user do this: it learns of a right a moment after that was given."""
    plural, _, subresource = resource.partition("/")
    asked = {"verb": verb, "group": group, "resource": plural, "subresource": subresource}
    asked |= {"namespace": namespace, "name": name}
    review = {"apiVersion": REVIEWS.removeprefix("/apis/"), "kind": "SubjectAccessReview"}
    review |= {"spec": {"user": user, "resourceAttributes": asked}}

    def is_allowed() -> bool:
        return bool(_ask(cluster, "POST", f"{REVIEWS}/subjectaccessreviews", review)["status"]["allowed"])

    assert eventually(is_allowed, 30), (user, asked)


def _ask(cluster: Cluster, method: str, path: str, body: Json | None = None) -> Json:
    if not isinstance(cluster, BuiltCluster):  # how its owner's kubeconfig is to be used, kubectl knows
        asked = ("get", "--raw", path) if body is None else ("create", "--raw", path, "-f", "-")
        answer: Json = json.loads(cluster.kubectl(*asked, input=json.dumps(body)).stdout)
        return answer
    client = _client(cluster.kubeconfig)
    try:
        return client.request(method, path, body)
    except (http.client.HTTPException, OSError):  # the API server, or the connection, is another one by now
        client.close()
        return client.request(method, path, body)


@lru_cache
def _client(kubeconfig: Path) -> RestClient:
    return RestClient(kubeconfig)
