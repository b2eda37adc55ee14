"""Circuit breakers: their truth table, and that counting again changes nothing."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from quantum_operator.api.failures import AGAINST_BACKEND
from quantum_operator.api.jobstatus import Attempt, Demand, Plan, QuantumJobStatus, Step
from quantum_operator.api.resilience import Breaker, BreakerState, BreakerStatus
from quantum_operator.decide.breaker import (
    EVER,
    Ending,
    blames,
    described,
    endings_of,
    look_again,
    next_breaker,
    next_breakers,
    probes_left,
    told,
)
from quantum_operator.decide.times import stamp

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
RULE = Breaker(failure_percent=50, minimum_attempts=4, window_seconds=60, open_seconds=30, probes=2)


def ended(results: str, *, ago: float = 10, made: float = 20, backend: str = "qpu") -> list[Ending]:
    """Attempts that ended so long ago: x failed, o did not."""
    before, created = NOW - timedelta(seconds=ago), NOW - timedelta(seconds=made)
    return [Ending(backend, f"{backend}-{ago}-{n}", created, before, one == "x") for n, one in enumerate(results)]


def known(state: BreakerState, ago: float = 15) -> BreakerStatus:
    """A breaker that is in this state since so long ago."""
    return BreakerStatus(backend="qpu", state=state, since=stamp(NOW - timedelta(seconds=ago)))


OLD = known("Closed").model_copy(update={"since": EVER})

TABLE: list[tuple[str, BreakerStatus, list[Ending], BreakerState]] = [
    ("nothing ended", OLD, [], "Closed"),
    ("too few attempts", OLD, ended("xxx"), "Closed"),
    ("enough, and all failed", OLD, ended("xxxx"), "Open"),
    ("just as many as it takes", OLD, ended("xxoo"), "Open"),
    ("one fewer", OLD, ended("xooo"), "Closed"),
    ("out of the window", OLD, ended("xxxx", ago=61), "Closed"),
    ("some out of the window", OLD, ended("xxx", ago=61) + ended("xooo"), "Closed"),
    ("at another backend", OLD, ended("xxxx", backend="other"), "Closed"),
    ("made before it was closed", known("Closed"), ended("xxxx", made=16), "Closed"),
    ("made since it was closed", known("Closed"), ended("xxxx", made=14), "Open"),
    ("open, and not for long enough", known("Open", 29), ended("oooo", made=5), "Open"),
    ("open for long enough", known("Open", 30), [], "HalfOpen"),
    ("open, and the clock was set back", known("Open", -29), [], "Open"),
    ("open, and the clock was set back far", known("Open", -31), [], "HalfOpen"),
    ("no probe has ended", known("HalfOpen"), [], "HalfOpen"),
    ("one of two probes succeeded", known("HalfOpen"), ended("o", made=12), "HalfOpen"),
    ("both succeeded", known("HalfOpen"), ended("oo", made=12), "Closed"),
    ("one failed", known("HalfOpen"), ended("ox", made=12), "Open"),
    ("one failed of many", known("HalfOpen"), ended("ooox", made=12), "Open"),
    ("what was made before it was open succeeds", known("HalfOpen"), ended("oooo", made=16), "HalfOpen"),
    ("what was made before it was open fails", known("HalfOpen"), ended("xxxx", made=16), "HalfOpen"),
]


@pytest.mark.parametrize(("breaker", "endings", "state"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_comes_next(breaker: BreakerStatus, endings: list[Ending], state: BreakerState) -> None:
    """Its state, and since when: what stays keeps its moment, what turns has this one."""
    found = next_breaker(RULE, breaker, endings, NOW)
    assert found.state == state
    assert found.since == (breaker.since if state == breaker.state else stamp(NOW))


def test_it_says_on_what_it_was_decided() -> None:
    """The attempts of the window, and how many of them failed; a half-open one keeps that."""
    opened = next_breaker(RULE, OLD, ended("xxxoo") + ended("xx", ago=90), NOW)
    assert (opened.attempts, opened.failures) == (5, 3)
    half = next_breaker(RULE, opened, [], NOW + timedelta(seconds=30))
    assert (half.state, half.attempts, half.failures) == ("HalfOpen", 5, 3)
    assert described([opened]) == "qpu is open, 3 of 5 attempts failed"
    assert described([half]) == "qpu is probed, 3 of 5 attempts failed"
    assert described([OLD]) == ""


def test_on_record_are_those_that_were_ever_open() -> None:
    """Of the backends that the policy reaches, and of none where it has no breaker any more."""
    endings = [*ended("xxxx"), *ended("xxxx", backend="gone"), *ended("xooo", backend="good")]
    (opened,) = next_breakers(RULE, (), {"qpu", "good"}, endings, NOW)
    assert (opened.backend, opened.state) == ("qpu", "Open")
    assert next_breakers(RULE, (opened,), {"good"}, endings, NOW) == ()
    assert next_breakers(None, (opened,), {"qpu"}, endings, NOW) == ()
    assert next_breakers(RULE, (known("Closed"),), {"qpu"}, [], NOW) == (known("Closed"),)


def test_only_an_open_one_goes_on_by_itself() -> None:
    """After what is left of openSeconds."""
    assert look_again(RULE, [known("HalfOpen"), known("Closed")], NOW) is None
    assert look_again(RULE, [known("Open", 10), known("Open", 25)], NOW) == 5
    assert look_again(RULE, [known("Open", 90)], NOW) == 0
    assert look_again(None, [known("Open", 10)], NOW) is None


def test_probes_are_those_made_since_it_is_half_open() -> None:
    """What was under way before takes no place; a backend that is not probed has no limit here."""
    live = [("qpu", NOW), ("qpu", NOW - timedelta(seconds=20)), ("other", NOW)]
    assert probes_left(RULE, [known("HalfOpen")], live) == {"qpu": 1}
    assert probes_left(RULE, [known("HalfOpen")], [*live, ("qpu", NOW), ("qpu", NOW)]) == {"qpu": 0}
    assert probes_left(RULE, [known("Open")], live) == {}
    assert probes_left(None, [known("HalfOpen")], live) == {}


def test_what_turns_is_told_once() -> None:
    """With the backend, and a documented reason."""
    opened = next_breaker(RULE, OLD, ended("xxxx"), NOW)
    assert told((), (opened,)) == (("BreakerOpened", "qpu: 4 of 4 attempts failed there: it gets no jobs for a while"),)
    assert told((opened,), (opened,)) == ()
    assert [reason for reason, _ in told((opened,), (known("HalfOpen"),))] == ["BreakerProbing"]
    assert [reason for reason, _ in told((known("HalfOpen"),), (known("Closed"),))] == ["BreakerClosed"]


@pytest.mark.parametrize(
    ("state", "reason", "says"),
    [
        ("Succeeded", "Succeeded", False),
        ("Failed", "TaskFailed", True),
        ("Lost", "RunEvicted", True),
        ("Failed", "InvalidProgram", None),
        ("Failed", "TaskRejected", None),
        ("Returned", "TaskWithdrawn", None),
        ("Cancelled", "Cancelled", None),
        ("Suspended", "Suspended", None),
        ("Running", "", None),
    ],
)
def test_an_end_blames_the_backend_or_not(state: str, reason: str, says: bool | None) -> None:
    """A program's own error and a cancellation say nothing of it."""
    assert blames(attempt(1, state, reason)) is says


