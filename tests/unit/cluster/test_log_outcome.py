"""Outcomes that leave through the log of a pod."""

import json

import httpx2
import pytest

from quantum_operator.api.envelope import seal
from quantum_operator.cluster.api import Api
from quantum_operator.cluster.manifest import RunSettings
from quantum_operator.cluster.mirror import Mirror
from quantum_operator.cluster.runs import LOG_BYTES, ClusterRuns
from quantum_operator.decide.observed import RunObserved
from quantum_operator.ports.errors import TransientError
from quantum_operator.testing import builders
from unit.cluster.bodies import job_body, pod_body, run_body, terminated

OUTCOME = json.dumps({"x": list(range(3000))}).encode()
SEALED = seal(OUTCOME)


async def observed(
    answer: httpx2.Response, message: str = SEALED.termination
) -> tuple[RunObserved, list[httpx2.Request]]:
    asked: list[httpx2.Request] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return answer

    mirror = Mirror()
    run = run_body(job_body())
    mirror.runs.saw(None, run)
    mirror.pods.saw(None, pod_body(run, state=terminated(message)))
    client = httpx2.AsyncClient(base_url="https://cluster", transport=httpx2.MockTransport(handle))
    runs = ClusterRuns(Api(client), mirror, RunSettings("r"), lambda _: None)
    seen = await runs.observe(builders.job(), "bell-1", expected=False)
    assert seen is not None
    return seen, asked


async def test_a_large_outcome_is_read_from_the_log() -> None:
    """Between whatever else is there, and checked against the digest in the termination message."""
    log = f"before\n{SEALED.log_line}\nafter\n"
    seen, (request,) = await observed(httpx2.Response(200, text=log))
    assert (seen.state, seen.outcome) == ("Finished", OUTCOME)
    assert request.url.path == "/api/v1/namespaces/team/pods/bell-1-abcde/log"
    assert dict(request.url.params) == {"container": "runner", "limitBytes": str(LOG_BYTES)}


async def test_a_small_outcome_needs_no_log() -> None:
    """Nothing is asked."""
    seen, asked = await observed(httpx2.Response(500), '{"small":1}')
    assert (seen.outcome, asked) == (b'{"small":1}', [])


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(200, text="nothing"),
        httpx2.Response(200, text=seal(b"[" + b"0," * 5000 + b"0]").log_line),
        httpx2.Response(404, json={"message": "pod not found"}),
        httpx2.Response(400, json={"message": "container not found"}),
    ],
)
async def test_a_log_without_the_outcome_loses_the_run(answer: httpx2.Response) -> None:
    """Gone with its node, or another than was announced."""
    seen, _ = await observed(answer)
    assert (seen.state, seen.outcome, seen.failure) == ("Finished", None, "OutcomeLost")
    assert "log" in seen.message


@pytest.mark.parametrize("code", [403, 500, 502, 503])
async def test_a_log_that_can_not_be_read_now_is_asked_for_again(code: int) -> None:
    """A node that is away for a while has not lost the outcome."""
    with pytest.raises(TransientError):
        await observed(httpx2.Response(code, json={"message": "no"}))
