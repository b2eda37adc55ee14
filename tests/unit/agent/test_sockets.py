"""The compiler's container, as a process: what whoever reads hostile programs may do to its socket and to itself."""

import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from quantum_operator.agent import sockets
from quantum_operator.agent.shops import SocketShop
from testcluster.processes import eventually

HOSTILE = Path(__file__).with_name("hostile.py")


class Asking(SocketShop):
    """The agent."""

    def ask(self, request: bytes, seconds: float = 60.0) -> bytes:
        return super().ask(b"head\n" + request, seconds)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """In a folder of its own, where a program left something that is no socket in its place."""
    path = tmp_path / "shared" / "socket"
    (path / "left").mkdir(parents=True)
    return path


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """Where programs may write: a file of the container that was here before is there yet."""
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / "before").touch()
    return tmp_path / "scratch"


@pytest.fixture
def container(path: Path, scratch: Path) -> Iterator[subprocess.Popen[str]]:
    """It listens at the path."""
    command = [sys.executable, "-P", str(HOSTILE), str(path), str(scratch)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert eventually(lambda: path.is_socket() and bool(path.stat().st_mode & stat.S_IWGRP), 60)
        yield process
        process.kill()


def test_it_answers_whoever_is_of_its_group(path: Path, container: subprocess.Popen[str]) -> None:
    """One after the other, and goes on after whoever asks nothing, or hangs up; told to end, it ends."""
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    shop = Asking(path)
    assert shop.ask(b"one" * 400_000) == b"ONE" * 400_000
    for asked in (b"", b"refuse", b"silent"):
        with pytest.raises(ConnectionError, match="without an answer"):
            shop.ask(asked)
    with socket.socket(socket.AF_UNIX) as rude:
        rude.connect(str(path))
        rude.sendall(b"x")
    assert eventually(lambda: answer_of(shop, b"two") == b"TWO", 30)
    container.terminate()
    assert container.wait(30) == 0
    assert container.stderr is not None
    assert container.stderr.read().splitlines()[0] == "a request was not answered: ValueError"


def answer_of(shop: Asking, asked: bytes) -> bytes | None:
    """None where it asks to be asked again."""
    try:
        return shop.ask(asked)
    except OSError:
        return None


def test_it_can_t_be_looked_into(path: Path, container: subprocess.Popen[str]) -> None:
    """By a process of the same user: what a program did to its own child stays there."""
    assert Asking(path).ask(b"dumpable") == b"0"


def test_no_child_has_its_connections(path: Path, container: subprocess.Popen[str]) -> None:
    """It can neither answer in its place, nor be asked what another program is asked after."""
    shop = Asking(path)
    assert shop.ask(b"steal") == b"STEAL"
    assert shop.ask(b"victim") == b"VICTIM"


def test_no_child_has_what_was_asked_before(path: Path, container: subprocess.Popen[str]) -> None:
    """In the memory that it is forked with: who forks it never had it."""
    shop = Asking(path)
    for size in (2_000, 60_000, 400_000):
        shop.ask(b"a victim's program" * (size // 18))
        assert int(shop.ask(b"look")) < 50


def test_no_process_outlives_its_turn(path: Path, container: subprocess.Popen[str]) -> None:
    """It is gone before the answer is there, whoever its parent was: it can't wait for the next request."""
    shop = Asking(path)
    outlives = int(shop.ask(b"outlive"))
    assert not Path(f"/proc/{outlives}").exists()
    assert Path(f"/proc/{container.pid}/task/{container.pid}/children").read_text(encoding="utf-8") == ""
    assert shop.ask(b"victim") == b"VICTIM"


def test_no_file_outlives_its_turn(path: Path, scratch: Path, container: subprocess.Popen[str]) -> None:
    """However deep and locked; and what a link leads to stays."""
    shop, beside = Asking(path), path.parents[1] / "beside"
    beside.touch()
    for asked in (b"one", b"litter"):
        assert shop.ask(asked) == asked.upper()
        assert (list(scratch.iterdir()), list(path.parent.iterdir())) == ([], [path])
    assert beside.exists()


def test_who_connects_during_a_turn_is_not_the_agent(path: Path, container: subprocess.Popen[str]) -> None:
    """A program can't have another one compiled."""
    shop = Asking(path)
    assert shop.ask(b"ask") == b"ASK"
    assert shop.ask(b"victim") == b"VICTIM"
    assert not path.parents[1].joinpath("marked").exists()


@pytest.mark.parametrize("change", [b"replace", b"limit"])
def test_it_starts_anew_where_something_of_its_own_was_changed(
    path: Path, container: subprocess.Popen[str], change: bytes
) -> None:
    """Whoever listens in its place is gone before anybody asks again."""
    shop = Asking(path)
    assert shop.ask(change) == change.upper()
    with pytest.raises(OSError, match=r"refused|reset|pipe|without an answer"):
        shop.ask(b"victim")
    assert container.wait(30) == 1
    assert container.stderr is not None
    assert "not the one that was set" in container.stderr.read()


def test_a_request_without_end_is_not_read_to_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "MAX_REQUEST_BYTES", 1_000)
    asker, asked = socket.socketpair()
    with asker, asked:
        thread = threading.Thread(target=lambda: asker.sendall(b"x" * 2_000), daemon=True)
        thread.start()
        with pytest.raises(ValueError, match="more than 1000 bytes"):
            sockets._rest(asked)
        thread.join()
