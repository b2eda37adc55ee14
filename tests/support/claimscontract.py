"""The contract of the port Claims, for every shell and for memory."""

import asyncio
from typing import Any, Protocol

import pytest

from quantum_operator.api.claim import Claim, Done
from quantum_operator.api.jobstatus import Cost, Result, ResultOf
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.ports.claims import Claims
from quantum_operator.ports.errors import ConflictError, NameTakenError

DIGEST = "ab" * 32
KEY = "night é/\n7"


class Place(Protocol):
    """Where claims are kept, and jobs that may hold them."""

    claims: Claims
    namespace: str

    def add_job(self, name: str) -> QuantumJob:
        """Create a job that is under way."""

    def delete_job(self, name: str) -> None:
        """Delete it."""

    def damage(self, claim: Claim, text: str) -> None:
        """Put this text in place of the claim, which is there."""


def claim_of(place: Place, key: str = KEY, job: str = "bell", uid: str = "uid-1", **changes: Any) -> Claim:
    """A claim of this key in the place's namespace."""
    return Claim(namespace=place.namespace, key=key, digest=DIGEST, job=job, uid=uid, **changes)


def with_result(claim: Claim) -> Claim:
    """The same with a result."""
    of = ResultOf(
        name=claim.job, uid=claim.uid, run="bell-1", backend="aer", completion_time="2026-01-01T00:00:00Z", cost=Cost()
    )
    return claim.model_copy(update={"done": Done(of=of, result=Result(outcome_sha256=DIGEST))})


async def version_of(place: Place, key: str = KEY) -> str:
    """The version of the claim of this key, which is there."""
    seen = await place.claims.find(place.namespace, key)
    assert seen is not None
    return seen.version


class ClaimsContract:
    """What every implementation of the port does. A subclass has the fixture `place`."""

    async def test_a_claim_is_found_as_it_was_put(self, place: Place) -> None:
        """All of it, from the moment it is there."""
        assert await place.claims.find(place.namespace, KEY) is None
        claim = with_result(claim_of(place))
        await place.claims.put(claim, None)
        seen = await place.claims.find(place.namespace, KEY)
        assert seen is not None
        assert seen.claim == claim

    async def test_a_claim_is_created_once(self, place: Place) -> None:
        """The one that came first stays."""
        await place.claims.put(claim_of(place), None)
        with pytest.raises(ConflictError):
            await place.claims.put(claim_of(place, uid="uid-2"), None)
        seen = await place.claims.find(place.namespace, KEY)
        assert seen is not None
        assert seen.claim.uid == "uid-1"

    async def test_of_many_that_create_a_claim_one_does(self, place: Place) -> None:
        """At the same moment, and it is the one that is found."""
        tries = [place.claims.put(claim_of(place, uid=f"uid-{number}"), None) for number in range(8)]
        answers = await asyncio.gather(*tries, return_exceptions=True)
        assert sorted(type(one).__name__ for one in answers) == ["ConflictError"] * 7 + ["NoneType"]
        seen = await place.claims.find(place.namespace, KEY)
        assert seen is not None
        assert seen.claim.uid == f"uid-{answers.index(None)}"

    async def test_of_many_that_replace_a_claim_one_does(self, place: Place) -> None:
        """All have read the same version."""
        await place.claims.put(claim_of(place), None)
        version = await version_of(place)
        tries = [place.claims.put(claim_of(place, uid=f"uid-{number}"), version) for number in range(2, 8)]
        answers = await asyncio.gather(*tries, return_exceptions=True)
        assert sorted(type(one).__name__ for one in answers) == ["ConflictError"] * 5 + ["NoneType"]

    async def test_a_claim_is_replaced_at_the_version_that_was_read(self, place: Place) -> None:
        """Again and again; at an older one it is not."""
        await place.claims.put(claim_of(place), None)
        old = await version_of(place)
        await place.claims.put(claim_of(place, uid="uid-2"), old)
        await place.claims.put(claim_of(place, uid="uid-3"), await version_of(place))
        with pytest.raises(ConflictError):
            await place.claims.put(claim_of(place, uid="uid-4"), old)
        seen = await place.claims.find(place.namespace, KEY)
        assert seen is not None
        assert seen.claim.uid == "uid-3"

    async def test_a_claim_that_is_gone_is_not_replaced(self, place: Place) -> None:
        """Nor made by the way."""
        with pytest.raises(ConflictError):
            await place.claims.put(claim_of(place), "1")
        assert await place.claims.find(place.namespace, KEY) is None

    async def test_keys_do_not_mix(self, place: Place) -> None:
        """Nor do namespaces."""
        await place.claims.put(claim_of(place), None)
        await place.claims.put(claim_of(place, key=KEY.upper(), uid="uid-2"), None)
        assert await place.claims.find("elsewhere", KEY) is None
        for key, uid in ((KEY, "uid-1"), (KEY.upper(), "uid-2")):
            seen = await place.claims.find(place.namespace, key)
            assert seen is not None
            assert (seen.claim.key, seen.claim.uid) == (key, uid)

    async def test_a_claim_outlives_its_job(self, place: Place) -> None:
        """While the job is there it is its holder; a namesake is not."""
        job = place.add_job("bell")
        claim = claim_of(place, uid=job.metadata.uid)
        await place.claims.put(claim, None)
        holder = await place.claims.holder(claim)
        assert holder is not None
        assert (holder.metadata.uid, holder.spec) == (job.metadata.uid, job.spec)
        place.delete_job("bell")
        assert await place.claims.holder(claim) is None
        place.add_job("bell")
        assert await place.claims.holder(claim) is None
        seen = await place.claims.find(place.namespace, KEY)
        assert seen is not None
        assert seen.claim == claim

    @pytest.mark.parametrize("text", ["", "nonsense", "{}"])
    async def test_what_is_no_claim_is_said(self, place: Place, text: str) -> None:
        """With where it is and what to do; it is not taken for none."""
        await place.claims.put(claim_of(place), None)
        place.damage(claim_of(place), text)
        with pytest.raises(NameTakenError, match="restore it, or delete it"):
            await place.claims.find(place.namespace, KEY)

    async def test_the_claim_of_another_key_is_said(self, place: Place) -> None:
        """Somebody copied it there."""
        await place.claims.put(claim_of(place), None)
        place.damage(claim_of(place), claim_of(place, key="another").model_dump_json(by_alias=True, exclude_none=True))
        with pytest.raises(NameTakenError, match="of another key"):
            await place.claims.find(place.namespace, KEY)
