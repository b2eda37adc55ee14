"""Breakers, fallbacks and the switch through the whole loop, with an operator that may die at any call."""

import asyncio
from typing import Any

import pytest

from quantum_operator.api.run import JobInput, RunSpec
from quantum_operator.ports.world import Key
from quantum_operator.testing.builders import backend, job, policy
from quantum_operator.testing.drive import Driver, settle
from quantum_operator.testing.faults import Fault
from quantum_operator.testing.provider import PRICE_MICROS, MemoryProvider
from quantum_operator.testing.world import MemoryWorld, succeed
from support.disturbed import calls_to_disturb
from unit.agent.paidworld import BELL, live, paid_world

FAULTS: tuple[Fault, ...] = ("crash-before", "crash-after", "conflict", "transient-after")
RULE = {"failurePercent": 50, "minimumAttempts": 3, "windowSeconds": 600, "openSeconds": 60, "probes": 1}


class Moody:
    """A world whose first simulator fails as it is told; the second one never does."""

    def __init__(self) -> None:
        self.fails = True
        self.world = MemoryWorld(script=self.script)
        self.world.add(backend("moody"), backend("good"), policy("moody", "good", breaker=RULE))

    def script(self, spec: RunSpec, job_input: JobInput) -> bytes | str:
        return "NotStarted" if spec.backend == "moody" and self.fails else succeed(spec, job_input)

    def live(self, *names: str, seconds: float = 30) -> list[str]:
        """Let these jobs be submitted, and a new operator work for so long; returns where each has its result."""
        self.world.add(*map(job, names))
        assert asyncio.run(settle(self.world, patience=seconds))
        return [str(self.world.jobs[Key("team", name)].status.backend) for name in names]

    @property
    def breaker(self) -> str:
        """The state of the first one's breaker, as the policy's status has it."""
        return next((one.state for one in self.world.policies["team", "default"].status.breakers), "none")

    @property
    def told(self) -> list[str]:
        """The reasons of the events on the policy."""
        return [event.reason for key, event in self.world.events if key.name == "default"]


def test_a_breaker_goes_through_its_life_over_operators_that_die() -> None:
    """It opens, nothing goes there, it is probed and opens again; once the backend works it is closed."""
    moody = Moody()
    assert moody.live("a", "b", "c") == ["good"] * 3
    assert moody.breaker == "Open"
    started = len(moody.world.started)
    assert moody.live("d") == ["good"]
    assert len(moody.world.started) == started + 1
    moody.world.clock.advance(60)
    assert moody.live("e") == ["good"]
    assert moody.breaker == "Open"
    assert len(moody.world.started) == started + 3
    moody.fails = False
    moody.world.clock.advance(60)
    assert moody.live("f", "g") == ["moody", "good"]
    assert moody.breaker == "Closed"
    assert moody.live("h", "i") == ["moody"] * 2
    assert moody.told == ["BreakerOpened", "BreakerProbing", "BreakerOpened", "BreakerProbing", "BreakerClosed"]
    conditions = {one.type: one.reason for one in moody.world.policies["team", "default"].status.conditions}
    assert conditions == {"Ready": "Ready", "BreakersClosed": "BreakersClosed"}


def test_a_policy_is_written_when_a_breaker_turns_and_not_for_each_job() -> None:
    """Twenty jobs after it is open: nothing is written."""
    moody = Moody()
    moody.live("a", "b", "c")
    before = moody.world.policies["team", "default"].metadata.resource_version
    moody.live(*(f"job-{n}" for n in range(20)), seconds=20)
    assert moody.world.policies["team", "default"].metadata.resource_version == before


def test_a_breaker_of_another_policy_is_another() -> None:
    """The jobs of each policy are their own evidence."""
    moody = Moody()
    moody.world.add(policy("moody", "good", name="other", breaker=RULE))
    moody.live("a", "b", "c")
    assert moody.world.policies["team", "other"].status.breakers == ()


