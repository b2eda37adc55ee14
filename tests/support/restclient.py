"""The API server asked by as little as does it, so that asking costs what is measured beside it next to nothing."""

import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from lightkube import KubeConfig
from lightkube.config.client_adapter import verify_cluster

Json = dict[str, Any]
SECONDS = 120.0
IDLE_SECONDS = 60.0
"""The API server ends a connection that was idle for 90 seconds."""

MERGE = "application/merge-patch+json"


class RestClient:
    """One user's requests. Every thread has a connection of its own, which it keeps."""

    def __init__(self, kubeconfig: Path) -> None:
        config = KubeConfig.from_file(kubeconfig).get()
        assert config is not None
        assert config.user is not None
        self._server = urlsplit(config.cluster.server)
        context = verify_cluster(config.cluster, config.user, config.abs_file)
        assert isinstance(context, ssl.SSLContext)
        self._context = context
        self._own = threading.local()

    def request(self, method: str, path: str, body: Json | None = None, content: str = "application/json") -> Json:
        """Ask, and return the answer. Raises AssertionError with what was refused."""
        status, found = self.ask(method, path, body, content)
        assert status < 400, found
        return found

    def ask(
        self, method: str, path: str, body: Json | None = None, content: str = "application/json"
    ) -> tuple[int, Json]:
        """Ask, and return the answer's status and content, whatever it is."""
        if time.monotonic() - getattr(self._own, "used", 0.0) > IDLE_SECONDS:
            self.close()
        connection = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = self._connect()
        sent = json.dumps(body) if body is not None else None
        connection.request(method, path, sent, {"Content-Type": content} if sent else {})
        answer = connection.getresponse()
        found: Json = json.loads(answer.read())
        self._own.used = time.monotonic()
        return answer.status, found

    def close(self) -> None:
        """Close this thread's connection; the next request opens another."""
        connection = self._own.__dict__.pop("connection", None)
        if connection is not None:
            connection.close()

    def create_all(self, path: str, bodies: Iterable[Json], *, connections: int = 8) -> None:
        """Create these, on so many connections at once."""
        with ThreadPoolExecutor(connections) as threads:
            for _ in threads.map(lambda body: self.request("POST", path, body), bodies):
                pass

    def watch(self, path: str, check: Callable[[], None] = lambda: None, **parameters: str) -> Iterator[Json]:
        """Every object that is there and then every one that changes.

        Where the API server ends the watch, as it does of whoever reads slowly, it goes on from where it was. `check`
        is called for every event, also for those that the API server sends about once a minute where nothing changes.
        Raises what that raises, TimeoutError where there is none for SECONDS, AssertionError where it can't go on.
        """
        version = ""
        while True:
            anew = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
            begin = {"resourceVersion": version} if version else anew
            query = urlencode({"watch": "true", "allowWatchBookmarks": "true", **begin, **parameters})
            for event in self._events(f"{path}?{query}"):
                check()
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] in ("ADDED", "MODIFIED"):
                    yield event["object"]

    def _events(self, request: str) -> Iterator[Json]:
        """The events of one watch, until it ends."""
        connection = self._connect()
        try:
            connection.request("GET", request)
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            for line in answer:
                event = json.loads(line)
                assert event["type"] != "ERROR", event
                yield event
        except http.client.IncompleteRead:
            pass
        finally:
            connection.close()

    def wait_until_complete(self, path: str, count: int, check: Callable[[], None] = lambda: None) -> None:
        """Return once so many objects have the condition Complete. Raises AssertionError where one fails."""
        done: set[str] = set()
        for body in self.watch(path, check):
            for one in body.get("status", {}).get("conditions", ()):
                bad = (one["type"], one["status"]) in (("Complete", "False"), ("Failed", "True"))
                assert not bad, (body["metadata"]["name"], one["reason"], one["message"])
                if (one["type"], one["status"]) == ("Complete", "True"):
                    done.add(body["metadata"]["uid"])
            if len(done) >= count:
                return

    def _connect(self) -> http.client.HTTPSConnection:
        host, port = self._server.hostname or "", self._server.port
        return http.client.HTTPSConnection(host, port, timeout=SECONDS, context=self._context)
