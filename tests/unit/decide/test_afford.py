"""The rules of money, each on both sides of its bound, by the figures alone."""

from typing import Any

import pytest

from quantum_operator.api.budget import Amount
from quantum_operator.api.conditions import CANDIDATE_REASONS
from quantum_operator.api.figures import Demand, Figures, Question
from quantum_operator.decide.afford import (
    MONEY_RULES,
    REFUSED_FOR_MONEY,
    costs_no_more,
    fits_the_budget,
    has_a_budget,
    least_refused,
    money_word,
    within_own_budget,
)
from quantum_operator.decide.verdict import Rule, Verdict

PAID: dict[str, Any] = {"ceilingMicros": 30, "currency": "USD"}
OWN: dict[str, Any] = {"maxMicros": 30}
CAP: dict[str, Any] = {
    "budget": "budget 'all' of policy default",
    "since": "2026-11",
    "limitMicros": 100,
    "spentMicros": 50,
    "reservedMicros": 20,
}
REFUSED: dict[str, Any] = {"micros": 30, "currency": "USD"}
NO_TEAM = {"reason": "NoTeamBudget", "message": "the policy's budgets are of teams qa, and team 'ml' has none"}
FULL = {"reason": "LedgerFull", "message": "QuantumLedger usd-2026-11 has no room", "passes": True}

TRUTH: list[tuple[str, Rule, dict[str, Any], dict[str, Any], str]] = [
    ("no budget of its own", within_own_budget, PAID, {}, ""),
    ("just within its own", within_own_budget, PAID, {"budget": OWN}, ""),
    (
        "one micro-unit over its own",
        within_own_budget,
        PAID,
        {"budget": OWN, "spentMicros": 1},
        "may cost 0.00003 USD, and of spec.budget.maxMicros, 0.00003 USD, 0.000001 USD are spent",
    ),
    ("free, whatever its own", within_own_budget, {"ceilingMicros": 0}, {"budget": OWN, "spentMicros": 99}, ""),
    (
        "its own is in another currency",
        within_own_budget,
        PAID,
        {"budget": {**OWN, "currency": "EUR"}},
        "its price is in USD, and spec.budget is in EUR",
    ),
    ("nothing in the way", has_a_budget, PAID, {}, ""),
    ("no budget of its team", has_a_budget, {**PAID, "obstacle": NO_TEAM}, {}, NO_TEAM["message"]),
    ("no room in the ledger", has_a_budget, {**PAID, "obstacle": FULL}, {}, FULL["message"]),
    ("no cap", fits_the_budget, PAID, {}, ""),
    ("to the last micro-unit", fits_the_budget, {**PAID, "cap": CAP}, {}, ""),
    (
        "one micro-unit over",
        fits_the_budget,
        {**PAID, "cap": {**CAP, "spentMicros": 51}},
        {},
        "budget 'all' of policy default is 0.0001 USD for 2026-11: 0.000051 USD are spent and 0.00002 USD reserved, "
        "and this may take 0.00003 USD",
    ),
    ("none was refused", costs_no_more, PAID, {}, ""),
    ("as much as one refused", costs_no_more, {**PAID, "refused": REFUSED}, {}, ""),
    (
        "more than one refused",
        costs_no_more,
        {**PAID, "ceilingMicros": 31, "refused": REFUSED},
        {},
        "may cost more than the 0.00003 USD that there is no budget for",
    ),
    (
        "in another currency than one refused",
        costs_no_more,
        {**PAID, "ceilingMicros": 1, "currency": "EUR", "refused": REFUSED},
        {},
        "may cost more than the 0.00003 USD that there is no budget for",
    ),
    ("free, though one was refused", costs_no_more, {"ceilingMicros": 0, "refused": REFUSED}, {}, ""),
]
REASON = {within_own_budget: "OverJobBudget", fits_the_budget: "OverBudget", costs_no_more: "CostsMore"}


def question(on_exceeded: str = "Wait", **asks: Any) -> Question:
    """What is asked, with these figures of the job."""
    return Question.model_validate({"demand": Demand(qubits=2, shots=1), "onExceeded": on_exceeded, "job": asks})


@pytest.mark.parametrize(
    ("rule", "figures", "asks", "message"), [row[1:] for row in TRUTH], ids=[row[0] for row in TRUTH]
)
def test_a_rule_objects_or_does_not(rule: Rule, figures: dict[str, Any], asks: dict[str, Any], message: str) -> None:
    """It passes, or says all of the figures; what does not fit fails or waits as the policy says."""
    for on_exceeded in ("Wait", "Fail"):
        verdict = rule(Figures.model_validate(figures), question(on_exceeded, **asks))
        assert (verdict.message if verdict else "") == message
        if verdict is None:
            continue
        assert verdict.reason in CANDIDATE_REASONS
        assert verdict.reason == REASON.get(rule, verdict.reason)
        waits = on_exceeded == "Wait" or verdict.reason == "LedgerFull"
        assert verdict.passing == (waits and rule is not within_own_budget)


def test_every_rule_is_tried_on_both_sides() -> None:
    """No rule of money is in force that the table above leaves out."""
    tried = {(rule, bool(message)) for _, rule, _, _, message in TRUTH}
    assert tried == {(rule, objects) for rule in MONEY_RULES for objects in (True, False)}


@pytest.mark.parametrize(
    ("before", "reason", "after"),
    [
        (None, "OverBudget", (30, "USD")),
        (None, "Busy", None),
        (None, None, None),
        ((20, "USD"), "OverBudget", (20, "USD")),
        ((40, "USD"), "OverBudget", (30, "USD")),
        ((40, "EUR"), "OverBudget", (0, "EUR")),
        ((40, "USD"), "Busy", (40, "USD")),
    ],
)
def test_what_is_refused_for_money_bounds_what_comes_after(
    before: tuple[int, str] | None, reason: str | None, after: tuple[int, str] | None
) -> None:
    """By the least of it; amounts in two currencies bound everything that is not free."""
    known = Amount(micros=before[0], currency=before[1]) if before else None
    found = least_refused(known, Figures.model_validate(PAID), Verdict(reason, "") if reason else None)
    assert (found and (found.micros, found.currency)) == after


@pytest.mark.parametrize(
    ("reasons", "passing", "word"),
    [
        (["Busy"], True, ""),
        (["OverBudget"], True, "BudgetExhausted"),
        (["OverBudget"], False, "BudgetExceeded"),
        (["OverBudget", "LedgerFull"], True, "LedgerFull"),
        (["OverBudget", "NoPrice"], True, "NoPrice"),
        ([], False, ""),
    ],
)
def test_a_job_is_told_why_in_one_word(reasons: list[str], passing: bool, word: str) -> None:
    """Where money is what it waits or fails for."""
    assert money_word([Verdict(one, "", passing) for one in reasons], passing=passing) == word
    assert money_word([Verdict(one, "", not passing) for one in reasons], passing=passing) == ""
    assert set(REFUSED_FOR_MONEY) <= set(CANDIDATE_REASONS)
