"""A process that was started again knows who it was, and that this one is dead."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from quantum_operator.cluster.identity import MOST_BYTES, new_identity, succeed

PROGRAM = """
import sys, time
from pathlib import Path
from quantum_operator.cluster.identity import succeed
print(*sorted(succeed(Path(sys.argv[1]), sys.argv[2])), flush=True)
time.sleep(60)
"""


@contextmanager
def process(file: Path, identity: str) -> Iterator[str]:
    """A process that lives as long as the context; gives what it took for its former identities."""
    command = [sys.executable, "-c", PROGRAM, str(file), identity]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        try:
            yield started.stdout.readline().strip()
        finally:
            started.kill()


def test_every_process_has_a_name_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also two of one pod; without a pod, the machine's."""
    monkeypatch.setenv("HOSTNAME", "pod-1")
    names = {new_identity() for _ in range(100)}
    assert len(names) == 100
    assert all(name.startswith("pod-1_") for name in names)
    monkeypatch.delenv("HOSTNAME")
    assert not new_identity().startswith("_")


def test_a_dead_process_is_succeeded(tmp_path: Path) -> None:
    """By all that come after it, however it died: the next may have died before it held the lease."""
    file = tmp_path / "lease"
    for identity, former in (("one", ""), ("two", "one"), ("three", "one two")):
        with process(file, identity) as found:
            assert found == former


def test_a_living_process_is_not(tmp_path: Path) -> None:
    """It still has its lock; its file is left as it is."""
    file = tmp_path / "lease"
    with process(file, "one"):
        assert succeed(file, "two") == frozenset()
        assert file.read_text() == "one\n"


@pytest.mark.parametrize("make", [os.mkdir, lambda path: path.symlink_to(path.parent / "elsewhere")])
def test_a_file_that_can_not_be_used_tells_nothing(tmp_path: Path, make: object) -> None:
    """The lease is waited for, then."""
    file = tmp_path / "lease"
    make(file)  # type: ignore[operator]
    assert succeed(file, "one") == frozenset()


def test_the_file_stays_small(tmp_path: Path) -> None:
    """However often the process is started again; the last ones are remembered."""
    file = tmp_path / "lease"
    file.write_text("\n".join(f"pod-{number:04}" for number in range(1000)))
    found = succeed(file, "new")
    assert "pod-0000" in found
    assert file.stat().st_size == MOST_BYTES
    assert file.read_text().startswith("new\npod-0000\n")
