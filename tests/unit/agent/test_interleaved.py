"""An agent takes up many tasks at once, and sees what it wrote only once it was answered: in whatever order that is."""

import asyncio
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from quantum_operator.agent.account import Account
from quantum_operator.agent.calls import Call
from quantum_operator.agent.loop import Pace, TaskReconciler
from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.quantumtask import OVER, QuantumTask, QuantumTaskStatus
from quantum_operator.ports.adapter import AdapterError, AmbiguousError, Prepared, RejectedError, UnavailableError
from quantum_operator.ports.errors import ConflictError, GoneError, TransientError
from quantum_operator.ports.world import Key
from quantum_operator.testing.drive import Driver
from quantum_operator.testing.provider import MemoryProvider
from quantum_operator.testing.tasks import MemoryTaskStore
from quantum_operator.testing.world import MemoryWorld
from unit.agent.paidworld import NoCompiler
from unit.agent.test_together import assert_each_ran_once, cancel_job, company, phases, provider

LOOKS = 3_000
LOST: list[tuple[AdapterError, bool]] = [(UnavailableError("down"), False), (AmbiguousError("lost"), False)]


class Chance:
    """When something happens: after so many turns of everybody else."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)

    async def pause(self) -> None:
        for _ in range(self.draw.choice((0, 0, 1, 2, 5, 9))):
            await asyncio.sleep(0)


class MirroredStore(MemoryTaskStore):
    """A store as a cluster's: it shows what was watched, and what was written only once that was answered."""

    def __init__(self, world: MemoryWorld, chance: Chance) -> None:
        super().__init__(world)
        object.__setattr__(self, "seen", {})
        object.__setattr__(self, "chance", chance)

    seen: dict[Key, QuantumTask]
    chance: Chance

    def watch(self, key: Key) -> None:
        """Bring the news of a task."""
        if key in self.world.tasks:
            self._saw(key, self.world.tasks[key])

    def _saw(self, key: Key, task: QuantumTask) -> None:
        known = self.seen.get(key)
        if known is None or int(task.metadata.resource_version) >= int(known.metadata.resource_version):
            self.seen[key] = task

    async def task(self, key: Key) -> QuantumTask | None:
        found = self.seen.get(key)
        return None if found is None or found.status.state in OVER else found

    def company(self, task: QuantumTask) -> tuple[QuantumTask, ...]:
        others = (one for one in self.seen.values() if one.metadata.uid != task.metadata.uid)
        return tuple(one for one in others if one.spec.group == task.spec.group and one.status.state not in OVER)

    async def carrier(self, key: Key) -> QuantumTask | None:
        await self.chance.pause()
        return await self.task(key) or self.world.tasks.get(key)

    async def put_status(self, task: QuantumTask, status: QuantumTaskStatus) -> QuantumTask:
        await self.chance.pause()
        written = await super().put_status(task, status)
        await self.chance.pause()
        self._saw(Key(task.metadata.namespace, task.metadata.name), written)
        return written

    async def put_outcome(self, task: QuantumTask, data: bytes) -> ArtifactRef:
        await self.chance.pause()
        return await super().put_outcome(task, data)


async def play(world: MemoryWorld, at: MemoryProvider, chance: Chance) -> None:
    """Let operator and agent work until all is over, each task a worker of its own."""
    store, account = MirroredStore(world, chance), Account(at, NoCompiler())  # type: ignore[arg-type]

    async def call(task: QuantumTask, asked: Call) -> Any:
        await chance.pause()
        answer = account.call(task, asked, world.clock.now())
        await chance.pause()
        return answer

    async def no_sleep(_: float) -> None:
        await asyncio.sleep(0)

    reconciler = TaskReconciler(store, account, Pace(600_000, 1e-9), world.clock.now, "me", call=call, sleep=no_sleep)

    async def work(key: Key) -> None:
        await chance.pause()
        store.watch(key)
        try:
            await reconciler.reconcile(key)
        except (ConflictError, GoneError, TransientError):
            store.watch(key)

    for _ in range(LOOKS):
        async with Driver(world) as driver:
            await driver.idle()
        if all(job.status.completion_time for job in world.jobs.values()):
            return
        await asyncio.gather(*(work(key) for key in world.tasks))
        if chance.draw.random() < 0.3:
            at.advance()
        world.clock.advance(chance.draw.choice((0, 0, 1)))
    raise TimeoutError("it is never over")


def _alone_only(submit: Callable[..., str], prepared: Prepared, *args: Any, **more: Any) -> str:
    """A provider that refuses what has more than one circuit."""
    if len(prepared.shots) > 1:
        raise RejectedError("one at a time")
    return submit(prepared, *args, **more)


@pytest.mark.parametrize("turn", range(8))
def test_each_runs_once_in_whatever_order(turn: int, faults: str) -> None:
    """With a provider that fails now and then in its own ways."""
    for seed in range(turn, 800 if faults == "all" else 24, 8):
        chance, world, at = Chance(seed), company(), provider(("tag", "provider")[seed % 2])
        mood = chance.draw.choice(("good", "lost", "picky"))
        at.failing["submit"] = list(LOST) if mood == "lost" else []
        if mood == "picky":
            at.submit = partial(_alone_only, at.submit)  # type: ignore[method-assign]
        asyncio.run(play(world, at, chance))
        assert_each_ran_once(world, at)


def test_a_cancellation_meets_any_moment(faults: str) -> None:
    """Of any of them: the others are run once, and all that was charged is somebody's."""
    for seed in range(400 if faults == "all" else 12):
        chance, world, at = Chance(seed), company(), provider()
        name = chance.draw.choice("abc")
        left = chance.draw.randrange(40)
        advance = at.advance

        def later(world: MemoryWorld = world, name: str = name, advance: Any = advance) -> bool:
            nonlocal left
            left -= 1
            if left < 0:
                cancel_job(world, name)
            return bool(advance())

        at.advance = later  # type: ignore[method-assign]
        asyncio.run(play(world, at, chance))
        assert {one for one, phase in phases(world).items() if phase == "Succeeded"} >= set("abc") - {name}
        assert sum(one.status.cost.micros for one in world.jobs.values() if one.status.cost) == at.charged
