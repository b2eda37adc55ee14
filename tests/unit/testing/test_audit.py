"""What counts as asked after a moment, by an audit log."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from testcluster.audit import events, position


def append(log: Path, name: str, at: datetime) -> None:
    """Write the line of an update that was asked at that time."""
    entry = {
        "user": {"username": "alice"},
        "verb": "update",
        "objectRef": {"resource": "backendpolicies", "name": name},
        "requestReceivedTimestamp": at.isoformat(timespec="microseconds"),
        "responseStatus": {"code": 200},
    }
    with log.open("a") as lines:
        print(json.dumps(entry), file=lines)


def test_what_was_asked_before_is_left_out_also_where_its_line_comes_after(tmp_path: Path) -> None:
    """The change is there for all to see a little before its line is."""
    log = tmp_path / "audit.log"
    append(log, "earlier", datetime.now(UTC))
    asked = datetime.now(UTC)
    since = position(log)
    append(log, "seen before its line", asked - timedelta(milliseconds=1))
    append(log, "later", datetime.now(UTC))
    assert [one.name for one in events(log, since)] == ["later"]
    assert [one.name for one in events(log)] == ["earlier", "seen before its line", "later"]
