"""A pytest plugin: `api_server`, `cluster` and `namespace`. Load it from a conftest.py by `pytest_plugins`.

A cluster that KUBECONFIG names comes first. Otherwise one is built and started for the session: its control plane when
the first test asks for `api_server`, its node when the first asks for `cluster`. Where neither can be, tests that ask
are skipped, and one line at the end says so; in CI (CI=true) they fail instead.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
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
    with session_cluster(request, tmp_path_factory) as made:
        yield made


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest, api_server: Cluster) -> Cluster:
    """The same cluster, with a node that runs pods."""
    start_node(request, api_server)
    return api_server


@pytest.fixture
def namespace(api_server: Cluster) -> Iterator[str]:
    """A new namespace that holds its pods to the restricted standard, and is ready for them."""
    with new_namespace(api_server) as name:
        yield name


@contextmanager
def session_cluster(request: pytest.FixtureRequest, folders: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster that KUBECONFIG names, or a new one without a node; else the test is skipped, or fails in CI."""
    given = os.environ.get("KUBECONFIG")
    if given:
        yield given_cluster(Path(given), folders.mktemp("cluster"))
        return
    reason = build.impossible()
    if reason:
        _absent(request, f"{reason}; {build.REMEDY}")
    with BuiltCluster.session() as built:
        yield built


def start_node(request: pytest.FixtureRequest, cluster: Cluster) -> None:
    """Have a cluster of ours run pods, a given one does; else the test is skipped, or fails in CI."""
    if isinstance(cluster, BuiltCluster):
        reason = sandbox.impossible()
        if reason:
            _absent(request, f"{reason}; set KUBECONFIG to a cluster to use")
        cluster.start_node()


@contextmanager
def new_namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace that holds its pods to the restricted standard, once it is ready for them."""
    name = f"test-{secrets.token_hex(4)}"
    cluster.kubectl("create", "namespace", name)
    cluster.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    for needed in ("serviceaccount/default", "configmap/kube-root-ca.crt"):
        cluster.kubectl("wait", "--namespace", name, "--for=create", needed, "--timeout=120s")
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


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
