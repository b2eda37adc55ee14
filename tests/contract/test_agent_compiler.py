"""The shop: circuits are compiled in children of a process that has loaded the libraries, and no child waits for it."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from quantum_operator.agent import compiler
from quantum_operator.agent.compiler import Compiler
from quantum_operator.api.quantumtask import QuantumTask
from quantum_operator.ports.adapter import Device, Prepared
from quantum_operator.testing import builders
from support.loopback import DEVICE, LoopbackAdapter, register

ROOT = Path(__file__).parents[2]
LINE = ((0, 1), (1, 0), (1, 2), (2, 1), (2, 3), (3, 2))
(ANY_PAIR,) = LoopbackAdapter(1, 1).devices([DEVICE])
COUPLED = replace(ANY_PAIR, num_qubits=4, coupling=LINE)
SECONDS = 60
"""A child that waits for a thread that it does not have would take all of it."""

FAR = (
    'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[4] q;\nbit[4] c;\nh q[0];\ncx q[0], q[3];\nccx q[0], q[1], q[3];\n'
    "c[0] = measure q[0];\nif (c[0]) { x q[1]; }\nc = measure q;\n"
)
Json = dict[str, Any]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compiler]:
    """The shop of an account, whose adapter is found by its entry point."""
    places = [register(tmp_path_factory.mktemp("path") / "found"), ROOT / "tests", ROOT / "operator", ROOT / "adapters"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(map(str, places)))
        patch.setattr(compiler, "WALL_SECONDS", SECONDS)
        made = Compiler("loopback", {"port": "1", "submissionsPerMinute": "1"})
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
    return QuantumTask.model_validate({"metadata": {"name": "task", "namespace": "agents", "uid": "t"}, "spec": spec})


def process_of(shop: Compiler) -> int:
    process = shop._process
    assert process is not None
    return process.pid


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
