"""One provider account as its agent asks it: every call of `decide`, carried out, with what it cost and gave."""

import json
import logging
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never, cast

from quantum_operator.agent.calls import (
    Answer,
    Call,
    Cancel,
    CloseSession,
    FindSession,
    LookUp,
    OpenSession,
    Poll,
    Prepare,
    Refused,
    Submit,
)
from quantum_operator.agent.compiler import Compiler, CompilerError
from quantum_operator.api.quantumtask import QuantumTask, TaskCharge
from quantum_operator.ports.adapter import (
    Absent,
    Adapter,
    AdapterError,
    AmbiguousError,
    Ceiling,
    Closing,
    Device,
    Fetched,
    Found,
    MalformedError,
    Prepared,
    Progress,
    Session,
    SessionAdapter,
    UnavailableError,
    UnsupportedError,
)

log = logging.getLogger(__name__)


CHARGE_SECONDS = 60.0
"""How long a provider may take to say what it charged, once it has the results."""

CORRELATION_ID = "correlation-id"
"""The key of a job's correlation id among its tags."""


@dataclass(frozen=True)
class Gathered:
    """An outcome that is not stored yet, what it cost, and the duplicates; `spoiled`: it is only an error."""

    data: bytes
    charge: TaskCharge
    others: tuple[str, ...] = ()
    spoiled: bool = False


class Account:
    """Blocking calls of one account. What is prepared is kept until it was submitted; nothing else is remembered."""

    def __init__(self, adapter: Adapter, compiler: Compiler) -> None:
        self.adapter = adapter
        self.compiler = compiler
        self._prepared: dict[str, Prepared] = {}
        self._devices: dict[str, Device] = {}
        self._unpriced: dict[str, float] = {}
        self._opened: dict[str, str] = {}

    def is_prepared(self, task: QuantumTask) -> bool:
        """Whether the task's circuits are ready to be sent."""
        return task.metadata.uid in self._prepared

    def known(self, device: Device) -> None:
        """A device as it is now."""
        self._devices[device.name] = device

    def forget(self, uid: str) -> None:
        """The task is over."""
        self._prepared.pop(uid, None)
        self._unpriced.pop(uid, None)
        self._opened = {session: task for session, task in self._opened.items() if task != uid}

    def call(self, task: QuantumTask, call: Call, now: datetime) -> Answer | Gathered:
        """Make the call, which begins now. Raises nothing: an error is an answer."""
        try:
            return self._call(task, call, now)
        except AdapterError as error:
            return error
        except CompilerError as error:
            return UnavailableError(str(error))
        except Exception:
            log.exception("task %s: %s raised what no adapter may", task.metadata.name, type(call).__name__)
            return AmbiguousError("the adapter failed; its log says how")

    def _call(self, task: QuantumTask, call: Call, now: datetime) -> Answer | Gathered:
        match call:
            case Prepare():
                return self._prepare(task)
            case Submit():
                return self._submit(task, call.deadline, now)
            case LookUp():
                return self.adapter.find(task.spec.token)
            case Poll():
                return self._poll(task)
            case Cancel():
                return self._cancel(task)
            case OpenSession():
                return self._open_session(task, call.deadline, now)
            case FindSession():
                return self._find_session(task, call)
            case CloseSession():
                return self._close_session(task, at_once=call.at_once)
            case _:
                assert_never(call)

    def _open_session(self, task: QuantumTask, deadline: datetime, now: datetime) -> Answer:
        if now >= deadline:
            return UnavailableError("the call would have begun too late")
        opened = self._sessions.open_session(session_of(task))
        self._opened[opened] = task.metadata.uid
        return opened

    def _find_session(self, task: QuantumTask, call: FindSession) -> Answer:
        """The session that was opened for the task, or may have been; there should be no second one: it is closed."""
        found = self._sessions.find_sessions(session_of(task), call.since)
        if not isinstance(found, Found):
            return found
        uid = task.metadata.uid
        ours = [one for one in found.ids if one not in call.elsewhere and self._opened.get(one, uid) == uid]
        for one in ours[1:]:
            log.warning("task %s: %s is another session that may be its own, and closed", task.metadata.name, one)
            self._sessions.close_session(one, at_once=True)
        return Found(tuple(ours[:1])) if ours else Absent()

    def _close_session(self, task: QuantumTask, *, at_once: bool) -> Answer:
        session = task.status.session
        if session is None or session.id is None:
            return Closing(closed=True)
        closing = self._sessions.close_session(session.id, at_once=at_once)
        if at_once and closing.closed and closing.charged is None and closing.charge_pending:
            self._await_charge(task)
        return closing

    @property
    def _sessions(self) -> SessionAdapter:
        """The adapter of a provider that has sessions."""
        if self.adapter.capabilities().modes == ("job",):
            raise UnsupportedError("the provider has no sessions and no batches")
        return cast("SessionAdapter", self.adapter)

    def _prepare(self, task: QuantumTask) -> Answer | Gathered:
        if task.spec.mode not in self.adapter.capabilities().modes:
            raise UnsupportedError(f"the provider has no mode {task.spec.mode!r} (spec.execution.mode)")
        prepared = self.compiler.prepare(task, self._device(task))
        if isinstance(prepared, bytes):
            nothing = TaskCharge(micros=0, currency=task.spec.ceiling.currency, seconds=0)
            return Gathered(prepared, nothing, spoiled=True)
        problem = over_ceiling(self.adapter, prepared, ceiling_of(task))
        if problem:
            return Refused(problem)
        self._prepared[task.metadata.uid] = prepared
        return None

    def _submit(self, task: QuantumTask, deadline: datetime, now: datetime) -> Answer:
        if now >= deadline:
            return UnavailableError("the call would have begun too late")
        try:
            tags = tags_of(task)
            more: dict[str, Any] = {"tags": tags} if tags else {}
            if task.status.session is not None:
                more["session"] = task.status.session.id
            return self.adapter.submit(self._prepared[task.metadata.uid], task.spec.token, ceiling_of(task), **more)
        finally:
            self._prepared.pop(task.metadata.uid, None)

    def _poll(self, task: QuantumTask) -> Answer | Gathered:
        provider_id = task.status.provider_id or ""
        progress = self.adapter.poll(provider_id)
        if progress.charged is None and progress.charge_pending and task.spec.mode != "session":
            self._await_charge(task)
        if progress.state != "Succeeded":
            return self._cleared(task, progress)
        fetched = self.adapter.fetch(provider_id)
        counts = [one.counts for one in fetched.circuits]
        charge = self._charge(task, fetched)
        data = self.compiler.assemble(task, self._device(task), counts, fetched.versions)
        return Gathered(data, charge, self._duplicates(task), spoiled="error" in json.loads(data))

    def _cancel(self, task: QuantumTask) -> Answer | Gathered:
        """Have it cancelled. Where that fails it may be over all the same, and this is what came of it."""
        try:
            return self.adapter.cancel(task.status.provider_id or "")
        except AdapterError:
            found = self._poll(task)
            if isinstance(found, Progress) and found.state in ("Queued", "Running"):
                raise
            return found

    def _charge(self, task: QuantumTask, fetched: Fetched) -> TaskCharge:
        """What was charged. Raises UnavailableError while the provider may yet say it."""
        if task.spec.mode == "session":
            return TaskCharge(currency=task.spec.ceiling.currency)  # it is the session that is paid for
        charge = charge_of(fetched, task)
        if charge.micros is None and fetched.seconds is None:
            self._await_charge(task)
        return charge

    def _await_charge(self, task: QuantumTask) -> None:
        """Raises UnavailableError while there is still hope that the provider says what it charged."""
        since = self._unpriced.setdefault(task.metadata.uid, time.monotonic())
        if time.monotonic() - since < CHARGE_SECONDS:
            raise UnavailableError("it is over, and the provider has not said yet what it charges", retry_after=2.0)

    def _cleared(self, task: QuantumTask, progress: Progress) -> Progress:
        """Duplicates of a task that ended go as well."""
        if progress.state in ("Failed", "Cancelled"):
            self._duplicates(task)
        return progress

    def _duplicates(self, task: QuantumTask) -> tuple[str, ...]:
        """Other submissions under the task's token, each cancelled: there can be one where it was submitted again."""
        if task.status.submissions < 2 and not task.status.duplicates:
            return ()
        found = self.adapter.find(task.spec.token)
        ids = set(found.ids if isinstance(found, Found) else ()) | set(task.status.duplicates)
        others = tuple(sorted(ids - {task.status.provider_id}))
        for one in others:
            log.warning("task %s: %s is a duplicate, and cancelled", task.metadata.name, one)
            self.adapter.cancel(one)
        return others

    def _device(self, task: QuantumTask) -> Device:
        device = self._devices.get(task.spec.device)
        if device is None:
            found = self.adapter.devices([task.spec.device])
            if not found:
                raise UnavailableError(f"the account has no device {task.spec.device!r}")
            device = self._devices[task.spec.device] = found[0]
        return device


