"""Who leads: work begins with the lease and ends before it does."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from quantum_operator.cluster import leading
from quantum_operator.cluster.api import StatusError
from quantum_operator.cluster.leading import follow, keep, lead
from quantum_operator.cluster.lease import HOLD_SECONDS, LeaseLostError
from quantum_operator.ports.errors import TransientError
from unit.cluster.leaseserver import Candidate, LeaseServer
from unit.cluster.test_api import answering


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RENEW_SECONDS", "AGAIN_SECONDS", "LOOK_SECONDS"):
        monkeypatch.setattr(leading, name, 0.001)
    monkeypatch.setattr(leading, "SETTLE_SECONDS", 0.05)


@pytest.fixture
def server() -> LeaseServer:
    return LeaseServer()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.001)


class Leader:
    """An operator that leads once it holds the lease."""

    def __init__(self, server: LeaseServer, name: str) -> None:
        self.candidate = Candidate(server, name)
        self.api = answering(200)
        self.ending = asyncio.Event()
        self.working = False
        self.failing = asyncio.Event()
        self.task = asyncio.create_task(lead(self.api, self.candidate.lease, self.work, self.ending))

    async def work(self) -> None:
        self.working = True
        try:
            await self.failing.wait()
            raise ValueError("broken")
        finally:
            self.working = False


async def test_one_works_and_the_other_waits(server: LeaseServer, caplog: pytest.LogCaptureFixture) -> None:
    """It says once for whom, and takes over when the lease is released."""
    caplog.set_level(logging.INFO)
    one = Leader(server, "one")
    await until(lambda: one.working)
    two = Leader(server, "two")
    await until(lambda: len(two.candidate.api.asked) > 5)
    assert not two.working
    assert caplog.messages == ["leading: one holds the lease home/quantum", "waiting for the lease held by one"]
    one.ending.set()
    await one.task
    assert not one.working
    await until(lambda: two.working)
    assert server.spec["holderIdentity"] == "two"
    two.ending.set()
    await two.task
    assert server.spec["holderIdentity"] == ""


async def test_a_lost_lease_ends_the_work(server: LeaseServer) -> None:
    """And is said; nothing more is written to the Lease."""
    one = Leader(server, "one")
    await until(lambda: one.working)
    one.candidate.clock.pass_by(HOLD_SECONDS)
    before = server.version
    with pytest.raises(LeaseLostError, match="home/quantum"):
        await one.task
    assert not one.working
    assert server.version == before


async def test_work_that_fails_is_told_as_it_is(server: LeaseServer) -> None:
    """The lease is left to expire: nobody knows what is still under way."""
    one = Leader(server, "one")
    await until(lambda: one.working)
    one.failing.set()
    with pytest.raises(ValueError, match="broken"):
        await one.task
    assert server.spec["holderIdentity"] == "one"


async def test_a_lease_is_not_released_while_a_write_is_without_an_answer(
    server: LeaseServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may arrive after the next operator has begun."""

    async def unsettled(_: float) -> bool:
        return False

    one = Leader(server, "one")
    monkeypatch.setattr(one.api, "settle", unsettled)
    await until(lambda: one.working)
    one.ending.set()
    await one.task
    assert server.spec["holderIdentity"] == "one"
    assert "left to expire: writes are without an answer" in caplog.text


async def test_a_release_that_fails_is_no_error(server: LeaseServer, caplog: pytest.LogCaptureFixture) -> None:
    """The lease expires."""
    one = Leader(server, "one")
    await until(lambda: one.working)
    one.candidate.api.failing = [TransientError("gone")] * 5
    one.ending.set()
    await one.task
    assert "left to expire: gone" in caplog.text


async def test_a_follower_that_is_told_to_end_does(server: LeaseServer) -> None:
    """Without having worked."""
    one = Leader(server, "one")
    await until(lambda: one.working)
    two = Leader(server, "two")
    await asyncio.sleep(0.01)
    two.ending.set()
    await two.task
    assert server.spec["holderIdentity"] == "one"
    one.ending.set()
    await one.task


async def test_without_a_lease_work_begins_at_once() -> None:
    """There is nobody else."""
    ending, began = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        began.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(lead(answering(200), None, work, ending))
    await began.wait()
    ending.set()
    await task


async def test_a_holder_survives_failing_renewals(server: LeaseServer, caplog: pytest.LogCaptureFixture) -> None:
    """For as long as it holds the lease, and each is said."""
    one = Candidate(server, "one")
    await one.lease.acquire()
    version = server.version
    one.api.failing = [TransientError("no route")] * 3
    one.clock.pass_by(HOLD_SECONDS - 1)
    keeping = asyncio.create_task(keep(one.lease))
    await until(lambda: server.version > version)
    assert one.lease.seconds_left == HOLD_SECONDS
    assert caplog.text.count("was not renewed: no route") == 3
    keeping.cancel()


async def test_a_holder_whose_server_is_silent_loses_the_lease(
    server: LeaseServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that never ends is given up, and the lease with it."""
    monkeypatch.setattr(leading, "ANSWER_SECONDS", 0.01)
    one = Candidate(server, "one")
    await one.lease.acquire()

    async def silence(*_: object) -> None:
        one.clock.pass_by(4.0)
        await asyncio.Event().wait()

    monkeypatch.setattr(one.api, "put", silence)
    with pytest.raises(LeaseLostError):
        await keep(one.lease)
    assert "was not renewed: no answer" in caplog.text


async def test_a_follower_whose_server_fails_says_so_once(
    server: LeaseServer, caplog: pytest.LogCaptureFixture
) -> None:
    """And goes on asking."""
    one = Candidate(server, "one")
    one.api.failing = [TransientError("no route")] * 5
    await follow(one.lease)
    assert caplog.text.count("can't be read: no route") == 1


async def test_a_follower_without_rights_ends(server: LeaseServer) -> None:
    """Asking again would change nothing."""
    one = Candidate(server, "one")
    one.api.failing = [StatusError(403, "Forbidden", "leases is forbidden")]
    with pytest.raises(StatusError, match="leases is forbidden"):
        await lead(answering(200), one.lease, lambda: pytest.fail("works"), asyncio.Event())
