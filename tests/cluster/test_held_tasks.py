"""A task that nobody can tell of is held, until a person does."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support import ibmserver
from support.clusterworld import serve_crds
from support.ibmserver import IbmServer
from support.sites import Site
from testcluster import BuiltCluster, Cluster
from testcluster.processes import eventually

SECONDS = 90.0


@pytest.fixture
def site(api_server: Cluster, namespace: str, tmp_path: Path) -> Iterator[Site]:
    if not isinstance(api_server, BuiltCluster):
        pytest.skip("users are made by the test's own cluster")
    serve_crds(api_server)
    with ExitStack() as ending:
        yield Site(api_server, namespace, tmp_path, ending)


def test_a_task_that_nobody_can_tell_of_is_held_until_somebody_does(site: Site) -> None:
    """IBM forgets a job that it took: it is not submitted again. Somebody finds it, and says so."""
    with IbmServer() as server:
        site.offer("ibm", ibmserver.DEVICE, {"perSecondMicros": ibmserver.PRICE})
        operator, agent = site.start_operator(), site.start_agent("ibm", server.settings())
        site.submit("bell")
        assert eventually(lambda: bool(server.jobs), SECONDS), operator.said() + agent.said()
        (forgotten,) = server.jobs
        known = server.jobs.pop(forgotten)
        assert eventually(lambda: [one["status"].get("state") for one in site.tasks()] == ["Held"], SECONDS)
        assert eventually(lambda: site.condition("bell", "Running") == ("False", "TaskHeld"), SECONDS), site.job("bell")
        server.jobs[forgotten] = known
        server.finish(forgotten)
        (task,) = [one["metadata"]["name"] for one in site.tasks()]
        site.resolve(task, "--adopt", forgotten, "--why", "seen in the console")
        assert eventually(lambda: site.condition("bell", "Complete") == ("True", "Succeeded"), SECONDS)
        assert server.submissions() == 1
        (told,) = [one["status"]["resolution"] for one in site.tasks()]
        assert (told["by"], told["why"]) == ("admin", "seen in the console")
