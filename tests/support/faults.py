"""What may become of a request to the API server: each of these is planned at a point of a proxy."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

WatchFault = Literal["dropped", "cut off", 410, 500]
"""What becomes of an event: it never comes, the connection breaks in its place, or the watch ends with an error."""


@dataclass(frozen=True)
class Answer:
    """What the API server answers."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


Forward = Callable[[], Awaitable[Answer]]
"""Has the request answered by the API server."""

Fault = Callable[[Forward], Awaitable[Answer | None]]
"""Given the way to the API server, what is handed back; None: the connection breaks."""

REASONS = {409: "Conflict", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable"}


def refused(code: int) -> Fault:
    """The request does not arrive: the answer is an error."""

    async def fault(_forward: Forward) -> Answer:
        message = "planned by a test"
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message}
        headers = {"Content-Type": "application/json"} | ({"Retry-After": "1"} if code == 429 else {})
        return Answer(code, json.dumps(status | {"reason": REASONS[code]}).encode(), headers)

    return fault


async def unheard(_forward: Forward) -> None:
    """The request does not arrive, and nor does an answer."""


async def unanswered(forward: Forward) -> None:
    """The request does what it should, and its answer is lost."""
    await forward()


def before(act: Callable[[], object]) -> Fault:
    """Something happens while the request is on its way."""

    async def fault(forward: Forward) -> Answer:
        await asyncio.to_thread(act)
        return await forward()

    return fault


def after(act: Callable[[], object]) -> Fault:
    """Something happens while the answer is on its way."""

    async def fault(forward: Forward) -> Answer:
        answer = await forward()
        await asyncio.to_thread(act)
        return answer

    return fault


def killed_before(kill: Callable[[], object]) -> Fault:
    """Who asks dies, and the request never arrives."""

    async def fault(_forward: Forward) -> None:
        await asyncio.to_thread(kill)

    return fault


def killed_after(kill: Callable[[], object], remember: Callable[[], Awaitable[None]] | None = None) -> Fault:
    """Who asks dies before the answer; with `remember`, who comes next sees the world as it was before the request."""

    async def fault(forward: Forward) -> None:
        if remember is not None:
            await remember()
        await forward()
        await asyncio.to_thread(kill)

    return fault
