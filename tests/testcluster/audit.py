"""The API server's audit log: who asked for what, and what came of it."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass(frozen=True)
class AuditEvent:
    """One answered request. `user` is who it counted for, the impersonated one if any; `at` is when it was asked."""

    user: str
    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    code: int
    at: datetime
    dry: bool = False

    @property
    def is_write(self) -> bool:
        """Whether the request asked for a change, and not only what would come of one."""
        return self.verb in WRITES and not self.dry


def events(log: Path, since: int = 0) -> list[AuditEvent]:
    """The events of an audit log after byte `since`, oldest first; a line that is still being written is left out."""
    with log.open("rb") as lines:
        lines.seek(since)
        return [_event(json.loads(line)) for line in lines if line.endswith(b"\n")]


def _event(entry: dict[str, Any]) -> AuditEvent:
    reference = entry.get("objectRef", {})
    return AuditEvent(
        user=entry.get("impersonatedUser", entry["user"]).get("username", ""),
        verb=entry["verb"],
        resource=reference.get("resource", ""),
        subresource=reference.get("subresource", ""),
        namespace=reference.get("namespace", ""),
        name=reference.get("name", ""),
        code=entry.get("responseStatus", {}).get("code", 0),
        at=datetime.fromisoformat(entry["requestReceivedTimestamp"]),
        dry="dryRun=All" in entry.get("requestURI", ""),
    )
