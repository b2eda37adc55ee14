"""A job on a provider: operator, agent and provider over one world in memory, any of which may die at any call."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from quantum_operator.agent.account import Account
from quantum_operator.agent.calls import Call
from quantum_operator.agent.loop import Pace, TaskReconciler
from quantum_operator.api.quantumtask import OVER, QuantumTask
from quantum_operator.api.run import JobInput
from quantum_operator.ports.adapter import Device, Prepared
from quantum_operator.ports.errors import ConflictError, TransientError
from quantum_operator.ports.world import Key
from quantum_operator.reconcile.queue import FIRST_RETRY_SECONDS
from quantum_operator.testing import builders
from quantum_operator.testing.drive import Driver
from quantum_operator.testing.faults import CrashError
from quantum_operator.testing.provider import MemoryProvider
from quantum_operator.testing.tasks import MemoryTaskStore
from quantum_operator.testing.world import MemoryWorld

BELL = Key("team", "bell")
MINUTES = 60.0


class NoCompiler:
    """Prepares nothing, and assembles what a Bell pair gives. A program of the word BAD is none."""

    def prepare(self, task: QuantumTask, device: Device) -> Prepared | bytes:
        if "BAD" in task.spec.input:
            return self._outcome(task, pubs=[], error={"reason": "InvalidProgram", "message": "BAD is no gate"})
        return Prepared(device.name, b"circuits", shots_of(task))

    def forget(self, uid: str) -> None:
        pass

    def assemble(
        self, task: QuantumTask, device: Device, counts: Sequence[Mapping[str, int]], versions: Mapping[str, str]
    ) -> bytes:
        if [dict(one) for one in counts] != [{"00": shots} for shots in shots_of(task)]:
            raise AssertionError(f"task {task.metadata.name} is given {counts}")
        return self._outcome(task)

    def _outcome(self, task: QuantumTask, **more: Any) -> bytes:
        asked = JobInput.model_validate_json(task.spec.input)
        fields: dict[str, Any] = {
            "run": task.metadata.name,
            "inputSha256": task.spec.input_sha256,
            "seed": task.spec.seed,
        }
        spec = type("Spec", (), {"run": "", "input_sha256": "", "seed": 0})
        outcome = builders.outcome(spec, asked, **fields, **more)  # type: ignore[arg-type]
        return json.dumps(outcome.to_wire()).encode()


def shots_of(task: QuantumTask) -> tuple[int, ...]:
    """Of each circuit of a task that samples."""
    sample = JobInput.model_validate_json(task.spec.input).task.sample
    return tuple(pub.shots for pub in sample.pubs) if sample is not None else ()


def paid_world(**spec: Any) -> MemoryWorld:
    """A Bell job, with these fields of its spec, and a provider's device for it, which has every mode."""
    world = MemoryWorld()
    provider = {"agent": "agents", "device": "qpu"}
    price = {"perRunMicros": 1_000_000}
    backend = builders.backend("qpu", adapter="memory", provider=provider, price=price)
    status = backend.status.model_copy(update={"modes": ("job", "batch", "session")})
    world.add(
        backend.model_copy(update={"status": status}),
        builders.policy("qpu"),
        builders.job(**spec),
    )
    return world


def assert_on_the_ledger(world: MemoryWorld, provider: MemoryProvider) -> None:
    """Everything that the provider charged is there, exactly and once, and nothing is reserved any more."""
    (status,) = [seen.status for seen in world.ledgers.values()]
    assert (status.spent_micros, status.reserved_micros) == (provider.charged, 0), status
    assert sum(one.micros for one in status.totals) == provider.charged
    assert all(one.ceiling_micros == 0 for one in status.totals)


class Agent:
    """One process of the agent: it forgets everything when it ends, but for who it was."""

    def __init__(self, world: MemoryWorld, provider: MemoryProvider, name: str, former: tuple[str, ...] = ()) -> None:
        self.world, self.name = world, name
        self.account = Account(provider, NoCompiler())  # type: ignore[arg-type]
        pace = Pace(600_000, 1e-9)
        now = world.clock.now
        self.reconciler = TaskReconciler(
            MemoryTaskStore(world), self.account, pace, now, name, former, call=self._call, sleep=_no_sleep
        )

    async def _call(self, task: QuantumTask, call: Call) -> Any:
        return await self.world.faults.call(
            f"provider.{type(call).__name__}", lambda: self.account.call(task, call, self.world.clock.now())
        )

    async def step(self) -> bool:
        """Look at every task once; whether one changed. Raises CrashError."""
        before = dict(self.world.tasks)
        for key in list(self.world.tasks):
            try:
                await self.reconciler.reconcile(key)
            except (ConflictError, TransientError):
                self.world.clock.advance(FIRST_RETRY_SECONDS)
        return before != self.world.tasks


async def _no_sleep(_: float) -> None:
    await asyncio.sleep(0)


async def live(world: MemoryWorld, provider: MemoryProvider, *, until: Callable[[], bool] = lambda: False) -> None:
    """Let everybody work, a second at a time, and start whoever died; until the job and its tasks are over."""
    number, former = 1, ()
    agent = Agent(world, provider, "agent-1")
    for _ in range(int(30 * MINUTES)):
        try:
            async with Driver(world) as driver:
                if not await driver.idle():
                    continue
            if until() or _is_over(world):
                return
            if not await agent.step():
                provider.advance()
                world.clock.advance(1)
        except CrashError:
            world.restart()
            number, former = number + 1, (*former, agent.name)
            agent = Agent(world, provider, f"agent-{number}", former)
    raise TimeoutError("it is never over")


def _is_over(world: MemoryWorld) -> bool:
    jobs = [job for job in world.jobs.values() if job.status.completion_time is None]
    tasks = [task for task in world.tasks.values() if task.status.state not in OVER]
    orphans = {job.metadata.uid for job in world.jobs.values()}
    swept = all(task.spec.job.uid in orphans for task in world.tasks.values())
    return not jobs and not tasks and swept


Play = Callable[[MemoryWorld, MemoryProvider], Awaitable[None]]
SECOND = timedelta(seconds=1)
