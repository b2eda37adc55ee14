"""docs/money.md shows what can be applied, and an invoice that can be read."""

import re
from pathlib import Path

from quantum_operator.decide.chargeback import COLUMNS, InvoiceLine, read_invoice
from quantum_operator.local.manifests import load_text

TEXT = (Path(__file__).parents[2] / "docs/money.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The page's blocks of this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def test_every_manifest_is_valid() -> None:
    """Checked as the API server would, each of the kinds that money is about."""
    found = [type(one.resource).__name__ for block in blocks("yaml") for one in load_text(block, "docs/money.md")]
    assert found == ["QuantumBackend", "BackendPolicy", "QuantumJob"]


def test_the_invoice_is_one() -> None:
    """With the columns that are read."""
    (invoice,) = blocks("csv")
    assert tuple(invoice.splitlines()[0].split(",")) == COLUMNS
    assert read_invoice(invoice, "docs/money.md") == [InvoiceLine("2026-11", "garnet", "USD", 1_500_000)]
