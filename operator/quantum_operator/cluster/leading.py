"""Who leads: of several operators the one that holds the Lease works, and the others stand by."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from quantum_operator.cluster.api import Api, StatusError
from quantum_operator.cluster.lease import Lease, LeaseLostError
from quantum_operator.ports.errors import TransientError

log = logging.getLogger(__name__)

RENEW_SECONDS = 5.0
ANSWER_SECONDS = 3.0
"""How long the API server may take over the Lease before it is asked again."""

AGAIN_SECONDS = 1.0
LOOK_SECONDS = 0.5
"""How often a follower looks: a lease that is released is taken over within that time."""

SETTLE_SECONDS = 3.0
"""How long an operator that ends waits for the answers to its writes."""

Work = Callable[[], Coroutine[Any, Any, None]]


async def lead(api: Api, lease: Lease | None, work: Work, ending: asyncio.Event) -> None:
    """Work until `ending` is set, once the lease is held; without a lease, at once.

    `work` writes by `api`, for which no write is under way any more when the lease is released. Raises LeaseLostError
    when the lease is lost, StatusError where it may not be asked for, and what `work` raises.
    """
    if lease is not None and not await _acquired(lease, ending):
        return
    settled = False
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work())]
            if lease is not None:
                log.info("leading: %s holds the lease %s", lease.identity, lease.name)
                tasks.append(group.create_task(keep(lease)))
            await ending.wait()
            settled = await api.settle(SETTLE_SECONDS)
            for task in tasks:
                task.cancel()
    except ExceptionGroup as failed:
        raise _cause(failed) from failed
    if lease is not None:
        await _release(lease, settled=settled)


async def keep(lease: Lease) -> None:
    """Renew the lease for ever. Raises LeaseLostError when it is lost."""
    wait = RENEW_SECONDS
    while True:
        await asyncio.sleep(min(wait, max(0.0, lease.seconds_left)))
        lease.require()
        try:
            async with asyncio.timeout(min(ANSWER_SECONDS, lease.seconds_left)):
                await lease.renew()
            wait = RENEW_SECONDS
        except LeaseLostError:
            raise
        except (TransientError, TimeoutError) as error:
            log.warning("the lease %s was not renewed: %s", lease.name, str(error) or "no answer")
            wait = AGAIN_SECONDS


async def follow(lease: Lease) -> None:
    """Return once the lease is held. Raises StatusError where this operator may not ask for it."""
    said = ""
    while True:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                if await lease.acquire():
                    return
            level, message = logging.INFO, f"waiting for the lease held by {lease.holder or 'nobody'}"
        except (TransientError, TimeoutError) as error:
            level, message = logging.WARNING, f"the lease {lease.name} can't be read: {str(error) or 'no answer'}"
        if message != said:
            log.log(level, "%s", message)
            said = message
        await asyncio.sleep(LOOK_SECONDS)


async def _acquired(lease: Lease, ending: asyncio.Event) -> bool:
    """Follow until the lease is held, or `ending` is set; whether it is held."""
    following, end = asyncio.create_task(follow(lease)), asyncio.create_task(ending.wait())
    try:
        await asyncio.wait((following, end), return_when=asyncio.FIRST_COMPLETED)
        return following.done() and following.result() is None
    finally:
        for task in (end, following):
            task.cancel()
        await asyncio.wait((following, end))


async def _release(lease: Lease, *, settled: bool) -> None:
    if not settled:
        log.warning("the lease %s is left to expire: writes are without an answer", lease.name)
        return
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await lease.release()
    except (StatusError, TransientError, TimeoutError) as error:
        log.warning("the lease %s is left to expire: %s", lease.name, str(error) or "no answer")


def _cause(failed: ExceptionGroup[Exception]) -> Exception:
    """The lost lease, where that is among what failed; else the first of it."""
    lost = failed.subgroup(LeaseLostError) or failed
    first = lost.exceptions[0]
    return _cause(first) if isinstance(first, ExceptionGroup) else first
