"""A pytest plugin: `api_server`, `cluster` and `namespace`. Load it from a conftest.py by `pytest_plugins`.

A cluster that KUBECONFIG names comes first. Otherwise one is built and started for the session: its control plane when
the first test asks for `api_server`, its node when the first asks for `cluster`. Where neither can be, tests that ask
are skipped, and one line at the end says so; in CI (CI=true) they fail instead.
"""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from testcluster import build, sandbox
from testcluster.built import BuiltCluster, clusters_folder
from testcluster.cluster import Cluster
from testcluster.errors import ClusterError
from testcluster.state import State

_ABSENT = pytest.StashKey[str]()


@pytest.fixture(scope="session")
def api_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of which only the API is of use: there may be no node."""
    given = os.environ.get("KUBECONFIG")
    if given:
        yield given_cluster(Path(given), tmp_path_factory.mktemp("cluster"))
    else:
        reason = build.impossible()
        if reason:
            _absent(request, f"{reason}; {build.REMEDY}")
        with BuiltCluster.session() as built:
            yield built


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest, api_server: Cluster) -> Cluster:
    """The same cluster, with a node that runs pods."""
    if isinstance(api_server, BuiltCluster):
        reason = sandbox.impossible()
        if reason:
            _absent(request, f"{reason}; set KUBECONFIG to a cluster to use")
        api_server.start_node()
    return api_server


@pytest.fixture
def namespace(api_server: Cluster) -> Iterator[str]:
    """A new namespace that holds its pods to the restricted standard, and is ready for them."""
    name = f"test-{secrets.token_hex(4)}"
    api_server.kubectl("create", "namespace", name)
    api_server.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    for needed in ("serviceaccount/default", "configmap/kube-root-ca.crt"):
        api_server.kubectl("wait", "--namespace", name, "--for=create", needed, "--timeout=30s")
    yield name
    api_server.kubectl("delete", "namespace", name, "--wait=false")


def given_cluster(kubeconfig: Path, folder: Path) -> Cluster:
    """The cluster of a kubeconfig; where `python -m testcluster up` made it, all that ours can do."""
    up = clusters_folder() / "up"
    if kubeconfig != up / "kubeconfig":
        return Cluster(kubeconfig, folder)
    cluster = BuiltCluster(State.load(up))
    if not cluster.alive():
        raise ClusterError("the cluster of KUBECONFIG does not run: `make cluster-up` starts it; or unset KUBECONFIG")
    return cluster


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say once, at the end, that tests were skipped for want of a cluster."""
    reason = config.stash.get(_ABSENT, None)
    if reason:
        terminalreporter.write_line(f"CLUSTER TESTS DID NOT RUN: {reason}", red=True, bold=True)


def _absent(request: pytest.FixtureRequest, reason: str) -> NoReturn:
    request.config.stash[_ABSENT] = reason
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