def attempt(number: int, state: str, reason: str) -> Attempt:
    over = None if state in ("Pending", "Running") else stamp(NOW)
    body = {"name": f"run-{number}", "number": number, "backend": "qpu", "state": state, "reason": reason, "seed": 1}
    return Attempt.model_validate(body | {"createdTime": stamp(NOW), "completionTime": over})


def test_a_job_has_an_ending_for_each_attempt_that_says_something() -> None:
    """Each with a name of its own, which it keeps."""
    attempts = (attempt(1, "Failed", "TaskFailed"), attempt(2, "Returned", "RunAlone"), attempt(3, "Succeeded", ""))
    step = Step(name="primary", attempts=attempts)
    plan = Plan(policy="p", policy_uid="u", policy_generation=1, demand=Demand(qubits=1, shots=1), steps=(step,))
    found = endings_of("uid", QuantumJobStatus(plan=plan))
    assert [(one.attempt, one.failed) for one in found] == [("uid/1", True), ("uid/3", False)]
    assert endings_of("uid", QuantumJobStatus()) == ()


def test_every_reason_that_blames_is_one_that_an_attempt_can_have() -> None:
    """Nothing is listed for nothing."""
    assert all(blames(attempt(1, "Failed", reason)) for reason in AGAINST_BACKEND)


