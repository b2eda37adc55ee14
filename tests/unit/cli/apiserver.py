"""A small API server over objects in memory, for the commands that look at a cluster: reads, logs, access reviews."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

Wire = dict[str, Any]


class FakeCluster:
    """What the server answers: objects and logs by path, whether something is allowed, and refusals by path."""

    def __init__(self) -> None:
        self.objects: dict[str, Wire] = {}
        self.logs: dict[str, str] = {}
        self.refused: dict[str, int] = {}
        self.refused_writes: set[str] = set()
        self.denied: set[str] = set()
        self.after_get: Callable[[str], None] = lambda _: None
        self.url = ""

    def add(self, path: str, item: Wire) -> None:
        """Serve an object at this path; its collection lists it."""
        self.objects[path] = item

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, Wire | str]:
        """The status code and body of a GET."""
        found = self._answer(path, query)
        self.after_get(path)
        return found

    def _answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, Wire | str]:
        for prefix, code in self.refused.items():
            if path.startswith(prefix):
                return code, "404 page not found\n" if code == 404 else failure(code, f"{path} is refused")
        if path in self.logs:
            return 200, self.logs[path]
        if path in self.objects:
            return 200, self.objects[path]
        listed = [item for place, item in self.objects.items() if _collection(place) == path or _all(place) == path]
        if listed or path.rsplit("/", 1)[-1].endswith("s"):
            return 200, {"metadata": {}, "items": [item for item in listed if _selected(item, query)]}
        return 404, failure(404, f"{path} not found", path.rsplit("/", 1)[-1])

    def create(self, path: str, body: Wire) -> tuple[int, Wire | str]:
        """The status code and body of a POST: an access review, or an object to keep."""
        if "AccessReview" in str(body.get("kind")):
            return 201, self.review(body)
        if path.endswith("/selfsubjectreviews"):
            return 201, {"status": {"userInfo": {"username": "ann"}}}
        place = f"{path}/{body['metadata']['name']}"
        if place in self.objects:
            return 409, failure(409, f"{place} is there already")
        if path in self.refused_writes:
            return 403, failure(403, f"{path} is refused")
        self.add(place, body)
        return 201, body

    def patch(self, path: str, body: Wire) -> tuple[int, Wire | str]:
        """The status code and body of a PATCH of an object's spec."""
        self.objects[path]["spec"] |= body["spec"]
        return 200, self.objects[path]

    def review(self, body: Wire) -> Wire:
        """An access review, answered."""
        asked = body["spec"]["resourceAttributes"]
        resource = "/".join(part for part in (asked.get("resource"), asked.get("subresource")) if part)
        return {**body, "status": {"allowed": f"{asked['verb']} {resource}" not in self.denied}}


def failure(code: int, message: str, name: str = "") -> Wire:
    """A Status that refuses."""
    reason = {401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "AlreadyExists"}.get(code, "InternalError")
    details = {"details": {"name": name}} if name else {}
    return {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message, **details}


@contextmanager
def serving(cluster: FakeCluster) -> Iterator[None]:
    """Serve the cluster at `cluster.url`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else a body waits 40 ms for the acknowledgement of its headers

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self._send(*cluster.answer(parts.path, parse_qs(parts.query)))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._send(*cluster.create(self.path, body))

        def do_PATCH(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._send(*cluster.patch(urlsplit(self.path).path, body))

        def _send(self, code: int, answer: Wire | str) -> None:
            data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Type", "text/plain" if isinstance(answer, str) else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    cluster.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def kubeconfig(path: Path, url: str) -> Path:
    """A kubeconfig whose current context is `here`, in namespace `default`; another context is in `lab`."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "one", "cluster": {"server": url}}],
        "users": [{"name": "me", "user": {}}],
        "contexts": [
            {"name": "here", "context": {"cluster": "one", "user": "me"}},
            {"name": "there", "context": {"cluster": "one", "user": "me", "namespace": "lab"}},
        ],
    }
    path.write_text(json.dumps(config))
    return path


def _collection(path: str) -> str:
    return path.rsplit("/", 1)[0]


def _all(path: str) -> str:
    """The collection over all namespaces that an object of this path is in."""
    parts = path.split("/")
    if "namespaces" not in parts:
        return ""
    at = parts.index("namespaces")
    return "/".join([*parts[:at], *parts[at + 2 : -1]])


def _selected(item: Wire, query: dict[str, list[str]]) -> bool:
    labels = item["metadata"].get("labels", {})
    wanted = [pair.split("=", 1) for pair in ",".join(query.get("labelSelector", [])).split(",") if pair]
    fields = [pair.split("=", 1) for pair in ",".join(query.get("fieldSelector", [])).split(",") if pair]
    uid = item.get("involvedObject", {}).get("uid")
    return all(labels.get(key) == value for key, value in wanted) and all(uid == value for _, value in fields)
