"""Writes of an operator that may not write any more, and of one that ends."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from quantum_operator.cluster.api import Api
from quantum_operator.cluster.transport import AiohttpTransport
from quantum_operator.ports.errors import TransientError

Write = Callable[[Api], Coroutine[Any, Any, object]]
WRITES: dict[str, Write] = {
    "post": lambda api: api.post("/x", {}),
    "put": lambda api: api.put("/x", {}),
    "delete": lambda api: api.delete("/x", uid="u"),
}
write = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)


class Permission:
    """Allows so many askings."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise TransientError("not held")


class Server:
    """Counts what arrives, and what arrives with its body; answers when it may."""

    def __init__(self) -> None:
        self.arrived: list[str] = []
        self.whole: list[str] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.came = asyncio.Event()
        self.url = ""
        self.connections: list[asyncio.Task[None] | None] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(asyncio.current_task())
        while line := await reader.readline():
            self.came.set()
            self.arrived.append(line.split()[0].decode())
            while (await reader.readline()).strip():
                pass
            if line.startswith((b"P", b"D")) and not await reader.read(65536):
                break
            self.whole.append(self.arrived[-1])
            await self.may_answer.wait()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            await writer.drain()
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = "http://{}:{}".format(*listening.sockets[0].getsockname())
    try:
        yield server
    finally:
        server.may_answer.set()
        listening.close()
        await asyncio.gather(*(one for one in server.connections if one is not None))


@asynccontextmanager
async def api_of(server: Server, may_write: Callable[[], None] = lambda: None) -> AsyncIterator[Api]:
    transport = AiohttpTransport(tls=False, connections=4, keepalive_seconds=10)
    async with httpx2.AsyncClient(base_url=server.url, transport=transport) as client:
        yield Api(client, may_write)


@write
@pytest.mark.parametrize("times", [0, 1], ids=["when asked for", "when it is about to leave"])
async def test_what_may_not_be_written_never_arrives(write: Write, times: int) -> None:
    """Whether that is so from the start, or since the connection was made; reading is no matter."""
    async with serving() as server, api_of(server, Permission(times)) as api:
        with pytest.raises(TransientError, match="not held"):
            await write(api)
        assert await api.get("/x") == {}
    assert server.arrived == ["GET"]


@write
async def test_a_write_is_not_completed_once_it_may_not(write: Write) -> None:
    """Its headers have left, its body does not: the server has nothing to carry out."""
    async with serving() as server, api_of(server, Permission(2)) as api:
        with pytest.raises(TransientError, match="not held"):
            await write(api)
        assert await api.get("/x") == {}
    assert server.whole == ["GET"]


@write
async def test_what_may_be_written_is(write: Write) -> None:
    """It is asked for three times: before there is a connection, once there is, and before the body leaves."""
    async with serving() as server, api_of(server, Permission(3)) as api:
        await write(api)
    assert len(server.whole) == 1


@write
async def test_an_operator_that_ends_begins_no_write(write: Write) -> None:
    """Whoever asks for one waits until it is cancelled; reading goes on."""
    async with serving() as server, api_of(server) as api:
        assert await api.settle(0.0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await write(api)
        assert await api.get("/x") == {}
    assert server.arrived == ["GET"]


@write
async def test_an_operator_that_ends_waits_for_its_writes(write: Write) -> None:
    """All that were begun are answered then, or it says that they are not."""
    async with serving() as server, api_of(server) as api:
        server.may_answer.clear()
        writing = asyncio.create_task(write(api))
        await server.came.wait()
        assert not await api.settle(0.05)
        settling = asyncio.create_task(api.settle(5.0))
        await asyncio.sleep(0.01)
        assert not settling.done()
        server.may_answer.set()
        assert await settling
        await writing


async def test_a_write_that_failed_is_settled() -> None:
    """Nothing more comes of it."""
    async with serving() as server, api_of(server, Permission(1)) as api:
        with pytest.raises(TransientError):
            await api.post("/x", {})
        assert await api.settle(0.0)
