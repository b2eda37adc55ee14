"""Accounts of both providers, which tests share: an operator, an agent and a provider take seconds to start."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from moto.server import ThreadedMotoServer

from support.accounts import Account
from support.clusterworld import serve_crds_of_our_own
from support.interruptions import InterruptibleBraket, InterruptibleIbm
from testcluster import Cluster

LAG = 0.5


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """An S3."""
    moto = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture(scope="session", params=["ibm", "braket"])
def account_of_a_provider(
    request: pytest.FixtureRequest, api_server: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Account]:
    """An account of each provider, with its operator and its agent."""
    serve_crds_of_our_own(api_server)
    with ExitStack() as ending:
        if request.param == "ibm":
            server = ending.enter_context(InterruptibleIbm(lag=LAG))
        else:
            server = ending.enter_context(InterruptibleBraket(request.getfixturevalue("s3_url"), lag=LAG))
        yield Account(api_server, server, tmp_path_factory.mktemp(request.param), ending)


@pytest.fixture
def account(account_of_a_provider: Account) -> Account:
    """The same, in good order: both processes live, and what is submitted is executed."""
    account_of_a_provider.mend()
    return account_of_a_provider
