"""Ledgers as files of the results' folder, `.ledgers/usd-2026-11.json`: QuantumLedgers as `kubectl get` shows them."""

from pydantic import ValidationError

from quantum_operator.api.envelope import sha256
from quantum_operator.api.ledger import QuantumLedger, QuantumLedgerStatus
from quantum_operator.api.meta import ObjectMeta
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import TaskJob
from quantum_operator.decide.ledger import SeenLedger, spec_of
from quantum_operator.local.files import alone, is_locked, read_bytes, write_json
from quantum_operator.local.layout import ResultsFolder
from quantum_operator.ports.errors import ConflictError, NameTakenError, TransientError
from quantum_operator.ports.world import Key


class LocalLedgers:
    """Ledgers that several shells may share; implements the port `Ledgers`."""

    def __init__(self, folder: ResultsFolder, own: frozenset[Key]) -> None:
        """Keep them under `folder`; `own` are the jobs that this shell works on."""
        self._folder = folder
        self._own = own

    async def find(self, name: str) -> SeenLedger | None:
        """The ledger. Its version is the digest of its file."""
        data = read_bytes(self._folder.ledgers / f"{name}.json")
        return None if data is None else SeenLedger(read_ledger(self._folder, name, data).status, sha256(data))

    async def put(self, name: str, status: QuantumLedgerStatus, version: str | None) -> None:
        """Create it, or replace that of this version."""
        path = self._folder.ledgers / f"{name}.json"
        ledger = QuantumLedger(metadata=ObjectMeta(name=name), spec=spec_of(name), status=status)
        try:
            with alone(path.with_suffix(".lock")):
                there = read_bytes(path)
                if (None if there is None else sha256(there)) != version:
                    raise ConflictError(f"{path} has changed since it was read")
                write_json(path, ledger.to_wire())
        except OSError as error:
            raise TransientError(f"{path} can't be written: {error}") from error

    async def names(self) -> tuple[str, ...]:
        """The names of all ledgers of the folder."""
        return tuple(sorted(path.stem for path in self._folder.ledgers.glob("*.json")))

    async def job(self, namespace: str, name: str) -> QuantumJob | None:
        """The job as its file says."""
        return self._folder.job(Key(namespace, name)).read_job()

    def ours(self, job: TaskJob) -> bool:
        """Whether this shell works on the job, or nobody does."""
        key = Key(job.namespace, job.name)
        return key in self._own or not is_locked(self._folder.job(key).lock)


def read_ledger(folder: ResultsFolder, name: str, data: bytes) -> QuantumLedger:
    """The ledger that is kept in a file of these bytes. Raises NameTakenError where it is something else."""
    try:
        ledger = QuantumLedger.model_validate_json(data)
    except ValidationError as error:
        raise _no_ledger(folder, name) from error
    if ledger.spec != spec_of(name):
        raise _no_ledger(folder, name)
    return ledger


def _no_ledger(folder: ResultsFolder, name: str) -> NameTakenError:
    path = folder.ledgers / f"{name}.json"
    return NameTakenError(f"{path} is no ledger of that name and of this version: restore it, or delete it")
