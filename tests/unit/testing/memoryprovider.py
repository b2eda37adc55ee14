"""A provider in memory that obeys the conformance suite, and a correct adapter for it.

Its QPY is no QPY but the programs themselves in JSON, of which it executes flips and measurements.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

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
    ForbiddenError,
    Found,
    Lookup,
    LostError,
    MalformedError,
    Prepared,
    Progress,
    RegisterBits,
    RejectedError,
    SaturatedError,
    UnavailableError,
    Unknown,
    UnsupportedError,
)
from quantum_operator.testing.adapter_bench import State
from quantum_operator.testing.adapter_faults import Answer, Call, Fault

Result = TypeVar("Result")
PRICE = 300_000
LAG = 2


@dataclass
class Task:
    token: str
    circuits: list[tuple[str, int]]
    """Programs, each with its shots."""
    ceiling: Ceiling
    created: float
    state: State = "Queued"
    cost: int = 0


class AnsweredError(Exception):
    def __init__(self, answer: Answer, text: str) -> None:
        super().__init__(text)
        self.answer = answer


class MemoryProvider:
    device = "line"
    secrets = ("s3cr3t",)
    retry_after: float | None = 7.0
    unknown_task = "task-999"

    def __init__(self, *, idempotent: bool = False) -> None:
        self.by_id: dict[str, Task] = {}
        self.idempotent = idempotent
        self.now = 0.0
        self._failing: dict[Call, Fault] = {}
        self._submissions = 0

    def compile(self, programs: Sequence[str], device: Device) -> bytes:
        return json.dumps(list(programs)).encode()

    @contextmanager
    def failing(self, call: Call, fault: Fault) -> Iterator[None]:
        self._failing[call] = fault
        yield
        del self._failing[call]

    def submissions(self) -> int:
        return self._submissions

    def tasks(self, token: str) -> tuple[str, ...]:
        return tuple(name for name, task in self.by_id.items() if task.token == token)

    def charged_micros(self) -> int:
        return sum(task.cost for task in self.by_id.values())

    def start(self, task: str) -> None:
        self.by_id[task].state = "Running"
        self.by_id[task].cost = PRICE // 3

    def finish(self, task: str) -> None:
        self.by_id[task].state = "Succeeded"
        self.by_id[task].cost = PRICE

    def spoil(self, task: str) -> None:
        self.by_id[task].state = "Failed"

    def overrun(self, task: str) -> None:
        one = self.by_id[task]
        one.state, one.cost = "Cancelled", one.ceiling.cost_micros

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def request(self, call: Call, effect: Callable[[], Result]) -> Result:
        """One request: its effect and its answer, unless it is to fail."""
        self._submissions += call == "submit"
        fault = self._failing.get(call)
        if fault is None:
            return effect()
        if fault.accepted:
            effect()
        raise AnsweredError(fault.answer, f"Authorization: {self.secrets[0]}")

    def create(self, token: str, payload: bytes, ceiling: Ceiling) -> str:
        if self.idempotent and self.tasks(token):
            return self.tasks(token)[0]
        name = f"task-{len(self.by_id)}"
        self.by_id[name] = Task(token, json.loads(payload), ceiling, self.now)
        return name

    def cancel(self, task: str) -> bool:
        if self.by_id[task].state not in {"Queued", "Running"}:
            return False
        self.by_id[task].state = "Cancelled"
        return True


class MemoryAdapter:
    """Correct in all that the suite checks."""

    max_circuits = 5

    def __init__(self, provider: MemoryProvider) -> None:
        self.provider = provider

    def capabilities(self) -> Capabilities:
        return Capabilities(
            provider="memory",
            token="provider" if self.provider.idempotent else "tag",
            visibility_seconds=LAG,
            enforces_ceiling=True,
            max_circuits=self.max_circuits,
            submissions_per_minute=60,
            combines=True,
        )

    def devices(self, names: Sequence[str]) -> tuple[Device, ...]:
        self.read(lambda: None)
        line = Device("line", 4, ("x", "cz", "measure"), ((0, 1), (1, 2), (2, 3)), ready=True, max_shots=500)
        return tuple(device for device in (line,) if device.name in names)

    def prepare(self, circuits: Circuits) -> Prepared:
        try:
            programs = json.loads(circuits.qpy)
        except ValueError:
            raise UnsupportedError("this is no QPY") from None
        if len(programs) > self.max_circuits or max(circuits.shots) > circuits.device.max_shots:
            raise UnsupportedError("too many circuits or shots")
        for program in programs:
            self.check(program, circuits.device)
        payload = json.dumps(list(zip(programs, circuits.shots, strict=True))).encode()
        return Prepared(circuits.device.name, payload, circuits.shots)

    def combine(self, parts: Sequence[Prepared]) -> Prepared:
        device, shots = parts[0].device, tuple(one for part in parts for one in part.shots)
        if any(part.device != device for part in parts):
            raise RejectedError("a task is for one device")
        circuits = [circuit for part in parts for circuit in self.circuits_of(part)]
        if len(circuits) > self.max_circuits:
            raise UnsupportedError("too many circuits")
        return Prepared(device, json.dumps(circuits).encode(), shots)

    def circuits_of(self, part: Prepared) -> list[tuple[str, int]]:
        try:
            circuits = [(str(program), int(shots)) for program, shots in json.loads(part.payload)]
        except (ValueError, TypeError, RecursionError):
            raise RejectedError("this was not prepared here") from None
        if tuple(shots for _, shots in circuits) != part.shots:
            raise RejectedError("other circuits or shots than are said")
        return circuits

    def check(self, program: str, device: Device) -> None:
        width = int(re.findall(r"qubit\[(\d+)]", program)[0])
        gates = re.findall(r"^(\w+) q\[", program, re.MULTILINE)
        pairs = re.findall(r"^\w+ q\[(\d+)], q\[(\d+)];", program, re.MULTILINE)
        if width > device.num_qubits:
            raise UnsupportedError("too wide")
        if not set(gates) <= set(device.basis_gates or gates):
            raise UnsupportedError("another gate")
        if any((int(a), int(b)) not in (device.coupling or ()) for a, b in pairs):
            raise UnsupportedError("not coupled")

    def estimate(self, prepared: Prepared) -> Estimate:
        return Estimate(PRICE, "USD", 1)

    def submit(self, prepared: Prepared, token: str, ceiling: Ceiling, *, tags: Mapping[str, str] = NO_TAGS) -> str:
        try:
            return self.provider.request("submit", lambda: self.provider.create(token, prepared.payload, ceiling))
        except AnsweredError as error:
            raise self.refusal(error) or AmbiguousError("was it submitted?") from None

    def find(self, token: str) -> Lookup:
        try:
            tasks = self.read(lambda: self.provider.tasks(token))
        except AdapterError as error:
            return Unknown(str(error))
        seen = tuple(task for task in tasks if self.provider.by_id[task].created + LAG <= self.provider.now)
        return Found(seen) if seen else Absent()

    def poll(self, task: str) -> Progress:
        return self.read(lambda: self.progress(self.task(task)))

    @staticmethod
    def progress(one: Task) -> Progress:
        over = one.state in {"Failed", "Cancelled"}
        return Progress(one.state, message="it says why", charged=Charged(one.cost, "USD", 1) if over else None)

    def fetch(self, task: str) -> Fetched:
        one = self.read(lambda: self.task(task))
        if one.state != "Succeeded":
            raise RejectedError(f"the task is {one.state}")
        circuits = tuple(RegisterBits({execute(program): shots}) for program, shots in one.circuits)
        return Fetched(circuits, one.cost, "USD", 1)

    def cancel(self, task: str) -> Cancelled:
        self.task(task)
        try:
            return Cancelled(confirmed=self.provider.request("cancel", lambda: self.provider.cancel(task)))
        except AnsweredError as error:
            raise self.refusal(error) or AmbiguousError("was it cancelled?") from None

    def task(self, task: str) -> Task:
        if task not in self.provider.by_id:
            raise LostError(f"no task {task!r}")
        return self.provider.by_id[task]

    def read(self, effect: Callable[[], Result]) -> Result:
        try:
            return self.provider.request("read", effect)
        except AnsweredError as error:
            lost = MalformedError("junk") if error.answer == "garbage" else UnavailableError("no answer")
            raise self.refusal(error) or lost from None

    def refusal(self, error: AnsweredError) -> AdapterError | None:
        """The error of an answer that says no; None of one that says nothing."""
        match error.answer:
            case "unauthorized" | "forbidden":
                return ForbiddenError("no")
            case "invalid":
                return RejectedError("not this")
            case "throttled":
                return SaturatedError("not now", retry_after=7.0)
        return None


def execute(program: str) -> str:
    """The bits that a program of flips and measurements gives."""
    ones = {int(q) for q in re.findall(r"^x q\[(\d+)];", program, re.MULTILINE)}
    offsets, bits = {}, 0
    for size, name in re.findall(r"^bit\[(\d+)] (\w+);", program, re.MULTILINE):
        offsets[name] = bits
        bits += int(size)
    value = 0
    for name, bit, q in re.findall(r"(\w+)\[(\d+)] = measure q\[(\d+)];", program):
        value |= (int(q) in ones) << offsets[name] + int(bit)
    if "c = measure q;" in program:
        value = sum(1 << q for q in ones)
    return f"{value:0{bits}b}"
