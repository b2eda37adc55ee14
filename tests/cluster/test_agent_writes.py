"""Jobs on providers whose agent or operator dies at a write about them: each is paid once, and leaves what it should.

Whoever dies is started again while the others go on.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from quantum_operator.decide.ledger import ledger_name
from support.accounts import Account, new_name
from support.calls import Point
from support.faults import killed_after, killed_before
from support.matrix import report
from support.sites import Json

Life = Callable[[Account, str], Json]


def queued(account: Account, name: str) -> tuple[str, str]:
    """A job in the provider's queue, which does not go on; its token, and the provider's id."""
    account.executes = False
    account.submit(name)
    account.wait_for_state(name, "Queued")
    (there,) = account.at_provider(name)
    return str(account.task(name)["spec"]["token"]), there


def run(account: Account, name: str) -> Json:
    """A job that runs: how it ended."""
    account.executes = True
    account.submit(name)
    account.wait_until_over(name)
    return account.ending(name)


def cancellation(account: Account, name: str) -> Json:
    """A job that is cancelled when the provider has it in its queue: how it ended."""
    queued(account, name)
    account.site.change(name, cancel=True)
    account.wait_until_over(name)
    return account.ending(name)


def deletion(account: Account, name: str) -> Json:
    """A job that is deleted when the provider has it in its queue: what is left, here and there."""
    token, there = queued(account, name)
    account.site.kubectl("delete", "quantumjob", name)
    account.until(lambda: account.site.left_of(name) == [], name)
    server = account.server
    return {"state": server.state(there), "submissions": server.asked(token), "charged": server.charged(token)}


LIVES: dict[str, tuple[Life, Json]] = {
    "run": (run, {"submissions": 1}),
    "cancellation": (cancellation, {"submissions": 1, "charged": 0, "at_provider": ["CANCELLED"]}),
    "deletion": (deletion, {"submissions": 1, "charged": 0, "state": "CANCELLED"}),
}


@pytest.mark.matrix
@pytest.mark.parametrize("life", LIVES)
@pytest.mark.parametrize("who", ["agent", "operator"])
def test_who_dies_at_a_write_pays_once(account: Account, who: str, life: str) -> None:
    """Killed right before or after every single write about a job, and started again."""
    play, expected = LIVES[life]
    user, restart = {
        "agent": (account.site.user, account.restart_agent),
        "operator": (account.site.operator_user, account.restart_operator),
    }[who]
    undisturbed_name = new_name()
    undisturbed = play(account, undisturbed_name)
    assert undisturbed | expected == undisturbed
    points = account.proxies[user].points(undisturbed_name)
    assert len(points) >= 3
    found: dict[str, list[str]] = {}
    missed = 0
    for point in points:
        for fault in (killed_before, killed_after):
            name = new_name()
            account.proxies[user].plan(name, point, fault(restart))
            ending = play(account, name)
            missed += bool(account.proxies[user].missed(name))
            found[f"{fault.__name__} {point}"] = [] if ending == undisturbed else [f"{name}: {ending}"]
    account.until(lambda: account.site.ledger()[1] == 0, undisturbed_name)
    assert missed <= len(points), "few of the moments were met"
    report(f"{life} on {account.server.adapter}, {who} killed at a write", found, missed=missed)


@pytest.mark.matrix
@pytest.mark.parametrize("life", LIVES)
def test_an_operator_that_dies_at_a_write_to_the_ledger_loses_no_money(account: Account, life: str) -> None:
    """Right before or after it reserves, and settles: what the provider charged is spent, and nothing is reserved."""
    play, expected = LIVES[life]
    proxy, resource = account.proxies[account.site.operator_user], "quantumledgers/status"
    undisturbed = spent_once(account, play, new_name())
    assert undisturbed | expected == undisturbed
    ledger = ledger_name("USD", datetime.now(UTC))
    before = proxy.asked(ledger, "PUT", resource)
    spent_once(account, play, new_name())
    writes = proxy.asked(ledger, "PUT", resource) - before
    assert writes >= 2, "it is reserved, and settled"
    found: dict[str, list[str]] = {}
    for number in range(1, writes + 1):
        for fault in (killed_before, killed_after):
            name, count = new_name(), proxy.asked(ledger, "PUT", resource) + number
            proxy.plan(ledger, Point("PUT", resource, count), fault(account.restart_operator))
            ending = spent_once(account, play, name)
            missed = [f"{point} was not reached" for point in proxy.missed(ledger) if number <= 2]
            found[f"{fault.__name__} write {number}"] = missed + (
                [] if ending == undisturbed else [f"{name}: {ending}"]
            )
            proxy.forget(ledger)
    report(f"{life} on {account.server.adapter}, operator killed at a write to the ledger", found)


def spent_once(account: Account, play: Life, name: str) -> Json:
    """How the life ends; what was charged is on the ledger then, and nothing is reserved any more."""
    before, _ = account.site.ledger()
    ending = play(account, name)
    account.until(lambda: account.site.ledger() == (before + ending["charged"], 0), name)
    return ending
