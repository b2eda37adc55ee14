"""What each task of a group does next: truth tables of the carrier, and of those that are carried."""

from dataclasses import replace
from typing import Any

import pytest

from quantum_operator.agent.boarding import ARRIVAL_SECONDS, BOARDING_SECONDS
from quantum_operator.agent.calls import Cancel, LookUp, Poll, Prepare, Submit
from quantum_operator.agent.decide import decide, heard
from quantum_operator.agent.observed import Load, TaskDecision, TaskObserved
from quantum_operator.api.quantumtask import QuantumTask
from quantum_operator.ports.adapter import (
    Absent,
    AdapterError,
    Capabilities,
    Charged,
    Progress,
    RejectedError,
    UnavailableError,
)
from unit.agent.test_agent_decide import NOW, at, claimed, submitted, task

Wire = dict[str, Any]
GROUP = {"name": "batch-1", "size": 3}
CAPABLE = Capabilities("Memory", "tag", 30, False, 10, 60, submit_seconds=60, combines=True)
CARRIED = {"shared": {"carrier": "a", "carrierUid": "uid-a"}}
CHARGE = {"micros": 8, "currency": "USD"}
END = {"state": "Succeeded", "reason": "Succeeded", "charge": CHARGE}


def one_of(
    name: str, status: Wire | None = None, *, age: float = 0.0, deleted: bool = False, **spec: Any
) -> QuantumTask:
    """A task of the group."""
    made = task(status, deleted=deleted, **{"group": GROUP, "token": f"qo-token-{name}", **spec})
    update = {"name": name, "uid": f"uid-{name}", "creation_timestamp": at(-age)}
    return made.model_copy(update={"metadata": made.metadata.model_copy(update=update)})


def members(*names: str) -> Wire:
    """The record of a carrier `a` of these."""
    each = [{"name": one, "uid": f"uid-{one}", "circuits": 1, "shots": 100, "ceilingMicros": 10} for one in names]
    return {"carrier": "a", "carrierUid": "uid-a", "token": "qo-shared-1", "members": each}


def look(
    one: QuantumTask,
    *company: QuantumTask,
    carrier: QuantumTask | None = None,
    ready: str = "abc",
    ready_for: float = 0.0,
) -> TaskObserved:
    """What is observed of a task, when those named by a letter are prepared, and itself has been for so long."""
    loads = {f"uid-{name}": Load(1, 100) for name in ready}
    found = TaskObserved(NOW, one, "me", CAPABLE, company=company, carrier=carrier, loads=loads)
    return replace(found, ready_for=ready_for)


def carrier_of(decision: TaskDecision) -> str | None:
    shared = decision.status.shared
    return None if shared is None else shared.carrier


def test_the_first_by_name_carries_the_others() -> None:
    """They have that on record first, and it waits for them."""
    a, b, c = one_of("a"), one_of("b"), one_of("c")
    assert carrier_of(decide(look(b, a, c))) == "a"
    assert carrier_of(decide(look(c, a, b))) == "a"
    waits = decide(look(a, b, c))
    assert (waits.status, waits.call) == (a.status, None)
    assert waits.look_again is not None


def test_who_rides_is_said_once_all_are_there() -> None:
    """Or nobody comes any more: the one that is created last may be the first by name, and then carries them all."""
    b, c = one_of("b"), one_of("c")
    waits = decide(look(c, b))
    assert (waits.status, waits.call) == (c.status, None)
    assert waits.look_again is not None
    assert carrier_of(decide(look(c, b, one_of("a")))) == "a"
    assert carrier_of(decide(look(_older(c, ARRIVAL_SECONDS), _older(b, ARRIVAL_SECONDS)))) == "b"


def test_it_is_submitted_once_all_are_aboard() -> None:
    """Claimed with all of them on record, in the order of their names, under a token that is nobody's."""
    a, b, c = one_of("a"), one_of("b", CARRIED), one_of("c", CARRIED)
    decision = decide(look(a, c, b))
    assert isinstance(decision.call, Submit)
    assert [one.metadata.name for one in decision.call.others] == ["b", "c"]
    shared = decision.status.shared
    assert shared is not None
    assert [one.name for one in shared.members] == ["a", "b", "c"]
    assert shared.token not in {one.spec.token for one in (a, b, c)}
    assert decision.status.claim is not None
    assert decision.status.submissions == 1


