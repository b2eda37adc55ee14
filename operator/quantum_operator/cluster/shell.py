"""The cluster shell: puts the ports together and runs the operator's loop beside kopf's watches."""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import kopf

from quantum_operator.cluster.api import Api, StatusError
from quantum_operator.cluster.artifacts import ClusterArtifacts
from quantum_operator.cluster.connection import http_client, load_config
from quantum_operator.cluster.identity import new_identity, succeed
from quantum_operator.cluster.leading import lead
from quantum_operator.cluster.lease import Lease, LeaseLostError
from quantum_operator.cluster.mirror import Mirror
from quantum_operator.cluster.namespaces import have_changed, to_watch
from quantum_operator.cluster.recorder import ClusterRecorder
from quantum_operator.cluster.runs import ClusterRuns
from quantum_operator.cluster.schemas import check_schemas
from quantum_operator.cluster.settings import Settings
from quantum_operator.cluster.store import ClusterStore
from quantum_operator.cluster.watching import watch_registry, watch_settings
from quantum_operator.ports.errors import TransientError
from quantum_operator.ports.world import Key, Ports
from quantum_operator.reconcile.loop import Loop

log = logging.getLogger(__name__)

READ_ANEW_SECONDS = 300.0
"""How long something that a watch missed while it was cut off (a deletion) can go unseen."""

FIRST_READ_ANEW_SECONDS = 10.0
"""The same for what was deleted between the first reading and the watches' beginning."""

RETRY_SECONDS = 1.0


class SystemClock:
    """The machine's clock; implements the port `Clock`."""

    def now(self) -> datetime:
        """The present moment, in UTC."""
        return datetime.now(UTC)


async def operate(settings: Settings) -> None:
    """Run the operator until it is told to end, or a namespace to watch came or went: then it must begin anew.

    Raises SchemaMismatchError, ConnectionConfigError, StatusError or TransientError where it can't start. Ends the
    process where another operator may work from now on.
    """
    async with http_client(load_config()) as client:
        lease = _lease(settings, client)
        api, mirror = Api(client, lease.require) if lease is not None else Api(client), Mirror()
        await check_schemas(api)
        named = settings.namespaces
        settings = replace(settings, namespaces=await to_watch(api, named))
        await mirror.read(api, settings.namespaces)
        log.info("watching %s", ", ".join(settings.namespaces) or "all namespaces")
        ending = asyncio.Event()
        _end_on_signals(ending)

        async def work() -> None:
            if lease is not None:  # what the former holder wrote last may not have been seen yet
                await _read_now(mirror, api, settings.namespaces)
            await _reconcile(api, mirror, settings)

        leading = _until_lost(lead(api, lease, work, ending))
        async with _beside(leading, _read_anew(mirror, api, settings.namespaces, named, ending)) as over:
            await _watch(mirror, settings, ending, over)


def _lease(settings: Settings, client: httpx2.AsyncClient) -> Lease | None:
    if settings.lease is None:
        return None
    identity = new_identity()
    former = succeed(Path(settings.lease_file), identity) if settings.lease_file else ()
    return Lease(Api(client), *settings.lease, identity, former=former)


async def _until_lost(leading: Coroutine[Any, Any, None]) -> None:
    try:
        await leading
    except LeaseLostError as error:
        log.critical("ends, so that one operator works and not two: %s", error)
        logging.shutdown()
        os._exit(1)  # nothing that it could still do would be right, and kopf takes seconds to end


async def _reconcile(api: Api, mirror: Mirror, settings: Settings) -> None:
    """Reconcile everything that is there, and whatever changes, until cancelled."""
    recorder = ClusterRecorder(api)

    def wake_later(key: Key, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, loop.request, key)

    store = ClusterStore(api, mirror)
    ports = Ports(
        store=store,
        statuses=store,
        runs=ClusterRuns(api, mirror, settings.runs, wake_later),
        artifacts=ClusterArtifacts(api),
        recorder=recorder,
        clock=SystemClock(),
    )
    loop = Loop(ports)
    mirror.connect(loop)
    async with asyncio.TaskGroup() as group:
        group.create_task(loop.run())
        group.create_task(recorder.run())


def _end_on_signals(ending: asyncio.Event) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)


async def _watch(mirror: Mirror, settings: Settings, ending: asyncio.Event, over: asyncio.Event) -> None:
    """Have kopf watch until `over` is set, which comes of `ending`, which SIGTERM and SIGINT set."""
    before = asyncio.all_tasks()
    tasks = await kopf.spawn_tasks(
        registry=watch_registry(mirror),
        settings=watch_settings(mirror),
        clusterwide=not settings.namespaces,
        namespaces=settings.namespaces,
        liveness_endpoint=settings.liveness,
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


async def _read_now(mirror: Mirror, api: Api, namespaces: Sequence[str]) -> None:
    """Read everything anew, however often that must be tried."""
    while True:
        try:
            return await mirror.read(api, namespaces)
        except (StatusError, TransientError) as error:
            log.warning("reading everything: %s", error)
            await asyncio.sleep(RETRY_SECONDS)


async def _read_anew(
    mirror: Mirror, api: Api, namespaces: Sequence[str], named: Sequence[str], ending: asyncio.Event
) -> None:
    """Read everything anew now and then, until the `named` namespaces that are there are others: then set `ending`."""
    wait = FIRST_READ_ANEW_SECONDS
    while True:
        await asyncio.sleep(wait)
        wait = READ_ANEW_SECONDS
        try:
            if await have_changed(api, named, namespaces):
                ending.set()
                await asyncio.Event().wait()
            await mirror.read(api, namespaces)
        except (StatusError, TransientError) as error:
            log.warning("reading everything anew: %s", error)
