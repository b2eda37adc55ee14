"""What went while nobody watched: no event tells of it, and it is found out all the same."""

import asyncio

import httpx2
import pytest

from quantum_operator.cluster import serving
from quantum_operator.cluster.api import Api
from quantum_operator.cluster.manifest import RunSettings
from quantum_operator.cluster.mirror import Mirror
from quantum_operator.cluster.runs import ClusterRuns
from quantum_operator.decide.observed import StopRun
from quantum_operator.ports.world import Key
from quantum_operator.testing import builders
from unit.cluster.bodies import job_body, run_body


class News:
    """Waits to be told that a job has changed."""

    def __init__(self) -> None:
        self.told = asyncio.Event()

    def request(self, _key: Key) -> None:
        self.told.set()

    def backends_or_policies_changed(self) -> None:
        """Not of interest."""

    def tasks_changed(self) -> None:
        """Not of interest."""


def api(*answers: httpx2.Response) -> Api:
    """A server that gives these answers, the last of them for ever."""
    left = list(answers)
    transport = httpx2.MockTransport(lambda _: left.pop(0) if len(left) > 1 else left[0])
    return Api(httpx2.AsyncClient(base_url="https://cluster", transport=transport))


def status(code: int) -> httpx2.Response:
    return httpx2.Response(code, json={"message": "no such run"})


@pytest.mark.parametrize("code", [404, 409])
async def test_a_run_that_is_to_be_stopped_and_is_gone_already_is_seen_to_be_gone(code: int) -> None:
    """Also where another of its name has come."""
    mirror = Mirror()
    mirror.runs.saw(None, run_body(job_body()))
    runs = ClusterRuns(api(status(code), status(404)), mirror, RunSettings("r"), lambda _: None)
    await runs.stop(builders.job(), StopRun("bell-1", "uid-of-bell-1"))
    assert await runs.observe(builders.job(), "bell-1", expected=True) is None


async def test_a_run_that_is_being_stopped_is_there_until_it_is_seen_to_be_gone() -> None:
    """Its pod may take a while to end."""
    mirror = Mirror()
    mirror.runs.saw(None, run_body(job_body()))
    runs = ClusterRuns(api(httpx2.Response(200, json={})), mirror, RunSettings("r"), lambda _: None)
    await runs.stop(builders.job(), StopRun("bell-1", "uid-of-bell-1"))
    assert await runs.observe(builders.job(), "bell-1", expected=True) is not None


async def test_what_was_deleted_while_the_watches_began_is_found_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is read once more then, and not only after READ_ANEW_SECONDS."""
    monkeypatch.setattr(serving, "FIRST_READ_ANEW_SECONDS", 0.0)
    mirror = Mirror()
    mirror.jobs.saw(None, job_body("bell"))
    news = News()
    mirror.connect(news)
    news.told.clear()
    empty = httpx2.Response(200, json={"items": [], "metadata": {"resourceVersion": "9"}})

    async def read() -> None:
        await mirror.read(api(empty), ())

    async def changed() -> bool:
        return False

    reading = asyncio.create_task(serving._read_anew(read, changed, asyncio.Event()))
    await asyncio.wait_for(news.told.wait(), 20)
    assert mirror.jobs.cache.get(Key("team", "bell")) is None
    reading.cancel()
