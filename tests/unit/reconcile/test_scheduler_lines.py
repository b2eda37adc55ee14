"""However many wait, a round looks at few of them, and tells what it would if it looked at all."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.api.jobstatus import Demand
from quantum_operator.decide.assign import Snapshot, assign
from quantum_operator.decide.observed import Assignment, Nominate
from quantum_operator.ports.world import Key
from quantum_operator.reconcile import scheduler as scheduling
from quantum_operator.reconcile.scheduler import Scheduler
from quantum_operator.testing.builders import backend, job, policy
from quantum_operator.testing.ports import MemoryStore, memory_ports
from quantum_operator.testing.world import MemoryWorld

JOBS = 24
QUBITS = (2, 10, 30)
"""What the jobs ask for: both backends will do, the larger one, none."""

Step = tuple[str, int]
CALLS = ("nominate", "end", "end", "end", "leave", "round", "ready", "labels")
STEPS = st.lists(st.tuples(st.sampled_from(CALLS), st.integers(0, JOBS - 1)), max_size=60)
EVERYONE: list[Step] = [*(("nominate", number) for number in range(JOBS)), ("round", 0)]


@dataclass(frozen=True)
class CountingStore(MemoryStore):
    """A store with runs under way as the test has them."""

    live: Mapping[Key, str] = field(default_factory=dict)

    async def live_runs(self) -> Mapping[str, int]:
        return Counter(self.live.values())


class Line:
    """A scheduler, and jobs that wait, are placed and end. What holds a place is counted here."""

    def __init__(self, *, forgetful: bool) -> None:
        """`forgetful`: every round looks at everyone, as if it remembered nothing of those before."""
        self.world = MemoryWorld()
        shared = {"from": "Selector", "selector": {"matchLabels": {"tier": "pilot"}}}
        self.world.add(
            policy("small", "large", "shared"),
            backend("small", qubits=5, limits={"maxConcurrentRuns": 2}),
            backend("large", qubits=20, limits={"maxConcurrentRuns": 3}),
            backend("shared", qubits=20, limits={"maxConcurrentRuns": 1}, namespaces=shared),
        )
        self.forgetful = forgetful
        self.live: dict[Key, str] = {}
        self.asked: list[Key] = []
        ports = replace(memory_ports(self.world), store=CountingStore(self.world, live=self.live))
        self.scheduler = Scheduler(ports, self.asked.append, self.world.clock.later)

    async def step(self, what: str, number: int) -> None:
        key = Key("team", f"job-{number}")
        if what == "nominate" and key not in self.live:
            demand = Demand(qubits=QUBITS[number % len(QUBITS)], shots=10)
            self.scheduler.nominate(key, job(key.name, priority=number % 2), Nominate(demand))
        elif what == "leave":
            self.live.pop(key, None)
            self.scheduler.released(key)
        elif what == "end" and self.live:
            ended = sorted(self.live)[number % len(self.live)]
            del self.live[ended]
            self.scheduler.released(ended)
        elif what == "ready":
            self.world.add(backend("large", qubits=20, ready=number % 2 == 0, limits={"maxConcurrentRuns": 3}))
            self.scheduler.wake()
        elif what == "labels":
            self.world.namespaces["team"] = {"tier": "pilot"} if number % 2 else {}
        elif what == "round":
            await self.round()

    async def round(self) -> None:
        """One round, after which whoever has a place is seen to have it."""
        if self.forgetful:
            self.scheduler.wake()
        await self.scheduler.round()
        for number in range(JOBS):
            key = Key("team", f"job-{number}")
            word = self.word(number)
            if word is not None and word.verdict == "Assigned":
                self.live[key] = word.backend
                self.scheduler.placed(key)

    def word(self, number: int) -> Assignment | None:
        name = f"job-{number}"
        return self.scheduler.assignment(Key("team", name), job(name).metadata.uid)


@given(STEPS)
async def test_a_round_tells_what_it_would_if_it_looked_at_all(steps: list[Step]) -> None:
    """The same places to the same jobs, and the same word to those who wait."""
    lines = Line(forgetful=False), Line(forgetful=True)
    for step in [*EVERYONE, *steps, ("round", 0)]:
        for line in lines:
            await line.step(*step)
        assert lines[0].live == lines[1].live
    words = [[line.word(number) for number in range(JOBS)] for line in lines]
    assert words[0] == words[1]


def over(scheduler: Scheduler, key: Key) -> None:
    scheduler.released(key)


def to_be_tried_again(scheduler: Scheduler, key: Key) -> None:
    scheduler.placed(key)
    scheduler.freed()


@pytest.mark.parametrize("end", [over, to_be_tried_again])
async def test_an_end_has_few_looked_at(monkeypatch: pytest.MonkeyPatch, end: Callable[[Scheduler, Key], None]) -> None:
    """A thousand wait for the same; as one ends, the first of them has its place, and the second is told to wait on."""
    looked_at: list[int] = []

    def counting(snapshot: Snapshot) -> tuple[Assignment, ...]:
        looked_at.append(len(snapshot.heads))
        return assign(snapshot)

    monkeypatch.setattr(scheduling, "assign", counting)
    world = MemoryWorld()
    world.add(policy(), backend(limits={"maxConcurrentRuns": 1}))
    asked: list[Key] = []
    scheduler = Scheduler(memory_ports(world), asked.append, world.clock.later)
    for number in range(1000):
        scheduler.nominate(
            Key("team", f"job-{number:04}"), job(f"job-{number:04}"), Nominate(Demand(qubits=2, shots=10))
        )
    await scheduler.round()
    assert looked_at == [1000]
    assert len(asked) == 1000
    first, second = asked[:2]
    end(scheduler, first)
    await scheduler.round()
    assert looked_at[1:] == [2]
    assert asked[1000:] == [second]


def test_every_word_depends_on_the_line_alone() -> None:
    """What is told to one of a line is told to all, so a line is all that `assign` is told of a job but its place."""
    fields = set(scheduling._Waiting.__dataclass_fields__)
    line = {"policy", "demand", "small", "tried", "job", "permit", "sociable"}
    assert fields == {"uid", "created", "priority", "run"} | line, "give `line` what is new"
