"""Chargeback: sums of ledgers by any dimensions, and a provider's invoice beside them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.api.ledger import QuantumLedger, Reservation, Total
from quantum_operator.api.meta import ObjectMeta
from quantum_operator.decide.chargeback import (
    DIMENSIONS,
    Difference,
    InvoiceError,
    InvoiceLine,
    Line,
    chargeback,
    read_invoice,
    reconcile,
)
from quantum_operator.decide.ledger import EMPTY, spec_of
from support.ledgerscontract import reservation, total


def ledger(name: str, *entries: Total | Reservation) -> QuantumLedger:
    """A ledger of these."""
    totals = tuple(one for one in entries if isinstance(one, Total))
    reservations = tuple(one for one in entries if isinstance(one, Reservation))
    status = EMPTY.model_copy(update={"totals": totals, "reservations": reservations})
    return QuantumLedger(metadata=ObjectMeta(name=name), spec=spec_of(name), status=status)


LEDGERS = (
    ledger("usd-2026-11", total(5), total(7, backend="other", ceiling_micros=3), reservation("a-1", 2)),
    ledger("eur-2026-11", total(9)),
    ledger("usd-2026-12", total(1, team="")),
)


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ((), [Line((), "EUR", 9, 0, 0, 1), Line((), "USD", 13, 3, 2, 3)]),
        (
            ("backend",),
            [Line(("other",), "USD", 7, 3, 0, 1), Line(("qpu",), "EUR", 9, 0, 0, 1), Line(("qpu",), "USD", 6, 0, 2, 2)],
        ),
        (
            ("month", "team"),
            [
                Line(("2026-11", "ml"), "EUR", 9, 0, 0, 1),
                Line(("2026-11", "ml"), "USD", 12, 3, 2, 2),
                Line(("2026-12", ""), "USD", 1, 0, 0, 1),
            ],
        ),
    ],
)
def test_sums_are_by_what_is_asked(by: tuple[str, ...], expected: list[Line]) -> None:
    """Never of two currencies together."""
    assert chargeback(LEDGERS, by) == expected  # type: ignore[arg-type]


@given(st.lists(st.sampled_from(DIMENSIONS), unique=True))
def test_no_micro_unit_is_lost_by_summing(by: list[str]) -> None:
    """Whatever it is by."""
    lines = chargeback(LEDGERS, by)  # type: ignore[arg-type]
    assert sum(one.micros for one in lines) == 22
    assert sum(one.reserved_micros for one in lines) == 2
    assert sum(one.count for one in lines) == 4


def test_an_invoice_is_read() -> None:
    """Lines of a month are summed, credits too; other columns are ignored."""
    text = (
        "id,date,backend,currency,amount\n"
        "1,2026-11-03,qpu,USD,0.30\n"
        "2,2026-11,qpu,usd, 1.000001 \n"
        "3,2026-11-30,qpu,USD,-0.3\n"
        "4,2026-12-01,qpu,EUR,12\n"
    )
    assert read_invoice(text, "invoice.csv") == [
        InvoiceLine("2026-11", "qpu", "USD", 1_000_001),
        InvoiceLine("2026-12", "qpu", "EUR", 12_000_000),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: no column date, backend, currency, amount"),
        ("date,backend,amount\n", "line 1: no column currency"),
        ("date,backend,currency,amount\nyesterday,qpu,USD,1\n", "line 2: date: 'yesterday' is no day or month"),
        ("date,backend,currency,amount\n2026-13,qpu,USD,1\n", "line 2: date: '2026-13'"),
        ("date,backend,currency,amount\n2026-11,,USD,1\n", "line 2: a line has a backend"),
        ("date,backend,currency,amount\n2026-11,qpu,dollars,1\n", "line 2: a line has a backend and a currency"),
        ("date,backend,currency,amount\n2026-11,qpu,USD,1\n2026-11,qpu,USD,free\n", "line 3: amount: 'free'"),
        ("date,backend,currency,amount\n2026-11,qpu,USD,0.0000001\n", "line 2: amount: '0.0000001'"),
        ("date,backend,currency,amount\n2026-11,qpu,USD,NaN\n", "line 2: amount: 'NaN'"),
        ("date,backend,currency,amount\n2026-11,qpu,USD\n", "line 2: amount: ''"),
    ],
)
def test_what_is_no_invoice_is_said(text: str, said: str) -> None:
    """With the line, the field, the value and the remedy."""
    with pytest.raises(InvoiceError, match=f"^invoice.csv, {said}"):
        read_invoice(text, "invoice.csv")


@pytest.mark.parametrize(
    ("ours", "ceiling", "theirs", "verdict"),
    [
        (10, 0, 10, "agrees"),
        (10, 0, 9, "differs"),
        (10, 0, 11, "differs"),
        (10, 4, 10, "agrees"),
        (10, 4, 6, "within its ceilings"),
        (10, 4, 5, "differs"),
        (10, 4, 11, "differs"),
        (0, 0, 5, "not on the ledger"),
        (0, 0, 0, "agrees"),
        (10, 0, None, "not on the invoice"),
    ],
)
def test_each_difference_is_named(ours: int, ceiling: int, theirs: int | None, verdict: str) -> None:
    """To the micro-unit; a ceiling may turn out to be less."""
    there = [ledger("usd-2026-11", total(ours, ceiling_micros=ceiling))]
    lines = [InvoiceLine("2026-11", "other", "USD", 0)]
    lines += [InvoiceLine("2026-11", "qpu", "USD", theirs)] if theirs is not None else []
    found = [one for one in reconcile(there, lines) if one.backend == "qpu"]
    assert found == [Difference("2026-11", "qpu", "USD", ours, ceiling, theirs or 0, verdict)]  # type: ignore[arg-type]


def test_months_that_the_invoice_is_not_of_are_left_out() -> None:
    """And currencies."""
    found = reconcile(LEDGERS, [InvoiceLine("2026-12", "qpu", "USD", 1)])
    assert [(one.month, one.currency, one.verdict) for one in found] == [("2026-12", "USD", "agrees")]
