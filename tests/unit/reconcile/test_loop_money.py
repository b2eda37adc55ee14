"""Money in the loop: what is spent fits every cap, whatever dies at whichever call, and everything is on the ledger."""

import asyncio
from typing import Any, get_args

import pytest

from quantum_operator.api.ledger import QuantumLedgerStatus
from quantum_operator.decide.ledger import SeenLedger, reserve
from quantum_operator.ports.world import Key
from quantum_operator.reconcile.loop import SWEEP_SECONDS
from quantum_operator.testing.builders import backend, job, policy
from quantum_operator.testing.drive import Driver, settle
from quantum_operator.testing.faults import Fault
from quantum_operator.testing.world import MemoryWorld, succeed
from support.disturbed import calls_to_disturb
from support.ledgerscontract import reservation
from unit.reconcile.scenarios import calls_of, first_is_evicted, kept, reason

LEDGER = "usd-2026-01"
SHOTS = 1024
FAULTS: tuple[Fault, ...] = tuple(fault for fault in get_args(Fault) if fault not in ("gone", "refused", "taken"))


def world_of(count: int, fits: int, *, on_exceeded: str = "Wait", **spec: Any) -> MemoryWorld:
    """So many jobs for a simulator whose shots are paid for, and a budget for fewer of them."""
    world = MemoryWorld()
    budgets = [{"name": "all", "limitMicros": fits * SHOTS}]
    world.add(
        policy(budgets=budgets, onExceeded=on_exceeded),
        backend(price={"perShotMicros": 1}, **spec),
        *(job(f"job{number}") for number in range(count)),
    )
    return world


def ledger(world: MemoryWorld, name: str = LEDGER) -> QuantumLedgerStatus:
    """The ledger as it is."""
    return world.ledgers[name].status


def endings(world: MemoryWorld) -> list[str]:
    """How each job stands: the reason of its end, or of its waiting."""
    return sorted(reason(one) or reason(one, "Scheduled") for one in world.jobs.values())


def assert_never_over(world: MemoryWorld, most: int) -> None:
    """At no moment was more spent and reserved."""
    assert all(one.spent_micros + one.reserved_micros <= most for _, one in world.ledger_history)


@pytest.mark.parametrize(("on_exceeded", "ends"), [("Wait", "BudgetExhausted"), ("Fail", "BudgetExceeded")])
async def test_as_many_jobs_run_as_there_is_money_for(on_exceeded: str, ends: str) -> None:
    """The others wait or fail, as the policy says, and say why with the figures."""
    world = world_of(5, 3, on_exceeded=on_exceeded)
    assert await settle(world)
    assert endings(world) == [ends] * 2 + ["Succeeded"] * 3
    assert (ledger(world).spent_micros, ledger(world).reserved_micros) == (3 * SHOTS, 0)
    assert_never_over(world, 3 * SHOTS)
    kind = "Scheduled" if on_exceeded == "Wait" else "Complete"
    told = [one.message for each in world.jobs.values() for one in each.status.conditions if one.type == kind]
    assert sum("budget 'all' of policy default is 0.003072 USD for 2026-01: " in one for one in told) == 2


async def test_a_free_job_writes_to_no_ledger() -> None:
    """Though its policy has budgets, whose figures are read for its status."""
    world = world_of(2, 1)
    world.add(backend())
    assert await settle(world)
    assert endings(world) == ["Succeeded"] * 2
    assert calls_of(world, "ledgers.put") == 0
    assert calls_of(world, "ledgers.find") <= 2


async def test_jobs_that_come_together_are_reserved_for_together() -> None:
    """And settled together: many have a write in common."""
    world = world_of(20, 20)
    assert await settle(world)
    assert max(len(one.reservations) for _, one in world.ledger_history) == 20
    assert len(world.ledger_history) <= 20
    assert ledger(world).spent_micros == 20 * SHOTS


async def test_a_job_that_waits_goes_on_when_money_is_released() -> None:
    """A run that gives no result costs nothing."""
    world = world_of(2, 1)
    world.script = lambda spec, given: "OOMKilled" if "job0" in spec.run else succeed(spec, given)
    assert await settle(world)
    assert endings(world) == ["MemoryLimitExceeded", "Succeeded"]
    assert (ledger(world).spent_micros, ledger(world).reserved_micros) == (SHOTS, 0)
    assert_never_over(world, SHOTS)


async def test_a_job_that_waits_goes_on_when_the_period_is_over() -> None:
    """On the next day for a budget of a day, by itself; each day's money is on the day that it was reserved on."""
    world = world_of(2, 1)
    budgets = [{"name": "all", "limitMicros": SHOTS, "period": "Day"}]
    world.add(policy(budgets=budgets))
    assert await settle(world)
    assert endings(world) == ["BudgetExhausted", "Succeeded"]
    writes = len(world.history)
    assert await settle(world, patience=3 * 3600)
    assert len(world.history) == writes
    assert await settle(world, patience=24 * 3600)
    assert endings(world) == ["Succeeded"] * 2
    assert [(one.day, one.micros) for one in ledger(world).totals] == [("2026-01-01", SHOTS), ("2026-01-02", SHOTS)]


async def test_what_is_reserved_in_a_month_is_settled_in_it() -> None:
    """Though the run ends in the next one."""
    world = world_of(1, 1)
    async with Driver(world) as driver:
        await driver.idle()
        world.clock.advance(40 * 86_400)
        assert await driver.settle()
    assert set(world.ledgers) == {LEDGER}
    assert (ledger(world).spent_micros, ledger(world).totals[0].day) == (SHOTS, "2026-01-01")


