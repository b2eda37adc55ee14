"""Budgets: what counts against which cap, and how a budget stands."""

from datetime import UTC, datetime
from typing import Any

import pytest

from quantum_operator.api.budget import Budget, BudgetStatus
from quantum_operator.api.policy import BackendPolicySpec
from quantum_operator.decide.budget import (
    TEAM_LABEL,
    Cap,
    Used,
    backend_cap,
    budget_status,
    concerning,
    in_other_currency,
    policy_cap,
    since,
    spend_kind,
    team_of,
    used,
    without_budget,
)
from quantum_operator.testing.builders import backend, policy
from support.ledgerscontract import reservation, total

NOW = datetime(2026, 11, 21, 23, 59, 59, tzinfo=UTC)
QPU: dict[str, Any] = {"adapter": "ibm", "provider": {"agent": "ibm", "device": "qpu"}}


def budget(name: str = "all", limit: int = 100, **spec: Any) -> dict[str, Any]:
    """A budget as it is written."""
    return {"name": name, "limitMicros": limit, **spec}


def spec_with(*budgets: dict[str, Any]) -> BackendPolicySpec:
    """A policy's spec with these budgets."""
    return policy(budgets=list(budgets)).spec


@pytest.mark.parametrize(
    ("namespace", "job", "team"),
    [
        ({TEAM_LABEL: "ml"}, {TEAM_LABEL: "other"}, "ml"),
        ({TEAM_LABEL: "ml"}, {}, "ml"),
        ({}, {TEAM_LABEL: "other"}, "other"),
        ({TEAM_LABEL: ""}, {TEAM_LABEL: "other"}, "other"),
        ({"team": "ml"}, {}, ""),
    ],
)
def test_the_namespace_says_who_pays(namespace: dict[str, str], job: dict[str, str], team: str) -> None:
    """A job says so only where its namespace does not: users write jobs, and not namespaces."""
    assert team_of(namespace, job) == team


@pytest.mark.parametrize(
    ("cap", "counts"),
    [
        ({}, True),
        ({"since": "2026-11-21"}, True),
        ({"since": "2026-11-20"}, False),
        ({"namespace": "team", "policy": "default"}, True),
        ({"namespace": "other"}, False),
        ({"policy": "other"}, False),
        ({"team": "ml"}, True),
        ({"team": "other"}, False),
        ({"kind": "Hardware"}, True),
        ({"kind": "Simulator"}, False),
        ({"backend": "qpu"}, True),
        ({"backend": "other"}, False),
    ],
)
def test_a_cap_covers_what_it_names(cap: dict[str, Any], counts: bool) -> None:
    """Reservations and totals alike."""
    made = Cap("a budget", "USD", 100, **{"since": "2026-11", **cap})
    assert made.covers(reservation("a-1", 3)) is counts
    assert made.covers(total(4)) is counts
    assert used([total(4)], [reservation("a-1", 3)], made) == (Used(4, 3) if counts else Used(0, 0))


@pytest.mark.parametrize(("period", "name"), [("Day", "2026-11-21"), ("Month", "2026-11")])
def test_periods_are_of_the_calendar(period: str, name: str) -> None:
    """In UTC."""
    assert since(period, NOW) == name


@pytest.mark.parametrize(
    ("budgets", "team", "kind", "expected"),
    [
        ([], "ml", "Hardware", []),
        ([budget("a"), budget("b", kind="Hardware"), budget("c", kind="Simulator")], "ml", "Hardware", ["a", "b"]),
        ([budget("a"), budget("b", kind="Hardware"), budget("c", kind="Simulator")], "ml", "Simulator", ["a", "c"]),
        ([budget("a"), budget("b", team="ml"), budget("c", team="qa")], "ml", "Hardware", ["a", "b"]),
        ([budget("a"), budget("b", team="ml")], "", "Hardware", ["a"]),
    ],
)
def test_budgets_concern_their_kind_and_team(
    budgets: list[dict[str, Any]], team: str, kind: Any, expected: list[str]
) -> None:
    """Those without a team concern every team."""
    assert [one.name for one in concerning(spec_with(*budgets), team, kind)] == expected


