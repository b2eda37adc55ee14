"""IBM Quantum on 127.0.0.1, as far as its SDK asks of it: one instance with one device, which obeys.

It answers as https://quantum.cloud.ibm.com/docs/api documents, executes circuits in earnest, and is the provider of the
adapters' conformance suite. Its device is the SDK's snapshot of a real one with five qubits.
"""

import base64
import json
import math
import re
from dataclasses import dataclass
from fractions import Fraction
from importlib import resources
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import pytest
from qiskit_aer.primitives import SamplerV2
from qiskit_ibm_runtime import IBMBackend, QiskitRuntimeService
from qiskit_ibm_runtime.json import RuntimeDecoder, RuntimeEncoder

from quantum_operator.testing.adapter_faults import Call, Fault
from support.ibmsessions import Sessions, Told
from support.providerserver import ProviderServer, Reply

API_KEY = "api-key-of-the-tests-0123456789"
CRN = "crn:v1:bluemix:public:quantum-computing:us-east:a/0123456789abcdef:11111111-2222-3333-4444-555555555555::"
DEVICE = "ibm_test"
PRICE = 1_600_000
PATIENCE = 7
OVER = {"Completed", "Failed", "Cancelled"}


@dataclass
class Job:
    id: str
    body: dict[str, Any]
    created: float
    status: str = "Queued"
    reason: str = ""
    reason_code: int | None = None
    usage: float = 0.0
    result: str = ""


class IbmReply(Reply):
    @classmethod
    def error(cls, status: int, code: int, message: str, **headers: str) -> Self:
        reply = cls.of({"errors": [{"code": code, "message": message}], "trace": "t"}, status)
        reply.headers |= headers
        return reply


