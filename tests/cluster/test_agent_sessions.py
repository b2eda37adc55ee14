"""Jobs in sessions and batches of IBM Quantum, with agents that are killed: none stays open, and each is paid once.

What dies is started again, as a container of the same pod is.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from quantum_operator.testing.adapter_faults import Call, Fault
from support.accounts import SECONDS, Account
from support.clusterworld import serve_crds_of_our_own
from support.interruptions import InterruptibleBraket, InterruptibleIbm, Point
from support.sites import Json
from testcluster import Cluster

LAG = 0.5
OPENING = [Point("open", "before"), Point("open", "after")]
CLOSING = [Point(request, moment) for request in ("seal", "close") for moment in ("before", "after")]
matrix = pytest.mark.matrix


@pytest.fixture(scope="module")
def account_at_ibm(api_server: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account of IBM Quantum, with its operator and its agent."""
    serve_crds_of_our_own(api_server)
    with ExitStack() as ending:
        server = ending.enter_context(InterruptibleIbm(lag=LAG))
        yield Account(api_server, server, tmp_path_factory.mktemp("sessions"), ending)


@pytest.fixture
def account(account_at_ibm: Account) -> Account:
    """The same, in good order."""
    account_at_ibm.mend()
    return account_at_ibm


@contextmanager
def dying(account: Account, point: Point) -> Iterator[None]:
    """The agent is killed at this point."""
    with account.server.interrupting(point, account.agent.kill) as died:
        yield
        assert died.wait(SECONDS), f"{point}: {account.agent.said()}"


def submit(account: Account, mode: str = "session") -> str:
    """A job in this mode."""
    return account.submit(execution={"seed": 7, "mode": mode})


def at_ibm(account: Account) -> InterruptibleIbm:
    """The account's provider."""
    assert isinstance(account.server, InterruptibleIbm)
    return account.server


def assert_closed(account: Account, name: str, *, state: str = "Succeeded") -> Json:
    """The job's task is over; no session of anybody's is open; what was charged is on record. Returns its session."""
    account.wait_until_over(name)
    ending, session = account.ending(name), account.task(name)["status"]["session"]
    assert ending["task"][0] == state, account.said(name)
    assert session["state"] == "Closed", account.said(name)
    assert at_ibm(account).open_sessions() == (), account.said(name)
    assert (ending["cost"] or {}).get("micros") == ending["charged"] == ending["task"][1]["micros"]
    return dict(session)


def assert_in_one_session(account: Account, name: str) -> None:
    """It succeeded with its counts, submitted once, in the one session that was opened for it."""
    session = assert_closed(account, name)
    ending = account.ending(name)
    (pub,) = ending["pubs"]
    assert pub["samples"][0]["registers"][0]["counts"] == {"011": 1000}
    (there,) = account.at_provider(name)
    assert ending["submissions"] == 1
    assert at_ibm(account).session_of(there) == session["id"]
    assert ending["charged"] > 0


@pytest.mark.parametrize("mode", ["session", "batch"])
def test_a_job_runs_in_its_mode(account: Account, mode: str) -> None:
    """Opened, filled, sealed before it runs, and paid for as IBM has it: a session's time, a batch's jobs."""
    server = at_ibm(account)
    before = len(server.sessions.all)
    name = submit(account, mode)
    assert_in_one_session(account, name)
    assert len(server.sessions.all) == before + 1
    opened = server.sessions.all[account.task(name)["status"]["session"]["id"]]
    task, ceiling = account.task(name), account.task(name)["spec"]["ceiling"]
    assert task["spec"]["mode"] == mode
    assert opened.body["max_ttl"] <= ceiling["seconds"]
    usage = server.jobs[account.at_provider(name)[0]].usage
    assert account.ending(name)["charged"] == server.micros(opened.usage if mode == "session" else usage)
    account.assert_no_secrets()


@pytest.mark.parametrize(
    "stations",
    [
        pytest.param([Point("open", "after"), Point("close", "before")], id="ends"),
        pytest.param(OPENING, id="opening", marks=matrix),
        pytest.param(CLOSING, id="closing", marks=matrix),
        pytest.param(
            [*OPENING, Point("find-session", "before"), Point("find-session", "after"), *CLOSING],
            id="life",
            marks=matrix,
        ),
    ],
)
def test_an_agent_that_dies_around_a_session_leaves_none_open(account: Account, stations: list[Point]) -> None:
    """Killed at one request after the other of the same job, and started again each time."""
    name = ""
    for point in stations:
        with dying(account, point):
            name = name or submit(account)
        account.start_agent()
    assert_in_one_session(account, name)


