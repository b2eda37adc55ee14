"""Runs for which Kubernetes makes no pod, and why not: it says so in events of their Jobs alone.

Events are kept in no order, so whoever asks for those of one Job has the API server read all of the namespace. They are
read for all runs at once, and the rarer the longer that takes.
"""

import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from quantum_operator.cluster.api import CORE, Api, Json, metadata, refusals_as_transient
from quantum_operator.cluster.seen import SeenRun
from quantum_operator.ports.world import Key
from quantum_operator.reconcile.timers import Later, Timer, event_loop_later

PODLESS_SECONDS = 10.0
"""How long a run may be without a pod before it is asked why."""

ASK_AGAIN_SECONDS = 30.0

FRESH_SECONDS = 5.0
"""For how long the answer of one stands for all, and for so many times as long as it took to get."""
FRESH_TIMES = 20

PAGE = "500"
SELECTOR = "involvedObject.kind=Job,reason=FailedCreate"

Request = Callable[[Key], None]
"""Has a job looked at."""


@dataclass
class _Podless:
    """A run without a pod: whether it is to be asked why, the timer that says so, and the last answer."""

    due: bool = False
    timer: Timer | None = None
    message: str = ""


@dataclass
class _Read:
    """What the events of a namespace said when they were read last, by the UID of the Job they are about."""

    due: float = 0.0
    busy: bool = False
    said: dict[str, str] = field(default_factory=dict)


class Podless:
    """The runs that have no pod."""

    def __init__(self, api: Api, request: Request, later: Later = event_loop_later) -> None:
        """Who is to ask is told so by `request` when `later` says: no event of what is watched does it."""
        self._api = api
        self._request = request
        self._later = later
        self._runs: dict[str, _Podless] = {}
        self._reads: dict[str, _Read] = {}

    def forget(self, uid: str) -> None:
        """The run of this UID has a pod, or is over."""
        known = self._runs.pop(uid, None)
        if known is not None and known.timer is not None:
            known.timer.cancel()

    async def refusal(self, job: Key, run: SeenRun) -> str:
        """Why the job's run has no pod, once it has been without for a while. Raises TransientError."""
        known = self._runs.get(run.uid)
        if known is None:
            known = self._runs[run.uid] = _Podless()
            self._ask_later(known, job, PODLESS_SECONDS)
        elif known.due:
            known.message = await self._said(run)
            self._ask_later(known, job, ASK_AGAIN_SECONDS)
        return known.message

    def _ask_later(self, known: _Podless, job: Key, seconds: float) -> None:
        # That it is due is what the timer says, not a clock: a timer may come a little before its time.
        def ask() -> None:
            known.due = True
            self._request(job)

        known.due = False
        known.timer = self._later(seconds, ask)

    async def _said(self, run: SeenRun) -> str:
        read = self._reads.setdefault(run.namespace, _Read())
        started = time.monotonic()
        if started >= read.due and not read.busy:
            read.busy = True
            try:
                read.said = await self._read(run.namespace, self._runs.keys())
            finally:
                read.busy = False
            took = time.monotonic() - started
            read.due = started + max(FRESH_SECONDS, FRESH_TIMES * took)
        return read.said.get(run.uid, "")

    async def _read(self, namespace: str, uids: Collection[str]) -> dict[str, str]:
        """The last word about each of these."""
        last: dict[str, tuple[str, str]] = {}
        more: str | None = ""
        while more is not None:
            params = {"fieldSelector": SELECTOR, "limit": PAGE} | ({"continue": more} if more else {})
            with refusals_as_transient():
                page = await self._api.get(f"{CORE}/namespaces/{namespace}/events", **params)
            for event in page["items"]:
                uid, at = _about(event), str(event.get("lastTimestamp") or "")
                if uid in uids and at >= last.get(uid, ("", ""))[0]:
                    last[uid] = at, _message(event)
            more = metadata(page).get("continue") or None
        return {uid: message for uid, (_, message) in last.items()}


def _about(event: Json) -> str:
    return str((event.get("involvedObject") or {}).get("uid", ""))


def _message(event: Json) -> str:
    # Every try has another pod name, which would make every message another.
    return re.sub(r'pods "[^"]*"', "its pod", str(event.get("message") or ""))
