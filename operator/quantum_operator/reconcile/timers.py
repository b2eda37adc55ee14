"""Waiting and waking, apart from what is waited for: the loop's only contact with the event loop's clock."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0

PAUSE_SECONDS = 2.0
"""How long what happens often is gathered."""


class Timer(Protocol):
    """Something that will happen, unless it is cancelled."""

    def cancel(self) -> object:
        """Let it not happen."""


Later = Callable[[float, Callable[[], None]], Timer]
"""Calls a function after so many seconds."""


def event_loop_later(seconds: float, call: Callable[[], None]) -> Timer:
    """Call it by the running event loop's own clock."""
    return asyncio.get_running_loop().call_later(seconds, call)


class Chore:
    """One piece of work, done again whenever it is asked for; asking during the work has it done once more."""

    def __init__(self, name: str, work: Callable[[], Awaitable[None]], later: Later) -> None:
        """`name` is for the log; work that fails is done again by way of `later`."""
        self._name = name
        self._work = work
        self._later = later
        self._asked = asyncio.Event()
        self._busy = False

    @property
    def is_idle(self) -> bool:
        """Whether it is neither asked for nor under way."""
        return not self._asked.is_set() and not self._busy

    def ask(self) -> None:
        """Have the work done soon; asking twice is asking once."""
        self._asked.set()

    async def run(self) -> None:
        """Do the work whenever it is asked for, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            self._busy = True
            try:
                await self._work()
            except Exception:  # a fault must not stop the operator
                log.exception("%s failed; trying again in %s s", self._name, RETRY_SECONDS)
                self._later(RETRY_SECONDS, self.ask)
            finally:
                self._busy = False


class Soon:
    """Asks for a chore after a pause in which others may ask as well: what happens often is done for all at once."""

    def __init__(self, chore: Chore, later: Later) -> None:
        self.chore = chore
        self._later = later
        self._asked = False

    def ask(self) -> None:
        """Have the chore done after the pause."""
        if not self._asked:
            self._asked = True
            self._later(PAUSE_SECONDS, self._due)

    def _due(self) -> None:
        self._asked = False
        self.chore.ask()
