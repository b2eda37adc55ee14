"""The API server's audit log: who asked for what, and what came of it."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
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


@dataclass(frozen=True)
class Position:
    """A moment, and where the log ended then.

    What a write has done can be seen a little before its line is in the log: that line comes after this end, and is
    about what was asked before this moment.
    """

    end: int
    at: datetime


def position(log: Path) -> Position:
    """Now."""
    return Position(log.stat().st_size, datetime.now(UTC))


def events(log: Path, since: Position | None = None) -> list[AuditEvent]:
    """What was asked after `since`, as the log has it; a line that is still being written is left out."""
    with log.open("rb") as lines:
        lines.seek(since.end if since is not None else 0)
        found = [_event(json.loads(line)) for line in lines if line.endswith(b"\n")]
    return [one for one in found if since is None or one.at >= since.at]


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
