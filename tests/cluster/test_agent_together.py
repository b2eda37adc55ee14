"""Jobs that are submitted together, on a real API server: each is run once and paid once, whatever dies or fails."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from quantum_operator.testing.adapter_faults import Call, Fault
from support.accounts import SECONDS, Account, new_name
from support.faults import killed_after, killed_before
from support.interruptions import Point
from support.matrix import chosen, report
from support.sites import Json
from support.together import GOOD, MEMBERS, Before, Together, new_group
from testcluster.audit import Position

pytestmark = pytest.mark.parametrize("account_of_a_provider", ["ibm"], indirect=True)
matrix = pytest.mark.matrix
REQUESTS = [
    Point(request, moment) for request in ("submit", "poll", "results", "charge") for moment in ("before", "after")
]  # type: ignore[arg-type]

ACCEPTED = [Fault(answer, accepted=True) for answer in ("reset", "garbage", "unavailable", "silence")]
SUBMITTING = [*ACCEPTED, Fault("unavailable"), Fault("unauthorized"), Fault("throttled")]
READING = [Fault(answer) for answer in ("reset", "garbage", "unavailable", "throttled")]


@pytest.fixture(scope="module")
def backend(account_of_a_provider: Account) -> Iterator[Together]:
    """The account's second backend."""
    made = Together(account_of_a_provider)
    yield made
    made.close()


@pytest.fixture
def together(account: Account, backend: Together) -> Together:
    """The same, with both processes alive, and nothing under way."""
    assert account is backend.account
    return backend


@dataclass(frozen=True)
class Undisturbed:
    """A group to which nothing happened: what was submitted and charged, and where the audit log was before."""

    group: str
    at_provider: list[str]
    charged: int
    position: Position


@pytest.fixture(scope="module")
def undisturbed(backend: Together) -> Undisturbed:
    """The group, once it is over."""
    backend.account.mend()
    since, position = backend.before(), backend.site.cluster.audit_position()
    group = backend.submit()
    backend.wait_until_over(group)
    assert backend.problems(group, since) == [], backend.said(group)
    return Undisturbed(group, backend.at_provider(since), backend.charged(since), position)


def run(together: Together, group: str) -> list[str]:
    """What is wrong with a group that was created at once, once it is over."""
    since = together.before()
    together.submit(group)
    together.wait_until_over(group)
    return together.problems(group, since)


def queued(together: Together) -> tuple[str, str, Before]:
    """A group in the provider's queue, which does not go on; the provider's id of it, and how things were before."""
    together.account.executes = False
    since = together.before()
    group = together.submit()
    together.until(lambda: together.states(group)[: len(GOOD)] == ["Queued"] * len(GOOD), group)
    (there,) = together.at_provider(since)
    return group, there, since


def message(job: Json, kind: str) -> str:
    """What a condition of a job says; nothing where there is none."""
    return next((str(one["message"]) for one in job["status"]["conditions"] if one["type"] == kind), "")


def told(together: Together, group: str) -> bool:
    """Whether a task of the group had a status that says what is wrong: the agent logs every one."""
    lines = [line for line in together.account.agent.said().splitlines() if f"task {group}" in line]
    words = ("AnswerLost", "AnswerUnreadable", "ProviderBusy", "CredentialsRefused", "ProviderUnavailable")
    return any(f" {word} " in line for line in lines for word in words)


