"""The money of a round: every objection, what the round reserves, and that it is never more than there is."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.budget import JobBudget
from quantum_operator.api.conditions import CANDIDATE_REASONS, REASONS
from quantum_operator.api.figures import Demand, JobFigures
from quantum_operator.api.ledger import MOST_RESERVATIONS, QuantumLedgerStatus
from quantum_operator.api.quantumtask import TaskJob
from quantum_operator.decide.assign import Head, Snapshot, assign
from quantum_operator.decide.figures import Request
from quantum_operator.decide.ledger import EMPTY, Settlement, reserve, settle
from quantum_operator.decide.observed import Assignment
from quantum_operator.decide.purse import Account, same_word
from quantum_operator.testing.builders import backend, policy
from support.ledgerscontract import reservation, total

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DEMAND = Demand(qubits=2, shots=100, executed_shots=100)
QPU: dict[str, Any] = {"adapter": "ibm", "provider": {"agent": "ibm", "device": "qpu"}}
CEILING = 100
"""What 100 shots cost where a shot costs one."""


def qpu(name: str = "qpu", **spec: Any) -> QuantumBackend:
    """A provider's device, whose shots cost a micro-unit each."""
    return backend(name, **{**QPU, "price": {"perShotMicros": 1}, **spec})


@dataclass(frozen=True)
class Payer:
    """A job's first attempt, and what the choice of a backend depends on of the job."""

    name: str
    policy: str
    asks: JobFigures

    @property
    def account(self) -> Account:
        job = TaskJob(namespace="team", name=self.name, uid=f"uid-of-{self.name}-1")
        return Account(f"{self.name}-1", job, self.policy)


def payer(name: str = "bell", policy: str = "default", **asks: Any) -> Payer:
    """A job of team ml, unless said otherwise."""
    return Payer(name, policy, JobFigures(**{"team": "ml", **asks}))


def objection(of: QuantumBackend, ledger: QuantumLedgerStatus, who: Payer, demand: Demand, **spec: Any) -> str | None:
    """Why the job can't go to the backend under a policy of this spec, in one word."""
    snapshot = Snapshot(heads(who, demand=demand, **spec), (of,), {}, NOW, {"USD": ledger})
    (word,) = assign(snapshot)
    (candidate,) = word.candidates
    assert candidate.reason in CANDIDATE_REASONS
    assert (candidate.reason == "Chosen") == (word.verdict == "Assigned")
    return None if candidate.reason == "Chosen" else candidate.reason


def capped(limit: int, **spec: Any) -> dict[str, Any]:
    """A policy's spec with one budget."""
    return {"budgets": [{"name": "all", "limitMicros": limit, **spec}]}


FULL = reserve(EMPTY, [reservation(f"full-{number}", 0) for number in range(MOST_RESERVATIONS)])
SPENT = EMPTY.model_copy(update={"totals": (total(60),)})
OWN = reserve(EMPTY, [reservation("bell-1", 70).model_copy(update={"job": payer().account.job})])


