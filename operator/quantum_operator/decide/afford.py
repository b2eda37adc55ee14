"""Rules of money: whether a job can pay for a backend, by the figures that are on record.

Candidates are judged in the order in which they are preferred. Once one is refused for money, a later one is taken only
where it costs no more: a smaller budget never makes a costlier choice.
"""

from collections.abc import Sequence

from quantum_operator.api.budget import Amount
from quantum_operator.api.figures import Figures, Question
from quantum_operator.decide.cost import money
from quantum_operator.decide.verdict import Rule, Verdict

REFUSED_FOR_MONEY = ("OverBudget", "OverJobBudget", "NoTeamBudget", "OtherCurrency", "LedgerFull", "CostsMore")
"""Verdicts that another budget would change."""


def within_own_budget(figures: Figures, question: Question) -> Verdict | None:
    """The job's own budget has room for what it may cost there."""
    own, asked, currency = question.job.budget, figures.ceiling_micros, figures.currency
    if own is None or not asked or currency is None:
        return None
    if own.currency != currency:
        return Verdict("OverJobBudget", f"its price is in {currency}, and spec.budget is in {own.currency}")
    spent = question.job.spent_micros
    if spent + asked <= own.max_micros:
        return None
    most, before, wanted = (money(one, currency) for one in (own.max_micros, spent, asked))
    return Verdict("OverJobBudget", f"may cost {wanted}, and of spec.budget.maxMicros, {most}, {before} are spent")


def has_a_budget(figures: Figures, question: Question) -> Verdict | None:
    """There is a budget for it, where others have one, and a ledger that can hold it."""
    obstacle = figures.obstacle
    if obstacle is None:
        return None
    passes = obstacle.passes or question.on_exceeded == "Wait"
    return Verdict(obstacle.reason, obstacle.message, passing=passes)


def fits_the_budget(figures: Figures, question: Question) -> Verdict | None:
    """Every budget that concerns the job there has room for what it may cost."""
    cap, asked, currency = figures.cap, figures.ceiling_micros or 0, figures.currency or ""
    if cap is None or cap.spent_micros + cap.reserved_micros + asked <= cap.limit_micros:
        return None
    amounts = (cap.limit_micros, cap.spent_micros, cap.reserved_micros, asked)
    limit, spent, reserved, wanted = (money(micros, currency) for micros in amounts)
    message = (
        f"{cap.budget} is {limit} for {cap.since}: {spent} are spent and {reserved} reserved, and this may take "
        f"{wanted}"
    )
    return Verdict("OverBudget", message, passing=question.on_exceeded == "Wait")


def costs_no_more(figures: Figures, question: Question) -> Verdict | None:
    """It costs no more than a better candidate that there is no budget for."""
    refused, asked = figures.refused, figures.ceiling_micros
    if refused is None or not asked or (refused.currency == figures.currency and asked <= refused.micros):
        return None
    message = f"may cost more than the {money(refused.micros, refused.currency)} that there is no budget for"
    return Verdict("CostsMore", message, passing=question.on_exceeded == "Wait")


MONEY_RULES: tuple[Rule, ...] = (within_own_budget, has_a_budget, fits_the_budget, costs_no_more)
"""After everything else: what nobody would pay for is not reserved."""


def least_refused(before: Amount | None, figures: Figures, verdict: Verdict | None) -> Amount | None:
    """The least that a candidate would have cost that was refused for money, by this one and those before it."""
    if verdict is None or verdict.reason not in REFUSED_FOR_MONEY or not figures.ceiling_micros:
        return before
    here = Amount(micros=figures.ceiling_micros, currency=figures.currency or "")
    if before is None:
        return here
    if before.currency != here.currency:
        return before.model_copy(update={"micros": 0})
    return min(before, here, key=lambda one: one.micros)


def money_word(objections: Sequence[Verdict], *, passing: bool) -> str:
    """The reason of a job that waits, or fails, for money; "" where that is not why."""
    reasons = {one.reason for one in objections if one.passing == passing}
    for word in ("NoLedger", "LedgerFull", "NoPrice"):
        if word in reasons:
            return word
    return ("BudgetExhausted" if passing else "BudgetExceeded") if reasons & set(REFUSED_FOR_MONEY) else ""
