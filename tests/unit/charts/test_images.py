"""The Dockerfiles and what they may take in, without building them."""

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MODULES = {
    "agent": "quantum_operator.agent",
    "operator": "quantum_operator.cluster",
    "runner": "quantum_operator.runner",
}
LOCK = {"agent": "agent-${ADAPTER}"}
"""The lock of an image, where it has another name."""
CONTEXT = {"LICENSE", "README.md", "pyproject.toml", "operator", "adapters", "requirements"}

image = pytest.mark.parametrize("image", sorted(MODULES))


def instructions(image: str) -> list[tuple[str, str]]:
    """The Dockerfile's instructions, in order, each with its argument on one line."""
    text = (ROOT / "images" / image / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    found = [re.sub(r"\s+", " ", line).strip().partition(" ") for line in lines if line.strip()]
    return [(name, argument) for name, _, argument in found]


def final(image: str) -> dict[str, str]:
    """The instructions of the last stage, by name: of each, the last one."""
    all_of_them = instructions(image)
    start = max(index for index, (name, _) in enumerate(all_of_them) if name == "FROM")
    return dict(all_of_them[start:])


def test_each_image_is_known() -> None:
    """There are an operator, a runner, and agents."""
    assert {path.parent.name for path in (ROOT / "images").glob("*/Dockerfile")} == set(MODULES)


@image
def test_an_image_runs_as_nobody(image: str) -> None:
    """The image's user is a number other than root's, so that Kubernetes can tell that it isn't root."""
    assert final(image)["USER"] == "65532:65532"


@image
def test_an_image_runs_its_module(image: str) -> None:
    """The image starts its own module of the package, by the Python that has its dependencies."""
    assert json.loads(final(image)["ENTRYPOINT"]) == ["/opt/venv/bin/python", "-m", MODULES[image]]


@image
def test_the_base_can_be_chosen(image: str) -> None:
    """Both stages are made from BASE, which is an official Python image unless given."""
    found = instructions(image)
    assert ("ARG", "BASE=python:3.12-slim") in found
    assert [argument for name, argument in found if name == "FROM"] == ["${BASE} AS build", "${BASE}"]


@image
def test_dependencies_are_locked(image: str) -> None:
    """pip installs from the image's lock, wheels only, and refuses what has no hash; our package brings no other."""
    found = instructions(image)
    environment = next(argument for name, argument in found if name == "ENV")
    assert {"PIP_REQUIRE_HASHES=1", "PIP_ONLY_BINARY=:all:", "PIP_NO_CACHE_DIR=1"} <= set(environment.split())
    runs = [argument for name, argument in found if name == "RUN"]
    lock = f"requirements/{LOCK.get(image, image)}.txt"
    assert f"--requirement {lock} " in runs[0]
    assert ("COPY", f"requirements/build.txt {lock} requirements/") in found
    for command in runs[1].split(" && "):
        assert "PIP_REQUIRE_HASHES=0" not in command or "--no-deps" in command, command


@image
def test_the_final_stage_takes_in_the_environment_only(image: str) -> None:
    """No source, lock, pip or cache is in an image: only the finished environment is copied."""
    assert final(image)["COPY"] == "--from=build /opt/venv /opt/venv"
    assert "--without-pip /opt/venv" in " ".join(argument for _, argument in instructions(image))


@image
def test_bytecode_is_compiled(image: str) -> None:
    """Modules are compiled when the image is built, because no run can write there."""
    runs = [argument for name, argument in instructions(image) if name == "RUN"]
    for command in runs[:2]:
        assert "compileall -q --invalidation-mode unchecked-hash /opt/venv/lib" in command
    assert "PYTHONDONTWRITEBYTECODE=1" in final(image)["ENV"]


@image
def test_an_image_is_labeled(image: str) -> None:
    """The image says what it is, of which version and revision, and under which license."""
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', final(image)["LABEL"]))
    assert set(labels) == {"title", "description", "licenses", "version", "revision"}
    assert labels["licenses"] == "Apache-2.0"


@image
def test_the_context_is_what_is_copied(image: str) -> None:
    """.dockerignore lets in what the Dockerfiles copy, and nothing else of the repository."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule.removeprefix("!") for rule in rules if rule.startswith("!")} == CONTEXT
    copied = {
        source.partition("/")[0]
        for name, argument in instructions(image)
        if name == "COPY" and "--from" not in argument
        for source in argument.split()[:-1]
    }
    assert copied <= CONTEXT


def test_each_adapter_has_an_image() -> None:
    """Each adapter has a lock that the agents' Dockerfile takes, and a command at its top that builds its image."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    adapters = sorted(project["entry-points"]["quantum_operator.adapters"])
    assert sorted(path.stem for path in (ROOT / "requirements").glob("agent-*.txt")) == [f"agent-{x}" for x in adapters]
    text = (ROOT / "images/agent/Dockerfile").read_text(encoding="utf-8")
    assert sorted(re.findall(r"--build-arg ADAPTER=(\S+) --tag quantum-operator-agent-\1:", text)) == adapters


def test_no_file_names_a_registry() -> None:
    """Nothing that is shipped, and no lock, names the host of a package index or of an image registry."""
    hosts = re.compile(
        r"\b(?:pypi\.|pythonhosted|docker\.io|ghcr\.io|quay\.io|gcr\.io|\w*\.?ecr\.[\w.-]+|azurecr\.io)", re.I
    )
    folders = ("images", "charts", "requirements", "operator", "adapters", "manifests", "crds")
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*")) if path.is_file()]
    naming = [
        str(path.relative_to(ROOT))
        for path in [*files, ROOT / "pyproject.toml"]
        if path.suffix != ".pyc" and hosts.search(path.read_text(encoding="utf-8"))
    ]
    assert naming == []
