"""Amazon Braket on 127.0.0.1, as botocore's model of the service describes it: one account with one QPU, which obeys.

Every request and every answer is checked against that model. Circuits are executed in earnest, by the SDK's simulator,
and results go to the S3 of moto's server. It is the provider of the adapters' conformance suite.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import botocore.session
from botocore.config import Config
from botocore.validate import ParamValidator
from braket.default_simulator import StateVectorSimulator
from braket.ir.openqasm import Program, ProgramSet

from quantum_operator.testing.adapter_faults import Call, Fault
from support.awstags import untaggable
from support.braketdevice import CAPABILITIES, DEVICE
from support.braketresults import stored
from support.providerserver import ProviderServer, Reply

ACCESS_KEY = "AKIATESTTESTTESTTEST"
SECRET_KEY = "secret-access-key-of-the-tests-0123456789"
SESSION_TOKEN = "session-token-of-the-tests-0123456789"
REGION, ACCOUNT, BUCKET = "us-east-1", "123456789012", "amazon-braket-tests"
TASK_PRICE, SHOT_PRICE = 300_000, 30_000
CREATED = datetime(2026, 1, 1, tzinfo=UTC)
OVER = {"COMPLETED", "FAILED", "CANCELLED"}
MODEL = botocore.session.Session().get_service_model("braket")


@dataclass
class Task:
    arn: str
    request: dict[str, Any]
    created: float
    status: str = "QUEUED"
    reason: str = ""
    charged: int = 0
    cancelled: float = float("inf")
    """When a cancellation that was asked for happens."""

    @property
    def folder(self) -> str:
        return f"{self.request['outputS3KeyPrefix']}/{self.arn.rsplit('/', 1)[-1]}"


class BraketReply(Reply):
    @classmethod
    def error(cls, code: str, message: str, status: int = 0) -> Self:
        """An exception of the model, with the status that the model gives it, or one that all of AWS has."""
        known = {shape.name: shape.metadata["error"]["httpStatusCode"] for shape in MODEL.error_shapes}
        reply = cls.of({"message": message}, status or known[code])
        reply.headers["x-amzn-ErrorType"] = code
        return reply


class BraketServer(ProviderServer):
    """The service, and the controls of the conformance suite."""

    device = DEVICE
    retry_after: float | None = None
    secrets = (ACCESS_KEY, SECRET_KEY, SESSION_TOKEN)
    unknown_task = f"arn:aws:braket:{REGION}:{ACCOUNT}:quantum-task/00000000-0000-0000-0000-000000000000"

    def __init__(self, s3_url: str, *, lag: float = 3.0, host: str = "127.0.0.1") -> None:
        """Tasks are in searches `lag` of the provider's seconds after their creation. It listens at `host`."""
        super().__init__(lag=lag, host=host)
        self.all_tasks: dict[str, Task] = {}
        self.operations: list[str] = []
        """Of every request."""
        self.requests: list[dict[str, Any]] = []
        """The parameters of every submission."""
        self.instead: dict[str, Reply] = {}
        """What is answered to these operations, without doing anything."""
        self.capabilities = json.loads(json.dumps(CAPABILITIES))
        self.status = "ONLINE"
        self.form = "measurements"
        """In which form results are stored; the forms are those of `braketresults.stored`."""
        self.session_token: str | None = SESSION_TOKEN  # None: of a permanent access key, which has none
        self.s3_url = s3_url
        self.s3 = _s3(s3_url)

    def settings(self, **more: str) -> dict[str, str]:
        """What an adapter is connected with."""
        return {
            "region": REGION,
            "bucket": BUCKET,
            "accessKeyId": ACCESS_KEY,
            "secretAccessKey": SECRET_KEY,
            **({} if self.session_token is None else {"sessionToken": self.session_token}),
            "endpointUrl": self.address,
            "s3EndpointUrl": self.s3_url,
            "priceMicrosPerTask": str(TASK_PRICE),
            "priceMicrosPerShot": str(SHOT_PRICE),
            "timeoutSeconds": "5",
            "visibilitySeconds": "3",
        } | more

    def submissions(self) -> int:
        return len(self.requests)

    def tasks(self, token: str) -> tuple[str, ...]:
        return tuple(task.arn for task in list(self.all_tasks.values()) if task.request["clientToken"] == token)

    def charged_micros(self) -> int:
        return sum(task.charged for task in list(self.all_tasks.values()))

    def start(self, task: str) -> None:
        self.all_tasks[task].status = "RUNNING"

    def finish(self, task: str) -> None:
        one = self.all_tasks[task]
        action = json.loads(one.request["action"])
        several = action["braketSchemaHeader"]["name"].endswith("program_set")
        program = (ProgramSet if several else Program).parse_obj(action)
        result = json.loads(StateVectorSimulator().run(program, shots=one.request["shots"]).json())
        result["taskMetadata"] |= {"id": one.arn, "deviceId": DEVICE}
        for name, document in stored(result, self.form, (BUCKET, one.folder)).items():
            self.s3.put_object(Bucket=BUCKET, Key=f"{one.folder}/{name}", Body=json.dumps(document).encode())
        one.status, one.charged = "COMPLETED", TASK_PRICE + SHOT_PRICE * one.request["shots"]

    def spoil(self, task: str) -> None:
        self.all_tasks[task].status, self.all_tasks[task].reason = "FAILED", "the device lost its ions"

    def overrun(self, task: str) -> None:
        raise AssertionError("Braket enforces no ceilings")

    def wait(self, seconds: float) -> None:
        super().wait(seconds)
        for task in list(self.all_tasks.values()):
            if task.cancelled <= self._now and task.status == "CANCELLING":
                task.status = "CANCELLED"

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> Reply | None:
        """The answer to a request; None where the connection is to break off."""
        operation, parameters = _asked(method, target, body)
        self.operations.append(operation)
        call: Call = {"CreateQuantumTask": "submit", "CancelQuantumTask": "cancel"}.get(operation, "read")  # type: ignore[assignment]
        if call == "submit":
            self.requests.append(parameters)
        if operation in self.instead:
            return self.instead[operation]
        fault = self._failing.get(call)
        if fault is None or fault.accepted:
            reply = self._dispatch(operation, parameters, headers)
        return reply if fault is None else self._fail(fault, headers)

    def _fail(self, fault: Fault, headers: Any) -> Reply | None:
        told = f"{headers['Authorization']} {headers['X-Amz-Security-Token']} {SECRET_KEY}"
        match fault.answer:
            case "unauthorized":
                return BraketReply.error("UnrecognizedClientException", f"The security token is invalid: {told}", 403)
            case "forbidden":
                return BraketReply.error("AccessDeniedException", "You are not authorized to perform this action")
            case "invalid":
                return BraketReply.error("ValidationException", f"The request is invalid: {told}")
            case "throttled":
                return BraketReply.error("ThrottlingException", "Rate exceeded")
        return self._unserved(fault)

    def _dispatch(self, operation: str, parameters: dict[str, Any], headers: Any) -> Reply:
        scope = rf"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/\d{{8}}/{REGION}/braket/aws4_request, .*"
        if not re.fullmatch(scope, headers["Authorization"]) or headers["X-Amz-Security-Token"] != self.session_token:
            return BraketReply.error("UnrecognizedClientException", "The security token is invalid", 403)
        model = MODEL.operation_model(operation)
        if report := _misfit(parameters, model.input_shape):
            return BraketReply.error("ValidationException", report)
        done = {
            "GetDevice": self._device,
            "CreateQuantumTask": self._create,
            "GetQuantumTask": self._get,
            "SearchQuantumTasks": self._search,
            "CancelQuantumTask": self._cancel,
        }[operation](parameters)
        if isinstance(done, Reply):
            return done
        report = _misfit(done, model.output_shape)
        assert not report, report
        return Reply.of(done, model.http["responseCode"])

    def _device(self, parameters: dict[str, Any]) -> Any:
        if parameters["deviceArn"] != DEVICE:
            return BraketReply.error("ResourceNotFoundException", "Device not found")
        return {
            "deviceArn": DEVICE,
            "deviceName": "Forte-1",
            "providerName": "IonQ",
            "deviceType": "QPU",
            "deviceStatus": self.status,
            "deviceCapabilities": json.dumps(self.capabilities),
            "deviceQueueInfo": [
                {"queue": "QUANTUM_TASKS_QUEUE", "queueSize": "4", "queuePriority": "Normal"},
                {"queue": "QUANTUM_TASKS_QUEUE", "queueSize": "1", "queuePriority": "Priority"},
                {"queue": "JOBS_QUEUE", "queueSize": "7"},
            ],
        }

    def _create(self, parameters: dict[str, Any]) -> Any:
        with self._creating:
            return self._created(parameters)

    def _created(self, parameters: dict[str, Any]) -> Any:
        for task in list(self.all_tasks.values()):
            if task.request["clientToken"] == parameters["clientToken"]:
                if task.request != parameters:
                    return BraketReply.error("ValidationException", "The client token was used with other parameters")
                return {"quantumTaskArn": task.arn}
        if report := untaggable(parameters.get("tags", {})):
            return BraketReply.error("ValidationException", report)
        arn = f"{self.unknown_task[:-12]}{len(self.all_tasks) + 1:012d}"
        self.all_tasks[arn] = Task(arn, parameters, self._now)
        return {"quantumTaskArn": arn}

    def _get(self, parameters: dict[str, Any]) -> Any:
        if (task := self.all_tasks.get(parameters["quantumTaskArn"])) is None:
            return BraketReply.error("ResourceNotFoundException", "Quantum task not found")
        position = "2" if task.status == "QUEUED" else "None"
        return _summary(task) | {
            "deviceParameters": task.request.get("deviceParameters", "{}"),
            "queueInfo": {"queue": "QUANTUM_TASKS_QUEUE", "position": position, "queuePriority": "Normal"},
            "failureReason": task.reason,
        }

    def _search(self, parameters: dict[str, Any]) -> Any:
        """The newest first; the token of a page is where it begins."""
        visible = [_summary(task) for task in list(self.all_tasks.values()) if task.created + self._lag <= self._now]
        visible.reverse()
        begin, size = int(parameters.get("nextToken", "0")), parameters.get("maxResults", 10)
        page: dict[str, Any] = {"quantumTasks": visible[begin : begin + size]}
        return page | ({"nextToken": str(begin + size)} if begin + size < len(visible) else {})

    def _cancel(self, parameters: dict[str, Any]) -> Any:
        if (task := self.all_tasks.get(parameters["quantumTaskArn"])) is None:
            return BraketReply.error("ResourceNotFoundException", "Quantum task not found")
        if task.status in OVER:
            return BraketReply.error("ConflictException", f"The quantum task is {task.status}")
        task.status, task.cancelled = "CANCELLING", self._now + 1
        return {"quantumTaskArn": task.arn, "cancellationStatus": "CANCELLING"}


