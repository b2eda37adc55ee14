"""What the worker tells the supervisor over a pipe: the phase that begins, and at the end the outcome."""

import os
import struct
from dataclasses import dataclass, field
from typing import Final

from quantum_operator.api.envelope import MAX_OUTCOME_BYTES

_HEADER: Final = struct.Struct(">cQ")
PHASE: Final = b"P"
OUTCOME: Final = b"O"
LONGEST_PHASE: Final = 64


def send(descriptor: int, kind: bytes, data: bytes) -> None:
    """Write one frame: its kind, its length, its data."""
    frame = memoryview(_HEADER.pack(kind, len(data)) + data)
    while frame:
        frame = frame[os.write(descriptor, frame) :]


@dataclass
class Inbox:
    """The frames read so far: the latest phase, and the outcome once it is complete.

    `announced` is the length of a frame longer than MAX_OUTCOME_BYTES; such a one is not read.
    """

    phase: str = "load"
    outcome: bytes | None = None
    announced: int = 0
    _buffer: bytearray = field(default_factory=bytearray)

    @property
    def complete(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self.outcome is not None or self.announced > 0

    def feed(self, data: bytes) -> None:
        """Take in what was read from the pipe."""
        self._buffer += data
        while not self.complete and len(self._buffer) >= _HEADER.size:
            kind, length = _HEADER.unpack_from(self._buffer)
            if length > MAX_OUTCOME_BYTES:
                self.announced = length
                return
            end = _HEADER.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_HEADER.size : end])
            del self._buffer[:end]
            if kind == OUTCOME:
                self.outcome = body
            else:
                self.phase = body[:LONGEST_PHASE].decode(errors="replace")
