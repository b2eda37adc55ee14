"""A proxy before the API server, through which an operator works while chosen requests of it go wrong.

Every request about a subject is counted. A fault that is planned at a point decides what becomes of that request: it
may have it forwarded or not, do something before or after, and hand back an answer or none.
"""

import asyncio
import contextlib
import json
import re
import ssl
import threading
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType

import aiohttp
from aiohttp import web
from lightkube import KubeConfig
from lightkube.config.client_adapter import verify_cluster

from support.calls import WRITES, Call, Point, subject_of
from support.faults import Answer, Fault, WatchFault
from testcluster.pki import write_kubeconfig

HOLD_SECONDS = 1.0
"""How long, at most, a watch brings nothing new to a process that was told of the past."""

SETTLE_SECONDS = 0.1

_HOP_BY_HOP = frozenset(
    {"connection", "content-length", "content-encoding", "host", "transfer-encoding", "authorization"}
)


class ApiProxy:
    """Serves plain HTTP on this machine's loopback, and asks the API server as the user of a kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        config = KubeConfig.from_file(kubeconfig).get()
        assert config is not None
        assert config.user is not None
        self._server = config.cluster.server
        self._tls: ssl.SSLContext = verify_cluster(config.cluster, config.user, config.abs_file)
        self._token = config.user.token
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._events: Counter[tuple[str, str]] = Counter()
        self._planned: dict[tuple[str, Point], Fault] = {}
        self._spoilt: dict[tuple[str, Point], WatchFault] = {}
        self._lists: set[str] = set()
        self._past: dict[str, Answer] = {}
        self._noted: dict[str, Answer] = {}
        self.answered: list[tuple[str, Point, str, int]] = []
        """Every request with a subject that the API server answered: subject, point, the object's name, status."""
        self.url = ""

    def __enter__(self) -> "ApiProxy":
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(started)), name="api-proxy")
        self._thread.start()
        assert started.wait(20)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def kubeconfig(self, path: Path) -> Path:
        """Write a kubeconfig by which a process asks this proxy."""
        write_kubeconfig(path, {"server": self.url}, {"token": "of no matter"})
        return path

    def plan(self, subject: str, point: Point, fault: Fault) -> None:
        """Let the request at this point go so."""
        with self._lock:
            self._planned[subject, point] = fault

    def forget(self, subject: str) -> None:
        """Let nothing of a subject go wrong that was planned and has not."""
        with self._lock:
            self._planned = {key: fault for key, fault in self._planned.items() if key[0] != subject}

    def spoil(self, subject: str, point: Point, fault: WatchFault) -> None:
        """Let the event at this point (`WATCH pods 2`: the second of the subject's pods) go so."""
        with self._lock:
            self._spoilt[subject, point] = fault

    def missed(self, subject: str) -> list[Point]:
        """The points of a subject at which something was planned, and which were not reached."""
        with self._lock:
            return [point for about, point in (*self._planned, *self._spoilt) if about == subject]

    def asked(self, subject: str, method: str, resource: str) -> int:
        """How many requests of a kind about a subject have come."""
        with self._lock:
            return self._counts[subject, method, resource]

    def points(self, subject: str, *, writes_only: bool = True) -> list[Point]:
        """The requests about a subject that were answered, in order."""
        return [
            point
            for about, point, _, _ in self.answered
            if about == subject and (point.method in WRITES or not writes_only)
        ]

    def events(self, subject: str) -> list[Point]:
        """The events of watches that were about a subject."""
        with self._lock:
            seen = {plural: count for (about, plural), count in self._events.items() if about == subject}
        return [Point("WATCH", plural, n) for plural, count in sorted(seen.items()) for n in range(1, count + 1)]

    def created(self, subject: str, resource: str) -> list[str]:
        """The names of the objects of one kind that the API server created for a subject."""
        return [
            name
            for about, point, name, status in self.answered
            if (about, point.method, point.resource, status) == (subject, "POST", resource, 201)
        ]

    def note(self) -> None:
        """Keep every list as it is now, for `forget_runs`."""
        self._noted = asyncio.run_coroutine_threadsafe(self._all_lists(), self._loop).result(30)

    async def remember(self) -> None:
        """Answer every list from now on as it is at this moment, and let watches bring nothing new.

        Until something is written, or HOLD_SECONDS are over. It is a fault's to call, in the proxy's own thread.
        """
        self._past = await self._all_lists()
        self._present.clear()

    async def forget_runs(self) -> None:
        """The same, but only lists of batch Jobs and pods are of the past, as they were noted."""
        self._past = {path: one for path, one in self._noted.items() if re.search(r"/(jobs|pods)\?", path)}
        self._present.clear()

    async def _all_lists(self) -> dict[str, Answer]:
        return {path: await self._ask("GET", path, {}, b"") for path in sorted(self._lists)}

    async def _run(self, started: threading.Event) -> None:
        self._loop, self._over, self._present = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        self._present.set()
        connector = aiohttp.TCPConnector(ssl=self._tls, limit=0)
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(
            self._server, connector=connector, headers=headers, timeout=timeout, auto_decompress=True
        ) as self._upstream:
            app = web.Application(client_max_size=2**24)
            app.router.add_route("*", "/{path:.*}", self._handle)
            runner = web.AppRunner(app, shutdown_timeout=0.1, handle_signals=False, access_log=None)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port = runner.addresses[0][:2]
            self.url = f"http://{host}:{port}"
            started.set()
            await self._over.wait()
            await runner.cleanup()
            await asyncio.sleep(SETTLE_SECONDS)  # what asked upstream for those who hung up is cancelled here
        await asyncio.sleep(SETTLE_SECONDS)  # and its connections are closed here

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        call = Call.read(request.method, request.path_qs, body)
        if call.is_watch:
            return await self._watch(request, call)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        answer = await self._answer(call, request.path_qs, headers, body)
        if answer is None:
            return _hung_up(request)
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    async def _answer(self, call: Call, path: str, headers: dict[str, str], body: bytes) -> Answer | None:
        if call.is_list:
            self._lists.add(path)
            if path in self._past and not self._present.is_set():
                return self._past[path]
            return await self._ask(call.method, path, headers, body)
        self._counts[call.subject, call.method, call.resource] += 1
        point = Point(call.method, call.resource, self._counts[call.subject, call.method, call.resource])
        with self._lock:
            fault = self._planned.pop((call.subject, point), None)

        async def forward() -> Answer:
            answer = await self._ask(call.method, path, headers, body)
            self.answered.append((call.subject, point, call.name, answer.status))
            return answer

        answer = await (forward() if fault is None else fault(forward))
        if fault is None and call.method in WRITES:
            self._present.set()
        return answer

    async def _ask(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        async with self._upstream.request(method, path, headers=headers, data=body or None) as response:
            kept = {name: value for name, value in response.headers.items() if name.lower() not in _HOP_BY_HOP}
            return Answer(response.status, await response.read(), kept)

    async def _watch(self, request: web.Request, call: Call) -> web.StreamResponse:
        try:
            await asyncio.wait_for(self._present.wait(), HOLD_SECONDS)
        except TimeoutError:
            self._present.set()
        watching = asyncio.create_task(self._stream(request, call))
        try:
            while not (await asyncio.wait({watching}, timeout=1))[0]:
                if request.transport is None:  # who watched is gone
                    return web.Response()
            return watching.result()
        finally:
            watching.cancel()

    async def _stream(self, request: web.Request, call: Call) -> web.StreamResponse:
        async with self._upstream.get(request.path_qs) as response:
            down = web.StreamResponse(status=response.status, headers={"Content-Type": "application/json"})
            with contextlib.suppress(ConnectionError):
                await down.prepare(request)
                async for line in _lines(response.content):
                    spoilt = self._event_fault(call.resource, line) if response.ok else None
                    if spoilt == "cut off":
                        return _hung_up(request)
                    if isinstance(spoilt, int):
                        await down.write(_error(spoilt))
                        break
                    if spoilt is None:
                        await down.write(line)
        return down

    def _event_fault(self, plural: str, line: bytes) -> WatchFault | None:
        event = json.loads(line)
        if event["type"] not in ("ADDED", "MODIFIED", "DELETED"):
            return None
        subject = subject_of(event["object"]["metadata"]["name"])
        with self._lock:
            self._events[subject, plural] += 1
            return self._spoilt.pop((subject, Point("WATCH", plural, self._events[subject, plural])), None)


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line + b"\n"
    if rest:
        yield rest


def _error(code: int) -> bytes:
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": "Fault",
        "message": "planned",
    }
    return json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"


def _hung_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
