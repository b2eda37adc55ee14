"""What the supervisor makes of a worker's end, whatever it is."""

import json
import os
import random
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_operator.api.envelope import MAX_OUTCOME_BYTES
from quantum_operator.api.run import Outcome, OutcomePub, RunError
from quantum_operator.runner.channel import OUTCOME, PHASE, Inbox, send
from quantum_operator.runner.supervisor import leave
from quantum_operator.runner.worker import Clock, encode, failed, work
from support.runs import encoded, job, sample, spec, template

PREAMBLE = """
import os, signal, sys, time
from quantum_operator.runner import supervisor
from quantum_operator.runner.channel import OUTCOME, PHASE, send
def worker(data, spec, started, descriptor):
    {body}
    os._exit(0)
supervisor.run_worker = worker
sys.exit(supervisor.main(sys.argv[1:], time.monotonic()))
"""


def outcome_of(folder: Path, body: str, wall: int = 5) -> tuple[int, Outcome]:
    """Exit code and outcome of a run whose worker does only `body`."""
    data = encoded(job(template("bell"), sample()))
    (folder / "input").write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE.format(body=body), "--input", folder / "input", "--termination", folder / "t"],
        env={**os.environ, "QUANTUM_OPERATOR_RUN": json.dumps(spec(data, wall=wall).to_wire())},
        check=False,
        capture_output=True,
        timeout=30,
    )
    assert b"secret" not in done.stdout + done.stderr
    return done.returncode, Outcome.model_validate_json((folder / "t").read_bytes())


