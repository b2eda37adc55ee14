"""The port Artifacts: immutable ConfigMaps that belong to the job, in the chunks of `ports.chunks`."""

import base64

from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.cluster.api import CORE, Api, Json, StatusError, controller_uid, refusals_as_transient
from quantum_operator.cluster.labels import DIGEST, child_metadata
from quantum_operator.ports.chunks import CHUNK_KEY, split
from quantum_operator.ports.errors import GoneError, NameTakenError, TransientError


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
            await self._put(config_map(job, ref, name, chunk))

    async def _put(self, body: Json) -> None:
        meta = body["metadata"]
        path = f"{CORE}/namespaces/{meta['namespace']}/configmaps"
        try:
            await self._api.post(path, body)
        except StatusError as error:
            if error.code == 404:
                raise GoneError(error.message) from error
            if error.code != 409:
                raise TransientError(str(error)) from error
            with refusals_as_transient():
                there = await self._api.find(f"{path}/{meta['name']}")
            if there is None:
                raise TransientError(f"ConfigMap {meta['name']} came and went") from error
            if not _same(there, body):
                raise NameTakenError(
                    f"ConfigMap {meta['name']} in namespace {meta['namespace']} is not the operator's; delete it"
                ) from error


def config_map(job: QuantumJob, ref: ArtifactRef, name: str, chunk: bytes) -> Json:
    """The ConfigMap of one chunk. Its bytes are under CHUNK_KEY of `binaryData`."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": child_metadata(job, name, {DIGEST: ref.sha256}),
        "immutable": True,
        "binaryData": {CHUNK_KEY: base64.b64encode(chunk).decode()},
    }


def _same(there: Json, ours: Json) -> bool:
    if controller_uid(there) != controller_uid(ours):
        return False
    return there.get("immutable") is True and there.get("binaryData") == ours["binaryData"]
