"""kopf, as far as it is used: it watches, and hands over what it saw. It writes nothing."""

from collections.abc import Sequence
from typing import Any

import kopf
from kopf._core.reactor.inventory import ResourceMemories, ResourceMemory

from quantum_operator.api.meta import GROUP
from quantum_operator.cluster.connection import kopf_connection, load_config
from quantum_operator.cluster.mirror import PAGE, Kind

WATCH_SECONDS = 600
"""After this long the API server ends a watch, and it begins anew where it ended."""

IDLE_SECONDS = 0.1
"""How long kopf keeps an object as it was last: where many change, all of them are in memory."""


class NothingStored(kopf.DiffBaseStorage):
    """kopf compares objects with what it stored of them; this stores nothing, and compares nothing."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        """Nothing of an object matters."""
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> kopf.BodyEssence | None:
        """Nothing was stored."""
        return None

    def store(self, **_: Any) -> None:
        """Store nothing."""


class NothingRemembered(ResourceMemories):
    """kopf remembers of every object that it ever saw what its handlers and daemons may need; these need nothing."""

    async def recall(self, raw_body: Any, **given: Any) -> ResourceMemory:
        """What is remembered while one event is handled, and no longer."""
        return await super().recall(raw_body, **given | {"ephemeral": True})


def watch_settings(kinds: Sequence[Kind[Any]]) -> kopf.OperatorSettings:
    """kopf's settings: no writes, no peers, and what has a selector filtered by the server."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.persistence.finalizer = f"{GROUP}/kopf"
    settings.persistence.diffbase_storage = NothingStored()
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=f"kopf.{GROUP}")
    settings.networking.trust_env = True
    settings.networking.connect_timeout = 10
    settings.watching.server_timeout = WATCH_SECONDS
    settings.watching.chunk_size = int(PAGE)
    settings.queueing.idle_timeout = IDLE_SECONDS
    settings.queueing.exit_timeout = 0.5
    for kind in kinds:
        if kind.selector:
            settings.watching.label_selectors[kind.group, kind.version, kind.plural] = kind.selector
    return settings


def watch_registry(kinds: Sequence[Kind[Any]]) -> kopf.OperatorRegistry:
    """kopf's handlers: one for each kind."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        return kopf_connection(load_config())

    def watch(kind: Kind[Any]) -> None:
        @kopf.on.event(kind.group, kind.version, kind.plural, registry=registry)
        async def seen(event: kopf.RawEvent, **_: Any) -> None:
            kind.saw(event["type"], dict(event["object"]))

    for kind in kinds:
        watch(kind)
    return registry
