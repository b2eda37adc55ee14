"""Tasks that are submitted together, when one of them is in trouble: it is nobody else's, and nobody waits for it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from quantum_operator.agent import portions
from quantum_operator.agent.calls import CompilerError, Poll, Prepare, Submit
from quantum_operator.agent.decide import decide, heard
from quantum_operator.agent.observed import Load
from quantum_operator.api.quantumtask import QuantumTask, TaskResolution
from quantum_operator.ports.adapter import AmbiguousError, Device, SaturatedError
from quantum_operator.testing import builders
from quantum_operator.testing.tasks import MemoryTaskStore
from unit.agent import paidworld
from unit.agent.paidworld import NoCompiler, assert_on_the_ledger
from unit.agent.test_agent_decide import submitted
from unit.agent.test_boarding import CAPABLE, CARRIED, CHARGE, look, members, one_of
from unit.agent.test_together import (
    SHOTS,
    asked,
    assert_each_ran_once,
    cancel_job,
    company,
    costs,
    phases,
    provider,
    run,
    task_of,
)

PENDING = {"shared": members("a", "b"), "refusals": 1}


@pytest.mark.parametrize("who", ["a", "b"])
def test_who_is_cancelled_before_a_submission_is_taken_is_not_submitted(who: str) -> None:
    """Also where it was claimed, and refused for the moment: what was not submitted never will be."""
    a, b = one_of("a", PENDING, cancel=who == "a"), one_of("b", CARRIED, cancel=who == "b")
    decision = decide(look(a, b))
    assert decision.call is None
    assert decision.status.shared is not None
    assert decision.status.shared.dissolved


@pytest.mark.parametrize("name", sorted(SHOTS))
def test_a_job_cancelled_while_the_provider_is_busy_costs_nothing(name: str) -> None:
    """The others are submitted without it."""
    world, provided = company(), provider()
    provided.failing["submit"] = [(SaturatedError("wait", retry_after=30), False)]

    def cancel() -> bool:
        if "submit" in provided.calls and not provided.tasks:
            cancel_job(world, name)
        return False

    run(world, provided, cancel)
    assert name not in {one for one, cost in costs(world).items() if cost}
    executed = [shots for one in provided.tasks for shots in one.shots]
    assert sorted(executed) == sorted(shots for one, shots in SHOTS.items() if one != name)
    assert_on_the_ledger(world, provided)


def test_an_adapter_that_does_not_combine_any_more() -> None:
    """What is on record as to be submitted together is submitted one by one."""
    a, b = one_of("a", PENDING), one_of("b", CARRIED)
    decision = decide(replace(look(a, b), capabilities=replace(CAPABLE, combines=False)))
    assert decision.call is None
    assert decision.status.shared is not None
    assert decision.status.shared.dissolved


def test_who_waits_for_one_that_can_not_carry_any_more_is_released() -> None:
    """The adapter does not combine any more: whoever is aboard already goes by itself."""
    capable = replace(CAPABLE, combines=False)
    a, b = one_of("a", age=60), one_of("b", CARRIED, age=60)
    claim = decide(replace(look(a, b), capabilities=capable))
    assert isinstance(claim.call, Submit)
    a = a.model_copy(update={"status": claim.status})
    released = decide(replace(look(b, a, carrier=a), capabilities=capable))
    assert released.status.shared is None


def test_who_waits_for_one_that_is_under_way_with_another_is_released() -> None:
    """What carries it was carried itself, and can't be claimed for it any more."""
    ride = {"shared": {"carrier": "0", "carrierUid": "uid-0"}}
    b = one_of("b", CARRIED)
    for state in ("Queued", "Running", "Held"):
        under_way = one_of("a", submitted(state) | ride | {"claim": None, "submissions": 0})
        assert decide(look(b, under_way, carrier=under_way)).status.shared is None
    waits = one_of("a", ride)
    assert decide(look(b, waits, carrier=waits)).status.shared is not None


def test_who_waits_for_one_that_does_not_compile_is_released() -> None:
    """It may take long until it does, and the others are prepared."""
    a, b = one_of("a"), one_of("b", CARRIED)
    refused = heard(look(a, b, ready="b"), Prepare(), CompilerError("it ended"))
    assert refused.refusals == 1
    assert refused.not_before is not None
    a = a.model_copy(update={"status": refused})
    assert decide(look(b, a, carrier=a, ready="b")).status.shared != b.status.shared


