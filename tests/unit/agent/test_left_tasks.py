"""Jobs whose task is held, and that do not wait for that: they go on for nothing, or end; the money is found later."""

import asyncio
from typing import Any

import pytest

from quantum_operator.api.ledger import QuantumLedgerStatus
from quantum_operator.api.quantumtask import OVER, TaskResolution
from quantum_operator.decide.held import LEFT
from quantum_operator.ports.adapter import AmbiguousError, Capabilities
from quantum_operator.testing.builders import backend, job, policy
from quantum_operator.testing.drive import settle
from quantum_operator.testing.faults import Fault
from quantum_operator.testing.provider import PRICE_MICROS, MemoryProvider
from unit.agent.paidworld import BELL, assert_on_the_ledger, live, paid_world

FAULTS: tuple[Fault, ...] = ("crash-before", "crash-after", "conflict", "transient-after")
SAID = {"by": "ann", "why": "seen in the console", "time": "2026-01-01T00:00:00Z"}

ENDS: dict[str, tuple[dict[str, Any], bool]] = {
    "never submitted": ({"neverSubmitted": True}, False),
    "in the queue": ({"providerId": "memory-1"}, False),
    "executed": ({"providerId": "memory-1"}, True),
}
"""What a person finds, and whether the provider executed it."""


class Lost:
    """A job whose submission was not answered, at a provider that can't be asked for it."""

    def __init__(self, *order: str, **spec: Any) -> None:
        self.world = paid_world(**spec)
        self.at = MemoryProvider(Capabilities("Memory", "none", 3, False, 10, 600, submit_seconds=2))
        self.at.failing["submit"] = [(AmbiguousError("reset"), True)]
        self.at.waiting = {"memory-1"}
        self.order = order or ("qpu", "simulator")
        self.world.add(backend("simulator"), policy(*self.order))

    def switch(self, **spec: Any) -> None:
        """Change the policy."""
        known = self.world.policies["team", "default"]
        metadata = known.metadata.model_copy(update={"generation": known.metadata.generation + 1})
        changed = policy(*self.order, **spec)
        self.world.add(changed.model_copy(update={"metadata": metadata, "status": known.status}))

    def change(self, **spec: Any) -> None:
        """Change the job."""
        known = self.world.jobs[BELL]
        self.world.add(known.model_copy(update={"spec": known.spec.model_copy(update=spec)}))

    def find(self, end: str) -> None:
        """Something became of the task, and somebody says so."""
        how, executed = ENDS[end]
        self.at.waiting = set() if executed else self.at.waiting
        self.at.tasks[:] = self.at.tasks if "providerId" in how else []
        for _ in range(2 * executed):
            self.at.advance()
        (task,) = (one for one in self.world.tasks.values() if one.status.state == "Held")
        told = TaskResolution.model_validate({**SAID, **how})
        self.world.put_task(task.model_copy(update={"spec": task.spec.model_copy(update={"resolution": told})}))

    def live(self, until: Any = lambda: False) -> None:
        """Let everybody work, until then."""

        def enough() -> bool:
            self.world.advance_runs()
            return bool(until())

        asyncio.run(live(self.world, self.at, until=enough))

    def is_held(self) -> bool:
        """Whether the task is held."""
        return any(one.status.state == "Held" for one in self.world.tasks.values())

    def is_over(self) -> bool:
        """Whether the job is."""
        return self.world.jobs[BELL].status.completion_time is not None

    def is_settled(self) -> bool:
        """Whether every task is over, and nothing reserved."""
        over = all(one.status.state in OVER for one in self.world.tasks.values())
        return over and self.is_over() and not self.ledger.reservations

    @property
    def ledger(self) -> QuantumLedgerStatus:
        """The ledger as it is."""
        ((_, one),) = self.world.ledgers.items()
        return one.status

    def attempts(self) -> list[tuple[str, str, str]]:
        """Where each attempt was, and how it ended."""
        plan = self.world.jobs[BELL].status.plan
        return [(one.backend, one.state, one.reason) for one in plan.steps[-1].attempts] if plan is not None else []


def assert_goes_on(lost: Lost) -> None:
    """The job has a simulator's result, and what its task may have cost is reserved."""
    status = lost.world.jobs[BELL].status
    assert status.phase == "Succeeded", status.conditions
    assert lost.attempts() == [("qpu", "Returned", LEFT), ("simulator", "Succeeded", "Succeeded")]
    assert status.result is not None
    assert status.result.fallback is not None
    assert (status.result.fallback.kind, status.result.fallback.from_) == ("Simulator", "qpu")
    assert status.cost is not None
    assert (status.cost.micros, status.cost.text) == (PRICE_MICROS, "at most 1.00 USD")


def assert_reserved(lost: Lost) -> None:
    """Nothing is spent, and all that may have been is reserved."""
    assert (lost.ledger.spent_micros, lost.ledger.reserved_micros) == (0, PRICE_MICROS)
    assert lost.is_held()


def course(how: str, end: str, n: int = 0, fault: Fault = "crash-after") -> Lost:
    """The switch is turned off while the task is held, and then a person says what became of it."""
    lost = Lost()
    if n:
        lost.world.fail_at(n, fault)
    lost.live(lost.is_held)
    lost.switch(quantumEnabled=False, onDisabled=how)
    lost.live(lost.is_over)
    assert_goes_on(lost)
    assert_reserved(lost)
    lost.find(end if lost.at.tasks else "never submitted")
    lost.live(lost.is_settled)
    return lost


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("how", ["Drain", "Cancel"])
def test_a_held_task_does_not_hold_its_job_while_the_qpus_are_off(how: str, end: str) -> None:
    """It goes on for nothing; what is found later is on the ledger, and nothing is submitted any more."""
    lost = course(how, end)
    assert_goes_on(lost)
    assert_on_the_ledger(lost.world, lost.at)
    assert lost.at.calls.count("submit") == 1
    assert lost.at.charged == (PRICE_MICROS if end == "executed" else 0)


