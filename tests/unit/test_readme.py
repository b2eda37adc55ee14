"""README.md: what it shows is valid, what it names is there. Its cluster commands are run by tests/e2e."""

import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from quantum_operator.api.validate import validate
from quantum_operator.cli.app import app

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
MANIFESTS = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
TARGETS = sorted(set(re.findall(r"\bmake ([a-z-]+)", TEXT)))
COMMANDS = sorted(set(re.findall(r"`qjob ([a-z]+)", TEXT)))
LINKS = sorted(set(re.findall(r"\]\(((?!https?:)[^)#]+)\)", TEXT)))


def test_there_is_something_to_check() -> None:
    """The patterns above still find what they are for."""
    assert MANIFESTS
    assert {"quickstart", "test", "cluster-up"} <= set(TARGETS)
    assert {"run", "validate", "wait"} <= set(COMMANDS)
    assert LINKS


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_a_manifest_is_valid(manifest: str) -> None:
    """The API server would take it."""
    for document in yaml.safe_load_all(manifest):
        assert validate(document).metadata.name == document["metadata"]["name"]


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_is_in_the_makefile(target: str) -> None:
    """`make` alone lists it."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}: .*## ", makefile, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_exists(command: str) -> None:
    """`qjob` knows it."""
    assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0


@pytest.mark.parametrize("link", LINKS)
def test_a_link_leads_somewhere(link: str) -> None:
    """To a file or folder of this repository."""
    assert (ROOT / link).exists()
