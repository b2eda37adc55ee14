"""An operator that may work in some namespaces only, one of which is deleted."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quantum_operator.testing import builders
from support.clusterworld import manifest, serve_crds
from support.forkedoperator import ForkedOperator
from support.objects import apply_all
from support.operators import grant
from testcluster import Cluster
from testcluster.processes import eventually

USER = "operator-of-two-namespaces"
SECONDS = 60.0


@pytest.fixture
def other(api_server: Cluster) -> Iterator[str]:
    """A namespace of somebody else's."""
    name = f"other-{secrets.token_hex(4)}"
    api_server.kubectl("create", "namespace", name)
    yield name
    api_server.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")


def test_a_namespace_that_is_deleted_takes_nobody_else_down(
    api_server: Cluster, namespace: str, other: str, tmp_path: Path
) -> None:
    """The operator's rights in it are gone as well: it ends, and once it is started again works for the others."""
    serve_crds(api_server)
    for place in (namespace, other):
        grant(api_server, place, USER)
    often = {"FIRST_READ_ANEW_SECONDS": 1.0, "READ_ANEW_SECONDS": 1.0}
    config = api_server.kubeconfig_for(USER)
    operator = ForkedOperator(config, f"{namespace},{other}", tmp_path / "operator.log", often)
    try:
        assert eventually(lambda: f"watching {namespace}, {other}" in operator.said(), SECONDS), operator.said()
        api_server.kubectl("delete", "namespace", other)
        assert eventually(lambda: operator.exit_code == 0, SECONDS), operator.said()
        operator.start()
        submit(api_server, namespace)
        runs = ("get", "jobs", "--namespace", namespace, "--output=name")
        assert eventually(lambda: bool(api_server.kubectl(*runs).stdout), SECONDS), operator.said()
        assert f"not watched, for they are not there: {other}" in operator.said()
    finally:
        operator.kill()
        api_server.kubectl("delete", "quantumbackend", f"aer-{namespace}", "--ignore-not-found", "--wait=false")


def submit(cluster: Cluster, namespace: str) -> None:
    """Create a job, its policy and its backend."""
    backend = f"aer-{namespace}"
    bodies: list[dict[str, Any]] = [
        manifest(builders.backend(backend), ""),
        manifest(builders.policy(backend), namespace),
        manifest(builders.job(), namespace),
    ]
    apply_all(cluster, bodies)
