"""Budgets: which caps concern an attempt, what counts against each, and how each policy's budgets stand.

Whose an amount is must not be the user's to say: the team is the label of the namespace, which users can't set, and the
job's own label counts only where the namespace has none. Where some budgets of a policy are of teams, a job of any
other team may not spend at all, so that nobody dodges a cap by naming no team, or another currency.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.budget import Budget, BudgetStatus, SpendKind
from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.ledger import QuantumLedgerStatus, Reservation, Total
from quantum_operator.api.meta import GROUP
from quantum_operator.api.policy import BackendPolicy, BackendPolicySpec, BackendPolicyStatus
from quantum_operator.decide.cost import MOST_MICROS, money
from quantum_operator.decide.status import set_condition

TEAM_LABEL = f"{GROUP}/team"

STEP_PERCENT = 5
"""The figures of a policy's status are written anew when so much more of a limit is spent."""


@dataclass(frozen=True)
class Cap:
    """A limit on what counts against it; the empty parts let everything count. `since` is a day or a month."""

    title: str
    currency: str
    limit: int
    since: str
    namespace: str = ""
    policy: str = ""
    team: str = ""
    kind: Literal["Hardware", "Simulator", "All"] = "All"
    backend: str = ""

    def covers(self, entry: Reservation | Total) -> bool:
        """Whether the entry, of a ledger in the cap's currency, counts."""
        namespace = entry.job.namespace if isinstance(entry, Reservation) else entry.namespace
        wanted = ((self.namespace, namespace), (self.policy, entry.policy), (self.team, entry.team))
        places = (*wanted, (self.backend, entry.backend))
        return (
            entry.day.startswith(self.since)
            and self.kind in ("All", entry.kind)
            and all(mine in ("", theirs) for mine, theirs in places)
        )


@dataclass(frozen=True)
class Used:
    """What counts against a cap, in micro-units."""

    spent: int
    reserved: int

    @property
    def micros(self) -> int:
        """Both together."""
        return self.spent + self.reserved


def team_of(namespace_labels: Mapping[str, str], job_labels: Mapping[str, str]) -> str:
    """The team that pays for a job; "" where nobody says."""
    return namespace_labels.get(TEAM_LABEL) or job_labels.get(TEAM_LABEL, "")


def spend_kind(backend: QuantumBackend) -> SpendKind:
    """What spending on this backend is; a provider's simulator is one as well."""
    return backend.spec.provider.kind if backend.spec.provider is not None else "Simulator"


def since(period: str, now: datetime) -> str:
    """The period that `now` is in, as every day in it begins."""
    return f"{now:%Y-%m-%d}" if period == "Day" else f"{now:%Y-%m}"


def used(totals: Iterable[Total], reservations: Iterable[Reservation], cap: Cap) -> Used:
    """What counts against the cap, of the ledger of its currency and month."""
    spent = sum(one.micros for one in totals if cap.covers(one))
    return Used(spent, sum(one.micros for one in reservations if cap.covers(one)))


def policy_cap(budget: Budget, namespace: str, policy: str, now: datetime) -> Cap:
    """The cap that a policy's budget is. It goes by names: a policy that is created again starts no new account."""
    of = f" of team {budget.team!r}" if budget.team else ""
    return Cap(
        f"budget {budget.name!r}{of} of policy {policy}",
        budget.currency,
        budget.limit_micros,
        since(budget.period, now),
        namespace=namespace,
        policy=policy,
        team=budget.team or "",
        kind=budget.kind,
    )


def backend_cap(backend: QuantumBackend, now: datetime) -> Cap | None:
    """The cap on what all namespaces spend on a backend."""
    budget, price, name = backend.spec.budget, backend.spec.price, backend.metadata.name
    if budget is None or price is None:
        return None
    title = f"the budget of QuantumBackend {name}"
    return Cap(title, price.currency, budget.limit_micros, since(budget.period, now), backend=name)


def concerning(policy: BackendPolicySpec, team: str, kind: SpendKind) -> tuple[Budget, ...]:
    """The budgets that spending of this kind by this team counts against."""
    return tuple(one for one in _of_kind(policy, kind) if one.team in (None, team))


