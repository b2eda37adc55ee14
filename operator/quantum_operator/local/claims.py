"""Claims of idempotency keys as files of the results' folder, beside the jobs' own folders, which may be cleared."""

from quantum_operator.api.claim import Claim
from quantum_operator.api.envelope import sha256
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.claim import claim_name
from quantum_operator.decide.observed import SeenClaim
from quantum_operator.decide.status import is_terminal
from quantum_operator.local.files import alone, is_locked, read_bytes, write_atomically
from quantum_operator.local.layout import ResultsFolder
from quantum_operator.ports.claims import from_text, to_text
from quantum_operator.ports.errors import ConflictError, TransientError
from quantum_operator.ports.world import Key


class LocalClaims:
    """Claims in `.claims`, which several shells may share; implements the port `Claims`."""

    def __init__(self, folder: ResultsFolder) -> None:
        """Keep claims under `folder`."""
        self._folder = folder

    async def find(self, namespace: str, key: str) -> SeenClaim | None:
        """The claim of this key. Its version is the digest of its file."""
        path = self._folder.claim(claim_name(namespace, key))
        data = read_bytes(path)
        return None if data is None else SeenClaim(from_text(data, namespace, key, str(path)), sha256(data))

    async def put(self, claim: Claim, version: str | None) -> None:
        """Create it, or replace that of this version."""
        path = self._folder.claim(claim_name(claim.namespace, claim.key))
        try:
            with alone(path.with_suffix(".lock")):
                there = read_bytes(path)
                if (None if there is None else sha256(there)) != version:
                    raise ConflictError(f"{path} has changed since it was read")
                write_atomically(path, to_text(claim).encode())
        except OSError as error:
            raise TransientError(f"{path} can't be written: {error}") from error

    async def holder(self, claim: Claim) -> QuantumJob | None:
        """The job; None as well when it was interrupted and no shell works on it: nothing would come of it."""
        folder = self._folder.job(Key(claim.namespace, claim.job))
        job = folder.read_job()
        if job is None or job.metadata.uid != claim.uid:
            return None
        return job if is_terminal(job.status) or is_locked(folder.lock) else None
