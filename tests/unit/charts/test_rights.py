"""The rights of the operator and of agents, without Helm: charts, tests and `qjob doctor` know the same ones."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from quantum_operator.cli.checks import NEEDED_AT_HOME, NEEDED_BY_OPERATOR, NEEDED_EVERYWHERE
from support.agents import AGENT, AGENT_CLUSTER_WIDE
from support.operators import AT_HOME, CLUSTER_WIDE, NAMESPACED, rights_of

CHARTS = Path(__file__).parents[3] / "charts"


def given(name: str, chart: str = "quantum-operator") -> list[dict[str, Any]]:
    """The rules that the chart's template of this name has, whatever the values."""
    text = (CHARTS / chart / "templates/rbac.yaml").read_text(encoding="utf-8")
    defined = re.search(rf'define "{chart}\.{name}" -}}}}\n(.*?)\n{{{{- end -}}}}', text, re.DOTALL)
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


@pytest.mark.parametrize(("name", "tested"), [("namespacedRules", AGENT), ("clusterRules", AGENT_CLUSTER_WIDE)])
def test_the_chart_gives_what_agents_are_tested_with(name: str, tested: list[dict[str, Any]]) -> None:
    """No right more, and none less."""
    assert rights_of(given(name, "quantum-operator-agent")) == rights_of(tested)


@pytest.mark.parametrize(("group", "resource", "subresource", "verb"), NEEDED_BY_OPERATOR)
def test_doctor_asks_for_what_the_chart_gives(group: str, resource: str, subresource: str, verb: str) -> None:
    """A right that the operator does not use would be reported as missing from every good installation."""
    assert verb in rights_of(given("namespacedRules"))[group, f"{resource}/{subresource}".rstrip("/")]


@pytest.mark.parametrize(("group", "resource", "subresource", "verb"), NEEDED_AT_HOME)
def test_doctor_asks_for_what_the_chart_gives_at_home(group: str, resource: str, subresource: str, verb: str) -> None:
    """In the operator's own namespace."""
    assert verb in rights_of(given("homeRules"))[group, f"{resource}/{subresource}".rstrip("/")]


@pytest.mark.parametrize(("group", "resource", "subresource", "verb"), NEEDED_EVERYWHERE)
def test_doctor_asks_for_what_the_chart_gives_everywhere(
    group: str, resource: str, subresource: str, verb: str
) -> None:
    """On what has no namespace."""
    assert verb in rights_of(given("clusterRules"))[group, f"{resource}/{subresource}".rstrip("/")]
