"""docs/governance.md: what it shows is valid and does what it says, and what it names is there."""

import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from quantum_operator.api.policy import BackendPolicy
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.validate import validate
from quantum_operator.cli.app import app
from quantum_operator.decide.accept import Acceptance, accept
from quantum_operator.decide.approval import asked_of
from quantum_operator.decide.figures import Request, figures_of, question_of
from quantum_operator.decide.governance import objection_to, terms_of
from quantum_operator.decide.observed import Observed
from quantum_operator.decide.routing import judge
from quantum_operator.testing.builders import backend
from unit.decide.observations import NOW

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/governance.md").read_text(encoding="utf-8")
CHART = ROOT / "charts/quantum-operator"
(MANIFEST,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = sorted(set(re.findall(r"^qjob ([a-z]+)", TEXT, re.MULTILINE)))
LINKS = sorted(set(re.findall(r"\]\(((?!https?:)[^)#]+)\)", TEXT)))
POLICY, JOB = map(validate, yaml.safe_load_all(MANIFEST))


def test_the_example_is_accepted_where_it_may_go() -> None:
    """The job is within its policy: a simulator of the cluster may have it, others may not, and somebody approves."""
    assert isinstance(POLICY, BackendPolicy)
    assert isinstance(JOB, QuantumJob)
    assert objection_to(JOB.spec, POLICY) is None
    accepted = accept(Observed(now=NOW, job=JOB, policy=POLICY))
    assert isinstance(accepted, Acceptance)
    assert accepted.demand.terms == terms_of(JOB.spec, POLICY.spec)
    request = Request(accepted.demand, "team", {}, policy=POLICY.spec)
    here, abroad = backend("aer-ideal"), backend("abroad", region="us-east-1")
    device = backend("qpu", adapter="ibm", provider={"agent": "ibm", "device": "q"}, price={}, region="eu-central-1")
    assert judge(here, request) is None
    assert [found.reason for one in (abroad, device) if (found := judge(one, request)) is not None] == [
        "RegionNotAllowed",
        "ProviderNotAsked",
    ]
    asked = asked_of(here, POLICY.spec.approval, question_of(request), figures_of(here, request))
    assert asked.because == ("its data are confidential (dataClasses)",)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_exists(command: str) -> None:
    """`qjob` knows it."""
    assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0
    assert {"approve", "reject", "describe"} <= set(COMMANDS)


@pytest.mark.parametrize("link", LINKS)
def test_a_link_leads_somewhere(link: str) -> None:
    """To a file of this repository."""
    assert (ROOT / "docs" / link).exists()


def test_the_roles_and_values_are_the_charts() -> None:
    """Every role of the table is made, and every value that is named is there."""
    roles = (CHART / "templates/userroles.yaml").read_text(encoding="utf-8")
    for role in re.findall(r"^\| `…(-[a-z-]+)`", TEXT, re.MULTILINE):
        assert f"name: {{{{ $name }}}}{role}\n" in roles
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    for group, value in re.findall(r"`(admission)\.([a-zA-Z]+)", TEXT):
        assert values[group][value] is True