def without_budget(policy: BackendPolicySpec, team: str, kind: SpendKind) -> str:
    """Why the team may not spend at all though there are budgets; "" where it may."""
    teams = sorted({one.team for one in _of_kind(policy, kind) if one.team is not None})
    if not teams or team in teams:
        return ""
    whose = f"team {team!r} has none" if team else f"the job has no team (label {TEAM_LABEL} of its namespace)"
    return f"the policy's budgets are of teams {', '.join(teams[:5])}, and {whose}"


def in_other_currency(budgets: Iterable[Budget], currency: str) -> str:
    """Which budget has no counterpart in this currency, so that spending in it would have no cap; "" where none."""
    budgets = tuple(budgets)
    capped = {one.team for one in budgets if one.currency == currency}
    other = next((one for one in budgets if one.team not in capped), None)
    if other is None:
        return ""
    return f"its price is in {currency}, and budget {other.name!r} is in {other.currency}: add one in {currency}"


def budget_status(budget: Budget, cap: Cap, counted: Used, before: BudgetStatus | None) -> BudgetStatus:
    """How the budget stands; as before where nothing changed that is worth a write."""
    share = 100 * counted.micros // budget.limit_micros if budget.limit_micros else 100
    warned = max((one for one in budget.warn_at_percent if one <= share), default=None)
    now = BudgetStatus(
        name=budget.name,
        since=cap.since,
        limit_micros=budget.limit_micros,
        spent_micros=min(counted.spent, MOST_MICROS),
        reserved_micros=min(counted.reserved, MOST_MICROS),
        currency=budget.currency,
        warned_percent=warned,
    )
    if before is not None and _worth(before) == _worth(now):
        return before
    return now


def budgets_status(
    policy: BackendPolicy, books: Mapping[str, QuantumLedgerStatus], now: datetime
) -> BackendPolicyStatus:
    """The policy's status with the figures of its budgets, by the ledgers of this month, and whether one warns."""
    before = {one.name: one for one in policy.status.budgets}
    found = []
    for budget in policy.spec.budgets:
        cap = policy_cap(budget, policy.metadata.namespace, policy.metadata.name, now)
        book = books[budget.currency]
        found.append(budget_status(budget, cap, used(book.totals, book.reservations, cap), before.get(budget.name)))
    told = "; ".join(_reached(one) for one in found if one.warned_percent is not None)
    conditions = tuple(one for one in policy.status.conditions if one.type != ConditionType.WITHIN_BUDGET)
    if found:
        conditions = set_condition(
            policy.status.conditions,
            ConditionType.WITHIN_BUDGET,
            not told,
            "BudgetWarning" if told else "WithinBudget",
            told or "no budget warns",
            generation=policy.metadata.generation,
            now=now,
        )
    return policy.status.model_copy(update={"budgets": tuple(found), "conditions": conditions})


def warnings(policy: BackendPolicy, status: BackendPolicyStatus) -> tuple[str, ...]:
    """What is new in this status to warn of: each threshold that a budget reached since the one before."""
    before = {(one.name, one.since): one.warned_percent or 0 for one in policy.status.budgets}
    return tuple(
        _reached(one) for one in status.budgets if (one.warned_percent or 0) > before.get((one.name, one.since), 0)
    )


def _reached(status: BudgetStatus) -> str:
    limit = money(status.limit_micros, status.currency)
    return f"budget {status.name!r} has reached {status.warned_percent} % of {limit} for {status.since}"


def _worth(status: BudgetStatus) -> tuple[object, ...]:
    step = 100 * status.spent_micros // max(1, status.limit_micros) // STEP_PERCENT
    return status.since, status.limit_micros, status.currency, status.warned_percent, step, status.reserved_micros > 0


def _of_kind(policy: BackendPolicySpec, kind: SpendKind) -> tuple[Budget, ...]:
    return tuple(one for one in policy.budgets if one.kind in ("All", kind))
