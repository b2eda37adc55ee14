"""Who compiles may have been taken over by what it read: what an agent asks of it, and what it makes of any answer."""

import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from quantum_operator.agent import compiler, shops
from quantum_operator.agent.account import Account
from quantum_operator.agent.calls import CompilerError, Prepare
from quantum_operator.agent.compiler import Compiler
from quantum_operator.agent.shops import SocketShop
from quantum_operator.api.run import Outcome
from quantum_operator.ports.adapter import Device, MalformedError, Prepared
from quantum_operator.testing.provider import MemoryProvider
from unit.agent.test_agent_decide import NOW, task

DEVICE = Device("qpu", 20, None, None, ready=True)
TASK = task()
Json = dict[str, Any]
Serve = Callable[[socket.socket], None]


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def outcome(**fields: Any) -> bytes:
    """What a child leaves that says that a program is wrong."""
    error = {"reason": "InvalidProgram", "message": "line 1"}
    told = {"run": TASK.metadata.name, "input_sha256": TASK.spec.input_sha256, "error": error} | fields
    return json.dumps(Outcome.model_validate(told).to_wire()).encode()


COMPILED: Json = {"device": "qpu", "payload": encoded(b"circuits"), "shots": [3, 4], "kept": encoded(b"made")}
REFUSED: Json = {"outcome": encoded(outcome())}


class Says:
    """A shop that says one thing, whatever it is asked."""

    def __init__(self, answer: bytes) -> None:
        self.answer, self.asked = answer, b""

    def ask(self, request: bytes, seconds: float) -> bytes:
        self.asked = request
        return self.answer

    def close(self) -> None:
        pass


def compiling(answer: bytes) -> Compiler:
    return Compiler(Says(answer), "memory", {})


def test_circuits_are_taken_for_the_task() -> None:
    """What is kept goes back with the counts, unread."""
    shop = Says(json.dumps(COMPILED).encode())
    made = Compiler(shop, "memory", {})
    assert made.prepare(TASK, DEVICE) == Prepared("qpu", b"circuits", (3, 4))
    shop.answer = json.dumps(REFUSED).encode()
    assert made.assemble(TASK, DEVICE, [{"0": 1}], {}) == outcome()
    assert json.loads(shop.asked.splitlines()[2])["kept"] == encoded(b"made")


def test_what_the_child_says_of_a_program_is_its_outcome() -> None:
    assert compiling(json.dumps(REFUSED).encode()).prepare(TASK, DEVICE) == outcome()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe\x00",
        b"[" * 200_000,
        b'{"outcome":' * 20_000,
        json.dumps(COMPILED).encode()[:-1],
        json.dumps(COMPILED).encode() * 2,
        *(
            json.dumps(COMPILED | change).encode()
            for change in (
                {"device": "another"},
                {"device": None},
                {"payload": "no base64!"},
                {"payload": "é"},
                {"kept": 7},
                {"shots": []},
                {"shots": [0]},
                {"shots": [-5]},
                {"shots": [True]},
                {"shots": ["4"]},
                {"shots": [1e300]},
                {"shots": [10**30]},
                {"more": 1},
                REFUSED,
            )
        ),
    ],
    ids=range(23),
)
def test_no_answer_to_a_program_is_believed_that_is_none(answer: bytes) -> None:
    """Nor fails the task, or the agent: the provider is never asked, and the compiler is asked again."""
    with pytest.raises(CompilerError, match="answers what it was not asked"):
        compiling(answer).prepare(TASK, DEVICE)
    provider = MemoryProvider()
    account = Account(provider, compiling(answer))
    account.known(DEVICE)
    assert isinstance(account.call(TASK, Prepare(), NOW), CompilerError)
    assert account.load(TASK) is None


@pytest.mark.parametrize(
    "left",
    [b"", b"{}", b"[" * 100_000, b"\xff", outcome(run="another"), outcome(input_sha256="1" * 64), outcome()[:-1]],
    ids=range(7),
)
@pytest.mark.parametrize("also", [{}, COMPILED], ids=["alone", "beside circuits"])
def test_no_outcome_is_believed_that_is_none(left: bytes, also: Json) -> None:
    """One of another task least of all: it would end this one."""
    made = compiling(json.dumps({"outcome": encoded(left)} | also).encode())
    with pytest.raises(CompilerError):
        made.assemble(TASK, DEVICE, [], {})
    with pytest.raises(CompilerError):
        made.prepare(TASK, DEVICE)


