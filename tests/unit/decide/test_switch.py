"""The switch: what of a policy's tasks is cancelled, when nothing is submitted any more, and what its status says."""

from dataclasses import replace
from typing import Any

import pytest

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.policy import BackendPolicy, BackendPolicyStatus
from quantum_operator.api.quantumtask import QuantumTask
from quantum_operator.decide.halt import STOPPING_SECONDS
from quantum_operator.decide.health import policy_status
from quantum_operator.decide.held import LEFT, leads_to_nothing_paid, resolved
from quantum_operator.decide.job import decide
from quantum_operator.decide.observed import Charge, Observed, RunObserved, StartTask, StopTask
from quantum_operator.decide.resilience import Standing, Verdicts, judged, needs_endings, needs_flights
from quantum_operator.decide.status import find_condition, is_terminal, latest_attempt, live_attempt, with_attempt
from quantum_operator.decide.switch import LOOK_SECONDS, Flight, is_to_go, may_be_submitted
from quantum_operator.decide.tasks import seen
from quantum_operator.testing import builders
from unit.decide.fates import Fate, born, devices, live
from unit.decide.observations import NOW

CLAIM = {"claim": {"agent": "a", "deadline": "2026-01-01T00:00:00Z"}, "submissions": 1}
KNOWN = {**CLAIM, "providerId": "id"}


def task(status: dict[str, Any], cancel: bool = False) -> QuantumTask:
    spec = {
        "job": {"namespace": "team", "name": "bell", "uid": "u"},
        "backend": "qpu",
        "device": "d",
        "input": "{}",
        "inputSha256": "0" * 64,
        "seed": 0,
        "token": "token-of-a-task",
        "ceiling": {"micros": 1, "currency": "USD", "seconds": 60},
        "cancel": cancel,
    }
    metadata = {"name": "t", "namespace": "agents", "uid": "t"}
    return QuantumTask.model_validate({"metadata": metadata, "spec": spec, "status": status})


def flight(one: QuantumTask | None) -> Flight:
    return Flight("team", "bell", "qpu", NOW, True, one)


def policy(**spec: Any) -> BackendPolicy:
    return builders.policy("qpu", **({"quantumEnabled": False} | spec))


# A task's status, whether it is cancelled; whether it may be submitted; whether Drain and Cancel have it cancelled.
TABLE = [
    (None, False, True, True, True),
    ({}, False, True, True, True),
    ({}, True, False, False, False),
    ({"state": "Opening", **CLAIM}, False, True, True, True),
    ({"state": "Opening", **CLAIM}, True, True, False, False),
    ({"state": "Submitting", **CLAIM}, False, True, True, True),
    ({"state": "Submitting", **CLAIM}, True, True, False, False),
    ({"state": "Held", **CLAIM}, False, True, True, True),
    ({"state": "Held", **CLAIM}, True, False, False, False),
    ({"state": "Held", **KNOWN}, False, False, True, True),
    ({"state": "Held", **KNOWN}, True, False, False, False),
    ({"state": "Queued", **KNOWN}, False, False, False, True),
    ({"state": "Queued", **KNOWN}, True, False, False, False),
    ({"state": "Running", **KNOWN}, False, False, False, True),
    ({"state": "Closing", **KNOWN}, False, False, False, True),
    ({"state": "Succeeded", **KNOWN}, False, False, False, False),
    ({"state": "Failed"}, False, False, False, False),
    ({"state": "Cancelled"}, True, False, False, False),
]


@pytest.mark.parametrize(("status", "cancel", "may", "drained", "cancelled"), TABLE)
def test_what_becomes_of_a_task(
    status: dict[str, Any] | None, cancel: bool, may: bool, drained: bool, cancelled: bool
) -> None:
    """It may reach its provider unless that has it, or it is cancelled and nobody has claimed it."""
    one = flight(None if status is None else task(status, cancel))
    assert may_be_submitted(one) == may
    assert is_to_go(policy().spec, one) == drained
    assert is_to_go(policy(onDisabled="Cancel").spec, one) == cancelled
    assert not is_to_go(policy(quantumEnabled=True).spec, one)


