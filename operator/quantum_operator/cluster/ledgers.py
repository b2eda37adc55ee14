"""The port Ledgers: QuantumLedgers, whose statuses are compared and set by resource version.

They are read when they are needed and not watched: few jobs in a hundred need them at the same time, and what is
decided on a ledger is written at the version that was read.
"""

from collections.abc import Sequence

from pydantic import ValidationError

from quantum_operator.api.ledger import QuantumLedger, QuantumLedgerStatus
from quantum_operator.api.meta import API_VERSION
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import TaskJob
from quantum_operator.cluster.api import CORE, OURS, Api, Json, StatusError, metadata, refusals_as_transient
from quantum_operator.cluster.labels import MANAGED_BY
from quantum_operator.cluster.mirror import PAGE
from quantum_operator.decide.ledger import EMPTY, SeenLedger, spec_of
from quantum_operator.ports.errors import ConflictError, NameTakenError, TransientError

PATH = f"{OURS}/{QuantumLedger.plural}"


class ClusterLedgers:
    """QuantumLedgers; implements the port Ledgers."""

    def __init__(self, api: Api, namespaces: Sequence[str]) -> None:
        """The jobs of other `namespaces` (none given: of all) are another operator's."""
        self._api = api
        self._namespaces = frozenset(namespaces)

    async def find(self, name: str) -> SeenLedger | None:
        """The ledger, read now. Raises NameTakenError or TransientError."""
        with refusals_as_transient():
            body = await self._api.find(f"{PATH}/{name}")
        return None if body is None else SeenLedger(_parsed(name, body).status, _version(body))

    async def put(self, name: str, status: QuantumLedgerStatus, version: str | None) -> None:
        """Replace the status of this version, or create the ledger with it. Raises ConflictError or TransientError."""
        meta: Json = {"name": name}
        body: Json = {"apiVersion": API_VERSION, "kind": QuantumLedger.__name__, "spec": spec_of(name).to_wire()}
        try:
            if version is None:
                created = await self._api.post(PATH, {**body, "metadata": {**meta, "labels": dict(MANAGED_BY)}})
                if status == EMPTY:
                    return
            meta = {**meta, "resourceVersion": _version(created) if version is None else version}
            await self._api.put(f"{PATH}/{name}/status", {**body, "metadata": meta, "status": status.to_wire()})
        except StatusError as error:
            if error.code == 409 or (error.code == 404 and version is not None):
                raise ConflictError(error.message) from error
            raise TransientError(f"QuantumLedger {name}: {error}") from error

    async def names(self) -> tuple[str, ...]:
        """The names of all ledgers. Raises TransientError."""
        found: list[str] = []
        more: str | None = ""
        while more is not None:
            with refusals_as_transient():
                page = await self._api.get_metadata(PATH, limit=PAGE, **({"continue": more} if more else {}))
            found += [str(metadata(one).get("name")) for one in page.get("items") or ()]
            more = metadata(page).get("continue") or None
        return tuple(sorted(found))

    async def job(self, namespace: str, name: str) -> QuantumJob | None:
        """The job, read now. Raises TransientError, also where it can't be read by this version."""
        try:
            body = await self._api.find(f"{OURS}/namespaces/{namespace}/{QuantumJob.plural}/{name}")
        except StatusError as error:
            # With a namespace that is deleted go the rights in it.
            with refusals_as_transient():
                if error.code == 403 and await self._api.find(f"{CORE}/namespaces/{namespace}") is None:
                    return None
            raise TransientError(str(error)) from error
        try:
            return None if body is None else QuantumJob.model_validate(body)
        except ValidationError as error:
            raise TransientError(f"job {namespace}/{name}, which has money reserved, is of another version") from error

    def ours(self, job: TaskJob) -> bool:
        """Whether this operator watches its namespace."""
        return not self._namespaces or job.namespace in self._namespaces


def _parsed(name: str, body: Json) -> QuantumLedger:
    try:
        return QuantumLedger.model_validate(body)
    except ValidationError as error:
        raise NameTakenError(f"QuantumLedger {name} is of another version: restore it, or delete it") from error


def _version(body: Json) -> str:
    return str(metadata(body).get("resourceVersion", ""))
