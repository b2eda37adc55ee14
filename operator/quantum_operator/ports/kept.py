"""Bytes that are asked for again soon, kept in memory so that they need not be had again from where they are."""

import threading


class Kept:
    """Bytes by name. Any of them may be missing at any time: they only save time."""

    def __init__(self, most_bytes: int) -> None:
        """Keep so many bytes in all; what came first is forgotten first, and what alone has more is not kept."""
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def put(self, name: str, data: bytes) -> None:
        """Keep this, in place of what was kept under the name before."""
        with self._lock:
            self._drop(name)
            if len(data) > self._most_bytes:
                return
            self._kept[name] = data
            self._bytes += len(data)
            while self._bytes > self._most_bytes:
                self._drop(next(iter(self._kept)))

    def get(self, name: str) -> bytes:
        """What is kept under the name; no bytes where nothing is."""
        with self._lock:
            return self._kept.get(name, b"")

    def forget(self, name: str) -> None:
        """It is not asked for any more."""
        with self._lock:
            self._drop(name)

    def _drop(self, name: str) -> None:
        self._bytes -= len(self._kept.pop(name, b""))
