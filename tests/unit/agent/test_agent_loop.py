"""One step of the agent's loop at a time, over a store that brings no news of what was written by way of it."""

from datetime import timedelta
from typing import Any

import pytest

from quantum_operator.agent import account
from quantum_operator.agent.account import Account
from quantum_operator.agent.calls import Prepare
from quantum_operator.agent.loop import Pace, TaskReconciler
from quantum_operator.agent.observed import CALL_SECONDS
from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.quantumtask import OVER, QuantumTask, QuantumTaskStatus
from quantum_operator.api.sharedtask import TaskCharge
from quantum_operator.ports.adapter import (
    Absent,
    Cancelled,
    Charged,
    Device,
    Found,
    Lookup,
    Prepared,
    Progress,
    Unknown,
)
from quantum_operator.ports.world import Key
from quantum_operator.testing.provider import PRICE_MICROS, MemoryProvider
from unit.agent.paidworld import NoCompiler
from unit.agent.test_agent_decide import NOW, at, claimed, submitted, task

KEY = Key("agents", "bell-1")
CEILING = {"micros": PRICE_MICROS, "currency": "USD", "seconds": 60}


class OneTask:
    """A store as a cluster's: a task that is over is not shown."""

    def __init__(self, one: QuantumTask) -> None:
        self.one = one

    async def task(self, key: Key) -> QuantumTask | None:
        return None if key != KEY or self.one.status.state in OVER else self.one

    def sessions(self) -> frozenset[str]:
        return frozenset()

    def company(self, one: QuantumTask) -> tuple[QuantumTask, ...]:
        return ()

    async def carrier(self, key: Key) -> QuantumTask | None:
        return None

    async def put_status(self, one: QuantumTask, status: QuantumTaskStatus) -> QuantumTask:
        self.one = one.model_copy(update={"status": status})
        return self.one

    async def put_outcome(self, one: QuantumTask, data: bytes) -> ArtifactRef:
        return ArtifactRef(name=f"{one.metadata.name}-1", sha256="0" * 64, bytes=len(data))


class Blank(NoCompiler):
    """A compiler whose outcomes say nothing."""

    def prepare(self, task: QuantumTask, device: Device) -> Prepared:
        return Prepared(device.name, b"circuits", (1024,))

    def assemble(self, *_: Any) -> bytes:
        return b"{}"


class Bench:
    """A task, its agent and its provider."""

    def __init__(self, one: QuantumTask, former: tuple[str, ...] = ()) -> None:
        self.store, self.provider, self.now = OneTask(one), MemoryProvider(), NOW
        self.account = Account(self.provider, Blank())  # type: ignore[arg-type]
        self.reconciler = TaskReconciler(
            self.store, self.account, Pace(600, 1.0), lambda: self.now, "me", former, call=self.call
        )

    async def call(self, one: QuantumTask, call: Any) -> Any:
        return self.account.call(one, call, self.now)

    async def run(self) -> None:
        """Reconcile for as long as the loop itself asks for it."""
        wait = await self.reconciler.reconcile(KEY)
        while wait is not None:
            self.now += timedelta(seconds=wait)
            self.provider.advance()
            wait = await self.reconciler.reconcile(KEY)


async def test_a_claim_of_a_former_process_is_followed_up_without_further_news() -> None:
    """Its deadline is brought forward: that is written, which no watch tells of, and the task goes on by itself."""
    bench = Bench(task(claimed(CALL_SECONDS, agent="dead"), ceiling=CEILING), former=("dead",))
    assert await bench.reconciler.reconcile(KEY) == 0.0
    assert bench.store.one.status.claim is not None
    assert bench.store.one.status.claim.deadline == at(0)
    await bench.run()
    assert bench.store.one.status.state == "Succeeded"
    assert [call for call in bench.provider.calls if call in ("find", "submit")] == ["find", "submit", "find"]


async def test_a_task_is_submitted_once_it_is_prepared() -> None:
    """In one step: of many tasks that wait, the first is submitted before the last is prepared."""
    bench = Bench(task(ceiling=CEILING))
    await bench.reconciler.reconcile(KEY)
    assert bench.provider.calls == ["submit"]
    assert bench.store.one.status.state == "Queued"


@pytest.mark.parametrize(
    ("found", "micros"),
    [(Found(("id-1",)), 0), (Found(("id-1", "id-2")), None), (Absent(), None), (Unknown("busy"), None)],
)
async def test_a_claim_that_came_to_nothing_costs_nothing(
    monkeypatch: pytest.MonkeyPatch, found: Lookup, micros: int | None
) -> None:
    """Where the provider shows, when all is over, nothing but what was submitted after it."""
    bench = Bench(task(submitted(submissions=2), ceiling=CEILING))
    monkeypatch.setattr(bench.provider, "poll", lambda _: Progress("Cancelled", charged=Charged(0, "USD", 0)))
    monkeypatch.setattr(bench.provider, "find", lambda _: found)
    monkeypatch.setattr(bench.provider, "cancel", lambda _: Cancelled(confirmed=True))
    await bench.run()
    assert bench.store.one.status.charge is not None
    assert bench.store.one.status.charge.micros == micros


async def test_tags_reach_the_provider_the_correlation_id_first() -> None:
    """A user's tag of the same key does not take its place; a task without any is submitted without."""
    tagged = task(ceiling=CEILING, correlationId="order-7", tags={"team": "b", "area": "a", "correlation-id": "x"})
    for one, tags in ((tagged, {"correlation-id": "order-7", "area": "a", "team": "b"}), (task(ceiling=CEILING), {})):
        bench = Bench(one)
        await bench.run()
        (there,) = bench.provider.tasks
        assert list(there.tags.items()) == list(tags.items())


async def test_a_charge_that_is_still_to_come_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a while: then the ceiling is the most that it cost."""
    bench, told = Bench(task(submitted(), ceiling=CEILING)), [Progress("Cancelled", charge_pending=True)] * 3
    told.append(Progress("Cancelled", charged=Charged(5, "USD", 2)))
    monkeypatch.setattr(bench.provider, "poll", lambda _: told.pop(0))
    await bench.run()
    assert bench.store.one.status.charge == TaskCharge(micros=5, currency="USD", seconds=2)
    bench = Bench(task(submitted(), ceiling=CEILING))
    monkeypatch.setattr(account, "CHARGE_SECONDS", 0.0)
    monkeypatch.setattr(bench.provider, "poll", lambda _: Progress("Failed", charge_pending=True))
    await bench.run()
    assert (bench.store.one.status.state, bench.store.one.status.charge) == ("Failed", TaskCharge(currency="USD"))


async def test_nothing_is_kept_of_a_task_that_is_over() -> None:
    """However it ended: with results, or cancelled when its circuits were prepared."""
    done, cancelled = Bench(task(ceiling=CEILING)), Bench(task(ceiling=CEILING))
    cancelled.account.call(cancelled.store.one, Prepare(), NOW)
    assert cancelled.account.load(cancelled.store.one) is not None
    cancelled.store.one = task(ceiling=CEILING, cancel=True)
    for bench in (done, cancelled):
        await bench.run()
        assert bench.store.one.status.state in OVER
        kept = [*vars(bench.account).values(), *vars(bench.reconciler._pace).values()]
        assert not [table for table in kept if isinstance(table, dict) and bench.store.one.metadata.uid in table]
