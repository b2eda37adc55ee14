"""The API server asked by as little as does it, so that asking costs what is measured beside it next to nothing."""

import http.client
import json
import ssl
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from lightkube import KubeConfig
from lightkube.config.client_adapter import verify_cluster

Json = dict[str, Any]
SECONDS = 120.0
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
        connection = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = self._connect()
        sent = json.dumps(body) if body is not None else None
        connection.request(method, path, sent, {"Content-Type": content} if sent else {})
        answer = connection.getresponse()
        data = answer.read()
        assert answer.status < 400, data
        found: Json = json.loads(data)
        return found

    def create_all(self, path: str, bodies: Iterable[Json], *, connections: int = 8) -> None:
        """Create these, on so many connections at once."""
        with ThreadPoolExecutor(connections) as threads:
            for _ in threads.map(lambda body: self.request("POST", path, body), bodies):
                pass

    def watch(self, path: str, **parameters: str) -> Iterator[Json]:
        """Every object that is there and then every one that changes, until SECONDS pass without one.

        Raises TimeoutError then, and AssertionError where the watch ends.
        """
        asked = {"watch": "true", "sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        query = urlencode({**asked, "allowWatchBookmarks": "true", **parameters})
        connection = self._connect()
        try:
            connection.request("GET", f"{path}?{query}")
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            for line in answer:
                event = json.loads(line)
                assert event["type"] != "ERROR", event
                if event["type"] in ("ADDED", "MODIFIED"):
                    yield event["object"]
        finally:
            connection.close()
        raise AssertionError(f"the watch of {path} ended")

    def wait_until_complete(self, path: str, count: int) -> None:
        """Return once so many objects have the condition Complete. Raises AssertionError where one fails."""
        done: set[str] = set()
        for body in self.watch(path):
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
