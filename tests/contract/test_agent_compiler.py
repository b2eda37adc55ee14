"""The shop: circuits are compiled in children of a process that has loaded the libraries, and no child waits for it."""

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from quantum_operator.agent import compiler
from quantum_operator.agent.calls import CompilerError
from quantum_operator.agent.compiler import Compiler
from quantum_operator.agent.shop import FILE_BYTES
from quantum_operator.agent.shops import ChildShop, SocketShop
from quantum_operator.api.quantumtask import QuantumTask
from quantum_operator.ports.adapter import Device, Prepared
from quantum_operator.testing import builders
from support.loopback import DEVICE, LoopbackAdapter, register
from testcluster.processes import eventually

ROOT = Path(__file__).parents[2]
LINE = ((0, 1), (1, 0), (1, 2), (2, 1), (2, 3), (3, 2))
(ANY_PAIR,) = LoopbackAdapter(1, 1).devices([DEVICE])
COUPLED = replace(ANY_PAIR, num_qubits=4, coupling=LINE)
SECONDS = 60
"""A child that waits for a thread that it does not have would take all of it."""

SETTINGS = {"port": "1", "submissionsPerMinute": "1"}

FAR = (
    'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[4] q;\nbit[4] c;\nh q[0];\ncx q[0], q[3];\nccx q[0], q[1], q[3];\n'
    "c[0] = measure q[0];\nif (c[0]) { x q[1]; }\nc = measure q;\n"
)
Json = dict[str, Any]


