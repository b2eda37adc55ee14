"""The cluster shell: puts the ports together and runs the operator's loop beside kopf's watches."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

import kopf

from quantum_operator.cluster.api import Api, StatusError
from quantum_operator.cluster.artifacts import ClusterArtifacts
from quantum_operator.cluster.connection import http_client, load_config
from quantum_operator.cluster.mirror import Mirror
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


class SystemClock:
    """The machine's clock; implements the port `Clock`."""

    def now(self) -> datetime:
        """The present moment, in UTC."""
        return datetime.now(UTC)


async def operate(settings: Settings) -> None:
    """Run the operator until it is told to end.

    Raises SchemaMismatchError, ConnectionConfigError, StatusError or TransientError where it can't start.
    """
    async with http_client(load_config()) as client:
        api, mirror = Api(client), Mirror()
        await check_schemas(api)
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
        await mirror.read(api, settings.namespaces)
        log.info("watching %s", ", ".join(settings.namespaces) or "all namespaces")
        async with _beside(loop.run(), recorder.run(), _read_anew(mirror, api, settings.namespaces)) as over:
            await _watch(mirror, settings, over)


async def _watch(mirror: Mirror, settings: Settings, over: asyncio.Event) -> None:
    """Have kopf watch until the event is set, which SIGTERM and SIGINT do."""
    before = asyncio.all_tasks()
    tasks = await kopf.spawn_tasks(
        registry=watch_registry(mirror),
        settings=watch_settings(mirror),
        clusterwide=not settings.namespaces,
        namespaces=settings.namespaces,
        liveness_endpoint=settings.liveness,
        stop_flag=over,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    try:
        await kopf.run_tasks(tasks, ignored=before)
    except Exception:  # kopf, told to end while it starts, trips over tasks that it cancelled itself
        if not over.is_set():
            raise


@contextlib.asynccontextmanager
async def _beside(*work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Event]:
    """Work that goes on as long as the context; the event is set when some of it fails, and the context raises that."""
    over = asyncio.Event()

    async def together() -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for one in work:
                    group.create_task(one)
        finally:
            over.set()

    task = asyncio.create_task(together())
    # kopf ends every task that began after it did, and waits for them first: let ours begin before.
    for _ in range(4):
        await asyncio.sleep(0)
    try:
        yield over
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _read_anew(mirror: Mirror, api: Api, namespaces: Sequence[str]) -> None:
    while True:
        await asyncio.sleep(READ_ANEW_SECONDS)
        try:
            await mirror.read(api, namespaces)
        except (StatusError, TransientError) as error:
            log.warning("reading everything anew: %s", error)