def test_those_that_are_created_at_once_are_submitted_once(together: Together, undisturbed: Undisturbed) -> None:
    """Each has its own counts, and its share of the charge; the one that can't be compiled fails alone."""
    group, (there,) = undisturbed.group, undisturbed.at_provider
    tasks = together.tasks(group)
    assert [one["status"].get("providerId") for one in tasks] == [there] * len(GOOD) + [None]
    carrier = tasks[0]["metadata"]["name"]
    told = f"submitted with {len(GOOD) - 1} others as task {carrier}; what it cost is its share, by shots"
    assert [one["status"]["message"] for one in tasks[: len(GOOD)]] == [told] * len(GOOD)
    charges = [one["status"]["cost"]["micros"] for one in together.jobs(group)]
    shots = sum(one.shots for one in GOOD)
    assert charges == [undisturbed.charged * one.shots // shots for one in GOOD] + [0]
    events = together.site.cluster.audit_events(undisturbed.position)
    writes = [one for one in events if one.is_write and one.user == together.site.user and group in one.name]
    counted = [one for one in writes if one.resource in ("quantumtasks", "configmaps")]
    assert len(counted) <= 4 * len(MEMBERS), "\n".join(map(str, counted))


@pytest.mark.parametrize("who", ["agent", pytest.param("operator", marks=matrix)])
def test_who_dies_at_a_write_runs_and_pays_each_once(
    together: Together, undisturbed: Undisturbed, who: str, faults: str
) -> None:
    """Killed right before or after every single write about them, and started again."""
    account = together.account
    user, restart = {
        "agent": (account.site.user, account.restart_agent),
        "operator": (account.site.operator_user, account.restart_operator),
    }[who]
    proxy = account.proxies[user]
    points = proxy.points(undisturbed.group)
    cases = [(point, fault) for point in points for fault in (killed_before, killed_after)]
    middle = len(points)
    found: dict[str, list[str]] = {}
    missed = 0
    for point, fault in chosen([*cases[middle:], *cases[:middle]], faults, len(cases)):
        group = new_group()
        proxy.plan(group, point, fault(restart))
        found[f"{fault.__name__} {point}"] = [f"{group}: {one}" for one in run(together, group)]
        missed += bool(proxy.missed(group))
        proxy.forget(group)
    report(f"{len(points)} writes about jobs submitted together, {who} killed", found, missed=missed)
    assert missed <= len(found) // 2, "few of the moments were met"


@pytest.mark.parametrize(
    "point", [pytest.param(one, id=str(one), marks=[] if str(one) == "after-submit" else matrix) for one in REQUESTS]
)
def test_an_agent_that_dies_at_a_request_runs_and_pays_each_once(together: Together, point: Point) -> None:
    """Killed before or after it asks the provider for something, and started again."""
    since = together.before()
    with together.server.interrupting(point, together.account.agent.kill) as died:
        group = together.submit()
        assert died.wait(SECONDS), together.said(group)
    together.account.start_agent()
    together.wait_until_over(group)
    assert together.problems(group, since) == [], together.said(group)


@matrix
@pytest.mark.parametrize(
    ("call", "fault"),
    [
        pytest.param(
            call,
            fault,
            id=f"{call}-{fault.answer}{'-accepted' * fault.accepted}",
        )
        for call, faults in (("submit", SUBMITTING), ("read", READING))
        for fault in faults
    ],
)
def test_a_fault_that_heals_changes_nothing(together: Together, call: Call, fault: Fault) -> None:
    """While it lasts, a task says what is wrong; each is run once, and paid once."""
    since, group = together.before(), ""
    if call == "submit":
        with together.server.failing(call, fault):
            group = together.submit()
            together.until(lambda: told(together, group), group)
    else:
        group, _, since = queued(together)
        with together.server.failing(call, fault):
            together.until(lambda: told(together, group), group)
    together.account.executes = True
    together.wait_until_over(group)
    assert together.problems(group, since) == [], together.said(group)
    assert len(together.at_provider(since)) == 1
    together.account.assert_no_secrets()


def test_one_that_fails_is_followed_by_each_alone(together: Together) -> None:
    """What it had cost is shared by all."""
    group, there, since = queued(together)
    together.server.start(there)
    together.server.spoil(there)
    together.account.executes = True
    together.wait_until_over(group)
    assert together.problems(group, since) == [], together.said(group)
    assert len(together.at_provider(since)) == 1 + len(GOOD)
    assert together.server.micros(together.server.jobs[there].usage) > 0


@matrix
def test_fewer_shots_than_asked_are_told_of_each(together: Together) -> None:
    """They are each job's counts, and paid for; nothing is submitted for those that are missing."""
    group, there, since = queued(together)
    together.server.finish_short(there, 10)
    together.wait_until_over(group)
    told = [message(job, "Complete") for job in together.jobs(group)][: len(GOOD)]
    assert ["fewer shots than asked: pubs[0] has" in one for one in told] == [True] * len(GOOD), told
    assert together.at_provider(since) == [there]
    together.until(lambda: together.site.ledger() == (since.spent + together.charged(since), 0), group)


@matrix
@pytest.mark.parametrize("state", ["Queued", "Running"])
@pytest.mark.parametrize("number", [0, 1])
def test_one_that_is_cancelled_takes_nobody_with_it(together: Together, number: int, state: str) -> None:
    """Whether it carries the others or not: they have their results, and it bears its share."""
    group, there, since = queued(together)
    if state == "Running":
        together.server.start(there)
        together.until(lambda: together.states(group)[: len(GOOD)] == ["Running"] * len(GOOD), group)
    together.site.change(f"{group}-m{number}", cancel=True)
    together.until(lambda: together.tasks(group)[number]["spec"]["cancel"], group)
    together.server.finish(there)
    together.wait_until_over(group)
    assert together.problems(group, since) == [], together.said(group)
    assert together.at_provider(since) == [there]
    assert together.server.state(there) == "COMPLETED"


@matrix
def test_all_that_are_cancelled_are_cancelled_at_the_provider(together: Together) -> None:
    """Once nobody wants it, and nothing is charged."""
    group, there, since = queued(together)
    for number in range(len(GOOD)):
        together.site.change(f"{group}-m{number}", cancel=True)
    together.wait_until_over(group)
    assert together.ends(group)[: len(GOOD)] == [("False", "Cancelled")] * len(GOOD), together.said(group)
    assert together.server.state(there) == "CANCELLED"
    together.until(lambda: together.site.ledger() == (since.spent, 0), group)


@matrix
def test_one_that_is_deleted_takes_nobody_with_it(together: Together) -> None:
    """Its task stays until what it shares is settled, and goes then."""
    group, there, since = queued(together)
    together.site.kubectl("delete", "quantumjob", f"{group}-m0", "--wait=false")
    together.until(
        lambda: (
            together.tasks(group)[0]["metadata"].get("deletionTimestamp") or together.tasks(group)[0]["spec"]["cancel"]
        ),
        group,
    )
    together.server.finish(there)
    together.until(lambda: together.site.left_of(f"{group}-m0") == [], group)
    together.until(lambda: together.site.ledger() == (since.spent + together.charged(since), 0), group)
    assert together.at_provider(since) == [there]
    for number in (1, 2):
        assert together.site.condition(f"{group}-m{number}", "Complete") == ("True", "Succeeded")


@matrix
def test_a_group_that_the_provider_loses_is_held_until_somebody_finds_it(together: Together) -> None:
    """It is said of the task that carries the others, which they name: of them it can't be said."""
    group, there, since = queued(together)
    find = together.server.lose(there)
    together.until(lambda: together.states(group)[: len(GOOD)] == ["Held"] * len(GOOD), group)
    carrier, carried, *_ = together.tasks(group)
    name = carrier["metadata"]["name"]
    assert f"as a part of task {name}, which is to be resolved" in carried["status"]["message"]
    together.until(lambda: name in message(together.jobs(group)[1], "Running"), group)
    find()
    how = ("--adopt", there, "--why", "seen in the console")
    refused = together.site.resolving(carried["metadata"]["name"], *how)
    assert (refused.returncode, f"as a part of {name}: resolve that one" in refused.stderr) == (2, True), refused.stderr
    together.site.resolve(name, *how)
    together.account.executes = True
    together.wait_until_over(group)
    assert together.problems(group, since) == [], together.said(group)
    assert together.at_provider(since) == [there]


@matrix
def test_another_agent_takes_over_and_nothing_is_paid_twice(together: Together) -> None:
    """The agent dies with its pod: another one waits for its Lease and its claim, and goes on."""
    since = together.before()
    with together.server.interrupting(Point("submit", "after"), together.account.agent.kill) as died:
        group = together.submit()
        assert died.wait(SECONDS), together.said(group)
    together.account.start_agent(new_name())
    together.wait_until_over(group)
    assert together.problems(group, since) == [], together.said(group)
