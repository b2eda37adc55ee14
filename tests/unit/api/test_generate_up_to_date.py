"""What is generated from the types is what lies in the repository."""

from functools import cache
from pathlib import Path

import pytest
import yaml

from quantum_operator.api import generate
from quantum_operator.api.generate import main, template
from quantum_operator.api.render import custom_resource_definitions, schemas
from quantum_operator.api.schema import walk

ROOT = Path(__file__).parents[3]


@cache
def files() -> dict[str, str]:
    """What is generated, rendered once."""
    return generate.files()


@pytest.mark.parametrize("name", files())
def test_up_to_date(name: str) -> None:
    """Every generated file has the very bytes that the types give; `make generate` writes them."""
    assert (ROOT / name).read_bytes() == files()[name].encode()


@pytest.mark.parametrize("folder", ["crds", "charts/quantum-operator-crds/templates"])
def test_nothing_is_left_over(folder: str) -> None:
    """A folder of CRDs has no file that the types don't give."""
    assert {f"{folder}/{path.name}" for path in (ROOT / folder).glob("*.yaml")} <= set(files())


def test_writes_everything(tmp_path: Path) -> None:
    """Generating writes every file below the folder it is given, and again changes nothing."""
    for _ in range(2):
        assert main([str(tmp_path)]) == 0
        written = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
        assert written == files()


def test_writes_here_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an argument everything is written below the current folder."""
    monkeypatch.chdir(tmp_path)
    assert main([]) == 0
    assert (tmp_path / "crds" / "quantumjobs.yaml").exists()


def test_crds_read_back() -> None:
    """The YAML of the CRDs reads back as the CRDs."""
    texts = [text for name, text in files().items() if name.startswith("crds/")]
    assert [yaml.load(text, Loader=yaml.CSafeLoader) for text in texts] == custom_resource_definitions()


def test_the_chart_keeps_crds() -> None:
    """Uninstalling the chart keeps its CRDs, and with them every object of their kinds."""
    for name, text in files().items():
        if name.startswith("charts/"):
            crd = yaml.load(text, Loader=yaml.CSafeLoader)
            assert crd["metadata"]["annotations"].pop("helm.sh/resource-policy") == "keep"
            assert crd in custom_resource_definitions()


def test_templates_escape_braces() -> None:
    """Braces that Helm would take for a template come out as braces."""
    definition = {"metadata": {"annotations": {}}, "spec": {"description": "a {{b}} c"}}
    assert '"a {{ "{{" }}b}} c"' in template(definition)


def test_the_reference_has_every_field() -> None:
    """Every field of every resource has a line in the reference, and every rule its message."""
    reference = files()["docs/reference/api.md"]
    for schema in schemas().values():
        for part in ("spec", "status"):
            for path, inner in walk(schema["properties"][part], part):
                assert path in {"spec", "status"} or f"| `{path}` | {inner['type']} |" in reference
                assert all(rule["message"] in reference for rule in inner.get("x-kubernetes-validations", ()))


@pytest.mark.parametrize(
    "line",
    [
        "| `spec.backoffLimit` | integer | `3` | 0 to 10 |",
        "| `spec.suspend` | boolean | `false` |",
        "| `spec.simulator.precision` | string | `double` | one of `double`, `single` |",
        "| `spec.programs` | array | required | 1 to 32 items; told apart by `name` |",
        "| `spec.task.estimate.pubs[].precision` | number |  | 1e-06 to 1,000 |",
        "| `spec.target.basisGates` | array |  | 1 to 64 items; no duplicates |",
        r"matches `^[0-9]+(\.[0-9]+)?(m\|k\|M\|G\|T\|Ki\|Mi\|Gi\|Ti)?$`",
        "| `status.observedGeneration` | integer |  | at least 0 |",
        "| `spec.run.nodeSelector` | object | `{}` | at most 16 entries |",
        "at most 32 characters; a date-time",
    ],
)
def test_the_reference_tells_limits(line: str) -> None:
    """The reference tells each field's type, default and limits in words."""
    assert line in files()["docs/reference/api.md"]
