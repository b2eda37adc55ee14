"""The port Claims: ConfigMaps in the operator's own namespace, compared and set by resource version.

Whoever may write there decides what runs and what a key's jobs have for a result; tenants may not. They have no owner,
so that they outlive their jobs; what they are of is on their labels and annotations.
"""

from pydantic import ValidationError

from quantum_operator.api.claim import Claim
from quantum_operator.api.meta import GROUP
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.cluster.api import CORE, OURS, Api, Json, StatusError, metadata, refusals_as_transient
from quantum_operator.cluster.labels import MANAGED_BY
from quantum_operator.decide.claim import claim_name
from quantum_operator.decide.observed import SeenClaim
from quantum_operator.ports.claims import from_text, to_text
from quantum_operator.ports.errors import ConflictError, TransientError

OF_NAMESPACE = f"{GROUP}/claim-of-namespace"
"""Label of a claim: the namespace of its jobs."""

KEY, JOB = f"{GROUP}/idempotency-key", f"{GROUP}/job"
"""Annotations of a claim, for people."""

ENTRY = "claim.json"


class ClusterClaims:
    """Claims in ConfigMaps; implements the port Claims."""

    def __init__(self, api: Api, home: str) -> None:
        """Keep them in the namespace `home`."""
        self._api = api
        self._home = home
        self._path = f"{CORE}/namespaces/{home}/configmaps"

    async def find(self, namespace: str, key: str) -> SeenClaim | None:
        """The claim of this key, read now. Raises NameTakenError or TransientError."""
        name = claim_name(namespace, key)
        with refusals_as_transient():
            body = await self._api.find(f"{self._path}/{name}")
        if body is None:
            return None
        text = str((body.get("data") or {}).get(ENTRY, ""))
        claim = from_text(text, namespace, key, f"ConfigMap {name} in namespace {self._home}")
        return SeenClaim(claim, str(metadata(body).get("resourceVersion", "")))

    async def put(self, claim: Claim, version: str | None) -> None:
        """Create it, or replace that of this version. Raises ConflictError or TransientError."""
        body = config_map(claim, self._home, version)
        try:
            if version is None:
                await self._api.post(self._path, body)
            else:
                await self._api.put(f"{self._path}/{body['metadata']['name']}", body)
        except StatusError as error:
            if error.code == 409 or (error.code == 404 and version is not None):
                raise ConflictError(error.message) from error
            raise TransientError(f"the claim of a key in namespace {self._home}: {error}") from error

    async def holder(self, claim: Claim) -> QuantumJob | None:
        """The job, read now. Raises TransientError, also where it can't be read by this version."""
        with refusals_as_transient():
            body = await self._api.find(f"{OURS}/namespaces/{claim.namespace}/{QuantumJob.plural}/{claim.job}")
        if body is None or metadata(body).get("uid") != claim.uid:
            return None
        try:
            return QuantumJob.model_validate(body)
        except ValidationError as error:
            raise TransientError(f"job {claim.job}, which has the key, is of another version") from error


def config_map(claim: Claim, home: str, version: str | None) -> Json:
    """The ConfigMap of a claim."""
    meta: Json = {
        "name": claim_name(claim.namespace, claim.key),
        "namespace": home,
        "labels": {**MANAGED_BY, OF_NAMESPACE: claim.namespace},
        "annotations": {KEY: claim.key, JOB: claim.job},
    }
    if version is not None:
        meta["resourceVersion"] = version
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {ENTRY: to_text(claim)}}
