"""The whole installation, as a platform team makes it: both charts and both images, on a cluster with a node."""

from collections.abc import Iterator

import pytest

from support.installation import Installation
from testcluster import BuiltCluster, Cluster


@pytest.fixture(scope="session")
def installation(cluster: Cluster) -> Iterator[Installation]:
    """The operator, available, on a cluster of its own: other tests change the definitions of theirs."""
    if not isinstance(cluster, BuiltCluster):
        pytest.skip("a given cluster's definitions and simulators are its owner's")
    with BuiltCluster.session() as own:
        own.start_node()
        installation = Installation(own)
        installation.install()
        yield installation


@pytest.fixture
def home(installation: Installation) -> Iterator[str]:
    """A new namespace that holds its pods to the restricted standard, and has the examples' policy."""
    name = installation.new_namespace()
    yield name
    installation.cluster.kubectl("delete", "namespace", name, "--wait=false")