def test_no_credential_is_told() -> None:
    """Also not one that was renewed."""
    shop = Says(json.dumps(COMPILED).encode())
    made = Compiler(shop, "ibm", {"token": "s3cret", "instance": "crn"}, ("token",))
    made.prepare(TASK, DEVICE)
    assert json.loads(shop.asked.splitlines()[0])["settings"] == {"token": "withheld", "instance": "crn"}
    made.use({"token": "s3cret-2", "instance": "other"}, ("token",))
    made.prepare(TASK, DEVICE)
    assert json.loads(shop.asked.splitlines()[0])["settings"] == {"token": "withheld", "instance": "other"}
    assert b"s3cret" not in shop.asked


def test_counts_that_are_too_many_are_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "MAX_REQUEST_BYTES", 2_000)
    shop = Says(b"")
    with pytest.raises(MalformedError, match="at most 2000 are read"):
        Compiler(shop, "memory", {}).assemble(TASK, DEVICE, [{"0" * 2_000: 1}], {})
    assert shop.asked == b""


@contextmanager
def listening(path: Path, serve: Serve) -> Iterator[SocketShop]:
    """A container that does this with the one connection that it gets."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def run() -> None:
            connection, _ = server.accept()
            with connection:
                serve(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield SocketShop(path)
        thread.join()


def whole(connection: socket.socket) -> bytes:
    """All of a request."""
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def flood(connection: socket.socket) -> None:
    try:
        while True:
            connection.sendall(b"x" * 65_536)
    except OSError:
        return


def drip(connection: socket.socket) -> None:
    """Something now and then, and never an end."""
    waiting = threading.Event()
    try:
        while not waiting.wait(0.02):
            connection.sendall(b"x")
    except OSError:
        return


def test_a_request_goes_and_an_answer_comes(tmp_path: Path) -> None:
    """However large they are."""
    asked = b"?" * 3_000_000
    with listening(tmp_path / "socket", lambda one: one.sendall(whole(one)[::-1] + b"!")) as shop:
        assert shop.ask(asked, 30.0) == asked + b"!"


@pytest.mark.parametrize(
    ("serve", "message"),
    [
        (flood, "more than 100000 bytes"),
        (drip, "timed out"),
        (lambda one: one.recv(1) and threading.Event().wait(2), "timed out"),
    ],
    ids=["it floods", "it drips", "it is silent"],
)
def test_nobody_waits_for_ever_or_takes_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serve: Serve, message: str
) -> None:
    """The agent hangs up."""
    monkeypatch.setattr(shops, "MAX_ANSWER_BYTES", 100_000)
    monkeypatch.setattr(compiler, "WALL_SECONDS", 0.2)
    monkeypatch.setattr(compiler, "GRACE_SECONDS", 0.0)
    monkeypatch.setattr(compiler, "run_spec", lambda *_: Outcome(run="r", input_sha256="0" * 64))
    with listening(tmp_path / "socket", serve) as shop, pytest.raises(CompilerError, match=message):
        Compiler(shop, "memory", {}).prepare(TASK, DEVICE)


def test_a_compiler_that_is_not_there_is_asked_again(tmp_path: Path) -> None:
    """Whether it never was, died, or has something else in its place."""
    path = tmp_path / "socket"
    made = Compiler(SocketShop(path), "memory", {})
    with pytest.raises(CompilerError, match="does not answer"):
        made.prepare(TASK, DEVICE)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(CompilerError, match="refused"):
        made.prepare(TASK, DEVICE)
    path.unlink()
    path.symlink_to(tmp_path)
    with pytest.raises(CompilerError, match="does not answer"):
        made.prepare(TASK, DEVICE)
    path.unlink()
    with listening(path, lambda one: one.close()) as shop, pytest.raises(CompilerError):
        Compiler(shop, "memory", {}).prepare(TASK, DEVICE)