def test_nobody_is_waited_for_who_does_not_come() -> None:
    """One that was announced, for four seconds; one that is there and not prepared, for fifteen.

    These begin when the carrier is prepared: an agent that was away, or is slow to begin, leaves nobody behind.
    """
    b = one_of("b", CARRIED)
    assert decide(look(one_of("a"), b)).call is None
    assert isinstance(decide(look(one_of("a", age=ARRIVAL_SECONDS), _older(b, ARRIVAL_SECONDS))).call, Submit)
    old, slow = one_of("a", age=900), one_of("c", age=900)
    assert decide(look(old, b, slow, ready="ab", ready_for=BOARDING_SECONDS - 1)).call is None
    late = decide(look(old, b, slow, ready="ab", ready_for=BOARDING_SECONDS))
    assert isinstance(late.call, Submit)
    assert [one.metadata.name for one in late.call.others] == ["b"]


def test_one_that_is_aboard_is_waited_for_until_it_is_prepared() -> None:
    """After the agent has begun anew."""
    a, b = one_of("a", age=60), one_of("b", CARRIED, age=60)
    assert decide(look(a, b, ready="a")).call is None
    assert isinstance(decide(look(b, a, carrier=a, ready="a")).call, Prepare)


def test_who_is_alone_is_submitted_by_itself() -> None:
    """Under its own token, and for good: nobody can come along later, whatever becomes of it."""
    decision = decide(look(one_of("a", age=60)))
    assert isinstance(decision.call, Submit)
    assert decision.call.others == ()
    assert decision.status.shared is not None
    assert decision.status.shared.dissolved
    late = one_of("b", CARRIED)
    refused = heard(look(one_of("a", decision.status.to_wire()), late), Submit(NOW), UnavailableError("down"))
    waits = decide(look(one_of("a", refused.to_wire()), late))
    assert (waits.call, waits.status) == (None, refused)
    over = heard(look(one_of("a", submitted() | {"shared": ALONE}), late), Poll(), Progress("Failed"))
    assert over.state == "Failed"


@pytest.mark.parametrize(
    "other",
    [
        one_of("b", device="another"),
        one_of("b", queueSeconds=7),
        one_of("b", ceiling={"micros": 10, "currency": "EUR", "seconds": 60}),
        one_of("b", cancel=True),
        one_of("b", deleted=True),
        one_of("b", claimed()),
        one_of("b", {"submissions": 1}),
        one_of("b", {"shared": {"carrier": "x", "carrierUid": "uid-x", "dissolved": True}}),
    ],
)
def test_who_is_not_taken_along(other: QuantumTask) -> None:
    """Of another device or currency, unwanted, submitted already, or to be submitted alone."""
    a = one_of("a", age=60)
    decision = decide(look(a, _older(other, 60)))
    assert isinstance(decision.call, Submit)
    assert decision.call.others == ()


ALONE = {"carrier": "a", "carrierUid": "uid-a", "dissolved": True}
FOLLOWS: list[tuple[str, QuantumTask | None, str, str | None]] = [
    ("its carrier is not claimed yet", one_of("a"), "Pending", "a"),
    ("is submitted with it", one_of("a", claimed() | {"shared": members("a", "b")}), "Pending", "a"),
    ("is queued with it", one_of("a", submitted() | {"shared": members("a", "b")}), "Queued", "a"),
    ("runs with it", one_of("a", submitted("Running") | {"shared": members("a", "b")}), "Running", "a"),
    ("is held with it", one_of("a", submitted("Held") | {"shared": members("a", "b")}), "Held", "a"),
    ("was left behind", one_of("a", submitted() | {"shared": members("a", "c")}), "Pending", None),
    ("went by itself", one_of("a", submitted() | {"shared": ALONE}), "Pending", None),
    ("is cancelled before", one_of("a", {"state": "Cancelled"}), "Pending", None),
    ("is carried itself", one_of("a", {"shared": {"carrier": "0", "carrierUid": "uid-0"}}), "Pending", "a"),
    ("was carried", one_of("a", {"state": "Failed", "shared": {"carrier": "0", "carrierUid": "0"}}), "Pending", None),
    ("ended", one_of("a", submitted() | {"shared": members("a", "b") | {"end": END}}), "Succeeded", "a"),
    ("is gone", None, "Held", "a"),
    ("is a namesake", one_of("a").model_copy(update={"metadata": one_of("x").metadata}), "Held", "a"),
]