@matrix
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("request_", ["open", "submit", "seal", "poll", "results", "close", "session"])
@pytest.mark.parametrize("mode", ["session", "batch"])
def test_an_agent_that_dies_once_leaves_no_session_open(
    account: Account, mode: str, request_: str, moment: str
) -> None:
    """Killed before or after one request, and started again."""
    before = len(at_ibm(account).sessions.all)
    with dying(account, Point(request_, moment)):  # type: ignore[arg-type]
        name = submit(account, mode)
    account.start_agent()
    assert_in_one_session(account, name)
    assert len(at_ibm(account).sessions.all) == before + 1


@matrix
@pytest.mark.parametrize("point", [*OPENING, Point("submit", "after"), *CLOSING], ids=str)
def test_a_job_that_is_cancelled_while_its_agent_dies_leaves_no_session_open(account: Account, point: Point) -> None:
    """Before it was submitted or after: what it cost is on record, and its session is closed."""
    account.executes = False
    ends = point.request == "close"
    if ends:
        name = submit(account)
        account.wait_for_state(name, "Queued")
    with dying(account, point):
        name = name if ends else submit(account)
        if ends:
            account.site.change(name, cancel=True)
    if not ends:
        account.site.change(name, cancel=True)
    account.start_agent()
    assert account.wait_until_over(name) == ("False", "Cancelled"), account.said(name)
    assert_closed(account, name, state="Cancelled")
    assert account.ending(name)["charged"] == 0


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        pytest.param("open", Fault("reset", accepted=True), id="open-accepted"),
        pytest.param("close", Fault("unavailable"), id="close-unavailable"),
        *(
            pytest.param(call, Fault(answer, accepted), id=f"{call}-{answer}-{accepted}", marks=matrix)
            for call in ("open", "close")
            for answer in ("reset", "unavailable", "silence", "garbage", "throttled", "unauthorized")
            for accepted in (False, True)
            if (call, answer, accepted) not in (("open", "reset", True), ("close", "unavailable", False))
            and not (accepted and answer in ("throttled", "unauthorized"))
        ),
    ],
)
def test_a_fault_that_heals_leaves_no_session_open(account: Account, call: Call, fault: Fault) -> None:
    """While it lasts the task waits; afterwards the job ends as ever."""
    server = at_ibm(account)
    asked = len([one for one in server.requests if _is(call, one)])
    with server.failing(call, fault):
        name = submit(account)
        account.until(lambda: len([one for one in server.requests if _is(call, one)]) > asked, name)
        if call == "open":
            account.until(lambda: account.told(name, SAID), name)
    assert_in_one_session(account, name)
    account.assert_no_secrets()


SAID = ("SessionSought", "ProviderBusy", "CredentialsRefused")


def _is(call: Call, request: tuple[str, str]) -> bool:
    method, path = request
    opens = (method, path) == ("POST", "/sessions")
    return opens if call == "open" else method in ("PATCH", "DELETE")


def test_a_job_that_is_deleted_leaves_no_session_open(account: Account) -> None:
    """Its task is cancelled, its session closed, and then it goes."""
    account.executes = False
    name = submit(account)
    account.wait_for_state(name, "Queued")
    account.site.kubectl("delete", "quantumjob", name)
    account.until(lambda: account.tasks(name) == [], name)
    assert at_ibm(account).open_sessions() == ()


def test_a_provider_without_sessions_refuses_a_job_that_asks_for_one(
    api_server: Cluster, tmp_path_factory: pytest.TempPathFactory, s3_url: str
) -> None:
    """For its backend, with the reason, at once, and nothing is sent."""
    serve_crds_of_our_own(api_server)
    with ExitStack() as ending:
        server = ending.enter_context(InterruptibleBraket(s3_url, lag=LAG))
        account = Account(api_server, server, tmp_path_factory.mktemp("braket"), ending)
        name = submit(account)
        assert account.wait_until_over(name) == ("False", "NoEligibleBackend"), account.said(name)
        (candidate,) = account.site.job(name)["status"]["plan"]["steps"][0]["candidates"]
        assert candidate["reason"] == "ModeNotOffered"
        assert server.submissions() == 0
