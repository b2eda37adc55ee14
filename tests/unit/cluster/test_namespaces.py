"""The namespaces to watch: those that are there."""

import asyncio
import logging

import httpx2
import pytest

from quantum_operator.cluster import serving
from quantum_operator.cluster.api import Api, StatusError
from quantum_operator.cluster.namespaces import have_changed, to_watch
from quantum_operator.ports.errors import TransientError


def cluster(**phases: str) -> Api:
    """A cluster with namespaces in these phases."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        phase = phases.get(request.url.path.rpartition("/")[2])
        if phase is None:
            return httpx2.Response(404, json={"message": "there is none"})
        return httpx2.Response(200, json={"status": {"phase": phase}})

    return Api(httpx2.AsyncClient(base_url="https://cluster", transport=httpx2.MockTransport(answer)))


async def test_only_namespaces_that_are_there_are_watched(caplog: pytest.LogCaptureFixture) -> None:
    """One that is about to go is none of them, for its operator's rights may be gone; of the others there is a word."""
    with caplog.at_level(logging.WARNING):
        assert await to_watch(cluster(a="Active", c="Terminating"), ("a", "b", "c")) == ("a",)
    assert caplog.messages == ["not watched, for they are not there: b, c"]


async def test_all_namespaces_are_watched_only_where_none_is_named() -> None:
    """And never because those that are named are gone."""
    assert await to_watch(cluster(), ()) == ()
    with pytest.raises(TransientError, match="none of the namespaces to watch is there: a, b"):
        await to_watch(cluster(), ("a", "b"))


async def test_a_namespace_that_goes_or_comes_is_a_change() -> None:
    """All others stay as they are."""
    assert not await have_changed(cluster(a="Active"), ("a", "b"), ("a",))
    assert await have_changed(cluster(a="Active", b="Active"), ("a", "b"), ("a",))
    assert await have_changed(cluster(a="Active"), ("a", "b"), ("a", "b"))
    assert not await have_changed(cluster(), (), ())


async def test_an_operator_whose_namespaces_change_is_told_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not to stop at once: what it has under way is answered, and its lease released."""
    monkeypatch.setattr(serving, "FIRST_READ_ANEW_SECONDS", 0.0)
    ending = asyncio.Event()

    async def changed() -> bool:
        return await have_changed(cluster(a="Active"), ("a", "b"), ("a", "b"))

    async def read() -> None:
        raise AssertionError("nothing is read any more")

    reading = asyncio.create_task(serving._read_anew(read, changed, ending))
    await asyncio.wait_for(ending.wait(), 20)
    assert not reading.done()
    reading.cancel()


async def test_a_refusal_is_not_taken_for_absence() -> None:
    """Who may not ask knows nothing."""
    refusing = httpx2.MockTransport(lambda _: httpx2.Response(403, json={"message": "no"}))
    with pytest.raises(StatusError, match="403"):
        await to_watch(Api(httpx2.AsyncClient(base_url="https://cluster", transport=refusing)), ("a",))