@pytest.mark.parametrize(
    ("carrier", "state", "on_record"), [row[1:] for row in FOLLOWS], ids=[row[0] for row in FOLLOWS]
)
def test_who_is_carried_follows(carrier: QuantumTask | None, state: str, on_record: str | None) -> None:
    """The record of its carrier, and is never submitted meanwhile."""
    decision = decide(look(one_of("b", CARRIED), carrier=carrier))
    assert decision.call is None
    assert decision.status.state == state
    assert carrier_of(decision) == on_record


def test_each_has_its_share_in_the_end() -> None:
    """By shots; the carrier is over after all others."""
    record = members("a", "b") | {"end": END}
    record["members"][1]["shots"] = 300
    a, b = one_of("a", submitted() | {"shared": record}), one_of("b", CARRIED)
    assert decide(look(a, b)).status == a.status
    ends = [decide(look(b, a, carrier=a)).status, decide(look(a)).status]
    assert [(one.state, one.charge.micros) for one in ends if one.charge] == [("Succeeded", 6), ("Succeeded", 2)]


@pytest.mark.parametrize("who", ["a", "b", "both"])
def test_it_is_cancelled_once_nobody_wants_it(who: str) -> None:
    """Before, it is asked after as ever."""
    a = one_of("a", submitted() | {"shared": members("a", "b")}, cancel=who in ("a", "both"))
    b = one_of("b", CARRIED, cancel=who in ("b", "both"))
    call = decide(look(a, b)).call
    assert isinstance(call, Cancel if who == "both" else Poll)
    assert call.others == (b,)


REFUSALS: list[tuple[AdapterError | Progress, bool]] = [
    (RejectedError("no"), True),
    (Progress("Failed", charged=Charged(0, "USD", 0)), True),
    (Progress("Failed", charged=Charged(8, "USD", 0)), True),
    (Progress("Failed"), False),
    (Progress("Cancelled", charged=Charged(0, "USD", 0)), False),
]


@pytest.mark.parametrize(("answer", "dissolved"), REFUSALS)
def test_what_fails_is_dissolved_where_what_it_cost_is_known(answer: AdapterError | Progress, dissolved: bool) -> None:
    """Then each is as if it never was submitted, but for its share."""
    sent = isinstance(answer, AdapterError)
    a = one_of("a", (claimed() if sent else submitted()) | {"shared": members("a", "b")})
    b = one_of("b", CARRIED)
    status = heard(look(a, b), Submit(NOW) if sent else Poll(), answer)
    assert status.shared is not None
    assert status.shared.dissolved is dissolved
    after = a.model_copy(update={"status": status})
    followed = decide(look(b, after, carrier=after)).status
    if not dissolved:
        assert followed.state == answer.state  # type: ignore[union-attr]
        return
    paid = 4 if isinstance(answer, Progress) and answer.charged and answer.charged.cost_micros else None
    for one in (status, followed):
        assert (one.state, one.provider_id, one.claim, one.submissions) == ("Pending", None, None, 0)
        assert one.shared is not None
        assert one.shared.paid == paid
    alone = decide(look(b.model_copy(update={"status": followed}))).call
    assert isinstance(alone, Submit)
    assert alone.others == ()


def test_a_submission_that_was_not_made_is_made_as_it_is_on_record() -> None:
    """Under the same token and with the same tasks; where one is gone, it is dissolved."""
    record = {"shared": members("a", "b")}
    absent = heard(look(one_of("a", claimed(-60) | record)), LookUp(), Absent())
    a, b = one_of("a", age=60), one_of("b", CARRIED, age=60)
    a = a.model_copy(update={"status": absent})
    again = decide(look(a, b, one_of("c", age=60)))
    assert isinstance(again.call, Submit)
    assert again.status.shared == absent.shared
    without = decide(look(a)).status.shared
    assert without is not None
    assert without.dissolved
    other = replace(look(a, b), loads={"uid-a": Load(1, 100), "uid-b": Load(2, 100)})
    changed = decide(other).status.shared
    assert changed is not None
    assert changed.dissolved


def test_a_carrier_that_nobody_wants_lets_the_others_go_first() -> None:
    """One that is cancelled before it is claimed: who is aboard finds another one."""
    a, b = one_of("a", cancel=True), one_of("b", CARRIED)
    left = a.model_copy(update={"status": decide(look(a, b)).status})
    assert left.status.state == "Pending"
    assert decide(look(left, b)).status == left.status
    assert decide(look(b, left, carrier=left)).status.shared is None
    assert decide(look(left)).status.state == "Cancelled"


def _older(one: QuantumTask, age: float) -> QuantumTask:
    return one.model_copy(update={"metadata": one.metadata.model_copy(update={"creation_timestamp": at(-age)})})
