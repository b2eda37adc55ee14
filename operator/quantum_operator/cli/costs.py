"""`qjob costs`: what was spent, by whom and on what; and whether a provider's invoice says the same."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from quantum_operator.api.ledger import QuantumLedger
from quantum_operator.cli.errors import FAILED, CommandError
from quantum_operator.cli.kube import connect
from quantum_operator.cli.options import Context, Folder
from quantum_operator.decide.chargeback import (
    DIMENSIONS,
    Difference,
    Dimension,
    InvoiceError,
    Line,
    chargeback,
    read_invoice,
    reconcile,
)
from quantum_operator.decide.cost import money
from quantum_operator.local.files import read_bytes
from quantum_operator.local.layout import ResultsFolder
from quantum_operator.local.ledgers import read_ledger
from quantum_operator.ports.errors import NameTakenError

Row = dict[str, Any]

By = Annotated[
    str,
    typer.Option("--by", metavar="LIST", help=f"What to sum by, separated by commas: {', '.join(DIMENSIONS)}."),
]
Month = Annotated[str | None, typer.Option("--month", metavar="YYYY-MM", help="Only this month; absent: all.")]
Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", metavar="NAME", help="Only this namespace's jobs; absent: all.")
]
Form = Annotated[
    Literal["table", "csv", "json"],
    typer.Option("--output", "-o", help="A table for people; CSV and JSON have micro-units."),
]
Invoice = Annotated[
    Path | None,
    typer.Option(
        "--invoice",
        metavar="FILE",
        help="A provider's invoice as CSV, with the columns date, backend, currency and amount.",
    ),
]
Backends = Annotated[
    list[str] | None,
    typer.Option("--backend", metavar="NAME", help="Only this backend; may be given again, for several."),
]


def costs(
    by: By = "month,namespace,team,backend,kind",
    month: Month = None,
    namespace: Namespace = None,
    backend: Backends = None,
    invoice: Invoice = None,
    output: Form = "table",
    context: Context = None,
    folder: Folder = None,
) -> None:
    """Show what was spent and is reserved, by the ledgers.

    The ledgers outlive jobs, policies and namespaces.

    With --invoice, compare each backend's month with what its provider charged. An invoice has one line a charge or a
    sum: date (a day or a month), backend (the QuantumBackend's name), currency, and amount in units, such as 12.5. Give
    each of the provider's backends with --backend, or those of other providers are told as missing. What the ledger
    has as a ceiling, because the provider did not say what it charged, may be less on the invoice.

    Exit code 1 when the invoice differs.
    """
    chosen = _dimensions(by)
    ledgers = [_only(one, namespace, backend) for one in _ledgers(context, folder) if month in (None, one.spec.month)]
    if invoice is None:
        rows = [_row(line, chosen) for line in chargeback(ledgers, chosen)]
        _show(rows, output, [*chosen, "currency", "micros", "ceilingMicros", "reservedMicros", "count"])
        return
    differences = _compared(ledgers, invoice)
    _show([_difference(one) for one in differences], output, list(_difference(_NONE)))
    if any(one.verdict not in ("agrees", "within its ceilings") for one in differences):
        raise typer.Exit(FAILED)


def _dimensions(by: str) -> list[Dimension]:
    names = [one.strip() for one in by.split(",") if one.strip()]
    unknown = [one for one in names if one not in DIMENSIONS]
    if unknown:
        raise CommandError(f"--by: {unknown[0]!r} is nothing to sum by; there are {', '.join(DIMENSIONS)}")
    return [one for one in DIMENSIONS if one in names]


def _ledgers(context: str | None, folder: Path | None) -> list[QuantumLedger]:
    if folder is None:
        with connect(context, None) as cluster:
            return sorted(cluster.ledgers(), key=lambda one: one.metadata.name)
    found = []
    for path in sorted(ResultsFolder(folder).ledgers.glob("*.json")):
        try:
            found.append(read_ledger(ResultsFolder(folder), path.stem, read_bytes(path) or b""))
        except (NameTakenError, ValueError) as error:
            raise CommandError(str(error), code=FAILED) from error
    return found


def _only(ledger: QuantumLedger, namespace: str | None, backends: Sequence[str] | None) -> QuantumLedger:
    """The ledger with nothing but what was asked for."""
    status = ledger.status
    totals = [one for one in status.totals if namespace in (None, one.namespace)]
    reservations = [one for one in status.reservations if namespace in (None, one.job.namespace)]
    update = {
        "totals": tuple(one for one in totals if not backends or one.backend in backends),
        "reservations": tuple(one for one in reservations if not backends or one.backend in backends),
    }
    return ledger.model_copy(update={"status": status.model_copy(update=update)})


def _compared(ledgers: Sequence[QuantumLedger], invoice: Path) -> list[Difference]:
    try:
        lines = read_invoice(invoice.read_text(encoding="utf-8-sig"), str(invoice))
    except OSError as error:
        raise CommandError(f"--invoice: {invoice} can't be read: {error.strerror}") from error
    except (InvoiceError, UnicodeDecodeError) as error:
        raise CommandError(f"--invoice: {error}") from error
    return reconcile(ledgers, lines)


def _row(line: Line, by: Sequence[str]) -> Row:
    figures = {
        "currency": line.currency,
        "micros": line.micros,
        "ceilingMicros": line.ceiling_micros,
        "reservedMicros": line.reserved_micros,
        "count": line.count,
    }
    return {**dict(zip(by, line.by, strict=True)), **figures}


_NONE = Difference("", "", "", 0, 0, 0, "agrees")


def _difference(one: Difference) -> Row:
    found = asdict(one)
    names = {"ledger_micros": "ledgerMicros", "ceiling_micros": "ceilingMicros", "invoice_micros": "invoiceMicros"}
    return {names.get(name, name): value for name, value in found.items()}


def _show(rows: Sequence[Row], output: str, columns: Sequence[str]) -> None:
    if output == "json":
        typer.echo(json.dumps({"items": list(rows)}, indent=2))
    elif output == "csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _safe(value) for name, value in row.items()} for row in rows)
        typer.echo(text.getvalue(), nl=False)
    else:
        _table(rows, columns)


def _safe(value: Any) -> Any:
    """No cell is a formula: spreadsheets compute what begins with one of these."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value


def _table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    if not rows:
        typer.echo("nothing was spent or is reserved")
        return
    shown = [name for name in columns if name != "currency"]
    cells = [[_cell(name, row) for name in shown] for row in rows]
    heads = [name.removesuffix("Micros").replace("micros", "spent").upper() for name in shown]
    widths = [max(len(one) for one in column) for column in zip(heads, *cells, strict=True)]
    for line in (heads, *cells):
        padded = [
            text.rjust(width) if name.lower().endswith(("micros", "count")) else text.ljust(width)
            for name, text, width in zip(shown, line, widths, strict=True)
        ]
        typer.echo("  ".join(padded).rstrip())


def _cell(name: str, row: Row) -> str:
    if not name.lower().endswith("micros"):
        return str(row[name]) if row[name] != "" else "-"
    micros = int(row[name])
    return f"{'-' if micros < 0 else ''}{money(abs(micros), str(row['currency']))}"
