"""A work queue over keys: each is with one worker at a time, and errors come back later."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from quantum_operator.ports.errors import ConflictError, NameTakenError, TransientError
from quantum_operator.ports.world import Key
from quantum_operator.reconcile.logcontext import about
from quantum_operator.reconcile.timers import Later, Timer

log = logging.getLogger(__name__)

FIRST_RETRY_SECONDS = 0.2
LONGEST_RETRY_SECONDS = 30.0

Reconcile = Callable[[Key], Awaitable[float | None]]
"""Takes what the key names one step on; returns the seconds after which to look again, or None."""


class KeyQueue:
    """A trigger says only "look at this": what it saw, it does not say.

    Keys that something is under way for take turns with the others, so that thousands of new ones hold none of them up.
    """

    def __init__(
        self,
        kind: str,
        reconcile: Reconcile,
        *,
        workers: int,
        later: Later,
        under_way: Callable[[Key], bool] = lambda _: False,
    ) -> None:
        """Reconcile with as many workers. `kind` is for the log; `later` sets the timers."""
        self._kind = kind
        self._reconcile_key = reconcile
        self._workers = workers
        self._later = later
        self._under_way = under_way
        self._lines: tuple[OrderedDict[Key, None], OrderedDict[Key, None]] = OrderedDict(), OrderedDict()
        self._queued = asyncio.Semaphore(0)
        self._next = 0
        self._busy: set[Key] = set()
        self._again: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._timers: dict[Key, Timer] = {}

    def request(self, key: Key) -> None:
        """Ask for a key to be looked at; asking twice is asking once."""
        first, others = self._lines
        if key in self._busy:
            self._again.add(key)
        elif key not in first and self._under_way(key):
            first[key] = None
            if key in others:
                del others[key]
            else:
                self._queued.release()
        elif key not in first and key not in others:
            others[key] = None
            self._queued.release()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is asked for or under way: only a timer or a trigger brings more."""
        return not any(self._lines) and not self._busy

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._workers):
                    group.create_task(self._work())
        finally:
            for timer in self._timers.values():
                timer.cancel()
            self._timers.clear()

    async def _work(self) -> None:
        while True:
            await self._queued.acquire()
            key = self._take()
            self._busy.add(key)
            with about(key, self._kind):
                delay = await self._reconcile(key)
            self._busy.discard(key)
            if key in self._again:
                self._again.discard(key)
                self.request(key)
            elif delay is not None:
                self._request_later(key, delay)

    def _take(self) -> Key:
        """From both lines in turn, as long as there is somebody in both."""
        line = self._lines[self._next] or self._lines[1 - self._next]
        self._next = 1 - self._next
        key, _ = line.popitem(last=False)
        return key

    async def _reconcile(self, key: Key) -> float | None:
        try:
            delay = await self._reconcile_key(key)
        except ConflictError:
            return FIRST_RETRY_SECONDS
        except (TransientError, NameTakenError) as error:
            log.warning("%s %s/%s: %s: %s", self._kind, key.namespace, key.name, type(error).__name__, error)
            return self._backoff(key)
        except Exception:  # one key's fault must not stop the others
            log.exception("%s %s/%s: unexpected error; trying again", self._kind, key.namespace, key.name)
            return self._backoff(key)
        self._failures.pop(key, None)
        return delay

    def _backoff(self, key: Key) -> float:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        return float(min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(failures, 16)))

    def _request_later(self, key: Key, delay: float) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        if delay <= 0:
            self.request(key)
        else:
            self._timers[key] = self._later(delay, lambda: self._due(key))

    def _due(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.request(key)