async def test_each_attempt_has_its_own_reservation() -> None:
    """A lost run gives its money back, and the next one reserves anew."""
    world = world_of(1, 1)
    world.script = first_is_evicted
    assert await settle(world)
    assert endings(world) == ["Succeeded"]
    assert (ledger(world).spent_micros, ledger(world).totals[0].count) == (SHOTS, 1)
    assert_never_over(world, SHOTS)


async def test_a_deleted_job_gives_its_money_back() -> None:
    """Once it is gone for sure; whoever waits has it."""
    world = world_of(2, 1)
    async with Driver(world) as driver:
        await driver.idle()
        (first,) = {one.job.name for one in ledger(world).reservations}
        world.delete(Key("team", first))
        driver.loop.tasks_changed()
        assert await driver.settle()
        assert endings(world) == ["Succeeded"]
        assert ledger(world).reserved_micros == 0
        assert kept(driver.loop) == 0


async def test_reservations_of_nobody_are_given_back() -> None:
    """Whose job is gone, or is there without such an attempt; one that another operator looks after is not."""
    world = world_of(1, 1)
    there = world.jobs[Key("team", "job0")]
    of = reservation("bell-1").job.model_copy(update={"name": "job0", "uid": there.metadata.uid})
    others = [
        reservation("gone-1", agent=None),
        reservation("job0-x-9", agent=None).model_copy(update={"job": of}),
    ]
    world.ledgers[LEDGER] = SeenLedger(reserve(QuantumLedgerStatus(), others), "1")
    world.ledgers["usd-2023-01"] = SeenLedger(reserve(QuantumLedgerStatus(), others), "1")
    world.policies.clear()
    assert await settle(world)
    assert ledger(world).reservations == ()
    assert len(ledger(world, "usd-2023-01").reservations) == 2


async def test_the_task_of_a_reservation_of_nobody_is_fenced_first() -> None:
    """It can't be created any more when the money is given back; where it is there, it settles by itself."""
    world = MemoryWorld()
    status = reserve(QuantumLedgerStatus(), [reservation("gone-1"), reservation("there-1")])
    world.ledgers[LEDGER] = SeenLedger(status, "1")
    world.ledger_history.clear()
    async with Driver(world) as driver:
        world.fail_at(
            world.faults.calls.index("ledgers.job") + 2 if "ledgers.job" in world.faults.calls else 9_999, "gone"
        )
        await driver.idle()
    fences = {key.name: task for key, task in world.tasks.items()}
    assert set(fences) == {"gone-1", "there-1"}
    assert all(task.spec.cancel and task.spec.ceiling.ledger == LEDGER for task in fences.values())
    assert ledger(world).reservations == ()


async def test_a_ledger_that_can_not_be_read_holds_up_what_is_paid_for() -> None:
    """What is free goes on; the job says why it waits, and goes on once the ledger is there again."""
    world = world_of(1, 1)
    world.add(policy(name="free", backends=[{"name": "second"}]), backend("second"))
    world.add(job("free", policyRef={"name": "free"}))
    world.damaged_ledgers.add(LEDGER)
    assert await settle(world)
    assert endings(world) == ["NoLedger", "Succeeded"]
    world.damaged_ledgers.clear()
    assert await settle(world, patience=3700)
    assert endings(world) == ["Succeeded"] * 2


async def test_what_is_reserved_is_looked_at_now_and_then_however_often_somebody_asks() -> None:
    """Once in five minutes, while something is."""
    world = world_of(1, 1)
    async with Driver(world) as driver:
        await driver.idle()
        for _ in range(20):
            driver.loop.tasks_changed()
            await driver.idle()
            world.clock.advance(7)
        before = calls_of(world, "ledgers.names")
        for _ in range(30):
            world.clock.advance(SWEEP_SECONDS / 10)
            await driver.idle()
        assert calls_of(world, "ledgers.names") <= before + 3


def survive(faults: dict[int, Fault]) -> MemoryWorld:
    """A world with money for three of five jobs, whose first runs are lost, after as many processes as it takes."""
    world = world_of(5, 3, limits={"maxConcurrentRuns": 2})
    world.script = first_is_evicted
    for n, fault in faults.items():
        world.fail_at(n, fault)
    for _ in range(len(faults) + 1):
        if asyncio.run(settle(world)):
            return world
    raise AssertionError("crashed more often than was planned")


@pytest.mark.parametrize("fault", FAULTS)
def test_one_fault_at_any_call_costs_nothing_and_loses_nothing(fault: Fault, faults: str) -> None:
    """Three jobs spend, each once, to the micro-unit; the others wait; and nothing stays reserved."""
    calls = survive({}).faults.calls
    for n in calls_to_disturb(len(calls), faults, fault)[:: 1 if faults == "all" else 5]:
        world = survive({n: fault})
        assert endings(world) == ["BudgetExhausted"] * 2 + ["Succeeded"] * 3, (n, calls[n - 1])
        assert (ledger(world).spent_micros, ledger(world).reserved_micros) == (3 * SHOTS, 0), (n, calls[n - 1])
        assert [one.count for one in ledger(world).totals] == [3]
        assert_never_over(world, 3 * SHOTS)


def test_every_write_of_a_ledger_may_be_the_last_thing_that_is_done(faults: str) -> None:
    """A crash before and after each of them, and another one in the recovery."""
    calls = survive({}).faults.calls
    points = [number for number, name in enumerate(calls, 1) if name == "ledgers.put"]
    assert len(points) >= 6
    for n in points if faults == "all" else points[::3]:
        for first in ("crash-before", "crash-after"):
            for more in (4, 9):
                world = survive({n: first, n + more: "crash-after"})  # type: ignore[dict-item]
                assert (ledger(world).spent_micros, ledger(world).reserved_micros) == (3 * SHOTS, 0)
                assert_never_over(world, 3 * SHOTS)
