"""Sessions and batches of IBM Quantum, by the vendor's own SDK against a server on this machine."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from qiskit_ibm_runtime import Batch
from qiskit_ibm_runtime import Session as SdkSession

from quantum_adapters.ibm import connect, sessions
from quantum_adapters.ibm.adapter import IbmAdapter
from quantum_adapters.ibm.settings import Settings
from quantum_operator.ports.adapter import (
    Absent,
    AdapterError,
    AmbiguousError,
    Ceiling,
    Charged,
    Closing,
    ForbiddenError,
    Found,
    RejectedError,
    Session,
    Unknown,
)
from quantum_operator.testing.adapter_bench import CEILING, Bench
from support.ibmserver import API_KEY, CRN, DEVICE, PRICE, IbmReply, IbmServer
from support.ibmsessions import IDLE, OVERHEAD

WANTED = Session(DEVICE, "session", CEILING)
SECONDS = CEILING.cost_micros // PRICE
NEEDED = {"token": API_KEY, "instance": CRN}


@pytest.fixture
def server() -> Iterator[IbmServer]:
    with IbmServer() as one:
        yield one


@pytest.fixture
def adapter(server: IbmServer) -> IbmAdapter:
    return IbmAdapter(Settings.read(server.settings()))


@pytest.fixture
def bench(server: IbmServer, adapter: IbmAdapter) -> Bench:
    return Bench(adapter, server)


@pytest.fixture
def backend(server: IbmServer, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The SDK's own backend, on the same server."""
    return server.sdk_backend(monkeypatch)


def since() -> datetime:
    return datetime.now(UTC) - timedelta(seconds=60)


def changes(server: IbmServer) -> list[tuple[str, str]]:
    """The requests that were more than questions."""
    return [(method, path) for method, path in server.requests if method != "GET"]


@pytest.mark.parametrize(("mode", "of_the_sdk"), [("session", SdkSession), ("batch", Batch)])
def test_a_session_s_life_is_the_sdk_s(
    server: IbmServer, adapter: IbmAdapter, backend: Any, mode: Any, of_the_sdk: Any
) -> None:
    """The same documents to the same paths, to open one, to close it, and to close it at once."""
    server.requests.clear()
    for at_once in (False, True):
        theirs = of_the_sdk(backend, max_time=SECONDS)
        (theirs.cancel if at_once else theirs.close)()
    there = changes(server)
    server.requests.clear()
    for at_once in (False, True):
        ours = adapter.open_session(Session(DEVICE, mode, CEILING))
        adapter.close_session(ours, at_once=at_once)
    first, second, third, fourth = server.sessions.all.values()
    assert first.body == second.body == third.body == fourth.body
    names = {theirs.id: "ID" for theirs in server.sessions.all.values()}
    assert [_without(names, one) for one in changes(server)] == [_without(names, one) for one in there]
    assert server.open_sessions() == ()


def _without(names: dict[str, str], request: tuple[str, str]) -> tuple[str, str]:
    method, path = request
    return method, "/".join(names.get(part, part) for part in path.split("/"))


@pytest.mark.parametrize(
    ("ceiling", "seconds"),
    [
        (Ceiling(100 * PRICE, "USD", 60), 60),
        (Ceiling(7 * PRICE - 1, "USD", 60), 6),
        (Ceiling(10**12, "USD", 10**6), 10_800),
    ],
)
def test_ibm_closes_a_session_before_it_is_beyond_the_ceiling(
    server: IbmServer, adapter: IbmAdapter, ceiling: Ceiling, seconds: int
) -> None:
    """Whatever becomes of the agent: its longest time is what the ceiling allows, and its money buys."""
    opened = adapter.open_session(Session(DEVICE, "session", ceiling))
    assert server.sessions.all[opened].body["max_ttl"] == seconds
    with pytest.raises(RejectedError):
        adapter.open_session(Session(DEVICE, "session", Ceiling(PRICE - 1, "USD", 60)))
    assert server.openings() == 1


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (IbmReply.error(400, 1352, "You are not authorized to run a session when using the open plan"), RejectedError),
        (IbmReply.error(409, 3456, "Usage exceeds instance limit"), ForbiddenError),
        (IbmReply.error(403, 1200, "You are not authorized"), ForbiddenError),
        (IbmReply(500), AmbiguousError),
        (IbmReply.of({"id": "../s1"}), AmbiguousError),
        (IbmReply.of([]), AmbiguousError),
        (IbmReply(307, headers={"Location": "/api/v1/sessions"}), AmbiguousError),
    ],
)
def test_answers_to_an_opening(
    server: IbmServer, adapter: IbmAdapter, reply: IbmReply, error: type[AdapterError]
) -> None:
    """Only what says that nothing was done is taken for it, after one request."""
    server.instead["/sessions"] = reply
    with pytest.raises(error):
        adapter.open_session(WANTED)
    assert changes(server) == [("POST", "/sessions")]


