"""What a request to the API server is about, by its path and body."""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from quantum_operator.cluster.labels import JOB_UID, SHARED

WRITES = ("POST", "PUT", "PATCH", "DELETE")
_CHILD = re.compile(r"-[0-9a-f]{10}-[0-9a-f]+(-[0-9a-z]+)?$")
_MEMBER = re.compile(r"-m[0-9]$")


@dataclass(frozen=True, order=True)
class Point:
    """The `number`-th request (from 1) of one kind about one subject: `PUT quantumjobs/status 2`."""

    method: str
    resource: str
    number: int

    def __str__(self) -> str:
        return f"{self.method} {self.resource} {self.number}"


@dataclass(frozen=True)
class Call:
    """A request. Its subject is the QuantumJob that the object belongs to, or else the object itself.

    Of jobs that are called `NAME-m1`, `NAME-m2`, … the subject is `NAME`, and so it is of what they share.
    """

    method: str
    resource: str
    subject: str
    name: str
    is_watch: bool

    @property
    def is_list(self) -> bool:
        """Whether it reads every object of a kind."""
        return self.method == "GET" and not self.name

    @staticmethod
    def read(method: str, path_and_query: str, body: bytes) -> "Call":
        """What a request says."""
        url = urlsplit(path_and_query)
        parts = url.path.strip("/").split("/")
        parts = parts[2:] if parts[0] == "api" else parts[3:]
        if parts[:1] == ["namespaces"] and len(parts) > 2:
            parts = parts[2:]
        plural, name, subresource = (*parts, "", "", "")[:3]
        resource = f"{plural}/{subresource}" if subresource else plural
        subject = name
        if method == "POST":
            sent = json.loads(body)
            name = sent["metadata"]["name"]
            subject = sent.get("involvedObject", sent["metadata"])["name"]
            if is_shared(sent):
                subject = sent["metadata"]["ownerReferences"][0]["name"]
        is_watch = parse_qs(url.query).get("watch") == ["true"]
        return Call(method, resource, subject_of(subject), name, is_watch)


def subject_of(name: str) -> str:
    """The QuantumJob by whose name that of a run, an artifact or a pod begins; the group where it is one of several."""
    return _MEMBER.sub("", _CHILD.sub("", name))


def is_shared(body: dict[str, Any]) -> bool:
    """Whether jobs share it."""
    return bool((body["metadata"].get("labels") or {}).get(JOB_UID) == SHARED)