def falling_world(**chain: Any) -> MemoryWorld:
    """A job whose backend is too small for it, and a policy with this link."""
    world = MemoryWorld(script=lambda spec, given: "OOMKilled" if spec.backend == "small" else succeed(spec, given))
    world.add(backend("small"), backend("large"), policy("small", fallback=[{"causes": ["Infrastructure"], **chain}]))
    return world


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("to", ["Simulator", "CachedResult"])
def test_a_fallback_ends_the_same_whichever_call_fails(to: str, fault: Fault, faults: str) -> None:
    """With one run an attempt, and the result of the simulator or of the earlier job."""

    def lived(n: int) -> tuple[MemoryWorld, dict[str, Any]]:
        chain = {"to": to} | ({"backends": [{"name": "large"}]} if to == "Simulator" else {})
        world = falling_world(**chain)
        world.add(policy("large", name="first"), job("earlier"))
        world.add(policy("large", fallback=[{"causes": ["Infrastructure"], **chain}]))
        assert asyncio.run(settle(world))
        world.add(policy("small", fallback=[{"causes": ["Infrastructure"], **chain}]), job("bell"))
        before = len(world.faults.calls)
        if n:
            world.fail_at(before + n, fault)
        while not asyncio.run(settle(world)):
            pass
        status = world.jobs[BELL].status
        assert status.result is not None
        assert status.plan is not None
        attempts = [(one.backend, one.state) for one in status.plan.steps[-1].attempts]
        end = {
            "fallback": status.result.fallback,
            "attempts": attempts,
            "conditions": [(one.type, one.status, one.reason) for one in status.conditions],
            "of": status.result_of.name if status.result_of is not None else "",
            "calls": len(world.faults.calls) - before,
        }
        assert len(set(world.started)) == len(world.started)
        return world, end

    _, expected = lived(0)
    assert expected["fallback"].kind == to
    assert expected["of"] == ("earlier" if to == "CachedResult" else "")
    for n in calls_to_disturb(expected.pop("calls"), faults, fault, turn=len(to)):
        _, end = lived(n)
        end.pop("calls")
        assert end == expected, n


def switched(world: MemoryWorld, **spec: Any) -> None:
    """Turn the QPUs of the policy off."""
    known = world.policies["team", "default"]
    off = policy("qpu", "simulator", quantumEnabled=False, **spec)
    metadata = known.metadata.model_copy(update={"generation": 2})
    world.add(off.model_copy(update={"metadata": metadata, "status": known.status}))


@pytest.mark.parametrize("how", ["Drain", "Cancel"])
@pytest.mark.parametrize("begun", [False, True])
def test_the_switch_ends_what_is_in_flight_and_the_job_completes(how: str, begun: bool) -> None:
    """What the provider has is drained or cancelled; what it has not never comes to it."""
    world, at = paid_world(), MemoryProvider()
    world.add(backend("simulator"), policy("qpu", "simulator"))
    at.waiting = {"memory-1"}
    if begun:
        asyncio.run(live(world, at, until=lambda: bool(at.tasks)))
    else:
        asyncio.run(_until_a_task(world))
    switched(world, onDisabled=how)
    submitted = len(at.tasks)
    if how == "Drain":
        at.waiting = set()

    def work() -> bool:
        world.advance_runs()
        return False

    asyncio.run(live(world, at, until=work))
    status = world.jobs[BELL].status
    assert status.phase == "Succeeded", status.conditions
    assert len(at.tasks) == submitted == begun
    drained = begun and how == "Drain"
    assert status.backend == ("qpu" if drained else "simulator")
    assert (status.result is not None and status.result.fallback is not None) == (not drained)
    assert at.charged == (PRICE_MICROS if drained else 0)
    word = next(one for one in world.policies["team", "default"].status.conditions if one.type == "QuantumEnabled")
    assert (word.status, word.reason) == ("False", "QuantumDisabled")


async def _until_a_task(world: MemoryWorld) -> None:
    """Let the operator work until a task is there, which no agent has seen."""
    async with Driver(world) as driver:
        await driver.idle()
    assert [task.status.state for task in world.tasks.values()] == ["Pending"]
