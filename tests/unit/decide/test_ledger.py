"""Ledgers: reservations and settlements, each of which counts once however often it is done."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from quantum_operator.api.ledger import MOST_RESERVATIONS, QuantumLedgerStatus, Reservation
from quantum_operator.decide.cost import MOST_MICROS
from quantum_operator.decide.ledger import EMPTY, Room, Settlement, ledger_name, payer_of, reserve, settle, spec_of
from support.ledgerscontract import reservation, total

LEDGER = "usd-2026-11"


def settlement(one: Reservation, micros: int = 0, **changes: bool) -> Settlement:
    """The settlement of this reservation at so many micro-units."""
    return Settlement(LEDGER, one.run, one.job.uid, micros, **changes)


@pytest.mark.parametrize(
    ("currency", "moment", "name"),
    [
        ("USD", datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC), "usd-2026-11"),
        ("EUR", datetime(2026, 12, 1, tzinfo=UTC), "eur-2026-12"),
        ("CHF", datetime(2027, 1, 1, tzinfo=UTC), "chf-2027-01"),
    ],
)
def test_a_currency_and_month_have_one_ledger(currency: str, moment: datetime, name: str) -> None:
    """Its name says both, and is told from them and back."""
    assert ledger_name(currency, moment) == name
    assert (spec_of(name).currency, spec_of(name).month) == (currency, f"{moment:%Y-%m}")


@pytest.mark.parametrize("name", ["usd", "usd-2026", "usd-2026-13", "us-2026-11", "usd-2026-11-21", ""])
def test_what_names_no_ledger_is_refused(name: str) -> None:
    """It is a fault of ours."""
    with pytest.raises(ValidationError):
        spec_of(name)


def test_what_is_reserved_is_settled_at_what_it_cost() -> None:
    """The reservation goes, the charge stays with its payer, and the sums follow."""
    one, other = reservation("a-1", 10), reservation("b-1", 7)
    status = reserve(EMPTY, [one, other])
    assert (status.spent_micros, status.reserved_micros) == (0, 17)
    status = settle(status, [settlement(one, 4)])
    assert (status.spent_micros, status.reserved_micros) == (4, 7)
    assert status.reservations == (other,)
    (row,) = status.totals
    assert payer_of(row) == payer_of(one)
    assert (row.micros, row.count, row.ceiling_micros) == (4, 1, 0)


def test_charges_of_one_payer_add_up() -> None:
    """With how many there were, and how much of it is not exact; another payer has a row of its own."""
    ones = [reservation("a-1", 10), reservation("b-1", 10), reservation("c-1", 10, backend="other")]
    done = [settlement(ones[0], 4), settlement(ones[1], 10, exact=False), settlement(ones[2], 1)]
    status = settle(reserve(EMPTY, ones), done)
    assert [(row.backend, row.micros, row.count, row.ceiling_micros) for row in status.totals] == [
        ("other", 1, 1, 0),
        ("qpu", 14, 2, 10),
    ]


@pytest.mark.parametrize(
    ("before", "asked", "reserved"),
    [(10, 10, 10), (10, 12, 12), (10, 4, 10)],
)
def test_a_reservation_under_the_same_name_is_replaced(before: int, asked: int, reserved: int) -> None:
    """Never by a smaller one: who made it may still put the attempt on record."""
    status = reserve(reserve(EMPTY, [reservation("a-1", before)]), [reservation("a-1", asked)])
    assert [one.micros for one in status.reservations] == [reserved]
    assert status.reserved_micros == reserved


def test_what_costs_nothing_leaves_nothing() -> None:
    """The reservation is given back."""
    one = reservation("a-1", 10)
    assert settle(reserve(EMPTY, [one]), [settlement(one)]) == EMPTY


def test_the_attempt_of_a_namesake_is_another() -> None:
    """A settlement goes by the job's UID as well."""
    one = reservation("a-1", 10)
    status = reserve(EMPTY, [one])
    assert settle(status, [replace(settlement(one, 10), job_uid="another")]) is status


def test_more_than_all_bounds_is_stated_as_the_most() -> None:
    """No amount makes a ledger impossible to write."""
    ones = [reservation(f"a-{number}", MOST_MICROS) for number in range(3)]
    status = reserve(EMPTY, ones)
    assert status.reserved_micros == MOST_MICROS
    status = settle(status, [settlement(one, MOST_MICROS, exact=False) for one in ones])
    assert (status.totals[0].micros, status.totals[0].count) == (MOST_MICROS, 3)
    QuantumLedgerStatus.model_validate(status.to_wire())


def test_a_ledger_has_room_for_so_many_reservations() -> None:
    """One that is there already is no further one."""
    many = [reservation(f"a-{number}", 1) for number in range(MOST_RESERVATIONS)]
    room = Room(reserve(EMPTY, many[:-1]))
    assert room.fits(many[-1])
    room.take(many[-1])
    assert not room.fits(reservation("b-1"))
    assert room.fits(many[0])


def test_what_is_long_takes_more_room() -> None:
    """A ledger stays under what etcd stores, with every total that settling may add."""
    names = [f"{'x' * 200}-{number}" for number in range(MOST_RESERVATIONS)]
    room, count = Room(EMPTY.model_copy(update={"totals": (total(),)})), 0
    for name in names:
        one = reservation("a-1", MOST_MICROS, backend=name, policy=name).model_copy(update={"run": name})
        if not room.fits(one):
            break
        room.take(one)
        count += 1
    assert 300 < count < MOST_RESERVATIONS


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "settle", "release"]), st.integers(0, 5), st.integers(0, 20), st.integers(1, 3)
    ),
    max_size=40,
)


@given(ACTIONS)
def test_whatever_is_repeated_counts_once(actions: list[tuple[str, int, int, int]]) -> None:
    """In any order, each step done up to three times: sums are those of its parts, and nothing is lost or doubled."""
    status, charged, open_runs = EMPTY, 0, dict[str, int]()
    for kind, number, micros, times in actions:
        one = reservation(f"a-{number}", micros)
        for _ in range(times):
            if kind == "reserve":
                status = reserve(status, [one])
            else:
                status = settle(status, [settlement(one, micros if kind == "settle" else 0)])
        if kind == "reserve":
            open_runs[one.run] = max(micros, open_runs.get(one.run, 0))
        elif open_runs.pop(one.run, None) is not None and kind == "settle":
            charged += micros
        assert {one.run: one.micros for one in status.reservations} == open_runs
        assert (status.spent_micros, status.reserved_micros) == (charged, sum(open_runs.values()))
    assert QuantumLedgerStatus.model_validate(status.to_wire()) == status
