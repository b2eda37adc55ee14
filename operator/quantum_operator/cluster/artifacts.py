"""The port Artifacts: immutable ConfigMaps that belong to the job, in the chunks of `ports.chunks`."""

import base64

from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.cluster.api import CORE, Api, Json, refusals_as_transient
from quantum_operator.cluster.labels import DIGEST, child_metadata
from quantum_operator.cluster.writes import create_config_map
from quantum_operator.ports.chunks import CHUNK_KEY, ChunkError, chunk_names, join, split


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

    async def get(self, job: QuantumJob, ref: ArtifactRef) -> bytes | None:
        """What is kept under `ref`; None where that is gone, or something else. Raises TransientError."""
        try:
            return await read_artifact(self._api, job.metadata.namespace, ref)
        except ChunkError:
            return None


async def read_artifact(api: Api, namespace: str, ref: ArtifactRef) -> bytes | None:
    """The bytes of an artifact in ConfigMaps; None where one is gone. Raises ChunkError, TransientError."""
    chunks = []
    for name in chunk_names(ref):
        with refusals_as_transient():
            body = await api.find(f"{CORE}/namespaces/{namespace}/configmaps/{name}")
        if body is None:
            return None
        chunks.append(base64.b64decode((body.get("binaryData") or {}).get(CHUNK_KEY) or ""))
    return join(ref, chunks)


def config_map(metadata: Json, chunk: bytes) -> Json:
    """The ConfigMap of one chunk. Its bytes are under CHUNK_KEY of `binaryData`."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "immutable": True,
        "binaryData": {CHUNK_KEY: base64.b64encode(chunk).decode()},
    }
