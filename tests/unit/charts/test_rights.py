"""The operator's rights, without Helm: the chart, the tests and `qjob doctor` know the same ones."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from quantum_operator.cli.checks import NEEDED_AT_HOME, NEEDED_BY_OPERATOR
from support.operators import AT_HOME, CLUSTER_WIDE, NAMESPACED, rights_of

TEMPLATE = Path(__file__).parents[3] / "charts/quantum-operator/templates/rbac.yaml"


def given(name: str) -> list[dict[str, Any]]:
    """The rules that the chart's template of this name has, whatever the values."""
    text = TEMPLATE.read_text(encoding="utf-8")
    defined = re.search(rf'define "quantum-operator\.{name}" -}}}}\n(.*?)\n{{{{- end -}}}}', text, re.DOTALL)
    assert defined is not None
    rendered = re.sub(r"{{ .*? }}", "x", re.sub(r"^\s*{{-.*}}\n", "", defined[1], flags=re.MULTILINE))
    rules: list[dict[str, Any]] = yaml.safe_load(rendered)
    return rules


@pytest.mark.parametrize(
    ("name", "tested"), [("namespacedRules", NAMESPACED), ("clusterRules", CLUSTER_WIDE), ("homeRules", AT_HOME)]
)
def test_the_chart_gives_what_the_operator_is_tested_with(name: str, tested: list[dict[str, Any]]) -> None:
    """No right more, and none less."""
    assert rights_of(given(name)) == rights_of(tested)


@pytest.mark.parametrize(("group", "resource", "subresource", "verb"), NEEDED_BY_OPERATOR)
def test_doctor_asks_for_what_the_chart_gives(group: str, resource: str, subresource: str, verb: str) -> None:
    """A right that the operator does not use would be reported as missing from every good installation."""
    assert verb in rights_of(given("namespacedRules"))[group, f"{resource}/{subresource}".rstrip("/")]


@pytest.mark.parametrize(("group", "resource", "subresource", "verb"), NEEDED_AT_HOME)
def test_doctor_asks_for_what_the_chart_gives_at_home(group: str, resource: str, subresource: str, verb: str) -> None:
    """In the operator's own namespace."""
    assert verb in rights_of(given("homeRules"))[group, f"{resource}/{subresource}".rstrip("/")]