def tags_of(task: QuantumTask) -> dict[str, str]:
    """What the task is to be found by at the provider, the most important first."""
    spec = task.spec
    correlated = {} if spec.correlation_id is None else {CORRELATION_ID: spec.correlation_id}
    return correlated | {key: spec.tags[key] for key in sorted(spec.tags) if key not in correlated}


def session_of(task: QuantumTask) -> Session:
    """The session that the task is to have, which can't cost more than the task may."""
    return Session(task.spec.device, task.spec.mode, ceiling_of(task))


def ceiling_of(task: QuantumTask) -> Ceiling:
    """The task's ceiling as the adapter takes it."""
    given = task.spec.ceiling
    return Ceiling(given.micros, given.currency, given.seconds)


def over_ceiling(adapter: Adapter, prepared: Prepared, ceiling: Ceiling) -> str:
    """Why a submission could cost more than it may; empty where it can't."""
    estimate = adapter.estimate(prepared)
    if estimate.cost_micros is None:
        if adapter.capabilities().enforces_ceiling:
            return ""
        return "what it would cost is not known: give the agent the provider's prices"
    if estimate.currency != ceiling.currency:
        return f"it costs {estimate.currency}, and its ceiling is in {ceiling.currency}"
    if estimate.cost_micros > ceiling.cost_micros:
        return (
            f"it would cost {estimate.cost_micros} millionths of {ceiling.currency}, at most {ceiling.cost_micros} may"
        )
    return ""


def charge_of(fetched: Fetched, task: QuantumTask) -> TaskCharge:
    """What was charged. Raises MalformedError where that is in another currency than the task's ceiling."""
    currency = task.spec.ceiling.currency
    if fetched.cost_micros is not None and fetched.currency != currency:
        raise MalformedError(f"the provider charges {fetched.currency}, and the ceiling is in {currency}")
    return TaskCharge(micros=fetched.cost_micros, currency=currency, seconds=fetched.seconds)
