"""`qjob costs`: chargeback from a cluster or a folder, as a table, CSV and JSON; and a provider's invoice."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from support.ledgerscontract import reservation, total
from unit.cli.apiserver import FakeCluster
from unit.cli.conftest import GROUP, Commands
from unit.decide.test_chargeback import ledger

LEDGERS = (
    ledger("usd-2026-10", total(1_000_000)),
    ledger(
        "usd-2026-11",
        total(2_500_000, ceiling_micros=500_000),
        total(40, backend="aer", kind="Simulator", team="=cmd"),
        reservation("a-1", 3_000_000),
    ),
)


@pytest.fixture
def spent(cluster: FakeCluster) -> FakeCluster:
    """A cluster with two months of ledgers."""
    for one in LEDGERS:
        cluster.add(f"{GROUP}/quantumledgers/{one.metadata.name}", one.to_wire())
    return cluster


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the same."""
    place = tmp_path / "results" / ".ledgers"
    place.mkdir(parents=True)
    for one in LEDGERS:
        (place / f"{one.metadata.name}.json").write_text(json.dumps(one.to_wire()))
    return place.parent


def items(command: Commands, *arguments: str | Path) -> list[dict[str, Any]]:
    """What the command says as JSON."""
    done = command("costs", *arguments, "--output", "json")
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)["items"]
    return found


def test_costs_of_a_cluster_are_a_table(command: Commands, spent: FakeCluster) -> None:
    """With amounts for people; what is a ceiling and what is reserved beside them."""
    done = command("costs", "--by", "month,backend")
    assert done.exit_code == 0
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["MONTH", "BACKEND", "SPENT", "CEILING", "RESERVED", "COUNT"],
        ["2026-10", "qpu", "1.00", "USD", "0.00", "USD", "0.00", "USD", "1"],
        ["2026-11", "aer", "0.00004", "USD", "0.00", "USD", "0.00", "USD", "1"],
        ["2026-11", "qpu", "2.50", "USD", "0.50", "USD", "3.00", "USD", "1"],
    ]


def test_costs_of_a_folder_are_those_of_a_cluster(command: Commands, spent: FakeCluster, folder: Path) -> None:
    """By any dimensions, in their own order."""
    assert items(command, "--by", "kind,team") == items(command, "--folder", folder, "--by", "team,kind")
    assert items(command, "--folder", folder, "--by", "") == [
        {"currency": "USD", "micros": 3_500_040, "ceilingMicros": 500_000, "reservedMicros": 3_000_000, "count": 3}
    ]


@pytest.mark.parametrize(
    ("arguments", "micros"),
    [
        (["--month", "2026-10"], 1_000_000),
        (["--month", "2026-09"], 0),
        (["--namespace", "team"], 3_500_040),
        (["-n", "other"], 0),
        (["--backend", "aer"], 40),
        (["--backend", "aer", "--backend", "qpu", "--month", "2026-11"], 2_500_040),
    ],
)
def test_costs_can_be_narrowed(command: Commands, folder: Path, arguments: list[str], micros: int) -> None:
    """To a month, a namespace, and backends."""
    assert sum(one["micros"] for one in items(command, "--folder", folder, *arguments)) == micros


def test_csv_has_micro_units_and_no_formulas(command: Commands, folder: Path) -> None:
    """A name that a spreadsheet would compute is text."""
    done = command("costs", "--folder", folder, "--output", "csv", "--by", "team,backend")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(one["team"], one["backend"], one["micros"], one["currency"]) for one in rows] == [
        ("'=cmd", "aer", "40", "USD"),
        ("ml", "qpu", "3500000", "USD"),
    ]


def test_nothing_spent_is_said(command: Commands, cluster: FakeCluster) -> None:
    """There is no ledger before anything is paid for."""
    done = command("costs")
    assert (done.exit_code, done.stdout) == (0, "nothing was spent or is reserved\n")


@pytest.mark.parametrize(
    ("amount", "verdict", "code"),
    [("2.5", "agrees", 0), ("2.1", "within its ceilings", 0), ("2.6", "differs", 1)],
)
def test_an_invoice_is_compared(
    command: Commands, folder: Path, tmp_path: Path, amount: str, verdict: str, code: int
) -> None:
    """Each backend's month, to the micro-unit; a difference is named, and is the exit code."""
    invoice = tmp_path / "invoice.csv"
    invoice.write_text(f"date,backend,currency,amount\n2026-11-30,qpu,USD,{amount}\n")
    asked = ("costs", "--folder", folder, "--invoice", invoice, "--backend", "qpu")
    done = command(*asked, "--output", "json")
    assert done.exit_code == code
    (found,) = json.loads(done.stdout)["items"]
    assert (found["month"], found["backend"], found["ledgerMicros"], found["verdict"]) == (
        "2026-11",
        "qpu",
        2_500_000,
        verdict,
    )
    assert verdict in command(*asked).stdout


def test_what_is_missing_on_an_invoice_is_named(command: Commands, folder: Path, tmp_path: Path) -> None:
    """And what is there that nobody knows of."""
    invoice = tmp_path / "invoice.csv"
    invoice.write_text("date,backend,currency,amount\n2026-11,unknown,USD,1\n")
    done = command("costs", "--folder", folder, "--invoice", invoice, "--output", "csv")
    assert done.exit_code == 1
    assert {one["backend"]: one["verdict"] for one in csv.DictReader(io.StringIO(done.stdout))} == {
        "aer": "not on the invoice",
        "qpu": "not on the invoice",
        "unknown": "not on the ledger",
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--by", "week"], "--by: 'week' is nothing to sum by"),
        (["--invoice", "absent.csv"], "--invoice: absent.csv can't be read"),
        (["--invoice", __file__], "line 1: no column date"),
    ],
)
def test_what_can_not_be_used_is_said(command: Commands, folder: Path, arguments: list[str], said: str) -> None:
    """With the option and the value."""
    done = command("costs", "--folder", folder, *arguments)
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_damaged_ledger_is_said(command: Commands, folder: Path) -> None:
    """It is not taken for none."""
    (folder / ".ledgers" / "usd-2026-11.json").write_text("{}")
    done = command("costs", "--folder", folder)
    assert done.exit_code == 1
    assert "restore it, or delete it" in done.stderr