@pytest.mark.parametrize(
    ("budgets", "team", "kind", "refused"),
    [
        ([], "", "Hardware", False),
        ([budget()], "", "Hardware", False),
        ([budget(team="ml")], "ml", "Hardware", False),
        ([budget(team="ml")], "qa", "Hardware", True),
        ([budget("a"), budget("b", team="ml")], "", "Hardware", True),
        ([budget(team="ml", kind="Simulator")], "qa", "Hardware", False),
    ],
)
def test_who_has_no_budget_may_not_spend(budgets: list[dict[str, Any]], team: str, kind: Any, refused: bool) -> None:
    """Where budgets are of teams, nobody dodges them by naming another team, or none."""
    assert bool(without_budget(spec_with(*budgets), team, kind)) is refused


@pytest.mark.parametrize(
    ("budgets", "currency", "named"),
    [
        ([], "EUR", ""),
        ([budget()], "USD", ""),
        ([budget("dollars")], "EUR", "dollars"),
        ([budget("dollars"), budget("euros", currency="EUR")], "EUR", ""),
        ([budget("dollars", team="ml"), budget("euros", currency="EUR")], "EUR", "dollars"),
    ],
)
def test_another_currency_is_no_way_around(budgets: list[dict[str, Any]], currency: str, named: str) -> None:
    """Each cap, of all and of a team, needs one in the currency of the price."""
    said = in_other_currency(spec_with(*budgets).budgets, currency)
    assert (f"budget {named!r} is in USD" in said) if named else said == ""


def test_a_backends_cap_is_in_the_currency_of_its_price() -> None:
    """It covers all namespaces; a backend that is free has none."""
    cap = backend_cap(backend("qpu", price={"currency": "EUR"}, budget={"limitMicros": 5, "period": "Day"}, **QPU), NOW)
    assert cap is not None
    assert (cap.currency, cap.limit, cap.since, cap.backend, cap.namespace) == ("EUR", 5, "2026-11-21", "qpu", "")
    assert backend_cap(backend(budget={"limitMicros": 5}), NOW) is None
    assert backend_cap(backend(price={}), NOW) is None


def test_hardware_and_simulators_are_told_apart() -> None:
    """By whose they are."""
    assert spend_kind(backend("qpu", price={}, **QPU)) == "Hardware"
    assert spend_kind(backend(price={"perShotMicros": 1})) == "Simulator"
    managed = {"agent": "braket", "device": "sv1", "kind": "Simulator"}
    assert spend_kind(backend("sv1", adapter="braket", provider=managed, price={})) == "Simulator"


def stand(spent: int, reserved: int = 0, before: BudgetStatus | None = None, limit: int = 1000) -> BudgetStatus:
    """How a budget stands that warns at 80 and 100 percent."""
    one = Budget(name="all", limit_micros=limit)
    return budget_status(one, policy_cap(one, "team", "default", NOW), Used(spent, reserved), before)


@pytest.mark.parametrize(
    ("spent", "reserved", "warned"),
    [(0, 0, None), (799, 0, None), (800, 0, 80), (400, 400, 80), (999, 0, 80), (1000, 0, 100), (5000, 0, 100)],
)
def test_a_budget_warns_at_its_thresholds(spent: int, reserved: int, warned: int | None) -> None:
    """Of what is spent and reserved together."""
    assert stand(spent, reserved).warned_percent == warned


def test_a_budget_of_nothing_is_used_up() -> None:
    """Whatever is asked of it."""
    assert stand(0, limit=0).warned_percent == 100


@pytest.mark.parametrize(
    ("spent", "reserved", "news"),
    [(101, 0, False), (149, 0, False), (150, 0, True), (100, 5, True), (800, 0, True), (0, 0, True)],
)
def test_the_figures_are_written_when_they_say_something_new(spent: int, reserved: int, news: bool) -> None:
    """After every twentieth of the limit, and when something is reserved again, or nothing any more."""
    before = stand(100)
    assert (stand(spent, reserved, before) is not before) is news
