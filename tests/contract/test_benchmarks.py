"""The benchmarks: nobody runs them all the time, but they go with the code."""

import runpy
from pathlib import Path

import pytest

BENCHMARKS = sorted((Path(__file__).parents[2] / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_a_benchmark_finds_all_that_it_is_made_of(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says what it measures, which `--help` prints."""
    monkeypatch.syspath_prepend(path.parent)
    found = runpy.run_path(str(path), run_name="benchmark")
    assert "main" in found
    assert found["__doc__"]
