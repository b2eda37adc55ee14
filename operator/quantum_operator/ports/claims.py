"""The port Claims: the claims of idempotency keys, which outlive their jobs, and what is known of who holds one."""

from typing import Protocol

from pydantic import ValidationError

from quantum_operator.api.claim import Claim
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.observed import SeenClaim
from quantum_operator.ports.errors import NameTakenError


class Claims(Protocol):
    """Claims by namespace and key. Nobody but the operator writes them, and no job takes its claim along."""

    async def find(self, namespace: str, key: str) -> SeenClaim | None:
        """The claim of this key, read now; None when there is none.

        Raises NameTakenError when what is there is no claim of this key.
        """

    async def put(self, claim: Claim, version: str | None) -> None:
        """Replace the claim of this version; without one, create it.

        Raises ConflictError when another one is there, or none to replace.
        """

    async def holder(self, claim: Claim) -> QuantumJob | None:
        """The job that holds the claim, read now; None when no job of its name and UID is there."""


def to_text(claim: Claim) -> str:
    """A claim as it is kept."""
    return claim.model_dump_json(by_alias=True, exclude_none=True)


def from_text(text: str | bytes, namespace: str, key: str, where: str) -> Claim:
    """The claim of this key that is kept at `where`. Raises NameTakenError where it is something else."""
    try:
        claim = Claim.model_validate_json(text)
    except ValidationError as error:
        raise NameTakenError(f"{where} is no claim of this version: restore it, or delete it") from error
    if (claim.namespace, claim.key) != (namespace, key):
        raise NameTakenError(f"{where} is the claim of another key: restore it, or delete it")
    return claim
