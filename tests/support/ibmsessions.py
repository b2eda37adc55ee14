"""Sessions and batches of the IBM Quantum on 127.0.0.1, as https://quantum.cloud.ibm.com/docs/api documents them."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

IDLE = 1800.0
STARTED = {"Running", "Completed", "Failed"}
LIVE = {"Queued", "Running"}
LISTED = {"dedicated": "session", "batch": "batch"}
Query = Mapping[str, list[str]]
OVERHEAD = 3.0
"""The seconds for which a session has the device beyond those of its jobs."""


@dataclass
class Session:
    id: str
    body: dict[str, Any]
    opened: datetime
    created: float
    accepting: bool = True
    jobs: list[Any] = field(default_factory=list)

    @property
    def dedicated(self) -> bool:
        return self.body["mode"] == "dedicated"

    @property
    def started(self) -> bool:
        return any(job.status in STARTED or job.usage for job in self.jobs)

    @property
    def usage(self) -> float:
        return sum(job.usage for job in self.jobs) + (OVERHEAD if self.dedicated and self.started else 0.0)

    def state(self, now: float) -> str:
        if not any(job.status in LIVE for job in self.jobs):
            idle = not self.jobs and now >= self.created + IDLE
            if not self.accepting or idle:
                return "closed"
        return "active" if self.started else "open"


@dataclass(frozen=True)
class Told:
    """An answer: its status, and its document or the code and message of its error."""

    status: int
    document: Any = None
    code: int = 0


class Sessions:
    """Of one instance. Those of somebody else with the same API key are opened by `open`, too."""

    def __init__(self) -> None:
        self.all: dict[str, Session] = {}
        self.openings = 0

    def open_ones(self, now: float) -> tuple[str, ...]:
        return tuple(one.id for one in self.all.values() if one.state(now) != "closed")

    def of(self, job: object) -> Session | None:
        return next((one for one in self.all.values() if any(job is other for other in one.jobs)), None)

    def dedicated(self) -> Iterator[Session]:
        return (one for one in self.all.values() if one.dedicated)

    def refusal(self, body: Mapping[str, Any], now: float) -> Told | None:
        """Why a job can't be in the session that it names."""
        name = body.get("session_id")
        if name is None:
            return None
        session = self.all.get(name)
        if session is None:
            return Told(404, "Session not found", 1280)
        if not session.accepting or session.state(now) == "closed":
            return Told(400, "Session has been closed", 1217)
        return None

    def enter(self, body: Mapping[str, Any], job: object) -> None:
        if body.get("session_id") is not None:
            self.all[body["session_id"]].jobs.append(job)

    def answer(
        self, method: str, path: str, query: Mapping[str, list[str]], body: bytes, now: float, lag: float
    ) -> Told:
        if (method, path) == ("POST", "/sessions"):
            return self.open(json.loads(body), now)
        if path == "/workloads":
            return self._list(query, now, lag)
        match = re.fullmatch(r"/sessions/([^/]+)(/close)?", path)
        session = self.all.get(match[1]) if match else None
        if match is None or session is None:
            return Told(404, "Session not found", 1280)
        match method, match[2]:
            case "GET", None:
                return Told(200, self._document(session, now))
            case "PATCH", None:
                session.accepting = json.loads(body)["accepting_jobs"]
                return Told(204)
            case "DELETE", "/close":
                if session.state(now) == "closed":
                    return Told(400, "Session has been closed", 1217)
                session.accepting = False
                for job in session.jobs:
                    job.status = "Cancelled" if job.status == "Queued" else job.status
                return Told(204)
        return Told(405, "Method not allowed", 1234)

    def open(self, body: dict[str, Any], now: float) -> Told:
        if body.get("mode") not in LISTED or not 1 <= body.get("max_ttl", 28_800) < 2**31:
            return Told(400, "The body is invalid", 1211)
        name = f"5e55{len(self.all):08d}"
        self.all[name] = Session(name, body, datetime.now(UTC), now)
        return Told(200, self._document(self.all[name], now))

    @staticmethod
    def _document(session: Session, now: float) -> dict[str, Any]:
        state, at = session.state(now), session.opened.isoformat()
        return {
            "id": session.id,
            "backend_name": session.body.get("backend"),
            "mode": session.body["mode"],
            "max_ttl": session.body.get("max_ttl", 28_800),
            "interactive_ttl": 60,
            "state": state,
            "accepting_jobs": session.accepting and state != "closed",
            "started_at": at if session.started else None,
            "last_job_started": at if session.started else None,
            "elapsed_time": session.usage if state == "closed" and session.started else None,
        }

    def _list(self, query: Query, now: float, lag: float) -> Told:
        """Pages of those that are asked for, the oldest first; a cursor is where its page begins."""
        after = datetime.fromisoformat(query["created_after"][0])
        listed = []
        for one in self.all.values():
            status = "pending" if one.state(now) == "open" else "in_progress"
            status = "completed" if one.state(now) == "closed" else status
            wanted = (query["mode"] == [LISTED[one.body["mode"]]], query["backend"] == [one.body.get("backend")])
            if all(wanted) and status in query["status"] and one.created + lag <= now and one.opened >= after:
                told = {"id": one.id, "created": one.opened.isoformat(), "backend": one.body.get("backend")}
                listed.append(told | {"mode": LISTED[one.body["mode"]], "status": status, "user_id": "me"})
        begin, limit = int(query.get("next", ["0"])[0]), int(query["limit"][0])
        if limit > 50:
            return Told(400, "The limit is 50", 1211)
        page: dict[str, Any] = {"workloads": listed[begin : begin + limit], "total_count": len(listed), "limit": limit}
        if begin + limit < len(listed):
            page["next"] = {"href": f"https://api.example.com/v1/workloads?next={begin + limit}"}
        return Told(200, page)
