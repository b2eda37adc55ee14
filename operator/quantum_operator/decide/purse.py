"""The money of one round of `assign`: what is left of each cap, and what the round reserves.

Every amount is the most that an attempt may cost.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.budget import CapFigures, Obstacle
from quantum_operator.api.figures import Figures
from quantum_operator.api.ledger import QuantumLedgerStatus, Reservation
from quantum_operator.api.policy import BackendPolicySpec
from quantum_operator.api.quantumtask import TaskJob
from quantum_operator.decide.budget import (
    Cap,
    Used,
    backend_cap,
    concerning,
    in_other_currency,
    policy_cap,
    spend_kind,
    used,
    without_budget,
)
from quantum_operator.decide.cost import MOST_MICROS
from quantum_operator.decide.ledger import EMPTY, WAITS_FOR_MONEY, Booking, Room, ledger_name
from quantum_operator.decide.observed import Assignment
from quantum_operator.decide.routing import ordered_backends


@dataclass(frozen=True)
class Account:
    """Who pays for a job's next attempt, which has the name `run`."""

    run: str
    job: TaskJob
    policy: str


class Purse:
    """What there is to spend at this moment, by the ledgers of this month, by currency."""

    def __init__(self, ledgers: Mapping[str, QuantumLedgerStatus], now: datetime) -> None:
        self._ledgers, self._now = ledgers, now
        self._open = {currency: {one.run: one for one in seen.reservations} for currency, seen in ledgers.items()}
        self._rooms = {currency: Room(seen) for currency, seen in ledgers.items()}
        self._used: dict[Cap, Used] = {}

    def figures(
        self, account: Account, policy: BackendPolicySpec, team: str, backend: QuantumBackend, figures: Figures
    ) -> Figures:
        """The backend's figures with what is left of the budgets that concern the account there."""
        asked, currency, kind = figures.ceiling_micros, figures.currency, spend_kind(backend)
        if not asked or currency is None:
            return figures
        budgets = concerning(policy, team, kind)
        for reason, said in (
            ("NoTeamBudget", without_budget(policy, team, kind)),
            ("OtherCurrency", in_other_currency(budgets, currency)),
        ):
            if said:
                return figures.model_copy(update={"obstacle": Obstacle(reason=reason, message=said)})
        caps = [policy_cap(one, account.job.namespace, account.policy, self._now) for one in budgets]
        caps += filter(None, [backend_cap(backend, self._now)])
        left = [self._left(cap, account, asked) for cap in caps if cap.currency == currency]
        tightest = min(left, key=_left_of, default=None)
        obstacle = self._full(self._reservation(account, team, backend, asked), currency)
        return figures.model_copy(update={"cap": tightest, "obstacle": obstacle})

    def take(self, account: Account, team: str, backend: QuantumBackend, figures: Figures) -> Booking | None:
        """Reserve what the attempt may cost; None where it is free."""
        asked, currency = figures.ceiling_micros, figures.currency
        if not asked or currency is None:
            return None
        before, wanted = self._own(currency, account), self._reservation(account, team, backend, asked)
        if before is not None:
            wanted = wanted.model_copy(update={"micros": max(asked, before.micros)})
        for cap, counted in self._used.items():
            if cap.currency == currency:
                less = before.micros if before is not None and cap.covers(before) else 0
                more = wanted.micros if cap.covers(wanted) else 0
                self._used[cap] = Used(counted.spent, counted.reserved - less + more)
        self._open.setdefault(currency, {})[wanted.run] = wanted
        if currency in self._rooms:
            self._rooms[currency].take(wanted)
        return Booking(ledger_name(currency, self._now), wanted, asked)

    def _left(self, cap: Cap, account: Account, asked: int) -> CapFigures:
        if cap not in self._used:
            totals = self._ledgers.get(cap.currency, EMPTY).totals
            self._used[cap] = used(totals, self._open.get(cap.currency, {}).values(), cap)
        before, counted = self._own(cap.currency, account), self._used[cap]
        reserved = counted.reserved
        if before is not None:  # no reservation becomes smaller
            reserved += max(0, before.micros - asked) - (before.micros if cap.covers(before) else 0)
        return CapFigures(
            budget=cap.title,
            since=cap.since,
            limit_micros=cap.limit,
            spent_micros=min(counted.spent, MOST_MICROS),
            reserved_micros=min(reserved, MOST_MICROS),
        )

    def _own(self, currency: str, account: Account) -> Reservation | None:
        """What a former operator reserved for the very attempt."""
        found = self._open.get(currency, {}).get(account.run)
        return found if found is not None and found.job.uid == account.job.uid else None

    def _full(self, wanted: Reservation, currency: str) -> Obstacle | None:
        room, name = self._rooms.get(currency), ledger_name(currency, self._now)
        if room is None:
            message = f"QuantumLedger {name} can't be read: the operator's log says why"
            return Obstacle(reason="NoLedger", message=message, passes=True)
        if room.fits(wanted):
            return None
        message = f"QuantumLedger {name} has no room for another reservation"
        return Obstacle(reason="LedgerFull", message=message, passes=True)

    def _reservation(self, account: Account, team: str, backend: QuantumBackend, asked: int) -> Reservation:
        provider = backend.spec.provider
        return Reservation(
            run=account.run,
            job=account.job,
            policy=account.policy,
            team=team,
            backend=backend.metadata.name,
            agent=provider.agent if provider is not None else None,
            kind=spend_kind(backend),
            day=f"{self._now:%Y-%m-%d}",
            micros=asked,
        )


def currencies(policies: Iterable[BackendPolicySpec | None], backends: Sequence[QuantumBackend]) -> frozenset[str]:
    """The currencies of the prices of all backends that these policies reach."""
    different = {id(one): one for one in policies if one is not None}
    reached = (one for policy in different.values() for one in ordered_backends(policy, backends))
    return frozenset(one.spec.price.currency for one in reached if one.spec.price is not None)


def same_word(one: Assignment | None, other: Assignment | None) -> bool:
    """Whether both say the same: of a job that waits for money, the figures are those of when it was first told."""
    if one is None or other is None or one.reason not in WAITS_FOR_MONEY:
        return one == other
    return _without_figures(one) == _without_figures(other)


def _left_of(cap: CapFigures) -> int:
    return cap.limit_micros - cap.spent_micros - cap.reserved_micros


def _without_figures(assignment: Assignment) -> tuple[object, ...]:
    told = [(one.backend, one.verdict, one.reason) for one in assignment.candidates]
    return assignment.job_uid, assignment.demand, assignment.reason, assignment.tried, tuple(told)