@cache
def _s3(url: str) -> Any:
    """A client of the S3 there, in which the bucket is."""
    client = botocore.session.Session().create_client(
        "s3",
        REGION,
        endpoint_url=url,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(ignore_configured_endpoint_urls=True),
    )
    client.create_bucket(Bucket=BUCKET)
    return client


def _misfit(document: dict[str, Any], shape: Any) -> str:
    """What of a request or an answer is not as the model has it; botocore's own check leaves out maxima and enums."""
    report: str = ParamValidator().validate(document, shape).generate_report()
    if report:
        return report
    for name, value in document.items():
        member = shape.members[name]
        if member.type_name == "string" and len(value) > member.metadata.get("max", len(value)):
            return f"{name} is longer than {member.metadata['max']}"
        if getattr(member, "enum", None) and value not in member.enum:
            return f"{name} is none of {member.enum}"
    return ""


def _asked(method: str, target: str, body: bytes) -> tuple[str, dict[str, Any]]:
    """The operation of a request and its parameters, by the model's paths."""
    parts = urlsplit(target)
    for name in MODEL.operation_names:
        http = MODEL.operation_model(name).http
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", http["requestUri"])
        if http["method"] == method and (match := re.fullmatch(pattern, parts.path)):
            parameters = {member: unquote(value) for member, value in match.groupdict().items()}
            return name, parameters | (json.loads(body) if body else {})
    raise AssertionError(f"Braket has no {method} {target}")


def _summary(task: Task) -> dict[str, Any]:
    return {
        "quantumTaskArn": task.arn,
        "status": task.status,
        "deviceArn": task.request["deviceArn"],
        "shots": task.request["shots"],
        "outputS3Bucket": task.request["outputS3Bucket"],
        "outputS3Directory": task.folder,
        "createdAt": CREATED + timedelta(seconds=task.created),
        "tags": task.request.get("tags", {}),
    }
