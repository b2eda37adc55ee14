"""A namespace that is deleted with a job at a provider: the task is cancelled there, and nothing is left over here."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.accounts import SECONDS, Account
from support.clusterworld import serve_crds_of_our_own
from support.interruptions import InterruptibleBraket, InterruptibleIbm
from testcluster import Cluster
from testcluster.processes import eventually

matrix = pytest.mark.matrix


@pytest.fixture(params=[pytest.param("ibm", marks=matrix), "braket"])
def own_account(request: pytest.FixtureRequest, api_server: Cluster, s3_url: str, tmp_path: Path) -> Iterator[Account]:
    """An account that no other test has."""
    serve_crds_of_our_own(api_server)
    with ExitStack() as ending:
        server = InterruptibleIbm(lag=0.5) if request.param == "ibm" else InterruptibleBraket(s3_url, lag=0.5)
        yield Account(api_server, ending.enter_context(server), tmp_path, ending)


@pytest.mark.parametrize(
    "dies", ["", *(pytest.param(who, marks=matrix) for who in ("agent", "operator"))], ids=lambda who: who or "nobody"
)
def test_a_namespace_that_is_deleted_leaves_nothing_behind(own_account: Account, dies: str) -> None:
    """The operator, which has lost its rights there, is started again; whoever died as well is so too."""
    account, site = own_account, own_account.site
    account.executes = False
    job = account.submit()
    account.wait_for_state(job, "Queued")
    (there,) = account.at_provider(job)
    token = account.task(job)["spec"]["token"]
    if dies:
        {"agent": account.agent, "operator": account.operator}[dies].kill()
    site.cluster.kubectl("delete", "namespace", site.namespace, "--wait=false")
    gone = ("get", "namespace", site.namespace, "--ignore-not-found", "--output=name")
    assert eventually(lambda: not site.cluster.kubectl(*gone).stdout, SECONDS)
    assert eventually(lambda: _is_over(account, job), SECONDS), account.operator.said() + account.agent.said()
    assert account.server.state(there) == "CANCELLED"
    assert (account.server.asked(token), account.server.charged(token)) == (1, 0)


def _is_over(account: Account, job: str) -> bool:
    """Whether nothing is left of it; what is not alive is started again."""
    if not account.operator.is_healthy():
        account.restart_operator()
    if not account.agent.is_healthy():
        account.restart_agent()
    return account.site.left_of(job) == []
