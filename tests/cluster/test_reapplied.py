"""A finished job, deleted and applied again up to fifty times, and deleted by itself, against a real API server."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from quantum_operator.cluster.api import Api, metadata
from quantum_operator.cluster.connection import http_client, load_config
from quantum_operator.cluster.labels import JOB_UID
from quantum_operator.decide.times import parse
from support.barenamespace import Namespace, eventually
from support.clusterworld import serve_crds
from support.operators import OperatorProcess, grant, operator
from testcluster import Cluster

TIMES = {"all": 50, "slice": 15}


@pytest.fixture
async def bare(api_server: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Namespace]:
    """A namespace in which an operator has the rights that its chart gives it; it is its home as well."""
    serve_crds(api_server)
    grant(api_server, namespace)
    monkeypatch.setenv("KUBECONFIG", str(api_server.kubeconfig))
    monkeypatch.setenv("NO_PROXY", "*")
    async with http_client(load_config()) as client:
        bare = Namespace(Api(client), namespace)
        await bare.prepare()
        yield bare
    api_server.kubectl("delete", "quantumbackend", bare.backend, "--wait=false")


@pytest.fixture
def place(bare: Namespace, api_server: Cluster, tmp_path: Path) -> Iterator[Namespace]:
    """The same, with an operator that works."""
    with operator(api_server, bare.name, tmp_path, LEASE=f"{bare.name}/quantum") as process:
        yield bare
        assert "traceback" not in process.said()


async def assert_nothing_is_left(place: Namespace) -> None:
    """Kubernetes has collected what belonged to the jobs."""

    async def nothing() -> bool | None:
        return await place.left() == [] or None

    await eventually(nothing)


async def test_under_one_key_a_job_runs_once_however_often_it_is_applied(place: Namespace, faults: str) -> None:
    """Every time it is complete with the first result, at no cost; one claim is left and nothing else."""
    runs, results = set(), []
    for number in range(TIMES[faults]):
        uid = await place.submit(idempotencyKey="nightly-7")
        job = await place.over()
        runs |= {metadata(one)["uid"] for one in await place.runs()}
        results.append(job["status"]["result"])
        complete = next(one for one in job["status"]["conditions"] if one["type"] == "Complete")
        assert (complete["status"], complete["reason"]) == ("True", "AlreadyDone" if number else "Succeeded")
        assert job["status"]["cost"]["micros"] == 0
        await place.delete(uid)
    assert len(runs) == 1
    assert results == [results[0]] * TIMES[faults]
    assert len(await place.claims()) == 1
    await assert_nothing_is_left(place)


async def test_without_a_key_every_application_runs_and_adopts_nothing(place: Namespace, faults: str) -> None:
    """Each has a run of its own, whose outcome is the one that counts; nothing is left."""
    runs, names = set(), set()
    for _ in range(TIMES[faults]):
        uid = await place.submit()
        job = await place.over()
        (attempt,) = job["status"]["plan"]["steps"][0]["attempts"]
        assert attempt["state"] == "Succeeded"
        (run,) = [one for one in await place.runs() if metadata(one)["uid"] == attempt["runUid"]]
        assert metadata(run)["labels"][JOB_UID] == uid
        runs.add(attempt["runUid"])
        names.add(attempt["name"])
        await place.delete(uid)
    assert len(runs) == len(names) == TIMES[faults]
    assert await place.claims() == []
    await assert_nothing_is_left(place)


async def test_a_job_is_deleted_when_its_time_is_up(bare: Namespace, api_server: Cluster, tmp_path: Path) -> None:
    """With all that belongs to it; its programs and its whole outcome went before, when their time was up."""
    with operator(api_server, bare.name, tmp_path) as process:
        uid = await bare.submit(retention={"payloadSeconds": 5})
        job = await bare.over()
        assert metadata(job)["uid"] == uid
        assert job["status"]["input"]["name"] in await bare.config_maps()
        status = await bare.without_payload()
        assert parse(status["payloadRemovedTime"]) - parse(status["completionTime"]) >= timedelta(seconds=5)
        assert status["result"] == job["status"]["result"]
        assert await bare.config_maps() == []
        await bare.change(ttlSecondsAfterFinished=4)
        await assert_it_goes(bare, process)


async def test_an_operator_that_was_away_deletes_what_is_due(
    bare: Namespace, api_server: Cluster, tmp_path: Path
) -> None:
    """What a job says of its time may change until then."""
    with operator(api_server, bare.name, tmp_path):
        await bare.submit(ttlSecondsAfterFinished=3600)
        await bare.over()
    await bare.change(ttlSecondsAfterFinished=0)
    with operator(api_server, bare.name, tmp_path) as process:
        await assert_it_goes(bare, process)


async def assert_it_goes(place: Namespace, process: OperatorProcess) -> None:
    """The job is deleted, and the log says so of it."""
    await place.gone()
    await assert_nothing_is_left(place)

    async def said() -> bool | None:
        return "deleted: it was over for spec.ttlSecondsAfterFinished" in process.said() or None

    await eventually(said)
    assert "traceback" not in process.said()
