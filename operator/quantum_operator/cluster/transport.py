"""HTTP by aiohttp, as kopf's watches have it, under the client that everything else here has.

A request takes about half of the CPU time that it takes with that client's own transport, and requests are most of what
an operator does.
"""

import io
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.request import getproxies

import aiohttp
import httpx2

PIECE = 1_000_000

Tell = Callable[[str, dict[str, Any]], Awaitable[None]]


@dataclass
class _Sending:
    """A request that is being sent: who is told, as of httpx2's own transport, and what came of that."""

    tell: Tell | None
    refusal: Exception | None = None

    async def step(self, name: str) -> None:
        """Tell of a step before it is taken; an exception has it not taken."""
        if self.tell is None:
            return
        try:
            await self.tell(f"http11.{name}.started", {})
        except Exception as error:
            self.refusal = error
            raise


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """A transport of httpx2. It follows no redirect and repeats no request. Proxies are those of the environment.

    Of the extensions it knows `timeout` and, for a request with a body, `trace`, of which it tells the steps
    `send_request_headers` and `send_request_body`.
    """

    def __init__(self, tls: ssl.SSLContext | bool, *, connections: int, keepalive_seconds: float) -> None:
        """Keep so many connections at most, each for so long after its last use."""
        self._tls = tls
        self._connections = connections
        self._keepalive_seconds = keepalive_seconds
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request; the answer's body comes when it is read. Raises httpx2.TransportError."""
        sending = _Sending(request.extensions.get("trace"))
        seconds = request.extensions.get("timeout") or {}
        timeout = aiohttp.ClientTimeout(
            connect=seconds.get("pool"), sock_connect=seconds.get("connect"), sock_read=seconds.get("read")
        )
        with _translated(request, sending):
            response = await self._opened().request(
                request.method,
                str(request.url),
                data=_sent(await request.aread()),
                headers=request.headers.multi_items(),
                timeout=timeout,
                allow_redirects=False,
                trace_request_ctx=sending,
            )
        return httpx2.Response(response.status, headers=list(response.raw_headers), stream=_Body(request, response))

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    ssl=self._tls, limit=self._connections, keepalive_timeout=self._keepalive_seconds
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=bool(getproxies().keys() - {"no"}),  # it has every request read files
                trace_configs=[_trace()],
            )
            self._session._retry_connection = False  # it would send again what may have been carried out
        return self._session


class _Body(httpx2.AsyncByteStream):
    """The body of an answer, read as it comes."""

    def __init__(self, request: httpx2.Request, response: aiohttp.ClientResponse) -> None:
        self._request = request
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated(self._request):
            async for part in self._response.content.iter_any():
                yield part

    async def aclose(self) -> None:
        """Give the connection back; one whose answer was not read to its end is closed."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


def _trace() -> aiohttp.TraceConfig:
    """Tells of a request's steps right before it leaves: its headers are kept back, and leave with its body."""

    async def leaving(_: aiohttp.ClientSession, context: SimpleNamespace, _parameters: object) -> None:
        for name in ("send_request_headers", "send_request_body"):
            await context.trace_request_ctx.step(name)

    trace = aiohttp.TraceConfig()
    trace.on_request_chunk_sent.append(leaving)
    return trace


def _sent(body: bytes) -> bytes | io.BytesIO | None:
    """A body as aiohttp takes it: what is large is sent piece by piece."""
    return io.BytesIO(body) if len(body) > PIECE else body or None


@contextmanager
def _translated(request: httpx2.Request, sending: _Sending | None = None) -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, OSError) as error:
        if sending is not None and sending.refusal is not None:
            raise sending.refusal from error
        raise httpx2.TransportError(str(error) or type(error).__name__, request=request) from error
