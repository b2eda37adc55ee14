"""Why runs have no pod: the API server is asked for all of them at once."""

from typing import Any

import httpx2
import pytest

from quantum_operator.cluster import podless
from quantum_operator.cluster.api import Api
from quantum_operator.cluster.podless import Podless
from quantum_operator.cluster.seen import SeenRun, read_run
from quantum_operator.ports.errors import TransientError
from quantum_operator.ports.world import Key
from quantum_operator.testing.clock import ManualClock
from unit.cluster.bodies import job_body, run_body

BELL = Key("team", "bell")
NAMES = [f"run-{number}" for number in range(50)]


def said(run: SeenRun, at: int, message: str) -> dict[str, Any]:
    return {"involvedObject": {"uid": run.uid}, "message": message, "lastTimestamp": f"2026-01-01T00:00:{at:02}Z"}


class Cluster:
    """An API server that has events, and runs without pods."""

    def __init__(self) -> None:
        self.pages: list[list[dict[str, Any]]] = [[]]
        self.asked: list[httpx2.Request] = []
        self.fails = False
        self.woken: list[Key] = []
        self.clock = ManualClock()
        client = httpx2.AsyncClient(base_url="https://cluster", transport=httpx2.MockTransport(self._answer))
        self.podless = Podless(Api(client), self.woken.append, self.clock.later)

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        if self.fails:
            return httpx2.Response(503, json={})
        number = int(request.url.params.get("continue", "0"))
        meta = {"continue": str(number + 1)} if number + 1 < len(self.pages) else {}
        return httpx2.Response(200, json={"metadata": meta, "items": self.pages[number]})

    async def is_without(self, *runs: SeenRun) -> None:
        """Each is seen without a pod, and time passes until it is to be asked why."""
        assert [await self.podless.refusal(BELL, run) for run in runs] == [""] * len(runs)
        self.clock.advance(podless.PODLESS_SECONDS)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def runs() -> list[SeenRun]:
    body = job_body()
    return [read_run(run_body(body, name)) for name in NAMES]


async def test_the_events_are_read_once_for_all_runs(cluster: Cluster) -> None:
    """Each is told the last word about itself, whatever page that is on, without the name of the pod."""
    many = runs()
    first = [said(run, 3, f'pods "{run.name}-a1" is forbidden: {run.name}') for run in many[:40]]
    second = [said(run, 1, "an earlier word") for run in many[:40]] + [said(run, 1, run.name) for run in many[40:49]]
    cluster.pages = [first, second]
    await cluster.is_without(*many)
    assert cluster.asked == []
    assert cluster.woken == [BELL] * 50
    told = [await cluster.podless.refusal(BELL, run) for run in many]
    assert told == [f"its pod is forbidden: {name}" for name in NAMES[:40]] + NAMES[40:49] + [""]
    assert [request.url.path for request in cluster.asked] == ["/api/v1/namespaces/team/events"] * 2


async def test_the_answer_is_old_after_a_while(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the next who asks has it read anew."""
    one, other, *_ = runs()
    monkeypatch.setattr(podless, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(podless, "FRESH_TIMES", 0)
    await cluster.is_without(one, other)
    assert await cluster.podless.refusal(BELL, one) == ""
    cluster.pages = [[said(other, 1, "no room")]]
    assert await cluster.podless.refusal(BELL, other) == "no room"
    assert len(cluster.asked) == 2


async def test_a_reading_that_fails_is_tried_again(cluster: Cluster) -> None:
    """By whoever asks next."""
    one, *_ = runs()
    await cluster.is_without(one)
    cluster.fails = True
    with pytest.raises(TransientError):
        await cluster.is_without(one)
    cluster.fails = False
    cluster.pages = [[said(one, 1, "no room")]]
    assert await cluster.podless.refusal(BELL, one) == "no room"


async def test_a_run_that_got_its_pod_begins_anew(cluster: Cluster) -> None:
    """It is asked about only once it has been without one for a while again."""
    one, *_ = runs()
    await cluster.podless.refusal(BELL, one)
    cluster.podless.forget(one.uid)
    cluster.clock.advance(podless.PODLESS_SECONDS)
    assert cluster.woken == []
    assert await cluster.podless.refusal(BELL, one) == ""
    assert cluster.asked == []


async def test_the_run_is_asked_about_when_the_timer_says_so(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when a clock does: a timer may come a little before, and would not come again."""
    monkeypatch.setattr(podless, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(podless, "FRESH_TIMES", 0)
    one, *_ = runs()
    cluster.pages = [[said(one, 1, "no room")]]
    await cluster.is_without(one)
    assert await cluster.podless.refusal(BELL, one) == "no room"
    cluster.pages = [[said(one, 2, "still no room")]]
    assert await cluster.podless.refusal(BELL, one) == "no room"
    cluster.clock.advance(podless.ASK_AGAIN_SECONDS)
    assert cluster.woken == [BELL] * 2
    assert await cluster.podless.refusal(BELL, one) == "still no room"
