"""The adapter of IBM Quantum, by the vendor's own SDK against a server on this machine."""

import dataclasses
import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from qiskit_ibm_runtime import SamplerV2
from qiskit_ibm_runtime.exceptions import IBMRuntimeError
from qiskit_ibm_runtime.json import RuntimeDecoder

from quantum_adapters.ibm import adapter as ibm
from quantum_adapters.ibm import connect
from quantum_operator.ports.adapter import (
    Absent,
    AdapterError,
    AmbiguousError,
    Cancelled,
    Ceiling,
    Charged,
    ForbiddenError,
    Found,
    LostError,
    MalformedError,
    Progress,
    RejectedError,
    SaturatedError,
    UnavailableError,
    Unknown,
)
from quantum_operator.testing.adapter_bench import CEILING, FLIPPED, WAITING, Bench
from quantum_operator.testing.adapter_conformance import SessionConformance
from quantum_operator.testing.adapter_faults import Fault
from support.ibmserver import API_KEY, DEVICE, PRICE, IbmReply, IbmServer

SUBMISSION = [("POST", "/jobs")]


@pytest.fixture
def server() -> Iterator[IbmServer]:
    with IbmServer() as one:
        yield one


@pytest.fixture
def bench(server: IbmServer) -> Bench:
    return Bench(connect(server.settings()), server)


class TestConformance(SessionConformance):
    """All that the contract of adapters promises."""

    @pytest.fixture
    def bench(self, server: IbmServer) -> Bench:
        return Bench(connect(server.settings(timeoutSeconds="1")), server)


@pytest.fixture
def sampler(server: IbmServer, monkeypatch: pytest.MonkeyPatch) -> SamplerV2:
    """The SDK's own sampler, against the same server."""
    with pytest.warns(DeprecationWarning, match="SamplerV2 class is deprecated"):
        return SamplerV2(mode=server.sdk_backend(monkeypatch))


def test_the_sdk_makes_two_jobs_of_a_lost_answer_and_the_adapter_one(
    server: IbmServer, bench: Bench, sampler: SamplerV2
) -> None:
    """A submission is accepted, its answer is a 503, and the next would be good."""
    prepared = bench.prepared()
    ((circuit, _, _),) = json.loads(prepared.payload, cls=RuntimeDecoder)["pubs"]
    sampler.options.environment.job_tags = ["by-the-sdk"]
    with ThreadPoolExecutor(1) as pool:
        with server.failing("submit", Fault("unavailable", accepted=True)):
            job = pool.submit(sampler.run, [(circuit, None, 10)])
            while not server.tasks("by-the-sdk"):
                time.sleep(0.005)
        job.result(timeout=30)
    assert len(server.tasks("by-the-sdk")) > 1
    before = server.submissions()
    with server.failing("submit", Fault("unavailable", accepted=True)), pytest.raises(AmbiguousError):
        bench.adapter.submit(prepared, "by-the-adapter", CEILING)
    assert server.submissions() == before + 1
    assert bench.found("by-the-adapter", Found(server.tasks("by-the-adapter"))) == Found((f"d{before:019d}",))


def test_a_submission_is_what_the_sdk_sends(server: IbmServer, bench: Bench, sampler: SamplerV2) -> None:
    """The same document as the SDK's sampler makes of the same circuits, tags and time."""
    prepared = bench.prepared(FLIPPED, WAITING, shots=(30, 30))
    pubs = [tuple(pub) for pub in json.loads(prepared.payload, cls=RuntimeDecoder)["pubs"]]
    bench.adapter.submit(prepared, "token-1", CEILING)
    sampler.options.environment.job_tags = ["token-1"]
    sampler.options.max_execution_time = CEILING.cost_micros // PRICE
    sampler.run([(circuit, None, shots) for circuit, _, shots in pubs])
    ours, theirs = (json.loads(json.dumps(body), cls=RuntimeDecoder) for body in server.bodies)
    for document in (ours, theirs):
        document["params"]["pubs"] = [(c, list(values), shots) for c, values, shots in document["params"]["pubs"]]
    assert ours == theirs