@pytest.mark.parametrize("fault", FAULTS)
def test_it_goes_the_same_whichever_call_fails(fault: Fault, faults: str) -> None:
    """One submission, and on the ledger what it cost."""
    calls = len(course("Drain", "executed").world.faults.calls)
    for n in range(1, calls + 1, 1 if faults == "all" else 23):
        lost = course("Drain", "executed", n, fault)
        assert_on_the_ledger(lost.world, lost.at)
        assert (lost.at.charged, lost.at.calls.count("submit")) in [(PRICE_MICROS, 1), (0, 0)], n


def test_a_job_that_has_nowhere_to_go_waits_for_the_person() -> None:
    """Its task is cancelled, so that it is not submitted after all; a result that is there is the job's."""
    lost = Lost("qpu")
    lost.live(lost.is_held)
    lost.switch(quantumEnabled=False)
    lost.live(lambda: lost.is_held() and all(one.spec.cancel for one in lost.world.tasks.values()))
    assert lost.attempts() == [("qpu", "Pending", "")]
    lost.find("executed")
    lost.live(lost.is_settled)
    assert lost.attempts() == [("qpu", "Succeeded", "Succeeded")]
    assert_on_the_ledger(lost.world, lost.at)


@pytest.mark.parametrize(("end", "last"), [("executed", "Succeeded"), ("never submitted", "Returned")])
def test_what_is_found_before_the_job_went_on_is_the_job_s(end: str, last: str) -> None:
    """While its simulator is not ready: a result is its own; where there is none it waits on, and cost nothing."""
    lost = Lost()
    lost.world.add(backend("simulator", limits={"maxConcurrentRuns": 1}), job("other", policyRef={"name": "sim"}))
    lost.world.add(policy("simulator", name="sim"))
    asyncio.run(live(lost.world, lost.at, until=lost.is_held))
    lost.switch(quantumEnabled=False)
    asyncio.run(live(lost.world, lost.at, until=lambda: lost.attempts() == [("qpu", "Returned", LEFT)]))
    lost.find(end)
    asyncio.run(live(lost.world, lost.at, until=lambda: lost.attempts()[0][1:] != ("Returned", LEFT)))
    assert lost.attempts()[0][1] == last
    assert_on_the_ledger(lost.world, lost.at)  # at that very moment: nobody has to come by later
    lost.live(lost.is_settled)
    assert lost.world.jobs[BELL].status.phase == "Succeeded"
    assert_on_the_ledger(lost.world, lost.at)
    assert len(lost.attempts()) == (1 if end == "executed" else 2)


HALTS: dict[str, dict[str, Any]] = {"Cancelled": {"cancel": True}, "TimeBudgetExceeded": {"time_budget_seconds": 1}}


@pytest.mark.parametrize("why", HALTS)
@pytest.mark.parametrize("end", ENDS)
def test_a_job_that_is_stopped_does_not_wait_for_its_held_task(end: str, why: str) -> None:
    """It is over, says what it may have cost, and what is found later is on the ledger; also once the job is gone."""
    lost = Lost("qpu")
    lost.live(lost.is_held)
    lost.change(**HALTS[why])
    lost.live(lost.is_over)
    assert lost.attempts() == [("qpu", "Cancelled", LEFT)]
    (complete,) = [one for one in lost.world.jobs[BELL].status.conditions if one.type == "Complete"]
    assert (complete.status, complete.reason) == ("False", why)
    assert "is held, and may have been paid for: at most 1.00 USD" in complete.message
    assert_reserved(lost)
    lost.find(end)
    if why == "Cancelled":
        lost.live(lost.is_settled)
    else:
        lost.world.delete(BELL)
        lost.live(lambda: not lost.world.tasks)
    assert_on_the_ledger(lost.world, lost.at)


def test_the_payload_of_a_job_stays_while_its_task_is_held() -> None:
    """What would remove the task is done once that is over and settled."""
    lost = Lost("qpu", retention={"payloadSeconds": 60})
    lost.live(lost.is_held)
    lost.change(cancel=True)
    lost.live(lost.is_over)
    lost.world.clock.advance(1000)
    assert asyncio.run(settle(lost.world, patience=1000))
    assert lost.world.jobs[BELL].status.payload_removed_time is None
    assert_reserved(lost)
    lost.find("in the queue")
    lost.live(lost.is_settled)
    assert asyncio.run(settle(lost.world, patience=1000))
    assert lost.world.jobs[BELL].status.payload_removed_time is not None
    assert lost.world.tasks == {}
    assert_on_the_ledger(lost.world, lost.at)


def test_a_task_that_was_left_and_is_gone_is_taken_to_have_cost_the_most() -> None:
    """Somebody removed it with its finalizer: nobody can say any more."""
    lost = Lost("qpu")
    lost.live(lost.is_held)
    lost.change(cancel=True)
    lost.live(lost.is_over)
    (key,) = lost.world.tasks
    lost.world.remove_task(key)
    lost.live(lost.is_settled)
    assert (lost.ledger.spent_micros, lost.ledger.totals[0].ceiling_micros) == (PRICE_MICROS, PRICE_MICROS)


def test_a_held_task_holds_its_job_where_nobody_stops_anything() -> None:
    """Though there is a simulator: its result may be there."""
    lost = Lost()
    lost.live(lost.is_held)
    rounds = iter(range(20))
    lost.live(lambda: next(rounds, None) is None)
    assert lost.attempts() == [("qpu", "Pending", "")]
