"""Starts the runs that jobs share, once all of their jobs have that on record.

What is shared is on record with each of the jobs before the run is there, as a run of its own would be. The run has
those jobs that are seen to have it then; whoever comes later is not reached by it, and runs alone.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.runs import run_of
from quantum_operator.decide.size import json_bytes
from quantum_operator.decide.status import live_attempt
from quantum_operator.ports.batches import BatchPart
from quantum_operator.ports.world import Ports

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 5.0
"""How long the others of a run are waited for."""

LOOK_SECONDS = 1.0
FORGET = timedelta(minutes=5)
"""When a run that was asked for and never started is forgotten: its jobs went."""

BATCH_BYTES = 900_000
"""What the parts of a run may take together: it travels in one ConfigMap."""


class BatchStarter:
    """Starts shared runs. What it remembers only saves time."""

    def __init__(self, ports: Ports, awaits: Callable[[str], bool]) -> None:
        """`awaits` says of a run whether another job is to be seen with it on record."""
        self._ports = ports
        self._awaits = awaits
        self._asked: dict[tuple[str, str], datetime] = {}
        self._busy: set[tuple[str, str]] = set()

    async def start(self, namespace: str, name: str) -> float | None:
        """Start the run, or return the seconds after which to ask again.

        Raises RefusedError, NameTakenError, TransientError.
        """
        run, now = (namespace, name), self._ports.clock.now()
        since = self._asked.setdefault(run, now)
        waited = (now - since).total_seconds()
        if run in self._busy or (self._awaits(name) and 0 <= waited < PATIENCE_SECONDS):
            return LOOK_SECONDS
        self._busy.add(run)
        try:
            await self._start(namespace, name)
        finally:
            self._busy.discard(run)
        self._asked = {one: at for one, at in self._asked.items() if one != run and at > since - FORGET}
        return None

    async def _start(self, namespace: str, name: str) -> None:
        if self._ports.batches is None:
            return
        backends = {one.metadata.name: one for one in await self._ports.store.backends()}
        parts, room = [], BATCH_BYTES
        for job in await self._ports.batches.members(namespace, name):
            part = await self._part(job, backends)
            if part is not None:
                room -= len(part.data) + json_bytes(part.data.decode())
            if part is not None and room >= 0:
                parts.append(part)
        if parts:
            await self._ports.batches.start(name, parts)
            log.info("run %s/%s is shared by %d jobs", namespace, name, len(parts))

    async def _part(self, job: QuantumJob, backends: dict[str, QuantumBackend]) -> BatchPart | None:
        attempt, stored = live_attempt(job.status), job.status.input
        if self._ports.batches is None or attempt is None or stored is None or attempt.run_uid is not None:
            return None
        backend = backends.get(attempt.backend)
        data = await self._ports.batches.input(job, stored)
        if backend is None or data is None:
            return None
        return BatchPart(job, run_of(job, attempt, stored, backend), data)
