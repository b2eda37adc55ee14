"""The port Batches: a batch/v1 Job that several QuantumJobs own, and one ConfigMap with what each of them brings."""

import base64
import binascii
from collections.abc import Sequence

from quantum_operator.api.envelope import sha256
from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.cluster.api import CORE, Api, refusals_as_transient
from quantum_operator.cluster.artifacts import config_map
from quantum_operator.cluster.labels import DIGEST, shared_metadata
from quantum_operator.cluster.manifest import RunSettings, batch_manifest
from quantum_operator.cluster.mirror import Mirror
from quantum_operator.cluster.runs import create_run
from quantum_operator.cluster.writes import create_config_map
from quantum_operator.decide.batching import batch_of
from quantum_operator.decide.status import live_attempt
from quantum_operator.ports.batches import BatchPart
from quantum_operator.ports.chunks import CHUNK_KEY, ChunkError, chunk_names, join
from quantum_operator.ports.errors import TransientError


class ClusterBatches:
    """Runs that jobs share; implements the port Batches."""

    def __init__(self, api: Api, mirror: Mirror, settings: RunSettings) -> None:
        """Read from `mirror` and by `api`."""
        self._api = api
        self._mirror = mirror
        self._settings = settings

    async def members(self, namespace: str, name: str) -> tuple[QuantumJob, ...]:
        """The jobs whose live attempt is a part of the run of this name."""
        runs = self._mirror.jobs.cache.tallies.items()
        jobs = [job for run, there in runs if run.endswith(f"/{name}") for job in there.values()]
        return tuple(one for one in jobs if one.metadata.namespace == namespace and _batch(one) == name)

    async def input(self, job: QuantumJob, ref: ArtifactRef) -> bytes | None:
        """The job's JobInput, read now. Raises TransientError."""
        chunks = []
        for name in chunk_names(ref):
            with refusals_as_transient():
                body = await self._api.find(f"{CORE}/namespaces/{job.metadata.namespace}/configmaps/{name}")
            try:
                chunks.append(
                    base64.b64decode(((body or {}).get("binaryData") or {}).get(CHUNK_KEY, ""), validate=True)
                )
            except binascii.Error:
                return None
        try:
            return join(ref, chunks)
        except ChunkError:
            return None

    async def start(self, name: str, parts: Sequence[BatchPart]) -> None:
        """Create the ConfigMap and the Job.

        Raises RefusedError, NameTakenError, GoneError where the namespace is gone, TransientError.
        """
        data = batch_of([(one.action.spec, one.data) for one in parts]).model_dump_json(
            by_alias=True, exclude_none=True
        )
        digest = sha256(data.encode())
        stored = f"{name}-{digest[:12]}"
        await create_config_map(
            self._api, config_map(shared_metadata([one.job for one in parts], stored, {DIGEST: digest}), data.encode())
        )
        if await create_run(self._api, self._mirror, batch_manifest(name, parts, stored, digest, self._settings)):
            return
        runs = self._mirror.runs
        with refusals_as_transient():
            there = await self._api.find(f"{runs.path(parts[0].job.metadata.namespace)}/{name}")
        if there is None:
            raise TransientError(f"Job {name} came and went")
        runs.cache.put(there)


def _batch(job: QuantumJob) -> str | None:
    live = live_attempt(job.status)
    return live.batch if live is not None else None
