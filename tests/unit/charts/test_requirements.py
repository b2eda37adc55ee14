"""The locked requirements: each is made of pyproject.toml's extras, pinned and hashed."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[3]
LOCKS = ROOT / "requirements"
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]

USES = {
    "operator": ["operator"],
    "runner": ["runner"],
    "agent-ibm": ["operator", "runner", "ibm"],
    "agent-braket": ["operator", "runner", "braket"],
    "quickstart": ["runner", "cli"],
    "dev": sorted(EXTRAS),
}
"""The extras that each lock is made of."""

VENDORS = {"agent-ibm": "qiskit-ibm-runtime", "agent-braket": "amazon-braket-sdk"}
SDKS = {"qiskit", "qiskit-aer", "pennylane", "numpy", "scipy"}
KUBERNETES = {"kopf", "lightkube", "kubernetes"}


def locked(name: str) -> dict[str, set[Version]]:
    """The versions of each package in a lock: more than one where they depend on the Python that installs."""
    found: dict[str, set[Version]] = {}
    for line in (LOCKS / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith((" ", "#")):
            requirement = Requirement(line.removesuffix("\\"))
            versions = found.setdefault(canonicalize_name(requirement.name), set())
            versions.update(Version(one.version) for one in requirement.specifier)
    return found


def pins(name: str) -> list[tuple[str, frozenset[str]]]:
    """Each package of a lock, with its version and marker, and its hashes."""
    text = re.sub(r"^ *#.*$", "", (LOCKS / f"{name}.txt").read_text(encoding="utf-8"), flags=re.MULTILINE)
    blocks = re.split(r"\n(?=\S)", text.strip())
    return [(block.partition("\\")[0].strip(), frozenset(re.findall(r"sha256:\w+", block))) for block in blocks]


def wanted(extras: list[str]) -> list[Requirement]:
    """What pyproject.toml asks for with these extras."""
    return [
        Requirement(line) for line in (*PROJECT["project"]["dependencies"], *(x for e in extras for x in EXTRAS[e]))
    ]


def test_each_lock_has_a_use() -> None:
    """The folder has these locks and that of the package's build, and nothing else."""
    assert {path.stem for path in LOCKS.glob("*.txt")} == {*USES, "build"}
    assert [path.name for path in LOCKS.iterdir() if path.suffix != ".txt"] == ["build.in"]


@pytest.mark.parametrize("name", USES)
def test_a_lock_has_what_its_extras_ask_for(name: str) -> None:
    """Each requirement of the extras is locked, at a version that it allows: `make lock` brings a lock up to date."""
    versions = locked(name)
    for requirement in wanted(USES[name]):
        found = versions.get(canonicalize_name(requirement.name), set())
        assert found, f"{requirement} is not in {name}.txt"
        assert all(requirement.specifier.contains(one) for one in found), (name, str(requirement), found)


def test_the_build_is_locked() -> None:
    """The build's lock is made of what pyproject.toml's build system asks for."""
    lines = (LOCKS / "build.in").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == PROJECT["build-system"]["requires"]
    versions = locked("build")
    for requirement in map(Requirement, PROJECT["build-system"]["requires"]):
        assert all(requirement.specifier.contains(one) for one in versions[canonicalize_name(requirement.name)])


@pytest.mark.parametrize("name", [*USES, "build"])
def test_a_lock_is_pinned_and_hashed(name: str) -> None:
    """Every package of a lock has one exact version and at least one SHA-256."""
    text = re.sub(r"^ *#.*$", "", (LOCKS / f"{name}.txt").read_text(encoding="utf-8"), flags=re.MULTILINE)
    for block in re.split(r"\n(?=\S)", text.strip()):
        assert re.match(r"[A-Za-z0-9._-]+(\[[^]]*])?==\S+", block), block[:80]
        assert "--hash=sha256:" in block, block[:80]


@pytest.mark.parametrize("name", [*USES, "build"])
def test_a_lock_names_no_index(name: str) -> None:
    """A lock has no address in it: whoever installs says from where."""
    text = (LOCKS / f"{name}.txt").read_text(encoding="utf-8")
    assert "://" not in text
    assert "index-url" not in text


def test_the_operator_has_no_quantum_sdk() -> None:
    """Nothing that holds or simulates a circuit is installed where the operator runs."""
    assert SDKS & set(locked("operator")) == set()


def test_a_run_knows_no_kubernetes() -> None:
    """Nothing that talks to an API server is installed where a run executes."""
    assert KUBERNETES & set(locked("runner")) == set()


@pytest.mark.parametrize("name", VENDORS)
def test_an_agent_has_one_vendor_s_sdk(name: str) -> None:
    """Vendors' SDKs may exclude each other: no agent has to install two."""
    assert {sdk for sdk in VENDORS.values() if sdk in locked(name)} == {VENDORS[name]}


@pytest.mark.parametrize("name", VENDORS)
def test_an_agent_is_what_is_tested(name: str) -> None:
    """The images of agents are too large to be built by `make test`: each has, hash by hash, a part of dev.txt.

    That lock is installed where the tests run, and so can be installed, and works.
    """
    tested = dict(pins("dev"))
    assert [package for package, hashes in pins(name) if tested.get(package) != hashes] == []
