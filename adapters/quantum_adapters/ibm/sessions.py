"""Sessions and batches of an instance: https://quantum.cloud.ibm.com/docs/api/qiskit-runtime-rest/tags/sessions

IBM gives a session neither a tag nor an id of the client's choice. One whose opening was not answered is found among
the account's workloads, by what was asked of it: its mode, device and longest time. An empty one is free: it starts,
and is paid for, with its first job, and IBM closes it when none came for 30 minutes.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from qiskit_ibm_runtime.api.rest.runtime import Runtime

from quantum_operator.ports.adapter import AdapterError, AmbiguousError, LostError, MalformedError, Mode, RejectedError

IDLE_SECONDS = 1800
MODES: dict[Mode, str] = {"batch": "batch", "session": "dedicated"}
"""The modes as sessions are opened in them; among workloads they have the contract's names."""
SKEW = timedelta(seconds=60)
"""How far IBM's clock may be from this one."""
PAGE, PAGES = 50, 20
STARTED = ("started_at", "activated_at", "last_job_started")

Ask = Callable[[Callable[[], Any], type[AdapterError]], Any]
"""Makes a request, and raises this error where the SDK makes nothing of the answer."""


class Sessions:
    """The sessions of an instance, each named by IBM's id."""

    def __init__(self, runtime: Runtime, ask: Ask, instance: str) -> None:
        self._runtime, self._ask, self._instance = runtime, ask, instance

    def open(self, device: str, mode: Mode, seconds: int) -> Any:
        """IBM's id of a new session, which IBM closes so many seconds after its first job began."""
        if mode not in MODES:
            raise RejectedError(f"IBM Quantum has no session of mode {mode!r}")
        create = self._runtime.runtime_session().create
        answer = self._ask(lambda: create(device, self._instance, seconds, MODES[mode]), AmbiguousError)
        return answer.get("id") if isinstance(answer, dict) else None

    def empty(self, device: str, mode: Mode, seconds: int, since: datetime) -> list[str]:
        """The open ones of this make in which no job ever was, and that are not older; the oldest first."""
        return [name for name in self._listed(device, mode, since - SKEW) if self._is_empty(name, seconds)]

    def close(self, name: str, *, at_once: bool) -> dict[str, Any] | None:
        """Let a session take no more jobs; `at_once`: have those that wait never run. Its details; None: unknown."""
        session = self._runtime.runtime_session(name)
        try:
            self._ask(session.cancel if at_once else session.close, AmbiguousError)
        except LostError:
            return None
        except RejectedError:
            pass  # a closed one is not closed again: its details say so
        return self._details(name)

    def _details(self, name: str) -> dict[str, Any] | None:
        try:
            details = self._ask(self._runtime.runtime_session(name).details, MalformedError)
        except LostError:
            return None
        if not isinstance(details, dict) or details.get("state") not in {"open", "active", "inactive", "closed"}:
            raise MalformedError(f"IBM Quantum's answer on session {name} can't be read")
        return details

    def _is_empty(self, name: str, seconds: int) -> bool:
        details = self._details(name)
        if details is None or details["state"] != "open" or not details.get("accepting_jobs"):
            return False
        if details.get("max_ttl") != seconds or any(details.get(key) for key in STARTED):
            return False
        answer = self._ask(lambda: self._runtime.jobs_get(limit=1, session_id=name), MalformedError)
        try:
            return len(answer["jobs"]) == 0
        except (KeyError, TypeError):
            raise MalformedError("IBM Quantum's list of jobs can't be read") from None

    def _listed(self, device: str, mode: Mode, after: datetime) -> Iterator[str]:
        """The account's sessions of this mode on this device that were created after this time and are not over."""
        cursor = None
        for _ in range(PAGES):
            answer = self._ask(lambda: self._page(device, mode, after, cursor), MalformedError)  # noqa: B023
            try:
                for one in answer["workloads"]:
                    created = datetime.fromisoformat(one["created"])
                    if one["mode"] == mode and one["backend"] == device and created >= after:
                        yield str(one["id"])
                following = (answer.get("next") or {}).get("href")
                cursor = parse_qs(urlsplit(following).query)["next"][0] if following else None
            except (KeyError, TypeError, ValueError, AttributeError):
                raise MalformedError("IBM Quantum's list of workloads can't be read") from None
            if cursor is None:
                return
        raise MalformedError(f"IBM Quantum lists more than {PAGE * PAGES} sessions")

    def _page(self, device: str, mode: Mode, after: datetime, cursor: str | None) -> Any:
        return self._runtime.workloads_get(
            user="me",
            sort="createdAt",
            limit=PAGE,
            next=cursor,
            backend=device,
            status=["pending", "in_progress"],
            mode=mode,
            created_after=after,
        )


def has_run(details: dict[str, Any]) -> bool:
    """Whether a job of the session ever began: only then is it paid for."""
    return any(details.get(key) for key in STARTED)


def usage_of(details: dict[str, Any]) -> float | None:
    """The seconds that a closed session is paid by; None while IBM does not tell them. Raises MalformedError."""
    told = details.get("elapsed_time")
    try:
        return (None if has_run(details) else 0.0) if told is None else float(told)
    except (TypeError, ValueError):
        raise MalformedError("IBM Quantum's usage of a session can't be read") from None
