"""A real Kubernetes for the tests: built from its Go modules, run as ordinary processes, gone without a trace.

Nothing here needs a container engine, a virtual machine or an image registry. The control plane runs as any user
on Linux; a node with real pods needs root, and lives in Linux namespaces of its own (see `sandbox`).

`fixture` is the pytest plugin, `python -m testcluster` the same cluster by hand, `Cluster` what both give out.
"""

from testcluster.built import BuiltCluster
from testcluster.cluster import Cluster
from testcluster.errors import ClusterError

__all__ = ["BuiltCluster", "Cluster", "ClusterError"]
