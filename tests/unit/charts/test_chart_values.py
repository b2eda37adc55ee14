"""The charts' values, without Helm: schema, README and metadata say what values.yaml says."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from quantum_operator import __version__
from quantum_operator.api.render import custom_resource_definitions
from support import chartvalues

ROOT = Path(__file__).parents[3]
CHART_NAMES = ("quantum-operator-crds", "quantum-operator", "quantum-operator-agent")
CRDS, OPERATOR, AGENT = (ROOT / "charts" / name for name in CHART_NAMES)

chart = pytest.mark.parametrize("chart", [CRDS, OPERATOR, AGENT], ids=lambda path: path.name)
with_values = pytest.mark.parametrize("chart", [OPERATOR, AGENT], ids=lambda path: path.name)


def schema(chart: Path) -> dict[str, Any]:
    """The chart's values.schema.json."""
    content: dict[str, Any] = json.loads((chart / "values.schema.json").read_text(encoding="utf-8"))
    return content


def metadata(chart: Path) -> dict[str, Any]:
    """The chart's Chart.yaml."""
    content: dict[str, Any] = yaml.safe_load((chart / "Chart.yaml").read_text(encoding="utf-8"))
    return content


def loose(part: dict[str, Any], path: str = "values") -> list[str]:
    """The objects of a schema that have properties and would take others, and the properties without description."""
    found = []
    if "properties" in part and part.get("additionalProperties") is not False:
        found.append(f"{path} takes any property")
    for key, inner in part.get("properties", {}).items():
        if not inner.get("description"):
            found.append(f"{path}.{key} has no description")
        found += loose(inner, f"{path}.{key}")
    return found + (loose(part["items"], f"{path}[]") if "items" in part else [])


@chart
def test_the_schema_is_strict_and_describes_everything(chart: Path) -> None:
    """Every property of a chart's schema has a description, and a misspelled value is refused."""
    assert loose(schema(chart)) == []


@chart
def test_the_schema_knows_every_value(chart: Path) -> None:
    """Each described value has a schema with the same words; each leaf of values.yaml is described."""
    assert chartvalues.undescribed(chart) == []
    for value in chartvalues.values(chart):
        assert chartvalues.properties(schema(chart), value.path)["description"] == value.description


@with_values
def test_the_schema_has_no_value_that_the_chart_lacks(chart: Path) -> None:
    """Each property of the schema is in values.yaml, so that `helm show values` shows them all."""
    content = yaml.safe_load((chart / "values.yaml").read_text(encoding="utf-8"))
    described = {value.path for value in chartvalues.values(chart)}

    def absent(part: dict[str, Any], given: Any, path: tuple[str, ...] = ()) -> list[str]:
        if path in described:
            return []
        missing = [".".join((*path, key)) for key in part.get("properties", {}) if key not in given]
        inner = [
            name
            for key, sub in part.get("properties", {}).items()
            if key in given
            for name in absent(sub, given[key], (*path, key))
        ]
        return missing + inner

    assert absent(schema(chart), content) == ["global"]


@with_values
def test_the_readme_has_the_values(chart: Path) -> None:
    """The README's table is that of values.yaml; `python tests/support/chartvalues.py CHART` writes it."""
    assert chartvalues.table_of_readme(chart) == chartvalues.table(chart)


@with_values
def test_every_value_is_used(chart: Path) -> None:
    """Each value is named by a template."""
    templates = "\n".join(
        path.read_text(encoding="utf-8") for path in (chart / "templates").rglob("*") if path.is_file()
    )
    unused = []
    for value in chartvalues.values(chart):
        whole, parent = ".".join(value.path), ".".join(value.path[:-1])
        if f".Values.{whole}" not in templates and not re.search(rf"\(list \.Values\.{parent}[ )]", templates):
            unused.append(whole)
    assert unused == []


@chart
def test_a_chart_has_the_version_of_the_code(chart: Path) -> None:
    """The charts are released with the code, and under its version."""
    assert metadata(chart)["appVersion"] == __version__
    assert metadata(chart)["version"] == __version__
    assert metadata(chart)["name"] == chart.name


def test_the_definitions_are_listed() -> None:
    """The annotation that lists the CRDs for a catalog lists those there are."""
    listed = yaml.safe_load(metadata(CRDS)["annotations"]["artifacthub.io/crds"])
    assert {(one["kind"], one["version"], one["name"]) for one in listed} == {
        (found["spec"]["names"]["kind"], found["spec"]["versions"][0]["name"], found["metadata"]["name"])
        for found in custom_resource_definitions()
    }


@with_values
def test_the_rights_on_definitions_name_each(chart: Path) -> None:
    """Operator and agent may read the definitions by name, and so check their schema."""
    rules = (chart / "templates/rbac.yaml").read_text(encoding="utf-8")
    for definition in custom_resource_definitions():
        assert f"- {definition['metadata']['name']}\n" in rules


def test_the_simulators_are_those_of_a_laptop() -> None:
    """The chart's backends are, byte for byte, the ones that `qjob run` has."""
    local = ROOT / "operator/quantum_operator/local/backends.yaml"
    assert (OPERATOR / "files/backends.yaml").read_bytes() == local.read_bytes()