@pytest.mark.parametrize(
    ("of", "ledger", "who", "spec", "reason"),
    [
        (qpu(), EMPTY, payer(), {}, None),
        (backend(), FULL, payer(), capped(0), None),
        (backend(price={}), FULL, payer(), capped(0), None),
        (qpu(price=None), EMPTY, payer(), {}, "NoPrice"),
        (qpu(), EMPTY, payer(), capped(CEILING), None),
        (qpu(), EMPTY, payer(), capped(CEILING - 1), "OverBudget"),
        (qpu(), SPENT, payer(), capped(CEILING + 60), None),
        (qpu(), SPENT, payer(), capped(CEILING + 59), "OverBudget"),
        (qpu(), SPENT, payer(), capped(CEILING, kind="Simulator"), None),
        (qpu(), SPENT, payer(policy="other"), capped(CEILING), None),
        (qpu(), OWN, payer(), capped(CEILING), None),
        (qpu(), OWN, payer("other"), capped(CEILING), "OverBudget"),
        (qpu(), EMPTY, payer(), capped(CEILING, team="ml"), None),
        (qpu(), EMPTY, payer(team="qa"), capped(CEILING, team="ml"), "NoTeamBudget"),
        (qpu(), EMPTY, payer(team=""), capped(CEILING, team="ml"), "NoTeamBudget"),
        (qpu(), EMPTY, payer(), capped(CEILING, currency="EUR"), "OtherCurrency"),
        (qpu(), EMPTY, payer(budget=JobBudget(max_micros=CEILING)), {}, None),
        (qpu(), EMPTY, payer(budget=JobBudget(max_micros=CEILING - 1)), {}, "OverJobBudget"),
        (qpu(), EMPTY, payer(budget=JobBudget(max_micros=CEILING), spent_micros=1), {}, "OverJobBudget"),
        (qpu(), EMPTY, payer(budget=JobBudget(max_micros=CEILING, currency="EUR")), {}, "OverJobBudget"),
        (qpu(budget={"limitMicros": CEILING}), EMPTY, payer(), {}, None),
        (qpu(budget={"limitMicros": CEILING - 1}), EMPTY, payer(), {}, "OverBudget"),
        (qpu(budget={"limitMicros": CEILING}), SPENT, payer(policy="other"), {}, "OverBudget"),
        (qpu(), FULL, payer(), {}, "LedgerFull"),
        (qpu(price={"perShotMicros": 1, "currency": "EUR"}), EMPTY, payer(), {}, "NoLedger"),
        (backend(price={"perSecondMicros": 1}), EMPTY, payer(), capped(600), None),
        (backend(price={"perSecondMicros": 1}), EMPTY, payer(seconds=601), capped(600), "OverBudget"),
        (backend(price={"perMinuteMicros": 60}), EMPTY, payer(seconds=601), capped(659), "OverBudget"),
        (qpu(price={"perShotMicros": 1, "minimumMicros": 500}), EMPTY, payer(), capped(499), "OverBudget"),
    ],
)
def test_every_objection(
    of: QuantumBackend, ledger: QuantumLedgerStatus, who: Payer, spec: dict[str, Any], reason: str | None
) -> None:
    """What fits to the last micro-unit is paid; what does not is refused for the first reason that there is."""
    assert objection(of, ledger, who, DEMAND, **spec) == reason


def test_shots_that_nobody_can_count_have_no_ceiling() -> None:
    """Where they are paid for, on a device or on a simulator."""
    unknown = Demand(qubits=2, shots=0, executed_shots=0)
    for one in (qpu(), backend(price={"perShotMicros": 1})):
        assert objection(one, EMPTY, payer(), unknown) == "NoCeiling"


@pytest.mark.parametrize(
    ("spec", "who", "verdict", "reason"),
    [
        ({"onExceeded": "Wait", **capped(1)}, payer(), "Waiting", "BudgetExhausted"),
        ({"onExceeded": "Fail", **capped(1)}, payer(), "Impossible", "BudgetExceeded"),
        ({"onExceeded": "Wait", **capped(1, team="qa")}, payer(), "Waiting", "BudgetExhausted"),
        ({"onExceeded": "Wait"}, payer(budget=JobBudget(max_micros=1)), "Impossible", "BudgetExceeded"),
    ],
)
def test_the_policy_says_what_a_job_does_that_fits_no_budget(
    spec: dict[str, Any], who: Payer, verdict: str, reason: str
) -> None:
    """But for its own cap, which no waiting changes."""
    word = one_round((qpu(),), who, **spec)
    assert (word.verdict, word.reason) == (verdict, reason)
    assert reason in REASONS
    assert "may " in word.message or "budgets are of teams" in word.message


def heads(*payers: Payer, demand: Demand = DEMAND, **spec: Any) -> tuple[Head, ...]:
    """Jobs that wait, in this order."""
    given = policy("qpu", "second", "third", "simulator", **spec).spec
    return tuple(
        Head(
            one.account.job.uid,
            f"{number:04}",
            0,
            one.policy,
            given,
            Request(demand, "team", {}, {}, one.asks),
            account=one.account,
        )
        for number, one in enumerate(payers)
    )


def one_round(backends: tuple[QuantumBackend, ...], who: Payer, **spec: Any) -> Assignment:
    """The word on one job."""
    (word,) = assign(Snapshot(heads(who, **spec), backends, {}, NOW, {"USD": EMPTY}))
    return word


def test_a_round_reserves_for_as_many_as_there_is_money() -> None:
    """The first in line come first; each reservation says all that it is of."""
    payers = [payer(f"job{number}") for number in range(5)]
    words = assign(Snapshot(heads(*payers, **capped(250)), (qpu(),), {}, NOW, {"USD": EMPTY}))
    assert [one.verdict for one in words] == ["Assigned"] * 2 + ["Waiting"] * 3
    booking = words[0].booking
    assert booking is not None
    assert (booking.ledger, booking.ceiling) == ("usd-2026-11", CEILING)
    assert booking.reservation == reservation("job0-1", CEILING).model_copy(update={"job": payers[0].account.job})


