"""docs/resilience.md: its manifests are valid, and its classical baseline does what it says."""

import json
import re
from pathlib import Path

import pytest
import yaml

from quantum_operator.api.validate import validate
from quantum_operator.local import process, runs
from quantum_operator.runner import worker
from unit.cli.conftest import Commands, spawn

PAGE = Path(__file__).parents[3] / "docs/resilience.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
ENTANGLED = 'OPENQASM 3.0; include "stdgates.inc"; qubit[40] q; bit[40] c; ry(0.5) q[0]; cx q[0], q[1]; c = measure q;'


@pytest.mark.parametrize("document", [one for text in EXAMPLES for one in yaml.safe_load_all(text)], ids=str)
def test_its_manifests_are_valid(document: dict[str, object]) -> None:
    """The API server would take each of them."""
    assert validate(document).kind == document["kind"]


def test_its_classical_baseline_does_what_no_statevector_holds(
    command: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job of the page by stabilizers; one of other gates is refused there, and done as a matrix product state."""
    monkeypatch.setattr(runs, "spawn", spawn)
    monkeypatch.setattr(process, "command", process.command)  # as it was before, once `spawn` has changed it
    monkeypatch.setattr(worker, "limit_memory", lambda _: None)
    documents = list(yaml.safe_load_all(EXAMPLES[1]))
    other = json.loads(json.dumps(documents[-1]))
    other["metadata"]["name"] = "other"
    other["spec"]["programs"] = [{"name": "ghz", "qasm3": ENTANGLED}]
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all([*documents, other]), encoding="utf-8")
    done = command("run", tmp_path / "all.yaml", "--folder", tmp_path / "out", "-o", "json")
    assert done.exit_code == 0, done.stderr
    found = {one["metadata"]["name"]: one["status"] for one in json.loads(done.stdout)["items"]}
    told = {name: (one["backend"], one["result"]["fallback"]["kind"]) for name, one in found.items()}
    assert told == {"ghz-40": ("clifford", "Simulator"), "other": ("tensor", "Simulator")}
    attempts = [(one["backend"], one["reason"]) for one in found["other"]["plan"]["steps"][0]["attempts"]]
    assert attempts == [("clifford", "IncompatibleTarget"), ("tensor", "Succeeded")]
    assert {one["result"]["fallback"]["reason"] for one in found.values()} == {"NoEligibleBackend"}
