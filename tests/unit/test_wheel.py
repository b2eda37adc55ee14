"""The wheel, built."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOTS = (ROOT / "operator", ROOT / "adapters")
PACKAGES = {path.parent.name for root in ROOTS for path in root.glob("*/__init__.py")}


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The files of the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    build = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", build, str(folder)], cwd=ROOT, check=True, capture_output=True, text=True
    )
    with zipfile.ZipFile(folder / done.stdout.strip()) as wheel:
        return set(wheel.namelist())


def test_the_wheel_says_that_it_is_typed(contents: set[str]) -> None:
    """Without py.typed, a type checker takes everything that is imported from it for Any."""
    assert {f"{package}/py.typed" for package in PACKAGES} <= contents


def test_the_wheel_has_every_module_and_the_simulators(contents: set[str]) -> None:
    """What the source trees have is installed, and so are the built-in backends."""
    modules = {str(path.relative_to(root)) for root in ROOTS for path in root.rglob("*.py")}
    assert {*modules, "quantum_operator/local/backends.yaml"} <= contents


def test_the_wheel_has_nothing_else(contents: set[str]) -> None:
    """No test, and nothing beside the packages and their metadata."""
    roots = {name.partition("/")[0] for name in contents}
    assert {name for name in roots if not name.endswith(".dist-info")} == PACKAGES
    assert [name for name in contents if "test_" in name or name.endswith(".pyc")] == []