def in_flight(run: RunObserved | None, **rules: Any) -> Observed:
    """A job with a live attempt on a device, whose run is this, under a policy that is off."""
    life = born(devices("qpu"), lambda _: Fate())
    live(life, until=lambda: live_attempt(life.job.status) is not None)
    return replace(life.observed, run=run, policy=policy(**rules), backend=life.backends[0])


def test_a_task_that_is_not_there_is_created_cancelled() -> None:
    """So that nobody who still wants to can create it."""
    decision = decide(in_flight(None))
    (action,) = decision.after
    assert isinstance(action, StartTask)
    assert action.cancel
    assert decision.look_again == STOPPING_SECONDS


@pytest.mark.parametrize(
    ("status", "how", "stopped"),
    [
        ({}, "Drain", True),
        ({"state": "Submitting", **CLAIM}, "Drain", True),
        ({"state": "Queued", **KNOWN}, "Drain", False),
        ({"state": "Queued", **KNOWN}, "Cancel", True),
        ({"state": "Running", **KNOWN}, "Cancel", True),
        ({"state": "Held", **KNOWN}, "Drain", True),
        ({"state": "Held", "reason": "ResultHeld", **KNOWN}, "Drain", False),
        ({"state": "Held", "reason": "ResultHeld", **KNOWN}, "Cancel", True),
    ],
)
def test_a_task_is_cancelled_as_the_policy_says(status: dict[str, Any], how: str, stopped: bool) -> None:
    """What its provider has is left to end by Drain."""
    actions = decide(in_flight(seen(task(status), None, ""), onDisabled=how)).after
    assert [isinstance(one, StopTask) for one in actions if not hasattr(one, "message")] == [True] * stopped


FREE, PAID, QPU = builders.backend("s"), builders.backend("s", price={"perRunMicros": 1}), devices("s")[0]


@pytest.mark.parametrize(
    ("simulator", "order", "chain", "leads"),
    [
        (FREE, ("qpu", "s"), {}, True),
        (PAID, ("qpu", "s"), {}, False),
        (QPU, ("qpu", "s"), {}, False),
        (FREE, ("qpu",), {}, False),
        (FREE, ("qpu",), {"causes": ["QuantumDisabled"], "to": "Simulator", "backends": [{"name": "s"}]}, True),
        (FREE, ("qpu",), {"causes": ["Lost"], "to": "Simulator", "backends": [{"name": "s"}]}, False),
        (FREE, ("qpu",), {"causes": ["QuantumDisabled"], "to": "CachedResult"}, True),
    ],
)
def test_what_leads_to_something_that_costs_nothing(
    simulator: QuantumBackend, order: tuple[str, ...], chain: dict[str, Any], leads: bool
) -> None:
    """A simulator without a price that the policy or its chain for that names, or a cached result."""
    spec = builders.policy(*order, fallback=[chain] if chain else []).spec
    assert leads_to_nothing_paid(spec, [*devices("qpu"), simulator]) == leads
    if order == ("qpu", "s"):
        labeled = simulator.model_copy(update={"metadata": builders.backend("s", labels={"kind": "s"}).metadata})
        chosen = builders.policy(backends=[{"selector": {"matchLabels": {"kind": "s"}}}]).spec
        assert leads_to_nothing_paid(chosen, [*devices("qpu"), labeled]) == leads


@pytest.mark.parametrize("how", ["Drain", "Cancel"])
def test_a_result_that_is_there_counts(how: str) -> None:
    """What was computed is not thrown away, and a task that is being cancelled is not cancelled again."""
    over = RunObserved("t", "t", "Finished", outcome=b"{}")
    assert not any(isinstance(one, StopTask) for one in decide(in_flight(over, onDisabled=how)).after)
    going = seen(task({"state": "Queued", **KNOWN}, cancel=True), None, "")
    assert not any(isinstance(one, StopTask) for one in decide(in_flight(going, onDisabled=how)).after)


