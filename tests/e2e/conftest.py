"""What needs a node: pods, images, and the whole installation, as a platform team makes it."""

from collections.abc import Iterator

import pytest

from support.installation import Installation
from testcluster import BuiltCluster, Cluster
from testcluster.fixture import new_namespace, session_cluster, start_node


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with a node, other than that of the tests that change definitions."""
    with session_cluster(request, tmp_path_factory) as made:
        start_node(request, made)
        yield made


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A new namespace that holds its pods to the restricted standard, and is ready for them."""
    with new_namespace(cluster) as name:
        yield name


@pytest.fixture(scope="session")
def installation(cluster: Cluster) -> Installation:
    """The operator, available: both charts and both images."""
    if not isinstance(cluster, BuiltCluster):
        pytest.skip("a given cluster's definitions and simulators are its owner's")
    installation = Installation(cluster)
    installation.install()
    return installation


@pytest.fixture
def home(installation: Installation) -> Iterator[str]:
    """A new namespace that holds its pods to the restricted standard, and has the examples' policy."""
    name = installation.new_namespace()
    yield name
    installation.cluster.kubectl("delete", "namespace", name, "--wait=false")
