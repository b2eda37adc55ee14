"""What the supervisor reads of a worker, and what the worker makes of errors, in this process."""

import os
import random
import struct
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
from support.runs import spec

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


@pytest.mark.parametrize("length", [2**60, MAX_OUTCOME_BYTES + 1])
def test_no_phase_is_a_giant_either(length: int) -> None:
    """Whoever took the worker over may say so; nothing is gathered for it."""
    inbox = Inbox()
    inbox.feed(struct.pack(">cQ", PHASE, length) + b"x" * 100)
    assert (inbox.announced, inbox.phase, inbox.complete) == (length, "load", True)


def test_a_phase_may_be_any_bytes() -> None:
    inbox = Inbox()
    inbox.feed(struct.pack(">cQ", PHASE, 5_000) + b"\xff" * 5_000)
    assert len(inbox.phase) == 64


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
