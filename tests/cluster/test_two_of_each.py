"""Two operators and two agents of one account, against a real API server: nothing is paid twice, and nothing is lost.

Of each kind one leads. What stands still for longer than its Lease lasts ends when it wakes, and is started again.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.clusterworld import serve_crds_of_our_own
from support.interruptions import InterruptibleBraket
from support.twins import SECONDS, Twins
from testcluster import Cluster
from testcluster.processes import eventually


@pytest.fixture
def twins(api_server: Cluster, s3_url: str, tmp_path: Path) -> Iterator[Twins]:
    serve_crds_of_our_own(api_server)
    with ExitStack() as ending:
        server = ending.enter_context(InterruptibleBraket(s3_url, lag=0.5))
        yield Twins(api_server, server, tmp_path, ending)


def test_an_agent_stands_still_an_operator_dies_and_twelve_jobs_are_paid_once(twins: Twins) -> None:
    """Both at once, with half of the jobs in the provider's queue; the others come before anybody leads again."""
    agent, operator = twins.wait_for_leader("agent"), twins.wait_for_leader("operator")
    twins.submit(6)
    assert eventually(lambda: states(twins) == ["Queued"] * 6, SECONDS), twins.said()
    twins.processes[agent].pause()
    twins.executes = 12
    twins.processes[operator].kill()
    twins.submit(6)
    twins.wait_for_leader("operator", other_than=operator)
    twins.wait_for_leader("agent", other_than=agent)
    assert twins.processes[agent].wake() == 1
    twins.wait_until_completed(12)
    twins.assert_each_was_paid_once(12)


@pytest.mark.matrix
def test_two_of_each_pay_a_hundred_jobs_once(twins: Twins) -> None:
    """Both leaders are stopped in the midst of the submissions, and the next leading operator is killed later."""
    agent, operator = twins.wait_for_leader("agent"), twins.wait_for_leader("operator")
    twins.submit(80)
    assert eventually(lambda: twins.server.submissions() >= 20, SECONDS), twins.said()
    twins.processes[operator].pause()
    twins.processes[agent].pause()
    assert twins.server.submissions() < 80, "it was over before"
    twins.wait_for_leader("operator", other_than=operator)
    twins.wait_for_leader("agent", other_than=agent)
    for name in (agent, operator):
        assert twins.processes[name].wake() == 1
        twins.start(name)
    assert eventually(lambda: twins.server.submissions() >= 60, SECONDS), twins.said()
    twins.executes = 50
    twins.wait_until_completed(50)
    leader = twins.wait_for_leader("operator")
    twins.executes = 100
    twins.submit(20)
    twins.take_over_from(leader)
    twins.wait_until_completed(100)
    twins.assert_each_was_paid_once(100)


def states(twins: Twins) -> list[str]:
    """Of all tasks."""
    return [one.get("status", {}).get("state", "") for one in twins.site.tasks()]
