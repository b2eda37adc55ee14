"""Agents that stand still while they submit, until another has their Lease, and wake: each job is paid once."""

from threading import Event

import pytest

from support.accounts import SECONDS, Account, new_name
from support.faults import after
from support.interruptions import Moment, Point

pytestmark = pytest.mark.matrix


def test_an_agent_that_stands_still_between_its_claim_and_its_call_calls_no_more(account: Account) -> None:
    """Another one waits for its Lease and its claim, looks the task up, and submits it."""
    assert account.undisturbed
    proxy, stopped, name, still = account.proxies[account.site.user], account.agent, new_name(), Event()
    claim = proxy.points(account.undisturbed_name)[0]
    assert (claim.method, claim.resource) == ("PUT", "quantumtasks/status")

    def pause() -> None:
        stopped.pause()
        still.set()

    proxy.plan(name, claim, after(pause))
    account.submit(name)
    assert still.wait(SECONDS), account.said(name)
    account.start_agent(new_name())
    account.wait_for_state(name, "Queued", "Running", "Succeeded")
    assert stopped.wake() == 1
    account.assert_as_undisturbed(name)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_agent_that_stands_still_in_its_call_pays_once(account: Account, moment: Moment) -> None:
    """The provider takes the task, and nobody hears of it: another one finds it."""
    assert account.undisturbed
    stopped, name = account.agent, new_name()
    with account.server.interrupting(Point("submit", moment), stopped.pause, goes_on=True) as still:
        account.submit(name)
        assert still.wait(SECONDS), account.said(name)
    account.start_agent(new_name())
    account.wait_for_state(name, "Queued", "Running", "Succeeded")
    assert stopped.wake() == 1
    account.assert_as_undisturbed(name)