moments = st.integers(0, 200).map(lambda seconds: NOW - timedelta(seconds=seconds))
endings = st.lists(
    st.builds(
        lambda created, took, failed, name: Ending(
            "qpu", str(name), created, created + timedelta(seconds=took), failed
        ),
        moments,
        st.integers(0, 100),
        st.booleans(),
        st.integers(),
    ),
    max_size=12,
)


@given(endings, st.sampled_from(["Closed", "Open", "HalfOpen"]), st.integers(-100, 200), st.randoms())
def test_counting_again_comes_to_the_same(
    found: Sequence[Ending], state: BreakerState, ago: int, random: object
) -> None:
    """Whatever the order, and however often it is asked at one moment: a turn is not made twice."""
    first = next_breaker(RULE, known(state, ago), found, NOW)
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert next_breaker(RULE, known(state, ago), shuffled, NOW) == first
    if first.state != state:
        settled = [one for one in found if one.created < NOW]
        assert next_breaker(RULE, first, settled, NOW) == first


class Breaking(RuleBasedStateMachine):
    """A backend that fails as it likes, a policy that gives it jobs as its breaker lets it, and operators that die."""

    @initialize()
    def begin(self) -> None:
        self.now, self.number = NOW, 0
        self.breakers: tuple[BreakerStatus, ...] = ()
        self.live: dict[str, datetime] = {}
        self.endings: list[Ending] = []
        self.look()

    def look(self) -> None:
        before = {one.backend: one for one in self.breakers}
        self.breakers = next_breakers(RULE, self.breakers, {"qpu"}, self.endings, self.now)
        for one in self.breakers:
            turned = before.get(one.backend)
            if turned is not None and turned.state == "Open" and one.state != "Open":
                assert (self.now - datetime.fromisoformat(turned.since)).total_seconds() >= RULE.open_seconds
            if turned is not None and turned.state == "HalfOpen" and one.state == "Closed":
                assert one.failures == 0
                assert one.attempts >= RULE.probes

    @property
    def state(self) -> BreakerState:
        return self.breakers[0].state if self.breakers else "Closed"

    @rule()
    def give(self) -> None:
        """A job waits: it gets the backend where the breaker lets it."""
        left = probes_left(RULE, self.breakers, [("qpu", at) for at in self.live.values()])
        if self.state != "Open" and left.get("qpu", 1) > 0:
            self.number += 1
            self.live[str(self.number)] = self.now

    @rule(failed=st.booleans(), newest=st.booleans())
    def end(self, failed: bool, newest: bool) -> None:
        """An attempt ends, in either way."""
        if self.live:
            name = sorted(self.live, key=int)[-1 if newest else 0]
            self.endings.append(Ending("qpu", name, self.live.pop(name), self.now, failed))
            self.look()

    @rule()
    def cancel(self) -> None:
        """An attempt is cancelled: it says nothing."""
        if self.live:
            self.live.pop(next(iter(self.live)))

    @rule(seconds=st.integers(1, 40))
    def wait(self, seconds: int) -> None:
        """Time goes on."""
        self.now += timedelta(seconds=seconds)
        self.look()

    @rule()
    def restart(self) -> None:
        """Another operator counts again what is on record, and finds it as it was."""
        before = self.breakers
        self.endings = sorted(self.endings, key=lambda one: one.attempt)
        self.look()
        assert self.breakers == before

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        """A job is deleted, and its record with it."""
        if self.endings:
            self.endings.remove(data.draw(st.sampled_from(self.endings)))
            self.look()

    @invariant()
    def no_more_probes_than_are_let(self) -> None:
        """Since it is half-open."""
        if hasattr(self, "breakers") and self.state == "HalfOpen":
            since = datetime.fromisoformat(self.breakers[0].since)
            assert sum(created >= since for created in self.live.values()) <= RULE.probes


TestBreaking = Breaking.TestCase
TestBreaking.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