def test_what_is_said_of_a_submission_is_not_said_of_the_next() -> None:
    """A person resolved each of those that were held together; one that is held alone later is to be looked at anew."""
    told = TaskResolution(never_submitted=True, by="ann", why="looked", time="2026-01-01T00:00:00Z")
    a = one_of("a", {"shared": members("a", "b") | {"dissolved": True}})
    b = one_of("b", CARRIED | {"state": "Held"}, resolution=told.to_wire())
    b = b.model_copy(update={"status": decide(look(b, a, carrier=a)).status})
    held = b.model_copy(update={"status": b.status.model_copy(update={"state": "Held", "submissions": 1})})
    assert decide(look(held)).status.state == "Held"


def test_a_carrier_that_is_too_large_goes_without_others() -> None:
    """And nobody is submitted without being on record."""
    a, b, c = one_of("a", age=60), one_of("b", CARRIED), one_of("c", CARRIED)
    many = {"uid-a": Load(9, 900), "uid-b": Load(1, 100), "uid-c": Load(1, 100)}
    decision = decide(replace(look(a, b, c), capabilities=replace(CAPABLE, max_circuits=4), loads=many))
    assert decision.call is None
    assert decision.status.shared is not None
    assert decision.status.shared.dissolved


class OneCrashes(NoCompiler):
    """Its child is killed by the program of one job whenever that is assembled."""

    def assemble(
        self, task: QuantumTask, device: Device, counts: Sequence[Mapping[str, int]], versions: Mapping[str, str]
    ) -> bytes:
        if "CRASH" in task.spec.input:
            raise CompilerError("the compiler does not answer: it was killed")
        return super().assemble(task, device, counts, versions)


def test_results_that_can_not_be_read_are_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose outcome can't be made fails in the end; the others have theirs, and each bears its share."""
    monkeypatch.setattr(paidworld, "NoCompiler", OneCrashes)
    monkeypatch.setattr(portions, "MAX_UNASSEMBLED", 3)
    crash = asked("crash", 50, programs=[{"name": "bell", "qasm3": f"{builders.BELL}\n// CRASH"}])
    world, provided = company(crash), provider()
    run(world, provided)
    assert phases(world) == dict.fromkeys(SHOTS, "Succeeded") | {"crash": "Failed"}
    assert len(provided.tasks) == 1
    assert sum(costs(world).values()) == provided.charged
    assert task_of(world, "crash").status.reason == "ResultUnreadable"
    assert_on_the_ledger(world, provided)


def test_a_duplicate_of_what_was_dissolved_is_found() -> None:
    """The provider had nothing of it when it was asked, and had taken it: cancelled and told, as any duplicate is."""
    world, provided = company(), provider()
    provided.failing["submit"] = [(AmbiguousError("reset"), True), (SaturatedError("wait", retry_after=20), False)]
    provided.hidden = True

    def cancel() -> bool:
        if provided.calls.count("submit") > 1:
            cancel_job(world, "b")
        provided.hidden = len(provided.tasks) < 2
        return False

    run(world, provided, cancel)
    assert [one.shots for one in provided.tasks] == [tuple(SHOTS.values()), (SHOTS["a"],), (SHOTS["c"],)]
    assert task_of(world, "a").status.duplicates == (provided.tasks[0].id,)


def test_who_is_on_its_record_is_carried_also_where_that_is_not_seen() -> None:
    """Another agent had that written a moment ago, and this one's cache lags behind."""
    a, b = one_of("a", submitted() | {"shared": members("a", "b")}), one_of("b")
    call = decide(look(a, b)).call
    assert isinstance(call, Poll)
    assert call.others == (b,)
    record = members("a", "b") | {"end": {"state": "Succeeded", "reason": "Succeeded", "charge": CHARGE}}
    ended = one_of("a", submitted() | {"shared": record})
    assert decide(look(ended, b)).status == ended.status


def test_who_is_submitted_with_others_has_its_results_also_where_an_agent_has_not_seen_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The silence of a cache is no evidence that a task is gone."""
    world, provided = company(), provider()
    seen = MemoryTaskStore.company
    monkeypatch.setattr(MemoryTaskStore, "company", lambda self, task: () if provided.tasks else seen(self, task))
    run(world, provided)
    assert_each_ran_once(world, provided)
    assert len(provided.tasks) == 1
