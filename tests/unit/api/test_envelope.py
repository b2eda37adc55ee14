"""The envelope: what goes in comes out, and nothing else does."""

import base64
import contextlib
import json
import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_operator.api import envelope
from quantum_operator.api.envelope import (
    LOG_PREFIX,
    TERMINATION_MESSAGE_BYTES,
    EnvelopeError,
    OutcomeTooLargeError,
    in_log,
    seal,
    sha256,
    unseal,
)


def outcome(size: int) -> bytes:
    """A JSON outcome of `size` bytes."""
    frame = len(json.dumps({"run": ""}))
    return json.dumps({"run": "r" * (size - frame)}).encode()


@pytest.mark.parametrize("size", [20, 4095, 4096, 4097, 5000, 100_000])
def test_round_trip(size: int) -> None:
    """An outcome of any size comes back byte for byte."""
    data = outcome(size)
    assert len(data) == size
    sealed = seal(data)
    assert unseal(sealed.termination, f"noise\n{sealed.log_line}\nmore noise\n") == data


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(max_size=20), st.text(max_size=400), max_size=40))
def test_any_json_comes_back(value: dict[str, str]) -> None:
    """Any JSON object survives the trip, and never exceeds a termination message."""
    data = json.dumps(value).encode()
    sealed = seal(data)
    assert len(sealed.termination.encode()) <= TERMINATION_MESSAGE_BYTES
    assert unseal(sealed.termination, sealed.log_line) == data


def test_small_outcomes_need_no_log() -> None:
    """What fits the termination message is there in full; 4,096 bytes fit, 4,097 don't."""
    fits, too_long = seal(outcome(4096)), seal(outcome(4097))
    assert (fits.log_line, in_log(fits.termination)) == ("", False)
    assert in_log(too_long.termination)
    assert too_long.log_line.startswith(LOG_PREFIX)


def test_the_log_line_is_one_line() -> None:
    """The log line has no newline, whatever the outcome holds."""
    assert "\n" not in seal(json.dumps({"text": "\n" * 9000}).encode()).log_line


def test_the_last_line_counts() -> None:
    """When a log has several outcomes the last one is taken, and checked."""
    first, last = seal(outcome(5000)), seal(outcome(6000))
    log = f"{first.log_line}\n{last.log_line}\n"
    assert unseal(last.termination, log) == outcome(6000)
    with pytest.raises(EnvelopeError, match="not the one"):
        unseal(first.termination, log)


def test_another_outcome_is_refused() -> None:
    """An outcome in the log that is not the one of the message's digest is refused."""
    forged = LOG_PREFIX + base64.b64encode(zlib.compress(outcome(5001))).decode()
    with pytest.raises(EnvelopeError, match="not the one"):
        unseal(seal(outcome(5000)).termination, forged)


@pytest.mark.parametrize(
    ("log", "says"),
    [
        ("", "no outcome"),
        ("something else\n", "no outcome"),
        (LOG_PREFIX + "not base64!", "unpacked"),
        (LOG_PREFIX + base64.b64encode(b"not zlib").decode(), "unpacked"),
        (LOG_PREFIX + base64.b64encode(zlib.compress(outcome(5000))[:-20]).decode(), "not the one"),
        (LOG_PREFIX + "é", "unpacked"),
    ],
)
def test_damaged_logs_are_refused(log: str, says: str) -> None:
    """A log that lacks the outcome, or has it damaged, is an EnvelopeError that says so."""
    with pytest.raises(EnvelopeError, match=says):
        unseal(seal(outcome(5000)).termination, log)


def test_no_message_is_refused() -> None:
    """A run that left nothing left no outcome."""
    with pytest.raises(EnvelopeError, match="no termination message"):
        unseal("")


def test_bombs_do_not_unpack(monkeypatch: pytest.MonkeyPatch) -> None:
    """What unpacks to more than the most that an outcome can be is refused before it is unpacked whole."""
    monkeypatch.setattr(envelope, "MAX_OUTCOME_BYTES", 10_000)
    bomb = base64.b64encode(zlib.compress(b"0" * 1_000_000)).decode()
    header = json.dumps({"outcome": "log", "sha256": sha256(b""), "bytes": 1_000_000})
    with pytest.raises(EnvelopeError, match="larger than"):
        unseal(header, LOG_PREFIX + bomb)


def test_outcomes_beyond_the_log_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too large as it is, or too large even packed: both are refused, with the sizes."""
    monkeypatch.setattr(envelope, "MAX_OUTCOME_BYTES", 10_000)
    with pytest.raises(OutcomeTooLargeError, match="20000 bytes"):
        seal(outcome(20_000))
    monkeypatch.setattr(envelope, "MAX_OUTCOME_BYTES", 10_000_000)
    monkeypatch.setattr(envelope, "MAX_COMPRESSED_BYTES", 5_000)
    noise = random.Random(1).randbytes(20_000).hex().encode()
    with pytest.raises(OutcomeTooLargeError, match="compressed"):
        seal(noise)


@settings(deadline=None)
@given(st.text(max_size=600), st.text(max_size=300))
def test_any_message_and_log_have_an_answer(termination: str, log: str) -> None:
    """Whatever a pod left, the answer is bytes or an EnvelopeError."""
    with contextlib.suppress(EnvelopeError):
        assert isinstance(unseal(termination, log), bytes)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_packed_bytes_have_an_answer(data: bytes) -> None:
    """Whatever stands behind the prefix, the answer is the announced outcome or an EnvelopeError."""
    header = json.dumps({"outcome": "log", "sha256": sha256(data), "bytes": len(data)})
    for body in (base64.b64encode(data).decode(), data.decode("latin-1")):
        with contextlib.suppress(EnvelopeError):
            assert unseal(header, LOG_PREFIX + body) == data


@pytest.mark.parametrize(
    "header", [{"outcome": "log"}, {"outcome": "log", "bytes": 5000}, {"outcome": "log", "sha256": 1}]
)
def test_headers_that_lack_something_are_refused(header: dict[str, object]) -> None:
    """A header without digest or length matches no outcome."""
    with pytest.raises(EnvelopeError, match="not the one"):
        unseal(json.dumps(header), seal(outcome(5000)).log_line)


def test_surrogates_in_a_message_are_refused() -> None:
    """Half a surrogate pair in a termination message is an EnvelopeError and no UnicodeEncodeError."""
    with pytest.raises(EnvelopeError):
        unseal("\ud800")
