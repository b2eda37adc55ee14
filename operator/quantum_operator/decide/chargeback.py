"""Chargeback: what was spent, by whom and on what, of the ledgers; and how that compares with a provider's invoice.

All amounts are integers, in millionths of the currency's unit.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal

from quantum_operator.api.ledger import QuantumLedger, Reservation, Total

Dimension = Literal["month", "day", "namespace", "team", "policy", "backend", "kind"]
DIMENSIONS: tuple[Dimension, ...] = ("month", "day", "namespace", "team", "policy", "backend", "kind")

COLUMNS = ("date", "backend", "currency", "amount")
"""The columns of an invoice that are read, by the names in its first line; others are ignored."""

Verdict = Literal["agrees", "within its ceilings", "differs", "not on the invoice", "not on the ledger"]

MICROS = Decimal(1_000_000)


class InvoiceError(ValueError):
    """What is wrong with an invoice, where, and what to do."""


@dataclass(frozen=True)
class Line:
    """What was spent by one payer on one thing: `exact` and what is a ceiling together are `micros`."""

    by: tuple[str, ...]
    currency: str
    micros: int = 0
    ceiling_micros: int = 0
    reserved_micros: int = 0
    count: int = 0


@dataclass(frozen=True)
class InvoiceLine:
    """What a provider charged for a backend in a month."""

    month: str
    backend: str
    currency: str
    micros: int


@dataclass(frozen=True)
class Difference:
    """A backend's month on the ledger and on the invoice."""

    month: str
    backend: str
    currency: str
    ledger_micros: int
    ceiling_micros: int
    invoice_micros: int
    verdict: Verdict


def chargeback(ledgers: Iterable[QuantumLedger], by: Sequence[Dimension]) -> list[Line]:
    """The sums by these dimensions and by currency, in the order of both; without any, one line a currency."""
    sums: dict[tuple[tuple[str, ...], str], Line] = {}
    for ledger in ledgers:
        for total in ledger.status.totals:
            _add(sums, ledger, by, total, Line((), "", total.micros, total.ceiling_micros, 0, total.count))
        for reservation in ledger.status.reservations:
            _add(sums, ledger, by, reservation, Line((), "", reserved_micros=reservation.micros))
    return [sums[key] for key in sorted(sums)]


def _add(
    sums: dict[tuple[tuple[str, ...], str], Line],
    ledger: QuantumLedger,
    by: Sequence[Dimension],
    entry: Total | Reservation,
    more: Line,
) -> None:
    values: Mapping[Dimension, str] = {
        "month": ledger.spec.month,
        "day": entry.day,
        "namespace": entry.namespace if isinstance(entry, Total) else entry.job.namespace,
        "team": entry.team,
        "policy": entry.policy,
        "backend": entry.backend,
        "kind": entry.kind,
    }
    key = tuple(values[one] for one in by), ledger.spec.currency
    before = sums.get(key, Line(*key))
    sums[key] = Line(
        *key,
        before.micros + more.micros,
        before.ceiling_micros + more.ceiling_micros,
        before.reserved_micros + more.reserved_micros,
        before.count + more.count,
    )


def read_invoice(text: str, where: str) -> list[InvoiceLine]:
    """The lines of a provider's invoice, summed by month, backend and currency. Raises InvoiceError."""
    reader = csv.DictReader(text.splitlines())
    missing = [one for one in COLUMNS if one not in (reader.fieldnames or ())]
    if missing:
        raise InvoiceError(f"{where}, line 1: no column {', '.join(missing)}; the first line names the columns")
    sums: dict[tuple[str, str, str], int] = defaultdict(int)
    for row in reader:
        at = f"{where}, line {reader.line_num}"
        date, backend, currency, amount = (str(row[one] or "").strip() for one in COLUMNS)
        if not _is_date(date):
            raise InvoiceError(f"{at}: date: {date!r} is no day or month; write 2026-11-21 or 2026-11")
        if len(currency) != 3 or not currency.isalpha() or not backend:
            raise InvoiceError(f"{at}: a line has a backend and a currency of ISO 4217, such as USD")
        sums[date[:7], backend, currency.upper()] += _micros(amount, at)
    return [InvoiceLine(*key, micros) for key, micros in sorted(sums.items())]


def reconcile(ledgers: Iterable[QuantumLedger], invoice: Sequence[InvoiceLine]) -> list[Difference]:
    """Every backend's month that is on either, of the months and currencies that the invoice has."""
    spans = {(one.month, one.currency) for one in invoice}
    concerned = [one for one in ledgers if (one.spec.month, one.spec.currency) in spans]
    lines = [one for one in chargeback(concerned, ("month", "backend")) if one.micros]
    ours = {(one.by[0], one.by[1], one.currency): one for one in lines}
    theirs = {(one.month, one.backend, one.currency): one.micros for one in invoice}
    found = []
    for key in sorted({*ours, *theirs}):
        month, backend, currency = key
        line = ours.get(key, Line((), currency))
        verdict = _verdict(line, theirs.get(key), key in ours)
        charged = theirs.get(key, 0)
        found.append(Difference(month, backend, currency, line.micros, line.ceiling_micros, charged, verdict))
    return found


def _verdict(line: Line, charged: int | None, is_known: bool) -> Verdict:
    if charged is None:
        return "not on the invoice"
    if not is_known:
        return "agrees" if charged == 0 else "not on the ledger"
    if charged == line.micros:
        return "agrees"
    return "within its ceilings" if line.micros - line.ceiling_micros <= charged < line.micros else "differs"


def _is_date(text: str) -> bool:
    parts = text.split("-")
    lengths = [len(one) for one in parts]
    return lengths in ([4, 2], [4, 2, 2]) and all(one.isdecimal() for one in parts) and 1 <= int(parts[1]) <= 12


def _micros(text: str, where: str) -> int:
    try:
        micros = Decimal(text) * MICROS
        if micros == micros.to_integral_value() and abs(micros) < 10**16:
            return int(micros)
    except InvalidOperation:
        pass
    raise InvoiceError(f"{where}: amount: {text!r} is no amount; write it in units, such as 12.5, to the millionth")
