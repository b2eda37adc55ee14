"""The adapter of one Amazon Braket account."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, Literal

from quantum_adapters.braket import layout, results
from quantum_adapters.braket.devices import device_of
from quantum_adapters.braket.settings import Settings
from quantum_adapters.braket.tags import MAX_TAGS, labels
from quantum_adapters.braket.wire import CONNECT_SECONDS, OverError, Wire
from quantum_operator.ports.adapter import (
    NO_TAGS,
    Absent,
    AdapterError,
    AmbiguousError,
    Cancelled,
    Capabilities,
    Ceiling,
    Charged,
    Circuits,
    Device,
    Estimate,
    Fetched,
    Found,
    Lookup,
    LostError,
    MalformedError,
    Prepared,
    Progress,
    RejectedError,
    Unknown,
)

State = Literal["Queued", "Running", "Succeeded", "Failed", "Cancelled"]

TOKEN = "quantum-operator.dev/token"  # noqa: S105  # the key of a tag
LAYOUT = "quantum-operator.dev/bits"
PAGE = 100
PAGES = 100
SDK_VERSION = version("amazon-braket-sdk")
STATES: dict[str, State] = {
    "CREATED": "Queued",
    "QUEUED": "Queued",
    "RUNNING": "Running",
    "CANCELLING": "Running",
    "COMPLETED": "Succeeded",
    "FAILED": "Failed",
    "CANCELLED": "Cancelled",
}


class BraketAdapter:
    """One account of Amazon Braket in one region. Its token is a task's client token, and a tag to find it by."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._wire = Wire(settings)

    def capabilities(self) -> Capabilities:
        """What can be promised: twenty submissions a second are AWS's quota for an account and region."""
        return Capabilities(
            provider="Amazon Braket",
            token="provider",  # noqa: S106  # not a secret
            visibility_seconds=self._settings.visibility_seconds,
            enforces_ceiling=False,
            max_circuits=self._settings.max_circuits,
            submissions_per_minute=1200,
            submit_seconds=math.ceil(2 * (CONNECT_SECONDS + self._settings.timeout_seconds)),
            sdk_version=SDK_VERSION,
        )

    def devices(self, names: Sequence[str]) -> tuple[Device, ...]:
        """Devices, by their ARNs; one of another region is not there."""
        return tuple(device for name in names if (device := self._device(name)) is not None)

    def prepare(self, circuits: Circuits) -> Prepared:
        """The action of a quantum task: an OpenQASM program, or a set of them."""
        from quantum_adapters.braket.circuits import payload_of  # noqa: PLC0415  # who only talks needs no SDK for it

        return Prepared(circuits.device.name, payload_of(circuits, self._settings.max_circuits), circuits.shots)

    def estimate(self, prepared: Prepared) -> Estimate:
        """The price of the task and of its shots, which is all that a QPU costs."""
        cost = self._settings.price(prepared.device, sum(prepared.shots))
        return Estimate(cost, self._settings.currency, None)

    def submit(self, prepared: Prepared, token: str, ceiling: Ceiling, *, tags: Mapping[str, str] = NO_TAGS) -> str:
        """One request, which makes one task however often it is sent. Nothing is sent that costs more than it may."""
        task = _action(prepared)
        cost = self._settings.price(prepared.device, sum(prepared.shots))
        if cost is not None:
            if ceiling.currency != self._settings.currency:
                raise RejectedError(f"a ceiling in {ceiling.currency}; the price is in {self._settings.currency}")
            if cost > ceiling.cost_micros:
                raise RejectedError(f"the task costs {cost} millionths, the ceiling is {ceiling.cost_micros}")
        own = {TOKEN: token, LAYOUT: task["layout"]}
        answer = self._wire.ask(
            "create_quantum_task",
            {
                "clientToken": token,
                "deviceArn": prepared.device,
                "shots": task["shots"],
                "action": task["action"],
                "outputS3Bucket": self._settings.bucket,
                "outputS3KeyPrefix": self._settings.prefix,
                "tags": own | labels(tags, MAX_TAGS - len(own)) | own,
            },
            changes=True,
        )
        arn = answer.get("quantumTaskArn")
        if not isinstance(arn, str) or not self._is_task(arn):
            raise AmbiguousError("Amazon Braket answers a submission without a task's ARN")
        return arn

    def find(self, token: str) -> Lookup:
        """The tasks that have the token as a tag. Braket can't search for tags, so every task is looked at."""
        try:
            tasks, complete = self._tagged(token)
        except AdapterError as error:
            return Unknown(str(error))
        if tasks:
            return Found(tuple(tasks))
        return Absent() if complete else Unknown(f"the account has more than {PAGE * PAGES} tasks")

    def poll(self, task: str) -> Progress:
        """The task's state. One that is being cancelled still runs; one without results costs nothing on a QPU."""
        told = self._task(task)
        state, message = _state(told), str(told.get("failureReason") or "")[:500]
        if told["status"] == "CANCELLING":
            message = "it is being cancelled"
        if state == "Failed":
            message = message or "Amazon Braket gives no reason"
        charged = self._charged(told) if state in ("Failed", "Cancelled") else None
        return Progress(state, message, _position(told) if state == "Queued" else None, charged)

    def fetch(self, task: str) -> Fetched:
        """The counts, and what the shots that were asked for cost by the settings: Braket itself tells no cost."""
        told = self._task(task)
        if (state := _state(told)) != "Succeeded":
            raise RejectedError(f"the task has no result: it is {state}")
        try:
            layouts = layout.read(told["tags"][LAYOUT])
            shots, device = int(told["shots"]), str(told["deviceArn"])
            bucket, folder = str(told["outputS3Bucket"]), str(told["outputS3Directory"])
        except (KeyError, TypeError, ValueError):
            raise MalformedError(f"Amazon Braket's task {task} is not as it was submitted") from None
        result = results.read(bucket, folder, self._wire.get)
        return Fetched(
            circuits=results.counts_of(result, layouts, shots, self._wire.get),
            cost_micros=self._settings.price(device, shots),
            currency=self._settings.currency,
            seconds=results.seconds_of(result),
            versions={"botocore": version("botocore")},
        )

    def cancel(self, task: str) -> Cancelled:
        """Confirmed where the task is cancelled at once; one on a QPU takes its time."""
        self._known(task)
        try:
            answer = self._wire.ask("cancel_quantum_task", {"quantumTaskArn": task}, changes=True)
        except OverError:
            return Cancelled(confirmed=False, message="the task is over")
        status = str(answer.get("cancellationStatus"))
        return Cancelled(confirmed=status == "CANCELLED", message=f"the task is {status}")

    def _charged(self, told: Mapping[str, Any]) -> Charged | None:
        """What a task without results costs: by the SDK's own cost tracker nothing on a QPU; of simulators not told."""
        on_qpu = "device/qpu/" in str(told.get("deviceArn"))
        return Charged(0, self._settings.currency, None) if on_qpu else None

    def _device(self, name: str) -> Device | None:
        """The device of this ARN; None where the account has none."""
        if re.fullmatch(r"arn:aws[a-z-]*:braket:[a-z0-9-]*::device/[A-Za-z0-9/._-]{1,200}", name) is None:
            return None
        try:
            answer = self._wire.ask("get_device", {"deviceArn": name})
        except LostError:
            return None
        return device_of(answer)

    def _tagged(self, token: str) -> tuple[list[str], bool]:
        """The ARNs of all tasks with this tag, oldest first, and whether every task was looked at."""
        found: dict[str, Any] = {}
        more: dict[str, str] = {}
        for _ in range(PAGES):
            answer = self._wire.ask("search_quantum_tasks", {"filters": [], "maxResults": PAGE} | more)
            try:
                listed = [
                    (one["quantumTaskArn"], one["createdAt"], one.get("tags") or {}) for one in answer["quantumTasks"]
                ]
                found |= {task: created for task, created, tags in listed if tags.get(TOKEN) == token}
                ordered = sorted(found, key=lambda task: found[task])
            except (KeyError, TypeError, AttributeError):
                raise MalformedError("Amazon Braket's list of tasks can't be read") from None
            if not answer.get("nextToken"):
                return ordered, True
            more = {"nextToken": str(answer["nextToken"])}
        return ordered, False

    def _task(self, task: str) -> Mapping[str, Any]:
        self._known(task)
        return self._wire.ask("get_quantum_task", {"quantumTaskArn": task, "additionalAttributeNames": ["QueueInfo"]})

    def _known(self, task: str) -> None:
        if not self._is_task(task):
            raise LostError(f"{task[:200]!r} is no ARN of a task in {self._settings.region}")

    def _is_task(self, arn: str) -> bool:
        region = re.escape(self._settings.region)
        return (
            re.fullmatch(rf"arn:aws[a-z-]*:braket:{region}:\d{{12}}:quantum-task/[A-Za-z0-9-]{{1,64}}", arn) is not None
        )


def _action(prepared: Prepared) -> dict[str, Any]:
    """What is to be sent. Who made it read programs that may be hostile: it must take the shots that are paid for."""
    try:
        task = json.loads(prepared.payload)
        sound = {name: type(value) for name, value in task.items()} == {"action": str, "shots": int, "layout": str}
    except (ValueError, RecursionError, AttributeError):
        sound = False
    if not sound:
        raise RejectedError("what was prepared is no task of Amazon Braket's")
    if task["shots"] != sum(prepared.shots):
        raise RejectedError(f"what was prepared takes {task['shots']} shots, and says that it takes {prepared.shots}")
    return dict(task)


def _state(told: Mapping[str, Any]) -> State:
    try:
        return STATES[told["status"]]
    except (KeyError, TypeError):
        raise MalformedError("Amazon Braket tells a state of a task that is not documented") from None


def _position(told: Mapping[str, Any]) -> int | None:
    """The place in the queue; None where it is not a number, such as `>2000`."""
    queue = told.get("queueInfo")
    position = str(queue.get("position")) if isinstance(queue, dict) else ""
    return int(position) if position.isdigit() and int(position) >= 1 else None
