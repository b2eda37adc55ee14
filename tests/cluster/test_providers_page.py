"""docs/providers.md, command by command, on a real API server: the chart's agent has the rights that a job takes."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from support import braketdevice, ibmserver
from support.agentchart import NAME
from support.agents import AgentProcess, finishing
from support.braketserver import BraketServer
from support.clusterworld import serve_crds
from support.ibmserver import IbmServer
from support.providersdoc import way
from support.reader import Json, Reader
from testcluster import BuiltCluster, Cluster


def assert_done(reader: Reader, job: Json, agent: AgentProcess, charged: int) -> None:
    """The job has the counts of a Bell pair and what the provider charged, and the agent was refused nothing."""
    assert job["status"]["phase"] == "Succeeded", agent.said()
    counts = job["status"]["result"]["pubs"][0]["samples"][0]["registers"][0]["counts"]
    assert sum(counts.values()) == 1000
    assert counts["00"] + counts["11"] > 900
    assert job["status"]["cost"]["micros"] == charged > 0
    (task,) = reader.get("quantumtasks", reader.page.agent)
    assert task["status"]["state"] == "Succeeded"
    asked = [
        one for one in reader.cluster.audit_events() if one.user == f"system:serviceaccount:{reader.page.agent}:{NAME}"
    ]
    assert len(asked) > 5
    assert [one for one in asked if one.code in (401, 403)] == []


@pytest.fixture
def built(api_server: Cluster) -> BuiltCluster:
    if not isinstance(api_server, BuiltCluster):
        pytest.skip("the page's names may be taken in a given cluster")
    serve_crds(api_server)
    return api_server


@pytest.fixture
def s3_url() -> Iterator[str]:
    moto = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


def test_ibm_quantum(built: BuiltCluster, namespace: str, tmp_path: Path) -> None:
    """From an API key in a file to counts."""
    with ExitStack() as ending, IbmServer() as server:
        reader = Reader(built, namespace, tmp_path, ending, way("ibm"))
        reader.set_up(server.settings(), ibmserver.DEVICE, 5)
        reader.start_operator()
        agent = reader.start_agent(**{key: text for key, text in server.settings().items() if key != "token"})
        waiting = lambda: [one.id for one in server.jobs.values() if one.status == "Queued"]  # noqa: E731
        with finishing(waiting, server.finish):
            job = reader.run_job()
        assert_done(reader, job, agent, server.charged_micros())
        assert server.submissions() == 1


def test_amazon_braket(built: BuiltCluster, namespace: str, tmp_path: Path, s3_url: str) -> None:
    """From an access key in files to counts."""
    with ExitStack() as ending, BraketServer(s3_url) as server:
        reader = Reader(built, namespace, tmp_path, ending, way("braket"))
        price = reader.page.document("backend.yaml")["spec"]["price"]
        told = {
            f"priceMicrosPer{kind}": str(price[f"per{one}Micros"]) for kind, one in (("Task", "Run"), ("Shot", "Shot"))
        }
        credentials = server.settings(**told)
        reader.set_up(credentials, braketdevice.DEVICE, 5)
        reader.start_operator()
        agent = reader.start_agent(**{key: text for key, text in credentials.items() if key not in reader.page.secret})
        waiting = lambda: [one.arn for one in server.all_tasks.values() if one.status == "QUEUED"]  # noqa: E731
        with finishing(waiting, server.finish):
            job = reader.run_job()
        assert_done(reader, job, agent, price["perRunMicros"] + 1000 * price["perShotMicros"])
        assert server.submissions() == 1
