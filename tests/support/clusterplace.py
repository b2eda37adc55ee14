"""A namespace of a real API server in which the contract of a port is kept, with jobs in it."""

import json

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.cluster.api import Api
from quantum_operator.testing import builders
from support.clusterworld import manifest
from testcluster import Cluster


class ClusterPlace:
    """The namespace, and jobs that are created and deleted in it."""

    def __init__(self, cluster: Cluster, namespace: str, api: Api) -> None:
        self.cluster, self.namespace, self.api = cluster, namespace, api

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        """What kubectl says in the namespace."""
        return self.cluster.kubectl("--namespace", self.namespace, *arguments, input=text).stdout

    def add_job(self, name: str) -> QuantumJob:
        """Create a job."""
        body = json.dumps(manifest(builders.job(name), self.namespace))
        return QuantumJob.model_validate_json(self.kubectl("create", "-f", "-", "--output=json", text=body))

    def delete_job(self, name: str) -> None:
        """Delete it."""
        self.kubectl("delete", "quantumjob", name)
