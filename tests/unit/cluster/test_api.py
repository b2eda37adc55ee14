"""Requests: what the API server answers, and what becomes of it."""

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest

from quantum_operator.api.meta import GROUP
from quantum_operator.api.render import HASH_ANNOTATION, RESOURCES, schema_hash
from quantum_operator.cluster.api import Api, StatusError, controller_uid, metadata, refusals_as_transient
from quantum_operator.cluster.schemas import SchemaMismatchError, check_schemas
from quantum_operator.ports.errors import TransientError

Handler = Callable[[httpx2.Request], httpx2.Response]


def api(handler: Handler) -> Api:
    return Api(httpx2.AsyncClient(base_url="https://cluster", transport=httpx2.MockTransport(handler)))


def answering(code: int, **status: object) -> Api:
    return api(lambda _: httpx2.Response(code, json=status))


async def test_a_refusal_has_the_servers_own_message() -> None:
    """With its code and reason."""
    with pytest.raises(StatusError, match="403 Forbidden: exceeded quota") as caught:
        await answering(403, reason="Forbidden", message="exceeded quota").post("/x", {})
    assert (caught.value.code, caught.value.message) == (403, "exceeded quota")


@pytest.mark.parametrize("code", [401, 408, 429, 500, 502, 503, 504])
async def test_what_is_over_after_a_while_is_transient(code: int) -> None:
    """A token that is being renewed, too much to do, a server that starts."""
    with pytest.raises(TransientError, match=str(code)):
        await answering(code, message="later").put("/x", {})


async def test_an_answer_that_is_no_json_is_told_as_it_is() -> None:
    """A proxy's, or that of an API that is not served."""
    with pytest.raises(StatusError, match="404 Not Found: 404 page not found"):
        await api(lambda _: httpx2.Response(404, text="404 page not found")).get("/x")
    with pytest.raises(StatusError, match="no dict"):
        await api(lambda _: httpx2.Response(404, json="no dict")).get("/x")


@pytest.mark.parametrize(
    "error", [httpx2.ConnectError("refused"), httpx2.ReadTimeout(""), httpx2.RemoteProtocolError("")]
)
async def test_a_server_that_does_not_answer_is_transient(error: Exception) -> None:
    """What was asked may have happened or not."""

    def fail(_: httpx2.Request) -> httpx2.Response:
        raise error

    with pytest.raises(TransientError, match=r"can't be reached: (refused|ReadTimeout|RemoteProtocolError)"):
        await api(fail).get("/x")


async def test_what_is_not_there_is_none_to_find() -> None:
    """Only a 404 means that; every other refusal is one."""
    assert await answering(404).find("/x") is None
    assert await answering(200, kind="ConfigMap").find("/x") == {"kind": "ConfigMap"}
    with pytest.raises(StatusError):
        await answering(403).find("/x")


async def test_a_refusal_that_a_port_has_no_word_for_is_transient() -> None:
    """It is said, and asked again later."""
    with pytest.raises(TransientError, match="403"), refusals_as_transient():
        await answering(403, message="no").get("/x")


async def test_text_is_read_up_to_its_limit() -> None:
    """However much there is: what a run wrote is never trusted to be small."""
    sent: list[int] = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            sent.append(1)
            yield b"x" * 1000

    text = await api(lambda _: httpx2.Response(200, content=endless())).text("/log", 2500)
    assert text == "x" * 2500
    assert len(sent) <= 4


async def test_text_that_is_refused_is_a_refusal() -> None:
    """As for every other request."""
    with pytest.raises(StatusError, match="waiting to start"):
        await answering(400, message="container is waiting to start").text("/log", 100)
    with pytest.raises(TransientError):
        await answering(500, message="dial tcp: no route").text("/log", 100)


async def test_text_that_is_no_text_harms_nothing() -> None:
    """Bytes that are no UTF-8 are replaced."""
    assert await api(lambda _: httpx2.Response(200, content=b"a\xffb")).text("/log", 100) == "a\ufffdb"


def test_metadata_of_what_has_none_is_empty() -> None:
    """Whatever an object looks like, reading it does not fail."""
    assert metadata({}) == {}
    assert metadata({"metadata": None}) == {}
    assert controller_uid({"metadata": {"ownerReferences": None}}) == ""


def definitions(annotation: str, missing: str = "") -> Api:
    def answer(request: httpx2.Request) -> httpx2.Response:
        name = request.url.path.rpartition("/")[2]
        if name == missing:
            return httpx2.Response(404, json={})
        return httpx2.Response(200, json={"metadata": {"name": name, "annotations": {HASH_ANNOTATION: annotation}}})

    return api(answer)


async def test_definitions_with_our_hash_are_ours() -> None:
    """The operator starts."""
    await check_schemas(definitions(schema_hash()))


@pytest.mark.parametrize("plural", [resource.plural for resource in RESOURCES])
async def test_a_missing_definition_is_named_with_its_remedy(plural: str) -> None:
    """One line says which, and what to do."""
    name = f"{plural}.{GROUP}"
    with pytest.raises(SchemaMismatchError, match=f"{name} is missing: run `helm upgrade"):
        await check_schemas(definitions(schema_hash(), missing=name))


async def test_definitions_of_another_version_are_refused() -> None:
    """They would drop fields without a word."""
    with pytest.raises(SchemaMismatchError, match=r"hash abc, .* built with .* `helm upgrade"):
        await check_schemas(definitions("abc"))


@pytest.mark.parametrize(("code", "with_version"), [(404, None), (409, StatusError), (422, StatusError)])
async def test_a_deletion_is_of_one_object(code: int, with_version: type[Exception] | None) -> None:
    """By UID, and by version where one is given: then a conflict is told, for there is another one there."""
    asked: list[dict[str, Any]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(json.loads(request.content)["preconditions"])
        return httpx2.Response(code, json={"message": "no"})

    plain = contextlib.nullcontext() if code in (404, 409) else pytest.raises(StatusError)
    with plain:
        await api(answer).delete("/x", uid="u")
    with contextlib.nullcontext() if with_version is None else pytest.raises(with_version):
        await api(answer).delete("/x", uid="u", version="7")
    assert asked == [{"uid": "u"}, {"uid": "u", "resourceVersion": "7"}]
