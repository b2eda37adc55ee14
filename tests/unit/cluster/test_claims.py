"""Claims in ConfigMaps: what the API server may answer, without one."""

from typing import Any

import httpx2
import pytest

from quantum_operator.api.claim import Claim
from quantum_operator.cluster.api import Api
from quantum_operator.cluster.claims import ClusterClaims
from quantum_operator.ports.errors import ConflictError, TransientError
from unit.cluster.bodies import job_body

CLAIM = Claim(namespace="team", key="k", digest="ab" * 32, job="bell", uid="uid-of-team-bell")


def answering(code: int, body: dict[str, Any] | None = None) -> ClusterClaims:
    """Claims whose every request is answered so."""
    transport = httpx2.MockTransport(lambda _: httpx2.Response(code, json=body or {"message": "no"}))
    return ClusterClaims(Api(httpx2.AsyncClient(base_url="https://cluster", transport=transport)), "home")


@pytest.mark.parametrize(
    ("code", "version", "error"),
    [
        (409, None, ConflictError),
        (409, "7", ConflictError),
        (404, "7", ConflictError),
        (404, None, TransientError),
        (403, None, TransientError),
        (403, "7", TransientError),
        (500, "7", TransientError),
    ],
)
async def test_a_claim_that_is_not_written_is_changed_or_tried_again(
    code: int, version: str | None, error: type[Exception]
) -> None:
    """Another one is there, or the installation is at fault; never is it taken for written."""
    with pytest.raises(error):
        await answering(code).put(CLAIM, version)


async def test_the_holder_is_told_by_its_uid() -> None:
    """A namesake holds nothing."""
    holder = await answering(200, job_body()).holder(CLAIM)
    assert holder is not None
    assert holder.metadata.uid == CLAIM.uid
    assert await answering(200, job_body(uid="another")).holder(CLAIM) is None
    assert await answering(404).holder(CLAIM) is None


async def test_a_holder_that_can_not_be_read_is_not_taken_for_gone() -> None:
    """It may be of another version, and under way."""
    with pytest.raises(TransientError, match="of another version"):
        await answering(200, job_body(spec={"programs": 7})).holder(CLAIM)
    with pytest.raises(TransientError, match="403"):
        await answering(403).holder(CLAIM)
    with pytest.raises(TransientError, match="403"):
        await answering(403).find("team", "k")
