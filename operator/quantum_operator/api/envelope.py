"""How an outcome leaves a run: in the termination message when it fits, else through the log.

Kubernetes cuts a termination message at 4,096 bytes without a word, so a larger outcome leaves only its digest and
length there and travels, compressed, as one line of the log. Whoever reads it checks the digest.
"""

import base64
import hashlib
import json
import zlib
from dataclasses import dataclass

TERMINATION_MESSAGE_BYTES = 4096
LOG_PREFIX = "quantum-operator-outcome/v1 "
MAX_OUTCOME_BYTES = 32 * 1024 * 1024
MAX_COMPRESSED_BYTES = 3 * 1024 * 1024
"""Base64 of this stays under the 10 MiB at which a kubelet rotates a container's log."""


class EnvelopeError(ValueError):
    """A termination message or log that holds no outcome, or another than its digest says."""


class OutcomeTooLargeError(ValueError):
    """An outcome beyond what the log can carry."""


@dataclass(frozen=True)
class Sealed:
    """An outcome ready to leave: the termination message, and the log line ("" when the message has it all)."""

    termination: str
    log_line: str


def sha256(data: bytes) -> str:
    """The hexadecimal SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()


def seal(outcome: bytes) -> Sealed:
    """Pack a JSON outcome. Raises OutcomeTooLargeError beyond MAX_OUTCOME_BYTES or MAX_COMPRESSED_BYTES."""
    if len(outcome) <= TERMINATION_MESSAGE_BYTES:
        return Sealed(outcome.decode(), "")
    compressed = zlib.compress(outcome, 6)
    if len(outcome) > MAX_OUTCOME_BYTES or len(compressed) > MAX_COMPRESSED_BYTES:
        raise OutcomeTooLargeError(
            f"the outcome has {len(outcome)} bytes ({len(compressed)} compressed); "
            f"at most {MAX_OUTCOME_BYTES} ({MAX_COMPRESSED_BYTES} compressed) can leave a run"
        )
    message = json.dumps({"outcome": "log", "sha256": sha256(outcome), "bytes": len(outcome)})
    return Sealed(message, LOG_PREFIX + base64.b64encode(compressed).decode())


def in_log(termination: str) -> bool:
    """Whether the outcome of this termination message is in the log."""
    return _header(termination) is not None


def unseal(termination: str, log: str = "") -> bytes:
    """The outcome's bytes, checked against the digest. Raises EnvelopeError, never anything else, on other input."""
    header = _header(termination)
    if header is None:
        if not termination:
            raise EnvelopeError("the run left no termination message")
        try:
            return termination.encode()
        except UnicodeEncodeError as error:
            raise EnvelopeError(f"the run's termination message is no text: {error.reason}") from error
    lines = [line for line in log.splitlines() if line.startswith(LOG_PREFIX)]
    if not lines:
        raise EnvelopeError("the run's log has no outcome, although its termination message announces one")
    outcome = _decompress(lines[-1].removeprefix(LOG_PREFIX))
    if len(outcome) != header.get("bytes") or sha256(outcome) != header.get("sha256"):
        raise EnvelopeError("the outcome in the run's log is not the one its termination message announces")
    return outcome


def _header(termination: str) -> dict[str, object] | None:
    if len(termination) > 512 or '"outcome"' not in termination:
        return None
    try:
        header = json.loads(termination)
    except (ValueError, RecursionError):
        return None
    return header if isinstance(header, dict) and header.get("outcome") == "log" else None


def _decompress(text: str) -> bytes:
    try:
        compressed = base64.b64decode(text.encode(), validate=True)
        inflater = zlib.decompressobj()
        outcome = inflater.decompress(compressed, MAX_OUTCOME_BYTES)
    except (ValueError, zlib.error) as error:
        raise EnvelopeError(f"the outcome in the run's log can't be unpacked: {error}") from error
    if inflater.unconsumed_tail:
        raise EnvelopeError(f"the outcome in the run's log is larger than {MAX_OUTCOME_BYTES} bytes")
    return outcome
