"""Fixtures of the contract tests, of the laptop's and of the cluster's."""

import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from localworld import World

from quantum_operator.cluster.api import Api
from quantum_operator.cluster.connection import http_client, load_config
from quantum_operator.local import process
from support.clusterworld import serve_crds
from testcluster import Cluster


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    one = World(tmp_path)
    yield one
    await one.runs.close()


@pytest.fixture
def runs_code(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes runs execute this Python code, whose argument is where the termination message goes."""

    def use(code: str) -> None:
        monkeypatch.setattr(process, "command", lambda run, _: [sys.executable, "-c", code, str(run.termination)])

    return use


@pytest.fixture(scope="module")
def served(api_server: Cluster) -> Cluster:
    """A cluster that serves our resources."""
    serve_crds(api_server)
    return api_server


@pytest.fixture
async def api(served: Cluster, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    """Its API, as the operator reaches it."""
    monkeypatch.setenv("KUBECONFIG", str(served.kubeconfig))
    monkeypatch.setenv("NO_PROXY", "*")
    async with http_client(load_config()) as client:
        yield Api(client)
