"""How long an operator that begins waits for an API server that can't look at new jobs yet."""

import json
from collections.abc import Iterator

import httpx2
import pytest

from quantum_operator.cluster.admitting import MOST_ASKED, until_jobs_are_taken
from quantum_operator.cluster.api import Api


class Server:
    """Gives these answers, the last of them for ever."""

    def __init__(self, *answers: int | None) -> None:
        self._answers: Iterator[int | None] = iter(answers)
        self._last = answers[-1]
        self.asked: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        answer = next(self._answers, self._last)
        if answer is None:
            raise httpx2.ConnectError("refused")
        return httpx2.Response(answer, json={"reason": "any", "message": "any"})


async def wait(server: Server) -> int:
    """How often the API server was asked before the wait was over."""
    transport = httpx2.MockTransport(server)
    async with httpx2.AsyncClient(transport=transport, base_url="http://api") as client:
        await until_jobs_are_taken(Api(client), "lab", again_seconds=0)
    return len(server.asked)


@pytest.mark.parametrize("answer", [201, 403, 404, 422])
async def test_whatever_it_says_of_the_job_it_has_looked_at_it(answer: int) -> None:
    """Also where it refuses it, as it should."""
    assert await wait(Server(answer)) == 1


async def test_it_waits_while_it_can_not_look_at_it() -> None:
    """A schema that is not there yet is 503; the server may not be reached either."""
    assert await wait(Server(503, None, 503, 422)) == 4


async def test_it_does_not_wait_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    """Jobs that are there already are driven then; the log says so."""
    assert await wait(Server(503)) == MOST_ASKED
    assert "takes no job yet" in caplog.text


async def test_nothing_is_written() -> None:
    """It is a dry run, in the namespace that is given."""
    server = Server(422)
    await wait(server)
    (request,) = server.asked
    assert request.url.path == "/apis/quantum-operator.dev/v1alpha1/namespaces/lab/quantumjobs"
    assert dict(request.url.params) == {"dryRun": "All"}
    assert json.loads(request.content)["kind"] == "QuantumJob"
