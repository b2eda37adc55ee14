"""What is written into a QuantumLedger: reservations before anything may be paid, and what comes of each.

An attempt's name is deterministic and its own, so that a reservation found under it is replaced, and one that is not
there was settled before: what is done twice counts once, whoever does it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from quantum_operator.api.ledger import (
    MOST_RESERVATIONS,
    MOST_TOTALS,
    QuantumLedgerSpec,
    QuantumLedgerStatus,
    Reservation,
    Total,
)
from quantum_operator.decide.cost import MOST_MICROS
from quantum_operator.decide.size import json_bytes

LEDGER_BYTES = 1_200_000
"""What a ledger's status may take as compact JSON: etcd stores 1.5 MiB, and whatever is reserved can be settled."""

MOST_COUNT = 1_000_000_000

EMPTY = QuantumLedgerStatus()

_LONGEST_RESERVATION, _LONGEST_TOTAL = 1_600, 1_100
_LONGEST: dict[str, object] = {"micros": MOST_MICROS, "count": MOST_COUNT, "ceiling_micros": MOST_MICROS}

WAITS_FOR_MONEY = ("BudgetExhausted", "LedgerFull", "NoLedger")
"""Reasons of jobs that wait until money is released, or the period is over."""

Payer = tuple[str, str, str, str, str, str]


@dataclass(frozen=True)
class SeenLedger:
    """A ledger's status as it was read, and the version that must still be there to replace it; None: of none."""

    status: QuantumLedgerStatus
    version: str | None


@dataclass(frozen=True)
class Booking:
    """A reservation, the ledger that it is in, and the most that the attempt may cost: no more than is reserved."""

    ledger: str
    reservation: Reservation
    ceiling: int


@dataclass(frozen=True)
class Settlement:
    """What an attempt cost that is over: its reservation goes, and the charge stays.

    Not `exact`: that is the most it can have cost. Nothing stays of an attempt that cost nothing.
    """

    ledger: str
    run: str
    job_uid: str
    micros: int = 0
    exact: bool = True


def ledger_name(currency: str, now: datetime) -> str:
    """The ledger that something is reserved in now."""
    return f"{currency.lower()}-{now:%Y-%m}"


def spec_of(name: str) -> QuantumLedgerSpec:
    """What the ledger of this name is of. Raises ValueError for a name that is no ledger's."""
    currency, _, month = name.partition("-")
    return QuantumLedgerSpec(currency=currency.upper(), month=month)


def find(status: QuantumLedgerStatus, run: str, job_uid: str) -> Reservation | None:
    """The reservation of this attempt, if it is there."""
    return next((one for one in status.reservations if one.run == run and one.job.uid == job_uid), None)


def reserve(status: QuantumLedgerStatus, wanted: Iterable[Reservation]) -> QuantumLedgerStatus:
    """`status` with these, each in place of the one under its name.

    None becomes smaller: a former operator may still put an attempt on record that was to cost more.
    """
    kept = {one.run: one for one in status.reservations}
    for one in wanted:
        before = kept.get(one.run)
        least = before.micros if before is not None and before.job.uid == one.job.uid else 0
        kept[one.run] = one.model_copy(update={"micros": max(one.micros, least)})
    return _summed(tuple(kept[run] for run in sorted(kept)), status.totals)


def settle(status: QuantumLedgerStatus, settlements: Iterable[Settlement]) -> QuantumLedgerStatus:
    """`status` with these attempts settled. Those that have no reservation are settled already."""
    kept = {(one.run, one.job.uid): one for one in status.reservations}
    totals: dict[Payer, Total] = {payer_of(one): one for one in status.totals}
    changed = False
    for settlement in settlements:
        reservation = kept.pop((settlement.run, settlement.job_uid), None)
        if reservation is None:
            continue
        changed = True
        if settlement.micros > 0:
            total = _charged(totals.get(payer_of(reservation)), reservation, settlement)
            totals[payer_of(total)] = total
    if not changed:
        return status
    return _summed(tuple(kept.values()), tuple(totals[payer] for payer in sorted(totals)))


def payer_of(entry: Reservation | Total) -> Payer:
    """What tells one total from another."""
    namespace = entry.job.namespace if isinstance(entry, Reservation) else entry.namespace
    return entry.day, namespace, entry.team, entry.policy, entry.backend, entry.kind


class Room:
    """How much more a ledger can hold, counting what settling all of its reservations may add to it."""

    def __init__(self, status: QuantumLedgerStatus) -> None:
        self._status = status
        self._runs = {one.run for one in status.reservations}
        self._payers = {payer_of(one) for one in status.totals} | {payer_of(one) for one in status.reservations}
        self._taken = 0
        self._bytes: int | None = None

    def fits(self, wanted: Reservation) -> bool:
        """Whether the reservation can be written, and settled later."""
        if wanted.run in self._runs:
            return True
        runs, payers = len(self._runs) + 1, len(self._payers) + (payer_of(wanted) not in self._payers)
        if runs > MOST_RESERVATIONS or payers > MOST_TOTALS:
            return False
        if runs * _LONGEST_RESERVATION + payers * _LONGEST_TOTAL <= LEDGER_BYTES:
            return True
        if self._bytes is None:
            self._bytes = _most_bytes(self._status)
        return self._bytes + self._taken + _bytes_of(wanted) <= LEDGER_BYTES

    def take(self, wanted: Reservation) -> None:
        """Count it."""
        if wanted.run not in self._runs:
            self._runs.add(wanted.run)
            self._payers.add(payer_of(wanted))
            self._taken += _bytes_of(wanted)


def _most_bytes(status: QuantumLedgerStatus) -> int:
    """What it takes once everything is settled, and the reservations beside that."""
    rows = {payer_of(one): _row(one) for one in status.reservations}
    rows |= {payer_of(one): one.model_copy(update=_LONGEST) for one in status.totals}
    sums = {"spent_micros": MOST_MICROS, "reserved_micros": MOST_MICROS}
    return json_bytes(status.model_copy(update={**sums, "totals": tuple(rows.values())}).to_wire())


def _bytes_of(wanted: Reservation) -> int:
    return json_bytes(wanted.to_wire()) + json_bytes(_row(wanted).to_wire()) + 2


def _row(
    reservation: Reservation, micros: int = MOST_MICROS, count: int = MOST_COUNT, ceiling: int = MOST_MICROS
) -> Total:
    """A total of the reservation's payer; without figures one as long as it may become."""
    return Total(
        day=reservation.day,
        namespace=reservation.job.namespace,
        team=reservation.team,
        policy=reservation.policy,
        backend=reservation.backend,
        kind=reservation.kind,
        micros=micros,
        count=count,
        ceiling_micros=ceiling,
    )


def _charged(total: Total | None, reservation: Reservation, settlement: Settlement) -> Total:
    before = total if total is not None else _row(reservation, 0, 0, 0)
    inexact = 0 if settlement.exact else settlement.micros
    return before.model_copy(
        update={
            "micros": min(before.micros + settlement.micros, MOST_MICROS),
            "count": min(before.count + 1, MOST_COUNT),
            "ceiling_micros": min(before.ceiling_micros + inexact, MOST_MICROS),
        }
    )


def _summed(reservations: tuple[Reservation, ...], totals: tuple[Total, ...]) -> QuantumLedgerStatus:
    return QuantumLedgerStatus(
        spent_micros=min(sum(one.micros for one in totals), MOST_MICROS),
        reserved_micros=min(sum(one.micros for one in reservations), MOST_MICROS),
        reservations=reservations,
        totals=totals,
    )
