"""Artifacts as files of the job's folder."""

from quantum_operator.api.envelope import sha256
from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.local.files import read_bytes, write_atomically
from quantum_operator.local.layout import ResultsFolder
from quantum_operator.ports.errors import NameTakenError, TransientError
from quantum_operator.ports.world import Key


class LocalArtifacts:
    """Content-addressed files in `<job>/artifacts`; implements the port `Artifacts`."""

    def __init__(self, folder: ResultsFolder) -> None:
        """Keep artifacts in the jobs' folders under `folder`."""
        self._folder = folder

    async def put(self, job: QuantumJob, ref: ArtifactRef, data: bytes) -> None:
        """Keep `data` under `ref`. A no-op when it is there already."""
        path = self._folder.job(Key(job.metadata.namespace, job.metadata.name)).artifact(ref.name)
        present = read_bytes(path)
        if present is None:
            try:
                write_atomically(path, data)
            except OSError as error:
                raise TransientError(f"{path} can't be written: {error}") from error
        elif sha256(present) != ref.sha256:
            raise NameTakenError(f"{path} is there with other content; remove it")

    async def get(self, job: QuantumJob, ref: ArtifactRef) -> bytes | None:
        """What is kept under `ref`; None where that is gone, or something else."""
        data = read_bytes(self._folder.job(Key(job.metadata.namespace, job.metadata.name)).artifact(ref.name))
        return data if data is not None and sha256(data) == ref.sha256 else None

    async def remove(self, job: QuantumJob, ref: ArtifactRef) -> None:
        """Remove what is kept under `ref`. Raises TransientError where that can't be."""
        path = self._folder.job(Key(job.metadata.namespace, job.metadata.name)).artifact(ref.name)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise TransientError(f"{path} can't be removed: {error}") from error
