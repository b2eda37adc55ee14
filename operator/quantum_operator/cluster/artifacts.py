"""The port Artifacts: immutable ConfigMaps that belong to the job, in the chunks of `ports.chunks`."""

import base64

from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.cluster.api import CORE, Api, Json, controller_uid, metadata, refusals_as_transient
from quantum_operator.cluster.labels import DIGEST, child_metadata
from quantum_operator.cluster.writes import create_config_map
from quantum_operator.ports.chunks import CHUNK_KEY, ChunkError, chunk_names, join, split
from quantum_operator.ports.kept import Kept


class ClusterArtifacts:
    """Artifacts in ConfigMaps; implements the port Artifacts."""

    def __init__(self, api: Api, recent: Kept | None = None) -> None:
        """Write by `api`, and keep in `recent` what was written, by the names that `kept_name` gives."""
        self._api = api
        self._recent = recent

    async def put(self, job: QuantumJob, ref: ArtifactRef, data: bytes) -> None:
        """Create what is not there yet.

        Raises NameTakenError where a ConfigMap of such a name is not the job's or has other content, GoneError where
        the namespace is gone, TransientError.
        """
        for name, chunk in split(ref, data):
            await create_config_map(self._api, config_map(child_metadata(job, name, {DIGEST: ref.sha256}), chunk))
        if self._recent is not None:
            self._recent.put(kept_name(job.metadata.namespace, ref), data)

    async def get(self, job: QuantumJob, ref: ArtifactRef) -> bytes | None:
        """What is kept under `ref`; None where that is gone, or something else. Raises TransientError."""
        try:
            return await read_artifact(self._api, job.metadata.namespace, ref)
        except ChunkError:
            return None

    async def remove(self, job: QuantumJob, ref: ArtifactRef) -> None:
        """Delete the ConfigMaps of these names that the job owns; they are gone then. Raises TransientError."""
        for name in chunk_names(ref):
            path = f"{CORE}/namespaces/{job.metadata.namespace}/configmaps/{name}"
            with refusals_as_transient():
                there = await self._api.find(path)
                if there is not None and controller_uid(there) == job.metadata.uid:
                    await self._api.delete(path, uid=str(metadata(there)["uid"]), owns=False)


def kept_name(namespace: str, ref: ArtifactRef) -> str:
    """What an artifact is called among those that are kept."""
    return f"{namespace}/{ref.name}/{ref.sha256}"


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
