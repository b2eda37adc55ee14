"""Fixtures of the laptop's contract tests."""

import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from localworld import World

from quantum_operator.local import process


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    one = World(tmp_path)
    yield one
    await one.runs.close()


@pytest.fixture
def runs_code(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes runs execute this Python code, whose argument is where the termination message goes."""

    def use(code: str) -> None:
        monkeypatch.setattr(process, "command", lambda run, _: [sys.executable, "-c", code, str(run.termination)])

    return use
