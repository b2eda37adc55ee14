"""The port Artifacts: immutable ConfigMaps that belong to the job, in the chunks of `ports.chunks`."""

import base64

from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.cluster.api import Api, Json
from quantum_operator.cluster.labels import DIGEST, child_metadata
from quantum_operator.cluster.writes import create_config_map
from quantum_operator.ports.chunks import CHUNK_KEY, split


class ClusterArtifacts:
    """Artifacts in ConfigMaps; implements the port Artifacts."""

    def __init__(self, api: Api) -> None:
        """Write by `api`."""
        self._api = api

    async def put(self, job: QuantumJob, ref: ArtifactRef, data: bytes) -> None:
        """Create what is not there yet.

        Raises NameTakenError where a ConfigMap of such a name is not the job's or has other content, GoneError where
        the namespace is gone, TransientError.
        """
        for name, chunk in split(ref, data):
            await create_config_map(self._api, config_map(child_metadata(job, name, {DIGEST: ref.sha256}), chunk))


def config_map(metadata: Json, chunk: bytes) -> Json:
    """The ConfigMap of one chunk. Its bytes are under CHUNK_KEY of `binaryData`."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "immutable": True,
        "binaryData": {CHUNK_KEY: base64.b64encode(chunk).decode()},
    }
