"""Jobs on providers, with agents and operators that are killed: whatever dies, a job is paid once.

What dies is started again, as a container of the same pod is, or another agent takes over.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from support.accounts import SECONDS, Account, new_name
from support.interruptions import Point
from testcluster.audit import AuditEvent
from testcluster.processes import eventually

SUBMISSION = [Point("submit", "before"), Point("submit", "after")]
WHOLE_LIFE = [
    *(Point("submit", "before"), Point("find", "before"), Point("submit", "after"), Point("find", "after")),
    *(Point(request, moment) for request in ("poll", "results", "charge") for moment in ("before", "after")),
]


def points(*requests: str) -> list[Point]:
    """Before and after each of these requests."""
    return [Point(request, moment) for request in requests for moment in ("before", "after")]


@contextmanager
def dying(account: Account, point: Point) -> Iterator[None]:
    """The agent is killed at this point."""
    with account.server.interrupting(point, account.agent.kill) as died:
        yield
        assert died.wait(SECONDS), f"{point}: {account.agent.said()}"


def test_a_job_runs_on_a_provider(account: Account) -> None:
    """One submission, its counts, and what the provider charged for it."""
    assert account.undisturbed["submissions"] == 1
    account.assert_no_secrets()


def test_what_a_job_is_found_by_is_at_the_provider_too(account: Account) -> None:
    """Its correlation id and its tags, beside the token; they are as immutable as the job's."""
    name = account.submit(correlationId="order-7", tags={"team": "qc"})
    assert account.wait_until_over(name) == ("True", "Succeeded"), account.said(name)
    task = account.task(name)
    told = account.server.tags(account.at_provider(name)[0])
    assert told[0] == task["spec"]["token"]
    assert told[-2:] == ["correlation-id=order-7", "team=qc"]
    change = json.dumps({"spec": {"tags": {"team": "other"}}})
    where = ("--namespace", account.site.agent_namespace, "--type=merge", "--patch", change)
    refused = account.site.cluster.kubectl("patch", "quantumtask", task["metadata"]["name"], *where, check=False)
    assert "immutable" in refused.stderr


def test_a_job_on_a_provider_takes_ten_writes_at_most(account: Account) -> None:
    """Of operator and agent together: its input, its task, its outcome, and the statuses of both.

    Those to the ledger are not counted: jobs that come together share them.
    """
    assert account.undisturbed
    cluster, users = account.site.cluster, {account.site.user, account.site.operator_user}
    since = cluster.audit_position()
    job = account.submit()
    assert account.wait_until_over(job) == ("True", "Succeeded")

    def asked() -> list[AuditEvent]:
        return [one for one in cluster.audit_events(since) if one.is_write and one.user in users]

    def writes() -> list[AuditEvent]:
        others = {"events", "leases", "quantumbackends", "backendpolicies", "quantumledgers"}
        return [one for one in asked() if one.resource not in others]

    # The audit log has a write a little after what that changed can be seen.
    assert eventually(lambda: len(writes()) >= 8, 10), "\n".join(map(str, writes()))
    assert len(writes()) <= 10, "\n".join(map(str, writes()))
    assert 2 <= sum(one.resource == "quantumledgers" for one in asked()) <= 3


@pytest.mark.parametrize(
    "stations",
    [pytest.param(SUBMISSION, id="submission"), pytest.param(WHOLE_LIFE, id="life", marks=pytest.mark.matrix)],
)
def test_an_agent_that_dies_again_and_again_pays_once(account: Account, stations: list[Point]) -> None:
    """Killed at one request after the other of the same job, and started again each time."""
    name = ""
    for point in stations:
        if point.request in (*account.server.requests_of_a_task, "find"):
            with dying(account, point):
                name = name or account.submit()
            account.start_agent()
    account.assert_as_undisturbed(name)


@pytest.mark.matrix
@pytest.mark.parametrize("point", points("submit", "poll", "results", "charge"), ids=str)
def test_an_agent_that_dies_once_pays_once(account: Account, point: Point) -> None:
    """Killed before or after one request, and started again."""
    if point.request not in account.server.requests_of_a_task:
        point = Point("device", point.moment)  # Braket is not asked what it charges
    with dying(account, point):
        name = account.submit()
    account.start_agent()
    account.assert_as_undisturbed(name)


@pytest.mark.matrix
@pytest.mark.parametrize("second", points("find"), ids=str)
@pytest.mark.parametrize("first", SUBMISSION, ids=str)
def test_an_agent_that_dies_while_it_looks_a_task_up_pays_once(account: Account, first: Point, second: Point) -> None:
    """Killed while it submits, and then before or after it asked what became of that."""
    with dying(account, first):
        name = account.submit()
    account.start_agent()
    with dying(account, second):
        pass
    account.start_agent()
    account.assert_as_undisturbed(name)


@pytest.mark.matrix
@pytest.mark.parametrize("point", points("cancel"), ids=str)
def test_an_agent_that_dies_while_it_cancels_cancels(account: Account, point: Point) -> None:
    """Killed before or after it asked for a cancellation: it is cancelled, and costs nothing."""
    account.executes = False
    name = account.submit()
    account.wait_for_state(name, "Queued")
    with dying(account, point):
        account.site.change(name, cancel=True)
    account.start_agent()
    assert account.wait_until_over(name) == ("False", "Cancelled")
    assert [account.server.state(one) for one in account.at_provider(name)] == ["CANCELLED"]
    assert account.ending(name)["submissions"] == 1


@pytest.mark.matrix
@pytest.mark.parametrize("point", points("submit", "poll"), ids=str)
def test_another_agent_takes_over_and_nothing_is_paid_twice(account: Account, point: Point) -> None:
    """The agent dies with its pod: another one waits for its Lease and its claim, and goes on."""
    with dying(account, point):
        name = account.submit()
    account.start_agent(new_name())
    account.assert_as_undisturbed(name)