@pytest.fixture(scope="module")
def findable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The adapter is found by its entry point."""
    places = [register(tmp_path_factory.mktemp("path") / "found"), ROOT / "tests", ROOT / "operator", ROOT / "adapters"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(map(str, places)))
        patch.setattr(compiler, "WALL_SECONDS", SECONDS)
        yield


@pytest.fixture(scope="module")
def shop(findable: None) -> Iterator[Compiler]:
    """The shop of an account, in a child."""
    made = Compiler(ChildShop(), "loopback", SETTINGS)
    yield made
    made.close()


def task(source: str = FAR, asked: Json | None = None, **execution: Any) -> QuantumTask:
    """A task of one program."""
    given = {
        "programs": [{"name": "bell", "language": "qasm3", "source": source}],
        "task": asked or {"sample": {"pubs": [{"program": "bell", "shots": 100}]}},
        "execution": execution,
    }
    text = json.dumps(given)
    spec = {
        "job": {"namespace": "team", "name": "bell", "uid": "u"},
        "backend": "qpu",
        "device": DEVICE,
        "input": text,
        "inputSha256": hashlib.sha256(text.encode()).hexdigest(),
        "seed": 7,
        "token": "a-token-of-its-own",
        "ceiling": {"micros": 1, "currency": "USD", "seconds": 10},
    }
    metadata = {"name": "task", "namespace": "agents", "uid": spec["inputSha256"]}
    return QuantumTask.model_validate({"metadata": metadata, "spec": spec})


ENDLESS = 'OPENQASM 3.0; include "stdgates.inc"; qubit[1] q; bit[1] c; ' + "".join(
    f"gate g{n} a {{ {'x a;' if n == 0 else f'g{n - 1} a; ' * 2} }} " for n in range(28)
)
ENDLESS += "g27 q[0]; c = measure q;"


def process_of(shop: Compiler) -> int:
    assert isinstance(shop._shop, ChildShop)
    assert shop._shop.pid is not None
    return shop._shop.pid


@pytest.mark.parametrize("device", [ANY_PAIR, COUPLED], ids=["any pair", "a line"])
@pytest.mark.parametrize("level", range(4))
def test_every_level_compiles(shop: Compiler, level: int, device: Device) -> None:
    """However much of Qiskit it takes, with threads of its own or without."""
    prepared = shop.prepare(task(optimizationLevel=level), device)
    assert isinstance(prepared, Prepared), prepared
    assert json.loads(prepared.payload) == {"counts": [{"0000": 100}]}
    assert prepared.shots == (100,)


def test_estimates_are_compiled_and_assembled(shop: Compiler) -> None:
    """The counts that came back become values."""
    given = task(builders.BELL_STATE, dict(builders.ESTIMATE))
    prepared = shop.prepare(given, ANY_PAIR)
    assert isinstance(prepared, Prepared), prepared
    outcome = json.loads(shop.assemble(given, ANY_PAIR, json.loads(prepared.payload)["counts"], {"device": "1"}))
    assert outcome["pubs"][0]["values"] == [1.0]
    assert outcome["versions"]["device"] == "1"


def test_samples_are_assembled(shop: Compiler) -> None:
    """Each has the counts of its register."""
    outcome = json.loads(shop.assemble(task(), ANY_PAIR, [{"0000": 40, "1010": 60}], {}))
    (register_of_c,) = outcome["pubs"][0]["samples"][0]["registers"]
    assert register_of_c["counts"] == {"0000": 40, "1010": 60}
    assert "error" not in outcome


def test_what_was_compiled_is_not_compiled_again(shop: Compiler) -> None:
    """Until it is forgotten, or the agent begins anew: the outcome is the same then."""
    given, counts = task(optimizationLevel=2), [{"0000": 40, "1010": 60}]
    shop.prepare(given, ANY_PAIR)
    outcome = json.loads(shop.assemble(given, ANY_PAIR, counts, {}))
    shop.forget(given.metadata.uid)
    again = json.loads(shop.assemble(given, ANY_PAIR, counts, {}))
    for one in (outcome, again):
        spent = one.pop("durationsMilliseconds")
        assert spent.pop("total") >= sum(spent.values()) - len(spent)
        assert spent["compile"] > 0
    assert outcome == again
    other = task(FAR.replace("ccx q[0], q[1], q[3];", ""), optimizationLevel=2)
    shop.prepare(other, ANY_PAIR)
    shop._kept.put(given.metadata.uid, shop._kept.get(other.metadata.uid))
    swapped = json.loads(shop.assemble(given, ANY_PAIR, counts, {}))
    assert swapped["circuits"][0]["sourceSha256"] != outcome["circuits"][0]["sourceSha256"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("OPENQASM 3.0; qubit[2] q; nonsense q[0];", "InvalidProgram"),
        ("OPENQASM 3.0; qubit[9] q; bit[9] c; c = measure q;", "IncompatibleTarget"),
    ],
)
def test_what_is_wrong_with_a_program_is_said(shop: Compiler, source: str, reason: str) -> None:
    """In an outcome that is only an error; the shop goes on."""
    outcome = shop.prepare(task(source), ANY_PAIR)
    assert isinstance(outcome, bytes)
    assert json.loads(outcome)["error"]["reason"] == reason


def test_who_forks_has_one_thread_and_stays(shop: Compiler) -> None:
    """A child has none but the one that forked it, and would wait for any other; and the libraries are loaded once."""
    shop.prepare(task(), ANY_PAIR)
    before = process_of(shop)
    status = Path(f"/proc/{before}/status").read_text(encoding="utf-8").splitlines()
    assert "Threads:\t1" in status
    shop.prepare(task(optimizationLevel=3), COUPLED)
    assert process_of(shop) == before


def test_a_container_compiles_as_a_child_does(findable: None, shop: Compiler, tmp_path: Path) -> None:
    """While it is there: where it or its child is killed, as for want of memory, nothing is said of the program."""
    path, counts = tmp_path / "socket", [{"0000": 40, "1010": 60}]
    there = Compiler(SocketShop(path), "loopback", SETTINGS)
    with started([sys.executable, "-P", "-m", "quantum_operator.agent.shop", f"--socket={path}"]) as process:
        assert eventually(lambda: answers(path), SECONDS)
        assert there.prepare(task(), ANY_PAIR) == shop.prepare(task(), ANY_PAIR)
        outcomes = [json.loads(one.assemble(task(), ANY_PAIR, counts, {})) for one in (there, shop)]
        for one in outcomes:
            one.pop("durationsMilliseconds")
        assert outcomes[0] == outcomes[1]
        for killed in ("the child", "the container"):
            with ThreadPoolExecutor() as elsewhere:
                endless = elsewhere.submit(there.prepare, task(ENDLESS), ANY_PAIR)
                assert eventually(lambda: grandchildren_of(process.pid) != [], SECONDS)
                (child,) = grandchildren_of(process.pid)
                assert eventually(partial(is_confined, child), SECONDS)
                os.kill(child if killed == "the child" else process.pid, signal.SIGKILL)
                with pytest.raises(CompilerError, match="does not answer"):
                    endless.result()
            assert eventually(partial(is_gone, child), SECONDS)


@contextmanager
def started(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends here at the latest."""
    with subprocess.Popen(command) as process:
        try:
            yield process
        finally:
            process.kill()


def is_confined(process: int) -> bool:
    """Whether there is a limit on how long a file the process may write, and a filter of its system calls."""
    limits, status = (Path(f"/proc/{process}/{file}").read_text(encoding="utf-8") for file in ("limits", "status"))
    return re.findall(r"Max file size +(\w+)", limits) == [str(FILE_BYTES)] and "Seccomp:\t2" in status


def is_gone(process: int) -> bool:
    """Whether there is no such process."""
    return not Path(f"/proc/{process}").exists()


def grandchildren_of(process: int) -> list[int]:
    """The processes that compile: each request has one of its own, which forks another."""
    with suppress(FileNotFoundError):
        return [one for child in children_of(process) for one in children_of(child)]
    return []


def children_of(parent: int) -> list[int]:
    """The processes that it forked and that are there."""
    return [int(one) for one in Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="utf-8").split()]


def answers(path: Path) -> bool:
    """Whether somebody listens there."""
    with socket.socket(socket.AF_UNIX) as asking:
        return asking.connect_ex(str(path)) == 0
