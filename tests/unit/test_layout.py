"""The shape of the code: small files, small functions, a short reconcile, and a wheel that has what it should."""

import ast
import statistics
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [*sorted((ROOT / "operator").rglob("*.py")), *sorted((ROOT / "adapters").rglob("*.py"))]
PYTHON = [*SOURCES, *(path for path in sorted((ROOT / "tests").rglob("*.py")) if "node_modules" not in path.parts)]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def length(path: Path) -> int:
    """The lines of a file."""
    return len(path.read_text(encoding="utf-8").splitlines())


def functions(path: Path) -> Iterator[Function]:
    """Every function and method of a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, Function):
            yield node


def statements(function: Function) -> int:
    """The statements of a function, nested ones included."""
    return sum(isinstance(node, ast.stmt) for node in ast.walk(function)) - 1


def test_files_are_small() -> None:
    """Half of the files have fewer than 175 lines."""
    assert statistics.median(map(length, SOURCES)) < 175


def test_no_file_is_large() -> None:
    """No Python file, of code or of tests, has more than 400 lines."""
    assert [(str(path.relative_to(ROOT)), length(path)) for path in PYTHON if length(path) > 400] == []


def test_no_function_is_long() -> None:
    """No function has more than 60 lines, its docstring included."""
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in PYTHON
        for node in functions(path)
        if (node.end_lineno or node.lineno) - node.lineno + 1 > 60
    ]
    assert long == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "operator/quantum_operator/reconcile").glob("*.py")), ids=lambda p: p.name
)
def test_reconciling_stays_short(path: Path) -> None:
    """No function of the reconcile loop has 40 statements or more: what decides lives in `decide`."""
    assert [node.name for node in functions(path) if statements(node) >= 40] == []


def test_the_source_root_is_no_package() -> None:
    """operator/ has no __init__.py, which would hide the standard library's module of that name."""
    assert not (ROOT / "operator/__init__.py").exists()


def test_every_folder_of_code_is_a_package() -> None:
    """Each folder with modules has an __init__.py with a docstring, so that the wheel and every tool find it."""
    for folder in {path.parent for path in SOURCES}:
        tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), folder


def test_the_wheel_has_every_package_and_nothing_else() -> None:
    """The wheel is made of the packages below the source roots, and not of tests."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    there = {
        str(path.parent.relative_to(ROOT))
        for root in ("operator", "adapters")
        for path in (ROOT / root).glob("*/__init__.py")
    }
    assert set(packages) == there
    for script in project["project"]["scripts"].values():
        module, _, name = script.partition(":")
        path = ROOT / "operator" / Path(*module.split("."))
        assert path.with_suffix(".py").exists() or (path / "__init__.py").exists()
        assert name