def test_what_a_former_operator_reserved_counts_once() -> None:
    """The job has its money, and no other one has it."""
    word, other = assign(Snapshot(heads(payer(), payer("other"), **capped(100)), (qpu(),), {}, NOW, {"USD": OWN}))
    assert (word.verdict, other.verdict) == ("Assigned", "Waiting")
    assert word.booking is not None
    assert reserve(OWN, [word.booking.reservation]).reserved_micros == CEILING


@pytest.mark.parametrize(
    ("prices", "limit", "chosen"),
    [
        ((5, 3, 1), 500, "qpu"),
        ((5, 3, 1), 499, "second"),
        ((5, 3, 1), 299, "third"),
        ((5, 3, 1), 99, ""),
        ((3, 5, 1), 299, "third"),
        ((1, 5, 3), 99, ""),
    ],
)
def test_the_next_candidate_is_a_cheaper_one(prices: tuple[int, ...], limit: int, chosen: str) -> None:
    """Never one that costs more than what there was no budget for."""
    names = ("qpu", "second", "third")
    backends = tuple(qpu(name, price={"perShotMicros": one}) for name, one in zip(names, prices, strict=True))
    assert one_round(backends, payer(), **capped(limit)).backend == chosen


def test_a_costlier_one_is_refused_though_no_budget_is_against_it() -> None:
    """A device that is over its own cap does not send the job to one that costs more; a free one is welcome."""
    cheap, dear, free = qpu(budget={"limitMicros": 1}), qpu("second", price={"perShotMicros": 2}), backend("third")
    word = one_round((cheap, dear), payer())
    assert {one.backend: one.reason for one in word.candidates} == {"qpu": "OverBudget", "second": "CostsMore"}
    assert one_round((cheap, dear, free), payer()).backend == "third"


def test_a_job_that_waits_for_money_is_told_so_once() -> None:
    """Other figures are no news; another reason is."""
    waits = one_round((qpu(),), payer(), **capped(1))
    assert same_word(waits, replace(waits, message="other figures"))
    assert not same_word(waits, replace(waits, reason="AllBackendsBusy"))
    assert not same_word(waits, None)
    busy = replace(waits, reason="AllBackendsBusy")
    assert not same_word(busy, replace(busy, message="other"))


PRICES = st.lists(st.integers(0, 9), min_size=1, max_size=3)
NAMES = ("qpu", "second", "third")


@given(
    PRICES,
    st.lists(st.integers(0, 1000), min_size=4, max_size=4),
    st.lists(st.integers(0, 300), min_size=4, max_size=4),
)
def test_a_smaller_budget_never_makes_a_costlier_choice(prices: list[int], limits: list[int], less: list[int]) -> None:
    """Whichever caps shrink: the policy's, and that of each backend."""

    def choice(caps: list[int]) -> int | None:
        backends = tuple(
            qpu(name, price={"perShotMicros": price}, budget={"limitMicros": cap})
            for name, price, cap in zip(NAMES, prices, caps, strict=False)
        )
        chosen = one_round(backends, payer(), **capped(caps[3])).backend
        return prices[NAMES.index(chosen)] if chosen else None

    before, after = choice(limits), choice([max(0, one - other) for one, other in zip(limits, less, strict=True)])
    assert after is None or (before is not None and after <= before)


@given(
    st.lists(
        st.tuples(st.sampled_from(["round", "settle", "release", "repeat"]), st.integers(1, 12), st.integers(0, 100)),
        max_size=25,
    ),
    st.integers(0, 900),
    st.integers(0, 900),
)
def test_no_cap_is_ever_passed(actions: list[tuple[str, int, int]], most: int, most_there: int) -> None:
    """However rounds, settlements and releases follow each other, and are repeated after crashes."""
    ledger, number, last = EMPTY, 0, ()
    there = (qpu(budget={"limitMicros": most_there}), qpu("second", price={"perShotMicros": 1}))
    for kind, count, percent in actions:
        if kind == "round":
            last = heads(*(payer(f"job{number + index}") for index in range(count)), **capped(most))
            number += count
        if kind in ("round", "repeat"):
            words = assign(Snapshot(last, there, {}, NOW, {"USD": ledger}))
            ledger = reserve(ledger, [one.booking.reservation for one in words if one.booking is not None])
        else:
            ended = ledger.reservations[:count]
            charge = percent if kind == "settle" else 0
            done = [Settlement("usd-2026-11", one.run, one.job.uid, one.micros * charge // 100) for one in ended]
            ledger = settle(ledger, [*done, *done])
        on_first = [one for one in (*ledger.totals, *ledger.reservations) if one.backend == "qpu"]
        assert ledger.spent_micros + ledger.reserved_micros <= most
        assert sum(one.micros for one in on_first) <= most_there
