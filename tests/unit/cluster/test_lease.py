"""The Lease: who holds it, for how long, and by which clock."""

import asyncio
from datetime import datetime
from typing import Any

import pytest

from quantum_operator.cluster.api import StatusError
from quantum_operator.cluster.lease import DURATION_SECONDS, HOLD_SECONDS, LeaseLostError, elapsed
from quantum_operator.ports.errors import TransientError
from unit.cluster.leaseserver import Candidate, Clock, LeaseServer


@pytest.fixture
def server() -> LeaseServer:
    return LeaseServer()


@pytest.fixture
def one(server: LeaseServer) -> Candidate:
    return Candidate(server, "one", Clock(1000.0))


@pytest.fixture
def two(server: LeaseServer) -> Candidate:
    return Candidate(server, "two", Clock(-5.0))


def later(seconds: float, *candidates: Candidate) -> None:
    for candidate in candidates:
        candidate.clock.pass_by(seconds)


def said_by_others(server: LeaseServer, **spec: Any) -> None:
    """Somebody changes the Lease."""
    assert server.record is not None
    server.record["spec"].update(spec)
    server.version += 1
    server.record["metadata"]["resourceVersion"] = str(server.version)


async def test_where_there_is_no_lease_it_is_created(server: LeaseServer, one: Candidate) -> None:
    """In the form that `kubectl get lease` shows."""
    assert await one.lease.acquire()
    assert one.lease.seconds_left == HOLD_SECONDS
    one.lease.require()
    assert one.api.asked == [
        "GET /apis/coordination.k8s.io/v1/namespaces/home/leases/quantum",
        "POST /apis/coordination.k8s.io/v1/namespaces/home/leases",
    ]
    spec = server.spec
    assert (spec["holderIdentity"], spec["leaseDurationSeconds"], spec["leaseTransitions"]) == ("one", 15, 0)
    for time in ("acquireTime", "renewTime"):
        assert len(spec[time]) == len("2026-01-01T00:00:00.000000Z")
        assert datetime.fromisoformat(spec[time]).tzinfo is not None


async def test_a_holder_stops_before_another_starts(one: Candidate, two: Candidate) -> None:
    """Each by its own clock, and neither by a time that the other wrote."""
    assert await one.lease.acquire()
    assert not await two.lease.acquire()
    assert two.lease.holder == "one"
    later(HOLD_SECONDS, one, two)
    assert not one.holds
    with pytest.raises(LeaseLostError, match="lease home/quantum is not held"):
        one.lease.require()
    later(DURATION_SECONDS - HOLD_SECONDS - 0.1, one, two)
    assert not await two.lease.acquire()
    later(0.2, one, two)
    assert await two.lease.acquire()


@pytest.mark.parametrize("time", ["1999-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z"])
async def test_the_times_in_a_record_mean_nothing(
    server: LeaseServer, one: Candidate, two: Candidate, time: str
) -> None:
    """The clocks of two machines may be years apart: what counts is when the record was seen to change."""
    assert await one.lease.acquire()
    said_by_others(server, renewTime=time, acquireTime=time)
    assert not await two.lease.acquire()
    later(DURATION_SECONDS - 0.1, two)
    assert not await two.lease.acquire()
    later(0.1, two)
    assert await two.lease.acquire()
    assert server.spec["leaseTransitions"] == 1


async def test_a_renewal_begins_the_wait_anew(server: LeaseServer, one: Candidate, two: Candidate) -> None:
    """For as long as the holder renews, nobody else takes the lease."""
    assert await one.lease.acquire()
    since = server.spec["acquireTime"]
    for _ in range(10):
        assert not await two.lease.acquire()
        later(HOLD_SECONDS - 1, one, two)
        await one.lease.renew()
        assert one.lease.seconds_left == HOLD_SECONDS
    assert (server.spec["acquireTime"], server.spec["leaseTransitions"]) == (since, 0)


async def test_a_longer_duration_in_the_record_is_waited_for(
    server: LeaseServer, one: Candidate, two: Candidate
) -> None:
    """Its holder goes by it; a shorter one is no reason to be early."""
    assert await one.lease.acquire()
    for duration, taken in ((60, False), (1, True)):
        said_by_others(server, leaseDurationSeconds=duration)
        assert not await two.lease.acquire()
        later(DURATION_SECONDS + 1, two)
        assert await two.lease.acquire() is taken


async def test_a_released_lease_is_taken_at_once(server: LeaseServer, one: Candidate, two: Candidate) -> None:
    """And the one who released it does not hold it, not even before the answer."""
    assert await one.lease.acquire()
    assert not await two.lease.acquire()
    one.api.delay = lambda: pytest.fail("it still holds") if one.holds else None
    await one.lease.release()
    assert server.spec["holderIdentity"] == ""
    assert await two.lease.acquire()
    assert server.spec["leaseTransitions"] == 1


async def test_only_a_holder_releases(server: LeaseServer, one: Candidate, two: Candidate) -> None:
    """One that lost the lease, or never had it, writes nothing."""
    assert await one.lease.acquire()
    await two.lease.release()
    later(HOLD_SECONDS, one)
    before = server.version
    await one.lease.release()
    assert server.version == before


