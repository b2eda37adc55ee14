"""Operators that share a Lease: whatever is slow, lost, late or paused, there are never two that hold it."""

from collections.abc import Coroutine
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_operator.ports.errors import TransientError
from unit.cluster.leaseserver import Candidate, Clock, LeaseServer

WHO = st.integers(0, 1)
RATES = st.sampled_from([0.85, 1.0, 1.15])
STEP = st.one_of(
    st.tuples(st.just("begin"), WHO),
    st.tuples(st.just("go on"), WHO),
    st.tuples(st.just("go on"), WHO),
    st.tuples(st.just("finish"), WHO),
    st.tuples(st.just("finish"), WHO),
    st.tuples(st.just("give up"), WHO),
    st.tuples(st.just("release"), WHO),
    st.tuples(st.just("die"), WHO),
    st.tuples(st.just("arrive late"), st.integers(0, 9)),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 1.0, 4.0, 5.0, 9.0, 11.0, 16.0])),
    st.tuples(st.just("wait"), st.floats(0.0, 6.0)),
)


class Race:
    """Two operators, stepped through their requests in any order. Either may stand still while time goes on."""

    def __init__(self, starts: tuple[float, float], rates: tuple[float, float]) -> None:
        self.server = LeaseServer()
        self.clocks = [Clock(start, rate) for start, rate in zip(starts, rates, strict=True)]
        self.born = 0
        self.candidates = [self.new(0), self.new(1)]
        self.doing: list[Coroutine[Any, Any, object] | None] = [None, None]
        self.reigns: list[str] = []

    def new(self, who: int) -> Candidate:
        """A process that begins."""
        self.born += 1
        return Candidate(self.server, f"process-{self.born}", self.clocks[who])

    def step(self, what: str, number: Any) -> None:
        """One thing happens."""
        getattr(self, what.replace(" ", "_"))(number)
        holding = [one.lease.identity for one in self.candidates if one.holds]
        assert len(holding) <= 1
        if holding and self.reigns[-1:] != holding:
            self.reigns += holding

    def wait(self, seconds: float) -> None:
        """Time passes, for both."""
        for clock in self.clocks:
            clock.pass_by(seconds)

    def arrive_late(self, number: int) -> None:
        """A request that was given up arrives."""
        if self.server.late:
            self.server.arrive_late(number)

    def die(self, who: int) -> None:
        """The process ends, and another begins in its place."""
        self.give_up(who)
        self.candidates[who] = self.new(who)

    def release(self, who: int) -> None:
        """Begin to let another have the lease."""
        self.give_up(who)
        self.doing[who] = self.candidates[who].lease.release()

    def finish(self, who: int) -> None:
        """Ask, and have the answer at once."""
        self.begin(who)
        while self.doing[who] is not None:
            self.go_on(who)

    def begin(self, who: int) -> None:
        """Ask for the lease, or for more of it."""
        if self.doing[who] is None:
            lease = self.candidates[who].lease
            self.doing[who] = lease.renew() if self.candidates[who].holds else lease.acquire()

    def go_on(self, who: int) -> None:
        """Go on until a request arrives, or its answer."""
        doing = self.doing[who]
        if doing is None:
            return
        try:
            doing.send(None)
        except (StopIteration, TransientError):
            self.doing[who] = None

    def give_up(self, who: int) -> None:
        """Wait no longer for an answer; the request may arrive yet."""
        doing, self.doing[who] = self.doing[who], None
        if doing is not None:
            try:
                doing.send(None)
                doing.throw(TransientError("given up"))
            except (StopIteration, TransientError):
                return


@settings(max_examples=400)
@given(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), st.tuples(RATES, RATES), st.lists(STEP, max_size=60))
def test_two_never_hold_the_lease(
    starts: tuple[float, float], rates: tuple[float, float], steps: list[tuple[str, Any]]
) -> None:
    """Clocks far apart and of unequal pace, answers that are lost, requests that arrive after they were given up."""
    race = Race(starts, rates)
    for what, number in steps:
        race.step(what, number)
    # And it ends well: whoever goes on asking has it, once nobody else does.
    for _ in range(3):
        race.step("give up", 1)
        race.step("finish", 0)
        race.step("wait", 20.0)
    race.step("finish", 0)
    assert race.candidates[0].holds


def test_a_race_changes_hands() -> None:
    """The steps above do lead from one holder to the next: by expiry, by release and by death."""
    race = Race((0.0, 500.0), (1.0, 1.0))
    for what, number in [
        *[("finish", 0), ("finish", 1), ("wait", 9.0), ("finish", 0), ("finish", 1), ("wait", 15.0), ("finish", 1)],
        *[("release", 1), ("finish", 1), ("finish", 0), ("finish", 0), ("finish", 1)],
        *[("die", 0), ("finish", 0), ("wait", 15.0), ("finish", 0)],
    ]:
        race.step(what, number)
    assert race.reigns == ["process-1", "process-2", "process-1", "process-3"]


def test_a_slow_clock_holds_no_longer_than_a_fast_one_waits() -> None:
    """At the worst: the holder's clock is slow, the follower's is fast."""
    race = Race((0.0, 0.0), (0.85, 1.15))
    race.step("finish", 0)
    race.step("finish", 1)
    for _ in range(150):
        race.step("wait", 0.1)
        race.step("finish", 1)
    assert race.reigns == ["process-1", "process-2"]