def test_tags_come_after_the_token(server: IbmServer, bench: Bench) -> None:
    """As many as IBM takes: the rest is left out."""
    tags = {"correlation-id": "order-7"} | {f"t{n}": "x" for n in range(9)}
    bench.adapter.submit(bench.prepared(), "token-1", CEILING, tags=tags)
    assert server.bodies[0]["tags"] == ["token-1", "correlation-id=order-7", *(f"t{n}=x" for n in range(6))]


def test_a_job_without_results_cost_what_ibm_says(server: IbmServer, bench: Bench) -> None:
    """Nothing in the queue, and the time so far where it ran; while IBM has no final figure, that is said."""
    queued, running = bench.submitted(), bench.submitted()
    server.start(running)
    for task, micros, seconds in ((queued, 0, 0), (running, PRICE * 5 // 4, 2)):
        bench.adapter.cancel(task)
        assert bench.adapter.poll(task).charged == Charged(micros, "USD", seconds)
    server.usage_pending = True
    told = bench.adapter.poll(running)
    assert (told.charged, told.charge_pending) == (None, True)
    server.instead[f"/jobs/{running}/metrics"] = IbmReply.of({})
    assert bench.adapter.poll(running) == Progress("Cancelled")


def test_a_submission_asks_nothing_else(server: IbmServer, bench: Bench) -> None:
    """It needs no answer but its own."""
    prepared = bench.prepared()
    server.requests.clear()
    bench.adapter.submit(prepared, bench.token(), CEILING)
    assert server.requests == SUBMISSION


def test_a_redirected_submission_is_not_followed(server: IbmServer, bench: Bench) -> None:
    """It would be a second submission."""
    prepared = bench.prepared()
    server.requests.clear()
    server.instead["/jobs"] = IbmReply(307, headers={"Location": f"{server.address}/api/v1/jobs"})
    with pytest.raises(AmbiguousError):
        bench.adapter.submit(prepared, bench.token(), CEILING)
    assert server.requests == SUBMISSION


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (IbmReply.error(409, 3456, "Usage exceeds instance limit"), ForbiddenError),
        (IbmReply.error(404, 1207, "Program not found"), RejectedError),
        (IbmReply.error(422, 1211, "Unprocessable"), RejectedError),
        (IbmReply.error(408, 0, "Request timeout"), AmbiguousError),
        (IbmReply(429, headers={"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}), SaturatedError),
        (IbmReply(500), AmbiguousError),
        (IbmReply.of({"id": ""}), AmbiguousError),
        (IbmReply.of({"id": "../d1"}), AmbiguousError),
        (IbmReply.of(["d1"]), AmbiguousError),
        (IbmReply(204), AmbiguousError),
    ],
)
def test_answers_to_a_submission(server: IbmServer, bench: Bench, reply: IbmReply, error: type[AdapterError]) -> None:
    """Only what says that nothing was done is taken for it."""
    prepared = bench.prepared()
    server.instead["/jobs"] = reply
    with pytest.raises(error):
        bench.adapter.submit(prepared, bench.token(), CEILING)


def test_a_service_that_can_not_be_reached_did_nothing(server: IbmServer, bench: Bench) -> None:
    """No connection came about: a submission is not ambiguous."""
    prepared = bench.prepared()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        adapter = connect(server.settings(url=f"http://127.0.0.1:{closed.getsockname()[1]}/api/v1"))
        with pytest.raises(UnavailableError):
            adapter.submit(prepared, bench.token(), CEILING)
        assert isinstance(adapter.find(bench.token()), Unknown)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (IbmReply.error(400, 0, f"Provided API key {API_KEY} could not be found"), ForbiddenError),
        (IbmReply(429), SaturatedError),
        (IbmReply(503), UnavailableError),
        (IbmReply(302, headers={"Location": "http://127.0.0.1:1/"}), UnavailableError),
        (IbmReply.of({}), UnavailableError),
        (IbmReply(200, b"<html>"), UnavailableError),
    ],
)
def test_without_an_access_token_nothing_is_sent(server: IbmServer, reply: IbmReply, error: type[AdapterError]) -> None:
    """The API key goes to IAM alone; and once IAM answers, so does the adapter at once."""
    adapter = connect(server.settings())
    server.instead["/identity/token"] = reply
    with pytest.raises(error) as raised:
        adapter.devices([DEVICE])
    assert API_KEY not in str(raised.value)
    assert server.requests == []
    del server.instead["/identity/token"]
    assert adapter.devices([DEVICE])


def test_a_rejected_access_token_is_renewed(server: IbmServer, bench: Bench) -> None:
    """The call that met it fails; the next has a new one."""
    task = bench.submitted()
    server.access_token += "2"
    with pytest.raises(ForbiddenError):
        bench.adapter.poll(task)
    assert bench.adapter.poll(task).state == "Queued"


@pytest.mark.parametrize(
    ("ceiling", "seconds"),
    [
        (Ceiling(100 * PRICE, "USD", 60), 60),
        (Ceiling(7 * PRICE - 1, "USD", 60), 6),
        (Ceiling(10**12, "USD", 10**6), 10_800),
    ],
)
def test_the_ceiling_is_the_longest_execution_time(
    server: IbmServer, bench: Bench, ceiling: Ceiling, seconds: int
) -> None:
    """The time that the ceiling names or its money buys, whichever is less, and what IBM takes."""
    bench.adapter.submit(bench.prepared(), bench.token(), ceiling)
    assert server.bodies[0]["cost"] == seconds


@pytest.mark.parametrize("ceiling", [Ceiling(PRICE - 1, "USD", 60), Ceiling(10**9, "USD", 0), Ceiling(10**9, "EUR", 9)])
def test_a_ceiling_that_can_not_be_enforced_is_rejected(server: IbmServer, bench: Bench, ceiling: Ceiling) -> None:
    """Less than a second, or money of another currency: nothing is sent."""
    prepared = bench.prepared()
    with pytest.raises(RejectedError):
        bench.adapter.submit(prepared, bench.token(), ceiling)
    assert server.submissions() == 0


def test_without_a_price_there_is_no_cost(server: IbmServer) -> None:
    """Seconds are known all the same."""
    settings = server.settings()
    del settings["priceMicrosPerSecond"]
    bench = Bench(connect(settings), server)
    estimate, fetched = bench.adapter.estimate(bench.prepared()), bench.adapter.fetch(bench.finished())
    assert (estimate.cost_micros, estimate.seconds) == (None, 3)
    assert (fetched.cost_micros, fetched.seconds) == (None, 3)


def test_usage_that_is_not_final_is_not_told(server: IbmServer, bench: Bench) -> None:
    """IBM settles some time after a job's end."""
    server.usage_pending = True
    fetched = bench.adapter.fetch(bench.finished())
    assert (fetched.cost_micros, fetched.seconds) == (None, None)


def test_a_search_that_is_not_by_tag_is_no_answer(server: IbmServer, bench: Bench) -> None:
    """Jobs without the tag are no evidence that there is none with it."""
    bench.submitted()
    server.wait(10)
    server.filters_tags = False
    assert isinstance(bench.adapter.find(bench.token()), Unknown)


def test_a_search_reads_every_page(server: IbmServer, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many jobs there are of a tag; when there is no end to them, it is no answer."""
    monkeypatch.setattr(ibm, "PAGE", 2)
    prepared, token = bench.prepared(), bench.token()
    tasks = tuple(bench.adapter.submit(prepared, token, CEILING) for _ in range(4))
    server.wait(10)
    assert bench.adapter.find(token) == Found(tasks)
    monkeypatch.setattr(ibm, "PAGES", 2)
    assert isinstance(bench.adapter.find(token), Unknown)


def test_a_job_is_not_found_before_it_is_visible(server: IbmServer, bench: Bench) -> None:
    """Absent is no proof until the visibility lag has passed, and the server here has one."""
    token = bench.token()
    task = bench.submitted(token=token)
    assert bench.adapter.find(token) == Absent()
    server.wait(bench.adapter.capabilities().visibility_seconds)
    assert bench.adapter.find(token) == Found((task,))


def test_a_job_that_was_stopped_at_its_ceiling_failed(server: IbmServer, bench: Bench) -> None:
    """IBM calls it cancelled; nobody cancelled it."""
    task = bench.submitted()
    server.overrun(task)
    progress = bench.adapter.poll(task)
    assert (progress.state, progress.message) == ("Failed", "Ran too long (code 1305)")


@pytest.mark.parametrize(
    "document", [{}, [], {"state": "Queued"}, {"state": {"status": "Dreaming"}}, {"state": {"status": None}}]
)
def test_a_state_that_is_not_documented_is_malformed(server: IbmServer, bench: Bench, document: Any) -> None:
    """It is not taken for one that is."""
    task = bench.submitted()
    server.instead[f"/jobs/{task}"] = IbmReply.of(document)
    with pytest.raises(MalformedError):
        bench.adapter.poll(task)


@pytest.mark.parametrize("document", [{}, [], {"usage": {"qpu_charge_time_seconds": "much"}}])
def test_metrics_that_are_not_documented_are_malformed(server: IbmServer, bench: Bench, document: Any) -> None:
    """No cost is made up."""
    task = bench.finished()
    server.instead[f"/jobs/{task}/metrics"] = IbmReply.of(document)
    with pytest.raises(MalformedError):
        bench.adapter.fetch(task)


@pytest.mark.parametrize("task", ["../instances/usage", "a/b", "", "?x=1", "x" * 200])
def test_an_id_that_is_none_is_lost_without_asking(server: IbmServer, bench: Bench, task: str) -> None:
    """It would be another path."""
    calls: tuple[Callable[[str], object], ...] = (bench.adapter.poll, bench.adapter.fetch, bench.adapter.cancel)
    for call in calls:
        with pytest.raises(LostError):
            call(task)
    assert bench.adapter.devices([task]) == ()
    assert server.requests == []


def test_a_cancellation_is_confirmed_by_the_job_alone(server: IbmServer, bench: Bench) -> None:
    """Not by the answer to it: a job whose state can't be read, or that still runs, is not confirmed."""
    task = bench.submitted()
    server.instead[f"/jobs/{task}/cancel"] = IbmReply(204)
    assert bench.adapter.cancel(task) == Cancelled(confirmed=False, message="the job is Queued")
    with server.failing("read", Fault("unavailable")):
        assert not bench.adapter.cancel(task).confirmed


def test_only_the_state_of_a_device_is_asked_again(server: IbmServer, bench: Bench) -> None:
    """Its make is a large document that changes only with its calibration."""
    bench.adapter.devices([DEVICE])
    server.requests.clear()
    (device,) = bench.adapter.devices([DEVICE])
    assert server.requests == [("GET", f"/backends/{DEVICE}/status")]
    assert (device.queue_length, device.num_qubits, device.ready) == (4, 5, True)


def test_an_error_says_what_the_provider_said(server: IbmServer, bench: Bench) -> None:
    """The request, the status, and IBM's message and code; a key in its middle is hidden before it is cut."""
    task = bench.submitted()
    said = "a" * 490 + API_KEY
    server.instead[f"/jobs/{task}"] = IbmReply.error(400, 1211, said)
    with pytest.raises(RejectedError) as raised:
        bench.adapter.poll(task)
    assert str(raised.value).startswith(f"IBM Quantum answers 400 to GET api/v1/jobs/{task}: aaa")
    assert "api-key" not in str(raised.value)


def test_the_sdk_raises_what_the_adapter_tells_apart(server: IbmServer, sampler: SamplerV2, bench: Bench) -> None:
    """The SDK's own error of a refusal names neither its kind nor how long to wait; the adapter's does."""
    prepared = bench.prepared()
    ((circuit, _, _),) = json.loads(prepared.payload, cls=RuntimeDecoder)["pubs"]
    server.instead["/jobs"] = IbmReply.error(429, 1202, "Too many requests", **{"Retry-After": "0.01"})
    with pytest.raises(IBMRuntimeError):
        sampler.run([(circuit, None, 10)])
    theirs = server.submissions()
    with pytest.raises(SaturatedError) as raised:
        bench.adapter.submit(dataclasses.replace(prepared), bench.token(), CEILING)
    assert raised.value.retry_after == 0.01
    assert server.submissions() == theirs + 1
