"""The agent in a cluster: its tasks reconciled, its backends' statuses kept, its credentials read when they change."""

import asyncio
import logging
from datetime import UTC, datetime

from quantum_operator.agent.account import Account
from quantum_operator.agent.compiler import Compiler
from quantum_operator.agent.health import device_status
from quantum_operator.agent.loop import Pace, TaskReconciler
from quantum_operator.agent.mirror import AgentMirror
from quantum_operator.agent.plugin import load
from quantum_operator.agent.settings import AgentSettings, AgentSettingsError, read_folder
from quantum_operator.agent.shops import ChildShop, SocketShop
from quantum_operator.agent.store import AgentStore
from quantum_operator.cluster.api import Api
from quantum_operator.cluster.serving import Process, identify, serve
from quantum_operator.ports.adapter import AdapterError, Device
from quantum_operator.ports.errors import ConflictError, GoneError, TransientError
from quantum_operator.reconcile.queue import KeyQueue
from quantum_operator.reconcile.timers import event_loop_later

log = logging.getLogger(__name__)

WORKERS = 16
CREDENTIALS_SECONDS = 10.0
"""How often the account's files are looked at: a kubelet needs longer to bring a new Secret."""


def _now() -> datetime:
    return datetime.now(UTC)


async def drive(settings: AgentSettings) -> None:
    """Run the agent until it is told to end. Raises AgentSettingsError, NoAdapterError, and what `serve` raises."""
    agent = Agent(settings)
    identity, former = identify(settings.lease_file)
    process = Process(
        agent.mirror.kinds, (settings.namespace,), settings.liveness, settings.lease, identity, frozenset(former)
    )

    async def read(api: Api, _: tuple[str, ...]) -> None:
        await agent.mirror.read(api)

    async def work(api: Api) -> None:
        await agent.work(api, identity, tuple(former))

    try:
        await serve(process, read, work)
    finally:
        agent.compiler.close()


class Agent:
    """One account's adapter and compiler, and what they are made of."""

    def __init__(self, settings: AgentSettings) -> None:
        """Raises AgentSettingsError and NoAdapterError where the account can't be set up."""
        self.mirror = AgentMirror(settings.namespace)
        self._settings = settings
        self._files = self._read()
        self._connect = load(settings.adapter)
        plain, credentials = self._files
        try:
            self.account = Account(self._connect({**plain, **credentials}), self._compiler())
        except ValueError as error:
            raise AgentSettingsError(f"the account's settings: {error}") from error

    @property
    def compiler(self) -> Compiler:
        """Where circuits are compiled."""
        return self.account.compiler

    async def work(self, api: Api, identity: str, former: tuple[str, ...]) -> None:
        """Drive the account until cancelled."""
        store = AgentStore(api, self.mirror)
        pace = Pace(self.account.adapter.capabilities().submissions_per_minute, self._settings.poll_seconds)
        reconciler = TaskReconciler(store, self.account, pace, _now, identity, former)
        tasks = KeyQueue("task", reconciler.reconcile, workers=WORKERS, later=event_loop_later)
        reconciler.connect(tasks.request)
        self.mirror.connect(tasks.request)
        async with asyncio.TaskGroup() as group:
            group.create_task(tasks.run())
            group.create_task(self._keep_health(store))
            group.create_task(self._keep_credentials())

    async def _keep_health(self, store: AgentStore) -> None:
        while True:
            try:
                await self.write_health(store)
            except (ConflictError, GoneError, TransientError) as error:
                log.warning("writing the statuses of backends: %s", error)
                await asyncio.sleep(min(1.0, self._settings.health_seconds))
                continue
            await asyncio.sleep(self._settings.health_seconds)

    async def write_health(self, store: AgentStore) -> None:
        """Ask after every device, and write what is news. Raises ConflictError, GoneError, TransientError."""
        for backend in self.mirror.backends.cache.values():
            provider = backend.spec.provider
            found = None if provider is None else await asyncio.to_thread(self._device, provider.device)
            if isinstance(found, Device):
                self.account.known(found)
            status = device_status(backend, found, self._settings.adapter, _now(), self.account.adapter.capabilities())
            if status != backend.status:
                await store.put_backend_status(backend, status)

    def _device(self, name: str) -> Device | AdapterError | None:
        try:
            return next(iter(self.account.adapter.devices([name])), None)
        except AdapterError as error:
            return error

    async def _keep_credentials(self) -> None:
        """A Secret that was renewed is in use within seconds; one that can't be read changes nothing."""
        while True:
            await asyncio.sleep(CREDENTIALS_SECONDS)
            try:
                self._renew()
            except (AgentSettingsError, ValueError) as error:
                log.warning("the account's files changed, and can't be used: %s", error)

    def _renew(self) -> None:
        files = self._read()
        if files == self._files:
            return
        plain, credentials = files
        self.account.adapter = self._connect({**plain, **credentials})
        self.compiler.use({**plain, **credentials}, tuple(credentials))
        self._files = files
        log.info("the account's files changed, and are in use")

    def _read(self) -> tuple[dict[str, str], dict[str, str]]:
        return read_folder(self._settings.settings), read_folder(self._settings.credentials)

    def _compiler(self) -> Compiler:
        plain, credentials = self._files
        path = self._settings.compiler_socket
        shop = ChildShop() if path is None else SocketShop(path)
        return Compiler(shop, self._settings.adapter, {**plain, **credentials}, tuple(credentials))