def test_a_session_of_somebody_else_is_not_touched(server: IbmServer, adapter: IbmAdapter, bench: Bench) -> None:
    """One with jobs, of another longest time, mode or device, from before, or that takes no more jobs."""
    asked = {"mode": "dedicated", "max_ttl": SECONDS, "backend": DEVICE}
    used = server.sessions.open(asked, 0).document["id"]
    adapter.submit(bench.prepared(), bench.token(), CEILING, session=used)
    for other in ({"max_ttl": SECONDS + 1}, {"mode": "batch"}, {"backend": "ibm_other"}):
        server.sessions.open(asked | other, 0)
    old, closed, ours = (server.sessions.open(asked, 0).document["id"] for _ in range(3))
    server.sessions.all[old].opened -= timedelta(minutes=5)
    server.sessions.all[closed].accepting = False
    server.wait(10)
    assert adapter.find_sessions(WANTED, since()) == Found((ours,))
    server.sessions.all[ours].accepting = False
    assert adapter.find_sessions(WANTED, since()) == Absent()


def test_a_search_for_sessions_reads_every_page(
    server: IbmServer, adapter: IbmAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When there is no end to them, it is no answer."""
    monkeypatch.setattr(sessions, "PAGE", 2)
    opened = tuple(adapter.open_session(WANTED) for _ in range(5))
    server.wait(10)
    assert adapter.find_sessions(WANTED, since()) == Found(opened)
    monkeypatch.setattr(sessions, "PAGES", 2)
    assert isinstance(adapter.find_sessions(WANTED, since()), Unknown)


@pytest.mark.parametrize("document", [[], {}, {"workloads": [{}]}, {"workloads": [{"id": "s", "created": "soon"}]}])
def test_a_list_of_workloads_that_can_not_be_read_is_no_answer(
    server: IbmServer, adapter: IbmAdapter, document: Any
) -> None:
    """Nothing is made up, and nothing is taken to be absent."""
    server.instead["/workloads"] = IbmReply.of(document)
    assert isinstance(adapter.find_sessions(WANTED, since()), Unknown)


def test_an_empty_session_is_closed_by_ibm_and_costs_nothing(server: IbmServer, adapter: IbmAdapter) -> None:
    """After the time that the adapter says."""
    opened = adapter.open_session(WANTED)
    server.wait(adapter.capabilities().idle_seconds - 1)
    assert server.open_sessions() == (opened,)
    server.wait(1)
    assert adapter.capabilities().idle_seconds == IDLE
    assert server.open_sessions() == ()
    assert adapter.close_session(opened, at_once=True) == Closing(closed=True, charged=Charged(0, "USD", 0))


@pytest.mark.parametrize("mode", ["session", "batch"])
def test_a_session_costs_its_time_and_a_batch_its_jobs(server: IbmServer, bench: Bench, mode: Any) -> None:
    """As IBM's usage has it."""
    adapter: Any = bench.adapter
    opened = adapter.open_session(Session(DEVICE, mode, CEILING))
    task = adapter.submit(bench.prepared(), bench.token(), CEILING, session=opened)
    server.finish(task)
    told = adapter.close_session(opened, at_once=True).charged
    usage = server.jobs[task].usage + (OVERHEAD if mode == "session" else 0)
    assert told.cost_micros == server.charged_micros() == pytest.approx(usage * PRICE)
    if mode == "batch":
        assert adapter.fetch(task).cost_micros == told.cost_micros


def test_a_usage_that_is_not_told_yet_is_pending(server: IbmServer, adapter: IbmAdapter) -> None:
    """IBM may take its time to say what a closed session cost."""
    document = {"state": "closed", "started_at": "2026-01-01T00:00:00Z", "elapsed_time": None}
    server.instead = {"/sessions/s1/close": IbmReply(204), "/sessions/s1": IbmReply.of(document)}
    assert adapter.close_session("s1", at_once=True) == Closing(closed=True, charge_pending=True)
    server.instead["/sessions/s1"] = IbmReply.of({"state": "paused"})
    with pytest.raises(AdapterError, match="can't be read"):
        adapter.close_session("s1", at_once=True)
    assert adapter.close_session("../jobs/d1", at_once=True) == Closing(closed=True)


def test_an_account_has_the_modes_that_its_settings_say(server: IbmServer) -> None:
    """The open plan has no sessions."""
    assert connect(server.settings()).capabilities().modes == ("job", "batch", "session")
    assert connect(server.settings(modes="batch, job")).capabilities().modes == ("job", "batch")
    for modes in ("", "session", "job,overnight"):
        with pytest.raises(ValueError, match="modes must be job"):
            Settings.read(NEEDED | {"modes": modes})