@pytest.mark.parametrize("expired", [False, True], ids=["there is none", "it expired"])
async def test_of_two_who_see_the_lease_free_one_takes_it(server: LeaseServer, expired: bool) -> None:
    """Whoever asks first; the other is refused by the server."""
    one, two = Candidate(server, "one"), Candidate(server, "two")
    if expired:
        assert await Candidate(server, "former").lease.acquire()
        assert not await one.lease.acquire()
        assert not await two.lease.acquire()
        later(DURATION_SECONDS, one, two)
    # Each gives way with every request: both have read before either writes.
    assert await asyncio.gather(one.lease.acquire(), two.lease.acquire()) == [True, False]
    assert (one.holds, two.holds) == (True, False)


async def test_time_counts_from_before_the_asking(one: Candidate) -> None:
    """A slow answer is no longer lease."""
    one.api.delay = lambda: one.clock.pass_by(4.0)
    assert await one.lease.acquire() is True
    assert one.lease.seconds_left == HOLD_SECONDS - 4.0
    await one.lease.renew()
    assert one.lease.seconds_left == HOLD_SECONDS - 4.0


async def test_an_answer_that_comes_too_late_is_none(one: Candidate) -> None:
    """The lease that it gives is over."""
    one.api.delay = lambda: one.clock.pass_by(HOLD_SECONDS)
    assert await one.lease.acquire()
    assert not one.holds


async def test_a_renewal_without_an_answer_is_no_loss(one: Candidate) -> None:
    """The next one finds a version that it does not know, and its own name on it."""
    assert await one.lease.acquire()
    one.api.unanswered = True
    with pytest.raises(TransientError, match="answer was lost"):
        await one.lease.renew()
    later(3.0, one)
    assert one.lease.seconds_left == HOLD_SECONDS - 3.0
    await one.lease.renew()
    assert one.lease.seconds_left == HOLD_SECONDS


async def test_a_take_over_without_an_answer_is_taken_up(one: Candidate) -> None:
    """Nobody else has the name on the record."""
    one.api.delay = lambda: setattr(one.api, "unanswered", one.api.asked[-1].startswith("POST"))
    with pytest.raises(TransientError):
        await one.lease.acquire()
    assert not one.holds
    assert await one.lease.acquire()


async def test_somebody_elses_labels_are_kept(server: LeaseServer, one: Candidate) -> None:
    """A change of the metadata is no change of the holder."""
    assert await one.lease.acquire()
    assert server.record is not None
    server.record["metadata"]["labels"] = {"a": "b"}
    said_by_others(server)
    await one.lease.renew()
    assert server.record["metadata"]["labels"] == {"a": "b"}
    assert one.holds


async def test_a_lease_that_was_taken_is_lost_at_once(server: LeaseServer, one: Candidate) -> None:
    """However much of it was left."""
    assert await one.lease.acquire()
    said_by_others(server, holderIdentity="two")
    with pytest.raises(LeaseLostError, match="taken from this operator: two has it"):
        await one.lease.renew()
    assert not one.holds


async def test_a_lease_that_was_deleted_is_lost(server: LeaseServer, one: Candidate, two: Candidate) -> None:
    """Its holder stops when it notices; who saw it held waits for as long as that may take."""
    assert await one.lease.acquire()
    assert not await two.lease.acquire()
    server.record = None
    later(DURATION_SECONDS - 0.1, two)
    assert not await two.lease.acquire()
    with pytest.raises(LeaseLostError, match="nobody has it"):
        await one.lease.renew()
    later(0.1, two)
    assert await two.lease.acquire()


async def test_a_lease_that_is_over_is_not_renewed(one: Candidate) -> None:
    """One that was paused must not go on, even where nobody took the lease: the API server is not asked."""
    assert await one.lease.acquire()
    asked = len(one.api.asked)
    later(HOLD_SECONDS, one)
    with pytest.raises(LeaseLostError):
        await one.lease.renew()
    assert len(one.api.asked) == asked


async def test_a_refusal_while_renewing_may_be_over_soon(one: Candidate) -> None:
    """It is asked again for as long as the lease is held; a refusal before that is an operator without its rights."""
    assert await one.lease.acquire()
    one.api.failing = [StatusError(403, "Forbidden", "no")]
    with pytest.raises(TransientError, match="403"):
        await one.lease.renew()
    assert one.holds
    one.api.failing = [StatusError(403, "Forbidden", "no")]
    with pytest.raises(StatusError, match="403"):
        await one.lease.acquire()


async def test_a_holder_that_is_known_to_be_dead_is_not_waited_for(server: LeaseServer, one: Candidate) -> None:
    """Any other is."""
    assert await one.lease.acquire()
    assert not await Candidate(server, "two", former={"on"}).lease.acquire()
    assert await Candidate(server, "two", former={"zero", "one"}).lease.acquire()


def test_the_clock_goes_on() -> None:
    """It is nobody's to set."""
    assert elapsed() <= elapsed()
