"""The cluster shell: puts the ports together and runs the operator's loop beside kopf's watches."""

import asyncio
from datetime import UTC, datetime

from quantum_operator.cluster.admitting import until_jobs_are_taken
from quantum_operator.cluster.api import Api
from quantum_operator.cluster.artifacts import ClusterArtifacts
from quantum_operator.cluster.batches import ClusterBatches
from quantum_operator.cluster.claims import ClusterClaims
from quantum_operator.cluster.connection import load_config
from quantum_operator.cluster.ledgers import ClusterLedgers
from quantum_operator.cluster.mirror import Mirror
from quantum_operator.cluster.recorder import ClusterRecorder
from quantum_operator.cluster.runs import ClusterRuns
from quantum_operator.cluster.serving import Process, identify, serve
from quantum_operator.cluster.settings import Settings
from quantum_operator.cluster.store import ClusterStore
from quantum_operator.cluster.tasks import ClusterTasks
from quantum_operator.ports.kept import Kept
from quantum_operator.ports.world import Key, Ports
from quantum_operator.reconcile.loop import Loop

RECENT_BYTES = 2 * 1024 * 1024
"""What may be kept of the inputs that were just written: a task is created with its own a moment later."""


class SystemClock:
    """The machine's clock; implements the port `Clock`."""

    def now(self) -> datetime:
        """The present moment, in UTC."""
        return datetime.now(UTC)


async def operate(settings: Settings) -> None:
    """Run the operator until it is told to end. Raises what `serve` raises."""
    mirror = Mirror()
    identity, former = identify(settings.lease_file)
    process = Process(
        mirror.kinds, settings.namespaces, settings.liveness, settings.lease, identity, former, namespaces_go=True
    )
    home = settings.lease[0] if settings.lease is not None else load_config().namespace

    async def read(api: Api, namespaces: tuple[str, ...]) -> None:
        await mirror.read(api, namespaces)

    async def work(api: Api) -> None:
        await _reconcile(api, mirror, settings, home)

    async def first(api: Api, namespaces: tuple[str, ...]) -> None:
        await until_jobs_are_taken(api, next(iter(namespaces), home))

    await serve(process, read, work, first)


async def _reconcile(api: Api, mirror: Mirror, settings: Settings, home: str) -> None:
    """Reconcile everything that is there, and whatever changes, until cancelled."""
    recorder = ClusterRecorder(api)

    def request(key: Key) -> None:
        loop.request(key)

    store, recent = ClusterStore(api, mirror), Kept(RECENT_BYTES)
    ports = Ports(
        store=store,
        statuses=store,
        runs=ClusterRuns(api, mirror, settings.runs, request),
        tasks=ClusterTasks(api, mirror, settings.namespaces, recent),
        artifacts=ClusterArtifacts(api, recent),
        recorder=recorder,
        clock=SystemClock(),
        claims=ClusterClaims(api, home),
        ledgers=ClusterLedgers(api, settings.namespaces),
        batches=ClusterBatches(api, mirror, settings.runs),
    )
    loop = Loop(ports)
    mirror.connect(loop)
    async with asyncio.TaskGroup() as group:
        group.create_task(loop.run())
        group.create_task(recorder.run())
