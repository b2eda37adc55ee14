"""The Kubernetes API as JSON over HTTP: paths, requests, and what can go wrong with one."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

import httpx2

from quantum_operator.api.meta import GROUP, VERSION
from quantum_operator.ports.errors import TransientError

Json: TypeAlias = dict[str, Any]

OURS = f"/apis/{GROUP}/{VERSION}"
CORE = "/api/v1"
BATCH = "/apis/batch/v1"

METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""What to accept of a list of which only the metadata matter."""

TRANSIENT = frozenset({401, 408, 429})
"""Refusals that are over after a while: a token that is being renewed, too many requests. Every 5xx is one as well."""


class StatusError(Exception):
    """The API server refused, and asking again would change nothing. `message` is its own."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(f"the API server answers {code} {reason}: {message}")
        self.code = code
        self.message = message


class Api:
    """Requests to one API server."""

    def __init__(self, client: httpx2.AsyncClient, may_write: Callable[[], None] = lambda: None) -> None:
        """Ask by way of `client`, whose base URL is the server's.

        `may_write` raises TransientError where nothing may be written now; every write asks it, again just before it
        leaves.
        """
        self._client = client
        self._may_write = may_write
        self._writes = 0
        self._answered = asyncio.Condition()
        self._settling = False

    async def get(self, path: str, **params: str) -> Json:
        """Read an object or a list. Raises StatusError or TransientError, as all of these do."""
        return await self._request("GET", path, params=params)

    async def get_metadata(self, path: str, **params: str) -> Json:
        """Read a list with nothing of its objects but their metadata."""
        return await self._request("GET", path, params=params, accept=METADATA)

    async def find(self, path: str) -> Json | None:
        """Read an object; None when there is none."""
        try:
            return await self.get(path)
        except StatusError as error:
            if error.code == 404:
                return None
            raise

    async def post(self, path: str, body: Json) -> Json:
        """Create an object, and return it as created."""
        return await self._write("POST", path, body)

    async def try_post(self, path: str, body: Json) -> None:
        """Ask what would come of creating an object; nothing is written."""
        await self._request("POST", path, params={"dryRun": "All"}, body=body)

    async def put(self, path: str, body: Json) -> Json:
        """Replace an object, and return it as replaced."""
        return await self._write("PUT", path, body)

    async def patch(self, path: str, body: Json) -> Json:
        """Merge this into an object, and return it as it is then."""
        return await self._write("PATCH", path, body)

    async def delete(self, path: str, *, uid: str, version: str = "", owns: bool = True) -> bool:
        """Delete the object of this UID, and it only after what it owns; False where it is not there.

        What owns nothing is gone by the answer. Anything else stays to be seen until Kubernetes has collected what it
        owns. With a `version`, StatusError 409 says that what is there has another UID or version.
        """
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid} | ({"resourceVersion": version} if version else {}),
            "propagationPolicy": "Foreground" if owns else "Background",
        }
        try:
            await self._write("DELETE", path, body)
        except StatusError as error:
            if error.code != 404 and (version or error.code != 409):
                raise
            return False
        return True

    async def settle(self, seconds: float) -> bool:
        """Begin no further write: one that is asked for waits until it is cancelled.

        Returns whether those under way were all answered within so many seconds.
        """
        self._settling = True
        try:
            async with asyncio.timeout(seconds), self._answered:
                await self._answered.wait_for(lambda: self._writes == 0)
        except TimeoutError:
            return False
        return True

    async def text(self, path: str, limit: int, **params: str) -> str:
        """Read text, at most `limit` bytes of it."""
        chunks = bytearray()
        with _translated():
            async with self._client.stream("GET", path, params=params) as response:
                if response.is_error:
                    await response.aread()
                    raise _refusal(response)
                async for chunk in response.aiter_bytes():
                    chunks += chunk
                    if len(chunks) >= limit:
                        break
        return bytes(chunks[:limit]).decode(errors="replace")

    async def _write(self, method: str, path: str, body: Json) -> Json:
        if self._settling:
            await asyncio.Event().wait()
        self._may_write()
        self._writes += 1
        try:
            return await self._request(method, path, body=body, extensions={"trace": self._trace})
        finally:
            self._writes -= 1
            async with self._answered:
                self._answered.notify_all()

    async def _trace(self, step: str, _: Mapping[str, Any]) -> None:
        # Between the asking and the sending there may be a new connection, and a machine that slept meanwhile. It may
        # sleep between the headers and the body as well: what has no end is not carried out.
        if step.endswith(("send_request_headers.started", "send_request_body.started")):
            self._may_write()

    async def _request(
        self,
        method: str,
        path: str,
        *,
        body: Json | None = None,
        params: Mapping[str, str] | None = None,
        extensions: dict[str, Any] | None = None,
        accept: str = "application/json",
    ) -> Json:
        headers = {"Accept": accept}
        if method == "PATCH":
            headers["Content-Type"] = "application/merge-patch+json"
        with _translated():
            response = await self._client.request(
                method, path, params=params, json=body, headers=headers, extensions=extensions
            )
        if response.is_error:
            raise _refusal(response)
        answer: Json = response.json()
        return answer


@contextmanager
def refusals_as_transient() -> Iterator[None]:
    """What a port does with a refusal that it has no word for: it is said, and asked again later."""
    try:
        yield
    except StatusError as error:
        raise TransientError(str(error)) from error


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except httpx2.RequestError as error:
        raise TransientError(f"the API server can't be reached: {str(error) or type(error).__name__}") from error


def _refusal(response: httpx2.Response) -> StatusError | TransientError:
    try:
        status = response.json()
        reason, message = str(status.get("reason", "")), str(status.get("message", ""))
    except (ValueError, AttributeError):  # a proxy, or an API that is not served, answers in plain text
        reason, message = response.reason_phrase, response.text[:500]
    error = StatusError(response.status_code, reason, message)
    transient = response.status_code in TRANSIENT or response.status_code >= 500
    return TransientError(str(error)) if transient else error


def metadata(body: Json) -> Json:
    """An object's metadata; empty where there is none."""
    found = body.get("metadata")
    return found if isinstance(found, dict) else {}


def controller_uid(body: Json) -> str:
    """The UID of an object's controller; empty where it has none."""
    owners = metadata(body).get("ownerReferences") or ()
    return next((str(one.get("uid", "")) for one in owners if one.get("controller")), "")