class IbmServer(ProviderServer):
    """The service, and the controls of the conformance suite."""

    device = DEVICE
    retry_after: float | None = float(PATIENCE)
    unknown_task = unknown_session = "c5dge2d3rn7breq27i9g"

    def __init__(self, *, lag: float = 3.0, host: str = "127.0.0.1") -> None:
        """Jobs are found by their tags `lag` of the provider's seconds after their creation. It listens at `host`."""
        super().__init__(lag=lag, host=host)
        self.jobs: dict[str, Job] = {}
        self.requests: list[tuple[str, str]] = []
        """Method and path of every request to the API."""
        self.bodies: list[dict[str, Any]] = []
        """What every submitting request asked for."""
        self.instead: dict[str, Reply] = {}
        """What is answered to requests for these paths, without doing anything; IAM's is `/identity/token`."""
        self.sessions = Sessions()
        self.filters_tags = True
        self.usage_pending = False
        self.access_token = _jwt()
        self.secrets = (API_KEY, self.access_token)
        snapshot = resources.files("qiskit_ibm_runtime.fake_provider.backends") / "manila"
        self.configuration = json.loads((snapshot / "conf_manila.json").read_text()) | {"backend_name": DEVICE}
        self.properties = json.loads((snapshot / "props_manila.json").read_text()) | {"backend_name": DEVICE}

    def settings(self, **more: str) -> dict[str, str]:
        """What an adapter is connected with."""
        return {
            "token": API_KEY,
            "instance": CRN,
            "url": f"{self.address}/api/v1",
            "iamUrl": self.address,
            "priceMicrosPerSecond": str(PRICE),
            "timeoutSeconds": "5",
            "visibilitySeconds": "3",
        } | more

    def sdk_backend(self, monkeypatch: pytest.MonkeyPatch) -> IBMBackend:
        """The device as the SDK's own service gives it, which is led here by variables of the environment."""
        monkeypatch.setenv("IAM_URL", self.address)
        monkeypatch.setenv("QISKIT_FUNCTIONS_EXPERIMENTAL", "1")
        service = QiskitRuntimeService(
            channel="ibm_quantum_platform",
            token=API_KEY,
            instance=CRN,
            url=self.address,
            url_resolver=lambda *_: f"{self.address}/api/v1",
        )
        return service.backend(DEVICE)

    def submissions(self) -> int:
        return len(self.bodies)

    def tasks(self, token: str) -> tuple[str, ...]:
        return tuple(job.id for job in list(self.jobs.values()) if token in job.body.get("tags", []))

    def charged_micros(self) -> int:
        paid = [*self.jobs.values(), *self.sessions.dedicated()]
        return sum(self.micros(one.usage) for one in paid if not self.is_paid_by_session(one))

    @staticmethod
    def micros(seconds: float) -> int:
        return math.ceil(Fraction(str(seconds)) * PRICE)

    def is_paid_by_session(self, job: object) -> bool:
        """Whether it is a job in a dedicated session."""
        session = self.sessions.of(job)
        return session is not None and session.dedicated

    def openings(self) -> int:
        return self.sessions.openings

    def open_sessions(self) -> tuple[str, ...]:
        return self.sessions.open_ones(self._now)

    def session_of(self, task: str) -> str:
        session = self.sessions.of(self.jobs[task])
        return "" if session is None else session.id

    def start(self, task: str) -> None:
        self.jobs[task].status, self.jobs[task].usage = "Running", 1.25

    def finish(self, task: str) -> None:
        job = self.jobs[task]
        params = json.loads(json.dumps(job.body["params"]), cls=RuntimeDecoder)
        pubs = [(circuit, None, shots) for circuit, _, shots in params["pubs"]]
        job.result = json.dumps(SamplerV2(seed=7).run(pubs).result(), cls=RuntimeEncoder)
        job.usage = 2.0 + 0.000_35 * sum(shots for _, _, shots in pubs)
        job.status = "Completed"

    def spoil(self, task: str) -> None:
        self.jobs[task].status, self.jobs[task].reason, self.jobs[task].reason_code = "Failed", "out of order", 9999

    def overrun(self, task: str) -> None:
        """Stopped by the time that was asked for; by nothing where none was."""
        job = self.jobs[task]
        if "cost" in job.body:
            job.status, job.reason, job.reason_code = "Cancelled", "Ran too long", 1305
        job.usage = float(job.body.get("cost", 10_800))

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> Reply | None:
        """The answer to a request; None where the connection is to break off."""
        parts = urlsplit(target)
        if parts.path == "/identity/token":
            token = {"access_token": self.access_token, "expires_in": 3600, "expiration": 2**31}
            return self.instead.get(parts.path, Reply.of(token))
        path = parts.path.removeprefix("/api/v1")
        self.requests.append((method, path))
        call = _call(method, path)
        self.sessions.openings += call == "open"
        if call == "submit":
            self.bodies.append(json.loads(body))
        if path in self.instead:
            return self.instead[path]
        fault = self._failing.get(call)
        if fault is None or fault.accepted:
            reply = self._dispatch(method, path, parse_qs(parts.query), headers, body)
        return reply if fault is None else self._fail(fault, headers)

    def _fail(self, fault: Fault, headers: Any) -> Reply | None:
        told = f"{headers['Authorization']} for {API_KEY}"
        match fault.answer:
            case "unauthorized":
                return IbmReply.error(401, 1201, f"Invalid credentials: {told}")
            case "forbidden":
                return IbmReply.error(403, 1200, "You are not authorized to perform this action")
            case "invalid":
                return IbmReply.error(400, 1211, f"The body is invalid: {told}")
            case "throttled":
                return IbmReply.error(429, 1202, "Too many requests", **{"Retry-After": str(PATIENCE)})
        return self._unserved(fault)

    def _dispatch(self, method: str, path: str, query: dict[str, list[str]], headers: Any, body: bytes) -> Reply:
        if headers["Authorization"] != f"Bearer {self.access_token}" or headers["Service-CRN"] != CRN:
            return IbmReply.error(401, 1201, "Invalid credentials")
        if path == "/workloads" or path.startswith("/sessions"):
            return _reply(self.sessions.answer(method, path, query, body, self._now, self._lag))
        if match := re.fullmatch(r"/backends/([^/]+)/(status|configuration|properties)", path):
            return self._backend(*match.groups())
        if match := re.fullmatch(r"/jobs/([^/]+)(/results|/metrics|/cancel)?", path):
            return self._job(method, match[1], match[2])
        match method, path:
            case "POST", "/jobs":
                with self._creating:
                    return self._create(json.loads(body))
            case "GET", "/jobs":
                return self._list(query)
            case "GET", "/backends":
                return Reply.of({"devices": [{"name": DEVICE, "status": {"name": "online"}, "qubits": 5}]})
            case "GET", "/instances/usage":
                return Reply.of({"usage_consumed_seconds": 0, "usage_limit_reached": False})
        return IbmReply.error(404, 1234, "Not found")

    def _create(self, body: dict[str, Any]) -> Reply:
        if body.get("program_id") != "sampler" or body.get("backend") != DEVICE:
            return IbmReply.error(404, 1207, "Program or backend not found")
        if len(tags := body.get("tags", [])) > 8 or any(len(tag) > 86 or "\n" in tag for tag in tags):
            return IbmReply.error(400, 1204, "A job has at most 8 tags of at most 86 characters")
        if told := self.sessions.refusal(body, self._now):
            return _reply(told)
        name = f"d{len(self.jobs):019d}"
        self.jobs[name] = Job(name, body, self._now)
        self.sessions.enter(body, self.jobs[name])
        return Reply.of({"id": name, "backend": DEVICE})

    def _list(self, query: dict[str, list[str]]) -> Reply:
        wanted = set(query.get("tags", [])) if self.filters_tags else set()
        jobs = [
            self._document(job)
            for job in list(self.jobs.values())
            if wanted <= set(job.body.get("tags", []))
            and job.created + self._lag <= self._now
            and query.get("session_id", [job.body.get("session_id")]) == [job.body.get("session_id")]
        ]
        if query.get("sort") != ["ASC"]:
            jobs.reverse()
        limit, offset = int(query.get("limit", ["10"])[0]), int(query.get("offset", ["0"])[0])
        return Reply.of({"jobs": jobs[offset : offset + limit], "count": len(jobs), "limit": limit, "offset": offset})

    def _job(self, method: str, name: str, part: str | None) -> Reply:
        job = self.jobs.get(name)
        if job is None:
            return IbmReply.error(404, 1291, "Job not found")
        match method, part:
            case "GET", None:
                return Reply.of(self._document(job))
            case "GET", "/results":
                return Reply(200, job.result.encode()) if job.result else Reply(204)
            case "GET", "/metrics":
                status = "pending" if self.usage_pending else "complete"
                return Reply.of({"usage": {"qpu_charge_time_seconds": job.usage, "status": status}})
            case "POST", "/cancel":
                if job.status in OVER:
                    return IbmReply.error(409, 1280, "The job is in a final state")
                job.status = "Cancelled"
                return Reply(204)
        return IbmReply.error(405, 1234, "Method not allowed")

    def _document(self, job: Job) -> dict[str, Any]:
        state = {"status": job.status, "reason": job.reason, "reason_code": job.reason_code}
        return {
            "id": job.id,
            "backend": job.body["backend"],
            "created": f"2026-01-01T{int(job.created) // 3600:02d}:{int(job.created) // 60 % 60:02d}:00Z",
            "program": {"id": job.body["program_id"]},
            "state": state,
            "status": job.status,
            "tags": job.body.get("tags", []),
        }

    def _backend(self, name: str, part: str) -> Reply:
        if name != DEVICE:
            return IbmReply.error(404, 1216, "Backend not found")
        if part == "status":
            return Reply.of({"state": True, "status": "active", "length_queue": 4, "backend_version": "1.2.6"})
        return Reply.of(self.configuration if part == "configuration" else self.properties)


def _call(method: str, path: str) -> Call:
    match method, path:
        case "GET", _:
            return "read"
        case "POST", "/jobs":
            return "submit"
        case "POST", "/sessions":
            return "open"
    return "close" if path.startswith("/sessions/") else "cancel"


def _reply(told: Told) -> Reply:
    if told.code:
        return IbmReply.error(told.status, told.code, told.document)
    return Reply(told.status) if told.document is None else Reply.of(told.document, told.status)


def _jwt() -> str:
    """An access token that the SDK's own reader of tokens takes."""
    parts = [{"alg": "RS256"}, {"iat": 2**31 - 7200, "exp": 2**31}]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, "c2lnbmVk"])
