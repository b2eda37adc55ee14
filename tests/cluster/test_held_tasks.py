"""A task that nobody can tell of is held, until a person does."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support import ibmserver
from support.clusterworld import serve_crds_of_our_own
from support.ibmserver import IbmServer
from support.sites import Site
from testcluster import Cluster
from testcluster.processes import eventually

SECONDS = 90.0


@pytest.fixture
def site(api_server: Cluster, namespace: str, tmp_path: Path) -> Iterator[Site]:
    serve_crds_of_our_own(api_server)
    with ExitStack() as ending:
        yield Site(api_server, namespace, tmp_path, ending)


def test_a_task_that_nobody_can_tell_of_is_held_until_somebody_does(site: Site) -> None:
    """IBM forgets jobs that it took: they are not submitted again. Somebody finds them, and says so.

    A job that is cancelled does not wait for that; what its task cost is on the ledger all the same.
    """
    with IbmServer() as server:
        site.offer("ibm", ibmserver.DEVICE, {"perSecondMicros": ibmserver.PRICE})
        operator, agent = site.start_operator(), site.start_agent("ibm", server.settings(submissionsPerMinute="600"))
        for name in ("bell", "unwanted"):
            site.submit(name)
        assert eventually(lambda: len(server.jobs) == 2, SECONDS), operator.said() + agent.said()
        forgotten = dict(server.jobs)
        server.jobs.clear()
        assert eventually(lambda: [one["status"].get("state") for one in site.tasks()] == ["Held"] * 2, SECONDS)
        assert eventually(lambda: site.condition("bell", "Running") == ("False", "TaskHeld"), SECONDS), site.job("bell")
        site.change("unwanted", cancel=True)
        assert eventually(lambda: site.condition("unwanted", "Complete") == ("False", "Cancelled"), SECONDS)
        assert site.ledger()[0] == 0
        server.jobs.update(forgotten)
        for found in forgotten:
            server.finish(found)
        for task in site.tasks():
            site.resolve(
                task["metadata"]["name"], "--adopt", task["status"]["providerId"], "--why", "seen in the console"
            )
        assert eventually(lambda: site.condition("bell", "Complete") == ("True", "Succeeded"), SECONDS)
        assert eventually(lambda: site.ledger() == (2 * site.job("bell")["status"]["cost"]["micros"], 0), SECONDS)
        assert server.submissions() == 2
        told = [one["status"]["resolution"] for one in site.tasks()]
        assert [(one["by"], one["why"]) for one in told] == [("admin", "seen in the console")] * 2
