"""The transport of requests to the API server: one request is one request, and what fails is said as httpx2 does."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from quantum_operator.cluster.api import Api
from quantum_operator.cluster.lease import LeaseLostError
from quantum_operator.cluster.transport import AiohttpTransport
from quantum_operator.ports.errors import TransientError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"
SILENCE = b""


class Server:
    """Answers each request with what it has for it, and breaks the connection off after what is no whole answer."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.heads: list[list[str]] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                length = next((int(one.split(":")[1]) for one in head if one.lower().startswith("content-length:")), 0)
                self.heads.append(head)
                self.bodies.append(await reader.readexactly(length))
                answer = self.answers.pop(0) if self.answers else OK
                writer.write(answer)
                await writer.drain()
                if answer in (CUT, SILENCE):
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def asking(
    *answers: bytes, may_write: Callable[[], None] = lambda: None, seconds: float = 5.0
) -> AsyncIterator[tuple[Server, Api]]:
    """A server with these answers, and the API that asks it."""
    server = Server(*answers)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = "http://{}:{}".format(*listening.sockets[0].getsockname())
    transport = AiohttpTransport(tls=False, connections=2, keepalive_seconds=60)
    async with httpx2.AsyncClient(base_url=server.url, transport=transport, timeout=seconds) as client:
        yield server, Api(client, may_write)
    listening.close()
    await asyncio.sleep(0)


async def test_requests_share_a_connection() -> None:
    """It is kept from one to the next."""
    async with asking() as (server, api):
        assert await api.get("/a") == {}
        assert await api.put("/b", {"spec": {"é": 1}}) == {}
    assert [one[0] for one in server.heads] == ["GET /a HTTP/1.1", "PUT /b HTTP/1.1"]
    assert server.bodies == [b"", '{"spec":{"é":1}}'.encode()]
    assert server.connections == 1


async def test_a_large_body_arrives_whole() -> None:
    """As an artifact of many bytes is."""
    async with asking() as (server, api):
        await api.put("/b", {"data": "x" * 1_400_000})
    assert server.bodies == [b'{"data":"' + b"x" * 1_400_000 + b'"}']


async def test_a_query_arrives_as_it_was_asked() -> None:
    """With the characters that selectors and tokens have."""
    asked = {"labelSelector": "quantum-operator.dev/job-uid", "continue": "eyJ2+/=%20&", "fieldSelector": "a.b=c,d=e"}
    async with asking() as (server, api):
        await api.get("/a", **asked)
    url = urlsplit(server.heads[0][0].split()[1])
    assert {name: value for name, (value,) in parse_qs(url.query).items()} == asked


async def test_a_compressed_answer_is_read() -> None:
    """API servers compress what is large."""
    data = gzip.compress(b'{"items": []}')
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(data)}\r\n\r\n"
    async with asking(head.encode() + data) as (_, api):
        assert await api.get("/a") == {"items": []}


@pytest.mark.parametrize("answer", [CUT, SILENCE], ids=["in its answer", "before it"])
@pytest.mark.parametrize("method", ["get", "put", "post", "delete"])
async def test_what_breaks_off_is_not_asked_again(method: str, answer: bytes) -> None:
    """On a connection that was used before as well: it may have been carried out."""
    async with asking(OK, answer) as (server, api):
        await api.get("/first")
        asks = {
            "get": lambda: api.get("/x"),
            "put": lambda: api.put("/x", {}),
            "post": lambda: api.post("/x", {}),
            "delete": lambda: api.delete("/x", uid="u"),
        }
        with pytest.raises(TransientError, match="can't be reached"):
            await asks[method]()
        assert len(server.heads) == 2
        assert await api.get("/third") == {}


async def test_a_server_that_says_nothing_is_not_waited_for_for_ever() -> None:
    """As long as the client's timeout says."""
    silent = b" "
    async with asking(silent, seconds=0.2) as (_, api):
        with pytest.raises(TransientError, match="can't be reached"):
            await api.get("/a")


async def test_a_server_that_is_not_there_is_told() -> None:
    """With its address."""
    transport = AiohttpTransport(tls=False, connections=2, keepalive_seconds=60)
    async with httpx2.AsyncClient(base_url="http://127.0.0.1:9", transport=transport) as client:
        with pytest.raises(TransientError, match=r"can't be reached.*127\.0\.0\.1:9"):
            await Api(client).get("/a")


async def test_an_answer_may_be_left_unread() -> None:
    """Its connection is not used again."""
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n" + b"x" * 400000
    async with asking(long) as (server, api):
        assert await api.text("/log", 10) == "x" * 10
        assert await api.get("/a") == {}
    assert server.connections == 2


@pytest.mark.parametrize("times", [1, 2], ids=["before its headers leave", "before its body leaves"])
async def test_whoever_may_not_write_is_told_so(times: int) -> None:
    """The very error that it raised, and nothing of the request leaves."""
    left = [None] * times

    def may_write() -> None:
        if not left:
            raise LeaseLostError("not held")
        left.pop()

    async with asking(may_write=may_write) as (server, api):
        with pytest.raises(LeaseLostError):
            await api.put("/x", {})
        assert await api.get("/a") == {}
    assert [one[0] for one in server.heads] == ["GET /a HTTP/1.1"]
    assert server.connections == 2
