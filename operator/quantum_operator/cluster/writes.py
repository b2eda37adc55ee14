"""Writes that compare: the status of the version that was observed, and ConfigMaps that are there already."""

from typing import TypeVar

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.policy import BackendPolicy
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import QuantumTask
from quantum_operator.cluster.api import CORE, Api, Json, StatusError, controller_uid, refusals_as_transient
from quantum_operator.cluster.mirror import Kind
from quantum_operator.ports.errors import ConflictError, GoneError, NameTakenError, RefusedError, TransientError
from quantum_operator.ports.world import Key

Resource = TypeVar("Resource", QuantumJob, BackendPolicy, QuantumBackend, QuantumTask)


async def put_status(api: Api, kind: Kind[Resource], resource: Resource, status: Json) -> Json:
    """Replace a status, and return the object as it is then.

    Raises ConflictError when the object is of another version by now, GoneError when it is no longer there,
    TransientError.
    """
    meta = resource.metadata
    path = f"{kind.path(meta.namespace)}/{meta.name}"
    identity = {"name": meta.name, "uid": meta.uid, "resourceVersion": meta.resource_version}
    if meta.namespace:
        identity["namespace"] = meta.namespace
    body = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": identity, "status": status}
    try:
        answer = await api.put(f"{path}/status", body)
    except StatusError as error:
        if error.code == 409:
            await refresh(api, kind, path, resource)
            raise ConflictError(error.message) from error
        if error.code == 404:
            kind.cache.discard(Key(meta.namespace, meta.name), meta.uid)
            raise GoneError(error.message) from error
        raise TransientError(str(error)) from error
    kind.cache.update(answer)
    return answer


async def refresh(api: Api, kind: Kind[Resource], path: str, resource: Resource) -> None:
    """See the object as it is now, whether or not the watch keeps up."""
    meta = resource.metadata
    with refusals_as_transient():
        current = await api.find(path)
    if current is None:
        kind.cache.discard(Key(meta.namespace, meta.name), meta.uid)
    else:
        kind.saw(None, current)


REFUSALS = frozenset({400, 403, 413, 422})
"""How quota, LimitRange, Pod Security and admission refuse."""


async def create(api: Api, path: str, body: Json) -> Json | None:
    """Create an object, and return it as created; None where one of its name is there already.

    Raises RefusedError, GoneError where the namespace is gone, TransientError.
    """
    try:
        return await api.post(path, body)
    except StatusError as error:
        if error.code in REFUSALS:
            raise RefusedError(error.message) from error
        if error.code == 404:
            raise GoneError(error.message) from error
        if error.code != 409:
            raise TransientError(str(error)) from error
        return None


async def create_config_map(api: Api, body: Json) -> None:
    """Create a ConfigMap; a no-op where the same is there already.

    Raises NameTakenError where another of that name is, GoneError where the namespace is gone, TransientError.
    """
    meta = body["metadata"]
    path = f"{CORE}/namespaces/{meta['namespace']}/configmaps"
    try:
        await api.post(path, body)
    except StatusError as error:
        if error.code == 404:
            raise GoneError(error.message) from error
        if error.code != 409:
            raise TransientError(str(error)) from error
        with refusals_as_transient():
            there = await api.find(f"{path}/{meta['name']}")
        if there is None:
            raise TransientError(f"ConfigMap {meta['name']} came and went") from error
        if not _same(there, body):
            raise NameTakenError(
                f"ConfigMap {meta['name']} in namespace {meta['namespace']} is not the operator's; delete it"
            ) from error


def _same(there: Json, ours: Json) -> bool:
    if controller_uid(there) != controller_uid(ours):
        return False
    return there.get("immutable") is True and there.get("binaryData") == ours["binaryData"]