@pytest.mark.parametrize(
    ("body", "code", "reason", "says"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", 11, "ProgramCrashedRunner", "SIGSEGV"),
        ("send(descriptor, PHASE, b'parse'); os.abort()", 11, "ProgramCrashedRunner", "phase parse"),
        ("os.kill(os.getpid(), signal.SIGKILL)", 11, "MemoryLimitExceeded", "2147483648 bytes"),
        (
            "os.write(2, b'terminate: std::bad_alloc'); os.abort()",
            11,
            "MemoryLimitExceeded",
            "backend with more memory",
        ),
        ("os.write(2, b'memory allocation of 9 bytes failed'); os.abort()", 11, "MemoryLimitExceeded", "load"),
        ("os._exit(70)", 11, "MemoryLimitExceeded", "fewer qubits"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", 11, "TimeLimitExceeded", "5 s"),
        ("os._exit(0)", 12, "InternalError", "without an outcome"),
        ("os._exit(3)", 12, "InternalError", "report it"),
        ("raise ValueError('secret')", 12, "InternalError", "without an outcome"),
        ("os.write(1, b'secret'); os.write(2, b'secret'); os._exit(1)", 12, "InternalError", "without an outcome"),
        ("os.write(descriptor, b'O' + (1 << 40).to_bytes(8, 'big')); time.sleep(60)", 10, "OutcomeTooLarge", "fewer"),
        ("os.write(descriptor, b'O' + (99).to_bytes(8, 'big') + b'cut')", 12, "InternalError", "without an outcome"),
    ],
)
def test_every_end_of_a_worker_has_an_outcome(tmp_path: Path, body: str, code: int, reason: str, says: str) -> None:
    """Killed, crashed, silent or lying: a reason follows, with its exit code, and no word of the worker gets out."""
    found, outcome = outcome_of(tmp_path, body)
    assert outcome.error is not None
    assert (found, outcome.error.reason) == (code, reason)
    assert says in outcome.error.message


def test_sleeping_worker_is_stopped(tmp_path: Path) -> None:
    """A worker that uses no CPU is stopped by the wall limit."""
    code, outcome = outcome_of(tmp_path, "time.sleep(60)", wall=1)
    assert code == 11
    assert outcome.error is not None
    assert outcome.error.reason == "TimeLimitExceeded"


def test_talkative_worker_does_not_fill_the_supervisor(tmp_path: Path) -> None:
    """A worker that writes to stderr without end is read, and stopped by the wall limit."""
    code, outcome = outcome_of(tmp_path, "while True: os.write(2, b'secret' * 1000)", wall=1)
    assert code == 11
    assert outcome.error is not None
    assert outcome.error.reason == "TimeLimitExceeded"


def test_worker_ignores_nothing_of_sigterm(tmp_path: Path) -> None:
    """In the worker SIGTERM has its ordinary effect, and stdin is empty."""
    body = "assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL and os.read(0, 1) == b''; os._exit(70)"
    assert outcome_of(tmp_path, body)[0] == 11


# --- frames -----------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=3000), st.integers(1, 500))
def test_frames_come_through_in_any_pieces(outcome: bytes, size: int) -> None:
    """However a stream is cut, phases and outcome arrive whole and in order."""
    reader, writer = os.pipe()
    send(writer, PHASE, b"parse")
    send(writer, PHASE, b"compile")
    send(writer, OUTCOME, outcome)
    os.close(writer)
    inbox = Inbox()
    while data := os.read(reader, size):
        inbox.feed(data)
    os.close(reader)
    assert (inbox.phase, inbox.outcome, inbox.complete) == ("compile", outcome, True)


def test_an_announced_giant_is_not_read() -> None:
    """A length beyond what can leave a run is noted, and the rest of the stream ignored."""
    inbox = Inbox()
    inbox.feed(struct.pack(">cQ", OUTCOME, MAX_OUTCOME_BYTES + 1) + b"x" * 100)
    assert (inbox.announced, inbox.outcome, inbox.complete) == (MAX_OUTCOME_BYTES + 1, None, True)


# --- work -------------------------------------------------------------------------------------------------------------


def clock() -> Clock:
    return Clock(0.0, lambda _: None)


def test_messages_are_cut_to_the_apis_lengths() -> None:
    """However long a message or a field is, the outcome is valid."""
    outcome = failed(spec(), "InvalidProgram", "m" * 9000, "f" * 9000)
    assert outcome.error == RunError(reason="InvalidProgram", message="m" * 2048, field="f" * 512)


def test_longest_error_leaves_and_is_recognized(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An error too long for a termination message leaves through the log, and still gives its exit code."""
    code = leave(tmp_path / "t", encode(failed(spec(), "InvalidProgram", "é" * 2048)), spec())
    assert code == 10
    assert capsys.readouterr().out.startswith("quantum-operator-outcome/v1 ")


def test_results_too_large_for_the_log_become_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outcome that turns out too large when it is packed is replaced by one that says so."""
    monkeypatch.setattr("quantum_operator.api.envelope.MAX_COMPRESSED_BYTES", 3000)
    text = random.Random(1).randbytes(9000).hex()
    outcome = failed(spec(), "InternalError", "x").model_copy(update={"error": None, "engine": text})
    assert leave(tmp_path / "t", encode(outcome), spec()) == 10
    left = Outcome.model_validate_json((tmp_path / "t").read_bytes())
    assert left.error is not None
    assert left.error.reason == "OutcomeTooLarge"
    assert "fewer shots" in left.error.message


class PanicException(BaseException):
    """As Rust's panics look from Python: no Exception, and known by name only."""


@pytest.mark.parametrize(
    ("error", "reason", "says"),
    [
        (ValueError("secret"), "InternalError", "builtins.ValueError"),
        (RecursionError("secret"), "ProgramCrashedRunner", "nested too deeply"),
        (KeyboardInterrupt("secret"), "InternalError", "KeyboardInterrupt"),
        (PanicException("secret"), "ProgramCrashedRunner", "panicked"),
    ],
)
def test_unexpected_errors_have_no_payload(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, reason: str, says: str
) -> None:
    """An error that nobody expected is told by its type and phase; what it says stays inside."""

    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr("quantum_operator.runner.worker._succeed", fail)
    outcome = work(b"", spec(), clock())
    assert outcome.error is not None
    assert outcome.error.reason == reason
    assert says in outcome.error.message
    assert "secret" not in outcome.error.message


@pytest.mark.parametrize("error", [MemoryError(), PanicException("PyObject pointer is null")])
def test_want_of_memory_is_passed_on(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Want of memory ends the worker: there may be none to build an outcome with."""

    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr("quantum_operator.runner.worker._succeed", fail)
    with pytest.raises(MemoryError):
        work(b"", spec(), clock())


def test_outcomes_have_no_nan() -> None:
    """NaN never leaves: encoding one fails, it is not written as something that is no JSON."""
    pub = OutcomePub.model_construct(program="p", shape=(), shots=1, values=(float("nan"),))
    with pytest.raises(ValueError, match="JSON compliant"):
        encode(failed(spec(), "InternalError", "x").model_copy(update={"pubs": (pub,)}))


def test_clock_counts_every_phase_once() -> None:
    """The phases' durations add up to the total, and phases are told as they begin."""
    told: list[str] = []
    one = Clock(0.0, told.append)
    for phase in ("parse", "compile", "parse"):
        one.begin(phase)
    times = one.durations()
    assert told == ["parse", "compile", "parse"]
    assert times.load + times.parse + times.compile == pytest.approx(times.total, abs=2)
