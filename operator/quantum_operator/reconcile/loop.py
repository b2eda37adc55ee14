"""The loop: keys come in from any trigger, each is reconciled by one worker at a time, errors come back later."""

import asyncio
import logging

from quantum_operator.ports.errors import ConflictError, NameTakenError, TransientError
from quantum_operator.ports.world import Key, Ports
from quantum_operator.reconcile.health import write_health
from quantum_operator.reconcile.logcontext import about
from quantum_operator.reconcile.reconciler import Reconciler
from quantum_operator.reconcile.scheduler import Scheduler
from quantum_operator.reconcile.timers import Chore, Later, Timer, event_loop_later

log = logging.getLogger(__name__)

FIRST_RETRY_SECONDS = 0.2
LONGEST_RETRY_SECONDS = 30.0


class Loop:
    """A work queue over keys. A trigger says only "look at this job": what it saw, it does not say."""

    def __init__(self, ports: Ports, *, workers: int = 8, later: Later = event_loop_later) -> None:
        """Reconcile with as many workers; a key is never with two of them at once. `later` sets the timers."""
        self._ports = ports
        self._workers = workers
        self._later = later
        self.scheduler = Scheduler(ports, self.request, later)
        self._reconciler = Reconciler(ports, self.scheduler)
        self._queue: asyncio.Queue[Key] = asyncio.Queue()
        self._queued: set[Key] = set()
        self._busy: set[Key] = set()
        self._again: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._timers: dict[Key, Timer] = {}
        self._health = Chore("writing the health of policies and backends", self._write_health, later)

    def request(self, key: Key) -> None:
        """Ask for a job to be looked at; asking twice is asking once."""
        if key in self._busy:
            self._again.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            self._queue.put_nowait(key)

    def backends_or_policies_changed(self) -> None:
        """Ask for the health of backends and policies to be looked at, and for waiting jobs to be placed."""
        self._health.ask()
        self.scheduler.wake()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is asked for or under way: only a timer or a trigger brings more."""
        return not self._queued and not self._busy and self.scheduler.is_idle and self._health.is_idle

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._workers):
                    group.create_task(self._work())
                group.create_task(self.scheduler.run())
                group.create_task(self._health.run())
        finally:
            for timer in self._timers.values():
                timer.cancel()
            self._timers.clear()

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            self._queued.discard(key)
            self._busy.add(key)
            with about(key):
                delay = await self._reconcile(key)
            self._busy.discard(key)
            if key in self._again:
                self._again.discard(key)
                self.request(key)
            elif delay is not None:
                self._request_later(key, delay)

    async def _reconcile(self, key: Key) -> float | None:
        try:
            delay = await self._reconciler.reconcile(key)
        except ConflictError:
            return FIRST_RETRY_SECONDS
        except (TransientError, NameTakenError) as error:
            log.warning("job %s/%s: %s: %s", key.namespace, key.name, type(error).__name__, error)
            return self._backoff(key)
        except Exception:  # one job's fault must not stop the others
            log.exception("job %s/%s: unexpected error; trying again", key.namespace, key.name)
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

    async def _write_health(self) -> None:
        await write_health(self._ports)
        self.scheduler.wake()
