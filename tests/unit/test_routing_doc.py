"""docs/routing.md: its manifests are valid and do what it says, and its scales are those of the code."""

import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from quantum_operator.api.routing import Routing
from quantum_operator.api.validate import validate
from quantum_operator.cli.app import app
from quantum_operator.decide.ranking import COST, FIDELITY, ORDER, TIME

PAGE = Path(__file__).parents[2] / "docs/routing.md"
TEXT = PAGE.read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("document", list(yaml.safe_load_all(EXAMPLE)), ids=lambda one: str(one["kind"]))
def test_its_manifests_are_valid(document: dict[str, object]) -> None:
    """The API server would take each of them."""
    assert validate(document).kind == document["kind"]


def test_its_example_can_be_planned(tmp_path: Path) -> None:
    """As the page says, with the built-in simulators; the weights are in the plan."""
    (tmp_path / "all.yaml").write_text(EXAMPLE)
    done = CliRunner().invoke(app, ["plan", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "assigned to aer-ideal by policy research" in done.stdout
    assert "by its UID perhaps deeper (25 % of the jobs); this is without" in done.stdout
    assert "10 % of such jobs are run once more on aer-noisy" in done.stdout
    assert re.search(
        r"aer-gpu +Eligible +Eligible +a lower score, or later in the policy's order \(score \d+\)", done.stdout
    )


def test_every_threshold_is_told() -> None:
    """Each field of spec.routing, and nothing that is not one."""
    rows = set(re.findall(r"^\| `(m[a-zA-Z]+)` \|", TEXT, re.MULTILINE))
    fields = {field.alias or name for name, field in Routing.model_fields.items()}
    assert {*rows, "weights"} == {one.alias or "" for one in Routing.model_fields.values()} == fields


def test_its_scales_are_those_of_the_code() -> None:
    """Every point of the table, in the code's own units."""
    units = {"none": 0, "10 s": 10, "1 min": 60, "10 min": 600, "1 h": 3600, "1 day": 86_400, "1 week": 604_800}
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in TEXT.splitlines() if line.startswith("|")]
    points = [row for row in rows if len(row) == 8 and row[1].isdigit()]
    assert [(int(float(row[0]) * 1_000_000), int(row[1])) for row in points] == list(COST)
    assert [(units[row[2]], int(row[3])) for row in points] == list(TIME)
    assert [(round(float(row[4]) * 1_000_000), int(row[5])) for row in points if row[4]] == list(FIDELITY[1:])
    assert [int(row[7]) for row in points if row[7]] == [points for _, points in ORDER]