def test_what_a_task_left_that_was_held_and_nobody_can_read_is_no_end() -> None:
    """Its job goes on as it did, and has what the task cost on record."""
    run = RunObserved("t", "t", "Finished", outcome=b"{}", charge=Charge(1, "USD"))
    before = in_flight(run)
    attempt = live_attempt(before.job.status)
    assert attempt is not None
    left = attempt.model_copy(update={"state": "Returned", "reason": LEFT, "cost": 1_000_000})
    status = with_attempt(before.job.status, left)
    decision = resolved(replace(before, job=before.job.model_copy(update={"status": status})))
    assert decision is not None
    last = latest_attempt(decision.status)
    assert last is not None
    assert (last.state, last.reason, last.cost) == ("Returned", "TaskWithdrawn", 1)
    assert not is_terminal(decision.status)


@pytest.mark.parametrize(("cancel", "word"), [(True, "Withdrawn"), (False, "Cancelled")])
def test_who_cancelled_a_task_is_told_apart(cancel: bool, word: str) -> None:
    """What the operator withdrew is followed by another attempt; what somebody else did is not."""
    assert seen(task({"state": "Cancelled", "reason": "Cancelled"}, cancel), None, "").failure == word


def verdicts_of(one: BackendPolicy, *flights: Flight) -> Verdicts:
    backends = devices("qpu")
    return judged(one, policy_status(one, backends, NOW), backends, Standing(flights=flights), NOW)


def test_the_condition_says_from_when_on_nothing_is_submitted() -> None:
    """Not while a task may still be; then it is False, and an event tells of it."""
    one = policy()
    assert needs_flights(one)
    assert not needs_endings(one)
    pending = verdicts_of(one, flight(task({})), flight(task({"state": "Queued", **KNOWN})))
    assert word(pending.status) == ("True", "QuantumDisabling")
    assert [found.task for found in pending.to_go] == [task({})]
    assert pending.look_again == LOOK_SECONDS
    assert pending.events == ()
    done = verdicts_of(one.model_copy(update={"status": pending.status}), flight(task({"state": "Queued", **KNOWN})))
    assert word(done.status) == ("False", "QuantumDisabled")
    assert (done.to_go, done.look_again) == ((), None)
    assert [event.reason for event in done.events] == ["QuantumDisabled"]
    on = policy(quantumEnabled=True).model_copy(update={"status": done.status})
    assert word(verdicts_of(on).status) == ("True", "QuantumEnabled")
    assert [event.reason for event in verdicts_of(on).events] == ["QuantumEnabled"]


def test_a_policy_that_was_never_off_says_nothing_of_it() -> None:
    """Nor of breakers that it has not."""
    found = verdicts_of(policy(quantumEnabled=True))
    assert [one.type for one in found.status.conditions] == ["Ready"]
    assert (found.events, found.look_again) == ((), None)


def test_other_backends_are_left_alone() -> None:
    """A simulator's run is no flight, nor is a task of a provider's simulator."""
    one = policy()
    provider = {"agent": "agents", "device": "d", "kind": "Simulator"}
    managed = builders.backend("qpu", adapter="memory", provider=provider, price={})
    found = judged(one, policy_status(one, (managed,), NOW), (managed,), Standing(flights=(flight(task({})),)), NOW)
    assert word(found.status) == ("False", "QuantumDisabled")
    assert found.to_go == ()


def word(status: BackendPolicyStatus) -> tuple[str, str]:
    """The condition of the switch."""
    found = find_condition(status.conditions, ConditionType.QUANTUM_ENABLED)
    return (found.status, found.reason) if found is not None else ("", "")
