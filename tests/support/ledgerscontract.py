"""The contract of the port Ledgers, for every shell and for memory."""

import asyncio
from typing import Any, Protocol

import pytest

from quantum_operator.api.ledger import QuantumLedgerStatus, Reservation, Total
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import TaskJob
from quantum_operator.decide.ledger import EMPTY, reserve
from quantum_operator.ports.errors import ConflictError, NameTakenError
from quantum_operator.ports.ledger import Ledgers


class Place(Protocol):
    """Where ledgers are kept, and jobs that money is reserved for. `ledger` and `other` are names of its own."""

    ledgers: Ledgers
    namespace: str
    ledger: str
    other: str

    def add_job(self, name: str) -> QuantumJob:
        """Create a job that is under way."""

    def delete_job(self, name: str) -> None:
        """Delete it."""

    def damage(self, name: str) -> None:
        """Put something else in place of the ledger, which is there."""


def reservation(run: str = "bell-1", micros: int = 1_000_000, **changes: Any) -> Reservation:
    """A reservation for a job of its own."""
    job = TaskJob(namespace="team", name="bell", uid=f"uid-of-{run}")
    given = {"policy": "default", "team": "ml", "backend": "qpu", "agent": "ibm", "kind": "Hardware", **changes}
    return Reservation(run=run, job=job, day="2026-11-21", micros=micros, **given)


def total(micros: int = 2_000_000, **changes: Any) -> Total:
    """A total of the same payer."""
    given = {"policy": "default", "team": "ml", "backend": "qpu", "kind": "Hardware", "count": 1, **changes}
    return Total(day="2026-11-21", namespace="team", micros=micros, **given)


def status_of(*runs: str) -> QuantumLedgerStatus:
    """A status with these runs reserved."""
    return reserve(EMPTY.model_copy(update={"totals": (total(ceiling_micros=5),)}), map(reservation, runs))


async def version_of(place: Place) -> str:
    """The version of the place's ledger, which is there."""
    seen = await place.ledgers.find(place.ledger)
    assert seen is not None
    assert seen.version is not None
    return seen.version


async def runs_of(place: Place) -> list[str]:
    """The runs that the place's ledger has reservations for."""
    seen = await place.ledgers.find(place.ledger)
    assert seen is not None
    return [one.run for one in seen.status.reservations]


class LedgersContract:
    """What every implementation of the port does. A subclass has the fixture `place`."""

    async def test_a_ledger_is_found_as_it_was_put(self, place: Place) -> None:
        """All of it, from the moment it is there."""
        assert await place.ledgers.find(place.ledger) is None
        await place.ledgers.put(place.ledger, status_of("a-1", "b-1"), None)
        seen = await place.ledgers.find(place.ledger)
        assert seen is not None
        assert seen.status == status_of("a-1", "b-1")
        assert place.ledger in await place.ledgers.names()

    async def test_an_empty_ledger_is_one(self, place: Place) -> None:
        """It is there from then on, and is replaced."""
        await place.ledgers.put(place.ledger, EMPTY, None)
        seen = await place.ledgers.find(place.ledger)
        assert seen is not None
        assert seen.status == EMPTY
        await place.ledgers.put(place.ledger, status_of("a-1"), seen.version)
        assert await runs_of(place) == ["a-1"]

    async def test_a_ledger_is_created_once(self, place: Place) -> None:
        """The one that came first stays."""
        await place.ledgers.put(place.ledger, status_of("a-1"), None)
        with pytest.raises(ConflictError):
            await place.ledgers.put(place.ledger, status_of("b-1"), None)
        assert await runs_of(place) == ["a-1"]

    async def test_of_many_that_replace_a_ledger_one_does(self, place: Place) -> None:
        """All have read the same version."""
        await place.ledgers.put(place.ledger, status_of(), None)
        version = await version_of(place)
        tries = [place.ledgers.put(place.ledger, status_of(f"run-{number}"), version) for number in range(6)]
        answers = await asyncio.gather(*tries, return_exceptions=True)
        assert sorted(type(one).__name__ for one in answers) == ["ConflictError"] * 5 + ["NoneType"]
        assert await runs_of(place) == [f"run-{answers.index(None)}"]

    async def test_a_ledger_is_replaced_at_the_version_that_was_read(self, place: Place) -> None:
        """Again and again; at an older one it is not."""
        await place.ledgers.put(place.ledger, status_of("a-1"), None)
        old = await version_of(place)
        await place.ledgers.put(place.ledger, status_of("a-1", "b-1"), old)
        await place.ledgers.put(place.ledger, status_of("b-1"), await version_of(place))
        with pytest.raises(ConflictError):
            await place.ledgers.put(place.ledger, status_of("c-1"), old)
        assert await runs_of(place) == ["b-1"]

    async def test_a_ledger_that_is_gone_is_not_replaced(self, place: Place) -> None:
        """Nor made by the way."""
        with pytest.raises(ConflictError):
            await place.ledgers.put(place.ledger, status_of("a-1"), "1")
        assert await place.ledgers.find(place.ledger) is None

    async def test_ledgers_do_not_mix(self, place: Place) -> None:
        """Each currency and month has its own."""
        await place.ledgers.put(place.ledger, status_of("a-1"), None)
        await place.ledgers.put(place.other, status_of("b-1"), None)
        assert await runs_of(place) == ["a-1"]
        assert {place.ledger, place.other} <= set(await place.ledgers.names())

    async def test_a_job_is_read_as_it_is_now(self, place: Place) -> None:
        """By its name; who wants to know whether it is the same compares the UID."""
        assert await place.ledgers.job(place.namespace, "bell") is None
        job = place.add_job("bell")
        found = await place.ledgers.job(place.namespace, "bell")
        assert found is not None
        assert (found.metadata.uid, found.spec) == (job.metadata.uid, job.spec)
        of = TaskJob(namespace=place.namespace, name="bell", uid=job.metadata.uid)
        assert place.ledgers.ours(of)
        place.delete_job("bell")
        assert await place.ledgers.job(place.namespace, "bell") is None

    async def test_what_is_no_ledger_is_said(self, place: Place) -> None:
        """With where it is and what to do; it is not taken for none."""
        await place.ledgers.put(place.ledger, status_of("a-1"), None)
        place.damage(place.ledger)
        with pytest.raises(NameTakenError, match="restore it, or delete it"):
            await place.ledgers.find(place.ledger)

    async def test_a_name_that_is_no_ledgers_is_refused(self, place: Place) -> None:
        """It is a fault of ours, and nothing is written."""
        with pytest.raises(ValueError, match="month"):
            await place.ledgers.put("usd-2026-13", EMPTY, None)
