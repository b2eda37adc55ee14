"""What every process of ours in a cluster does beside its own work: lead, watch, read anew, and end in order."""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import kopf

from quantum_operator.cluster.api import Api, StatusError
from quantum_operator.cluster.connection import http_client, load_config
from quantum_operator.cluster.identity import new_identity, succeed
from quantum_operator.cluster.leading import lead
from quantum_operator.cluster.lease import Lease, LeaseLostError
from quantum_operator.cluster.mirror import Kind
from quantum_operator.cluster.namespaces import have_changed, to_watch
from quantum_operator.cluster.schemas import check_schemas
from quantum_operator.cluster.watching import NothingRemembered, watch_registry, watch_settings
from quantum_operator.ports.errors import TransientError

log = logging.getLogger(__name__)

READ_ANEW_SECONDS = 300.0
"""How long something that a watch missed while it was cut off (a deletion) can go unseen."""

FIRST_READ_ANEW_SECONDS = 10.0
"""The same for what was deleted between the first reading and the watches' beginning."""

RETRY_SECONDS = 1.0


@dataclass(frozen=True)
class Process:
    """Who this process is, what it watches and where it says that it is well.

    `lease` is a namespace and a name; None: it works at once. `former` are identities of processes that are over.
    `namespaces_go`: of those to watch some may not be there, and the process may ask which are.
    """

    kinds: Sequence[Kind[Any]]
    namespaces: tuple[str, ...]
    liveness: str
    lease: tuple[str, str] | None
    identity: str
    former: frozenset[str] = frozenset()
    namespaces_go: bool = False


Read = Callable[[Api, tuple[str, ...]], Awaitable[None]]
"""Reads everything that is watched, in these namespaces; in all, where there is none."""
Work = Callable[[Api], Coroutine[Any, Any, None]]


def identify(file: str) -> tuple[str, frozenset[str]]:
    """A new identity, and those of the processes before this one that left theirs in the file (empty: no file)."""
    identity = new_identity()
    return identity, succeed(Path(file), identity) if file else frozenset()


async def nothing_first(api: Api, namespaces: tuple[str, ...]) -> None:
    """Begin at once."""


async def serve(process: Process, read: Read, work: Work, first: Read = nothing_first) -> None:
    """Work until told to end, or a namespace to watch came or went: then the process must begin anew.

    It says that it is well once it has done what comes `first`, and has read everything.

    Raises SchemaMismatchError, ConnectionConfigError, StatusError or TransientError where it can't start. Ends the
    process where another may work from now on.
    """
    async with http_client(load_config()) as client:
        lease = _lease(process, client)
        api = Api(client, lease.require) if lease is not None else Api(client)
        await check_schemas(api)
        named, watched = process.namespaces, process.namespaces
        if process.namespaces_go:
            watched = await to_watch(api, named)
            process = replace(process, namespaces=watched)

        async def read_all() -> None:
            await read(api, watched)

        async def changed() -> bool:
            return process.namespaces_go and await have_changed(api, named, watched)

        await first(api, watched)
        await read_all()
        log.info("watching %s", ", ".join(process.namespaces) or "all namespaces")
        ending = asyncio.Event()
        _end_on_signals(ending)

        async def leading() -> None:
            if lease is not None:  # what the former holder wrote last may not have been seen yet
                await _read_now(read_all)
            await work(api)

        again = _read_anew(read_all, changed, ending)
        async with _beside(_until_lost(lead(api, lease, leading, ending)), again) as over:
            await _watch(process, ending, over)


def _lease(process: Process, client: httpx2.AsyncClient) -> Lease | None:
    if process.lease is None:
        return None
    return Lease(Api(client), *process.lease, process.identity, former=process.former)


async def _until_lost(leading: Coroutine[Any, Any, None]) -> None:
    try:
        await leading
    except LeaseLostError as error:
        log.critical("ends, so that one operator works and not two: %s", error)
        logging.shutdown()
        os._exit(1)  # nothing that it could still do would be right, and kopf takes seconds to end


def _end_on_signals(ending: asyncio.Event) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)


async def _watch(process: Process, ending: asyncio.Event, over: asyncio.Event) -> None:
    """Have kopf watch until `over` is set, which comes of `ending`, which SIGTERM and SIGINT set."""
    before = asyncio.all_tasks()
    tasks = await kopf.spawn_tasks(
        registry=watch_registry(process.kinds),
        settings=watch_settings(process.kinds),
        memories=NothingRemembered(),
        clusterwide=not process.namespaces,
        namespaces=process.namespaces,
        liveness_endpoint=process.liveness,
        stop_flag=over,
    )
    _end_on_signals(ending)  # in place of kopf's handlers: what works here ends before the watches do
    try:
        await kopf.run_tasks(tasks, ignored=before)
    except Exception:  # kopf, told to end while it starts, trips over tasks that it cancelled itself
        if not over.is_set():
            raise


@contextlib.asynccontextmanager
async def _beside(main: Coroutine[Any, Any, None], aside: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Event]:
    """Work that goes on beside the context, `aside` for as long as `main`.

    The event is set when that is over; where it failed, the context raises its error.
    """
    over = asyncio.Event()

    async def together() -> None:
        tasks = [asyncio.create_task(main), asyncio.create_task(aside)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
        finally:
            for one in tasks:
                one.cancel()
            await asyncio.wait(tasks)
            over.set()

    task = asyncio.create_task(together())
    # Where kopf ends by itself, it ends every task that began after it did, and waits for them first.
    for _ in range(4):
        await asyncio.sleep(0)
    try:
        yield over
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _read_now(read: Callable[[], Awaitable[None]]) -> None:
    """Read everything anew, however often that must be tried."""
    while True:
        try:
            return await read()
        except (StatusError, TransientError) as error:
            log.warning("reading everything: %s", error)
            await asyncio.sleep(RETRY_SECONDS)


async def _read_anew(
    read: Callable[[], Awaitable[None]], changed: Callable[[], Awaitable[bool]], ending: asyncio.Event
) -> None:
    """Read everything anew now and then, until the namespaces that are there have changed: then set `ending`."""
    wait = FIRST_READ_ANEW_SECONDS
    while True:
        await asyncio.sleep(wait)
        wait = READ_ANEW_SECONDS
        try:
            if await changed():
                ending.set()
                await asyncio.Event().wait()
            await read()
        except (StatusError, TransientError) as error:
            log.warning("reading everything anew: %s", error)
