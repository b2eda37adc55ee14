"""docs/providers.md as it is run: its commands, and the files that these name."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "manifests/providers"
TEXT = (ROOT / "docs/providers.md").read_text(encoding="utf-8")
PROVIDERS = {"ibm": "## IBM Quantum", "braket": "## Amazon Braket"}


@dataclass(frozen=True)
class Way:
    """The way from a provider's account to a job's result: the commands before the job, and those of the job."""

    adapter: str
    setup: list[list[str]]
    job: list[list[str]]

    def document(self, name: str) -> dict[str, Any]:
        """The first document of a file of the provider's, such as agent.yaml."""
        text = (FOLDER / self.adapter / name).read_text(encoding="utf-8")
        first: dict[str, Any] = next(yaml.safe_load_all(text))
        return first

    @property
    def helm(self) -> list[str]:
        """What installs the agent."""
        (found,) = (one for one in self.setup if one[0] == "helm")
        return found

    @property
    def agent(self) -> str:
        """The agent's namespace."""
        return self.helm[self.helm.index("--namespace") + 1]

    @property
    def secret(self) -> dict[str, str]:
        """The keys of the account's Secret, and the files that they are made of."""
        (found,) = (one for one in self.setup if one[:3] == ["kubectl", "create", "secret"])
        return dict(one.removeprefix("--from-file=").split("=") for one in found if one.startswith("--from-file="))


def way(adapter: str) -> Way:
    """The provider's section."""
    section = TEXT[TEXT.index(f"\n{PROVIDERS[adapter]}\n") + 1 :]
    section = re.split(r"\n## ", section)[0]
    setup, job = re.findall(r"```console\n(.*?)```", section, re.DOTALL)
    return Way(adapter, *([shlex.split(line) for line in block.splitlines()] for block in (setup, job)))
