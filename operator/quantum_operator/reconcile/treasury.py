"""The money as the loop handles it: one reader and writer of ledgers at a time, who writes for all who wait.

What is reserved is written before it is told, and what is settled before the status that says so. Another operator may
write to the same ledgers, for other namespaces: whoever comes second reads anew.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from quantum_operator.api.ledger import QuantumLedgerStatus, Reservation
from quantum_operator.decide.ledger import EMPTY, Booking, SeenLedger, Settlement, ledger_name, reserve, settle
from quantum_operator.ports.errors import ConflictError, NameTakenError
from quantum_operator.ports.ledger import Ledgers

log = logging.getLogger(__name__)

TRIES = 5
"""How often a ledger that another operator writes to as well is read anew for one settlement."""


@dataclass
class _Waiting:
    settlement: Settlement
    done: bool = False


class Treasury:
    """Reserves and settles. What it remembers only saves time."""

    def __init__(
        self,
        ledgers: Ledgers,
        released: Callable[[], None],
        orphaned: Callable[[], None],
        booked: Callable[[], None] = lambda: None,
    ) -> None:
        """`released` is told when there may be money again, `orphaned` when a reservation may be nobody's.

        `booked` is told of every write.
        """
        self._booked = booked
        self._ledgers = ledgers
        self._released = released
        self.orphaned = orphaned
        self._lock = asyncio.Lock()
        self._waiting: list[_Waiting] = []
        self._seen: dict[str, SeenLedger] = {}
        self._reserved: set[str] = set()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Inside, nobody else reads or writes: what is read holds until it is written."""
        async with self._lock:
            yield

    async def books(self, currencies: Iterable[str], now: datetime) -> Mapping[str, QuantumLedgerStatus]:
        """The ledgers of this month, by currency, without those that can't be read. Only for who is `alone`."""
        found = {}
        for currency in sorted(currencies):
            name = ledger_name(currency, now)
            try:
                seen = await self._ledgers.find(name)
            except NameTakenError as error:
                log.error("nothing is reserved in %s: %s", currency, error)  # noqa: TRY400 - its traceback says nothing
                continue
            self._seen[name] = seen if seen is not None else SeenLedger(EMPTY, None)
            found[currency] = self._seen[name].status
        return found

    async def reserve(self, bookings: Iterable[Booking]) -> bool:
        """Write these into the books that were read; False where one of them has changed: nothing may be told then.

        Only for who is `alone`.
        """
        wanted: dict[str, list[Reservation]] = {}
        for one in bookings:
            wanted.setdefault(one.ledger, []).append(one.reservation)
        for name, reservations in sorted(wanted.items()):
            seen = self._seen.pop(name)
            self._reserved.update(one.run for one in reservations)
            try:
                await self._ledgers.put(name, reserve(seen.status, reservations), seen.version)
            except ConflictError:
                self.orphaned()
                return False
            self._booked()
        return True

    async def settle(self, settlement: Settlement) -> None:
        """Have it on the ledger, with those of others that wait for that. Raises ConflictError, TransientError."""
        waiting = _Waiting(settlement)
        self._waiting.append(waiting)
        try:
            async with self._lock:
                if not waiting.done:
                    await self._write(settlement.ledger)
        finally:
            if not waiting.done:
                self._waiting.remove(waiting)

    def forget_reserved(self) -> None:
        """Begin to note what is reserved from here on."""
        self._reserved.clear()

    async def release(self, name: str, over: Iterable[Settlement], holds: Callable[[str, str], bool]) -> None:
        """Settle these, but for those that were reserved again since `forget_reserved`, or that somebody holds."""
        async with self._lock:
            back = [one for one in over if one.run not in self._reserved and not holds(name, one.run)]
            if back:
                await self._settle(name, back)

    async def _write(self, name: str) -> None:
        batch = [one for one in self._waiting if one.settlement.ledger == name]
        await self._settle(name, [one.settlement for one in batch])
        for one in batch:
            one.done = True
            self._waiting.remove(one)

    async def _settle(self, name: str, settlements: list[Settlement]) -> None:
        for left in reversed(range(TRIES)):
            seen = await self._ledgers.find(name)
            if seen is None:
                log.error("ledger %s is gone, and with it what %d attempts cost", name, len(settlements))
                return
            after = settle(seen.status, settlements)
            if after == seen.status:
                return
            try:
                await self._ledgers.put(name, after, seen.version)
            except ConflictError:
                if not left:
                    raise
            else:
                self._released()
                self._booked()
                return
