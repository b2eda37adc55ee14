"""One provider account as its agent asks it: every call of `decide`, carried out, with what it cost and gave."""

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never, cast

from quantum_operator.agent.calls import (
    Answer,
    Call,
    Cancel,
    CloseSession,
    CompilerError,
    FindSession,
    LookUp,
    NotFetched,
    OpenSession,
    Poll,
    Prepare,
    Refused,
    Submit,
)
from quantum_operator.agent.ceilings import ceiling_of, charge_of, over_ceiling, sum_of
from quantum_operator.agent.compiler import Compiler
from quantum_operator.agent.observed import Load
from quantum_operator.agent.portions import Portion, Portions
from quantum_operator.agent.together import carried, token_of, tokens_of
from quantum_operator.api.quantumtask import QuantumTask
from quantum_operator.api.sharedtask import SharedSubmission, TaskCharge
from quantum_operator.ports.adapter import (
    Absent,
    Adapter,
    AdapterError,
    AmbiguousError,
    Closing,
    CombiningAdapter,
    Device,
    Fetched,
    Found,
    MalformedError,
    Prepared,
    Progress,
    Session,
    SessionAdapter,
    UnavailableError,
    Unknown,
    UnsupportedError,
)

log = logging.getLogger(__name__)


CHARGE_SECONDS = 60.0
"""How long a provider may take to say what it charged, once it has the results."""

CORRELATION_ID = "correlation-id"
"""The key of a job's correlation id among its tags."""


@dataclass(frozen=True)
class GatheredTogether:
    """The outcomes of tasks that were submitted together, none of them stored yet; whether each is only an error."""

    parts: tuple[tuple[QuantumTask, bytes, bool], ...]
    charge: TaskCharge
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gathered:
    """An outcome that is not stored yet, what it cost, and the duplicates; `spoiled`: it is only an error."""

    data: bytes
    charge: TaskCharge
    others: tuple[str, ...] = ()
    spoiled: bool = False


Brought = Answer | Gathered | GatheredTogether


class Account:
    """Blocking calls of one account. What is prepared is kept until it was submitted; nothing else is remembered."""

    def __init__(self, adapter: Adapter, compiler: Compiler) -> None:
        self.adapter = adapter
        self.compiler = compiler
        self._portions = Portions(compiler)
        self._prepared: dict[str, Prepared] = {}
        self._ready: dict[str, datetime] = {}
        self._devices: dict[str, Device] = {}
        self._unpriced: dict[str, float] = {}
        self._opened: dict[str, str] = {}
        self._alone: set[str] = set()

    def load(self, task: QuantumTask) -> Load | None:
        """The circuits of the task that are ready to be sent; None where they are not."""
        prepared = self._prepared.get(task.metadata.uid)
        return None if prepared is None else Load(len(prepared.shots), sum(prepared.shots))

    def ready_for(self, task: QuantumTask, now: datetime) -> float:
        """For how many seconds its circuits have been ready to be sent, since this was first asked."""
        if task.metadata.uid not in self._prepared:
            self._ready.pop(task.metadata.uid, None)
            return 0.0
        return (now - self._ready.setdefault(task.metadata.uid, now)).total_seconds()

    def is_alone(self, task: QuantumTask) -> bool:
        """Whether nothing else was found under its token when duplicates were last sought, once it was over."""
        return task.metadata.uid in self._alone

    def known(self, device: Device) -> None:
        """A device as it is now."""
        self._devices[device.name] = device

    def forget(self, uid: str) -> None:
        """The task is over."""
        self._prepared.pop(uid, None)
        self._ready.pop(uid, None)
        self._unpriced.pop(uid, None)
        self._alone.discard(uid)
        self.compiler.forget(uid)
        self._portions.forget(uid)
        self._opened = {session: task for session, task in self._opened.items() if task != uid}

    def call(self, task: QuantumTask, call: Call, now: datetime) -> Brought:
        """Make the call, which begins now. Raises nothing: an error is an answer."""
        try:
            return self._call(task, call, now)
        except AdapterError as error:
            return error
        except Exception:
            log.exception("task %s: %s raised what no adapter may", task.metadata.name, type(call).__name__)
            return AmbiguousError("the adapter failed; its log says how")

    def _call(self, task: QuantumTask, call: Call, now: datetime) -> Brought:
        match call:
            case Prepare():
                return self._prepare(task)
            case Submit():
                return self._submit(task, call, now)
            case LookUp():
                return self.adapter.find(token_of(task))
            case Poll():
                return self._poll(task, call.others)
            case Cancel():
                return self._cancel(task, call.others)
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

    def _submit(self, task: QuantumTask, call: Submit, now: datetime) -> Answer:
        if now >= call.deadline:
            return UnavailableError("the call would have begun too late")
        if call.others:
            return self._submit_together((task, *call.others))
        try:
            tags = tags_of(task)
            more: dict[str, Any] = {"tags": tags} if tags else {}
            if task.status.session is not None:
                more["session"] = task.status.session.id
            return self.adapter.submit(self._prepared[task.metadata.uid], task.spec.token, ceiling_of(task), **more)
        finally:
            self._prepared.pop(task.metadata.uid, None)

    def _submit_together(self, tasks: Sequence[QuantumTask]) -> Answer:
        """One submission of all their circuits, under the ceilings of all."""
        parts = [self._prepared.pop(one.metadata.uid, None) for one in tasks]
        ready = [one for one in parts if one is not None]
        if len(ready) < len(parts):
            raise UnavailableError("not all circuits are prepared any more")
        prepared, ceiling = cast("CombiningAdapter", self.adapter).combine(ready), sum_of(tasks)
        problem = over_ceiling(self.adapter, prepared, ceiling)
        if problem:
            raise UnsupportedError(problem)
        return self.adapter.submit(prepared, token_of(tasks[0]), ceiling)

    def _poll(self, task: QuantumTask, others: Sequence[QuantumTask] = ()) -> Brought:
        provider_id = task.status.provider_id or ""
        progress = self.adapter.poll(provider_id)
        if progress.charged is None and progress.charge_pending and task.spec.mode != "session":
            self._await_charge(task)
        if progress.state != "Succeeded":
            return self._cleared(task, progress)
        try:
            fetched = self.adapter.fetch(provider_id)
        except AdapterError as error:
            return NotFetched(error)
        counts = [one.counts for one in fetched.circuits]
        charge = self._charge(task, fetched)
        device, on = self._device(task), carried(task)
        if on is not None:
            return self._divided(on, (task, *others), fetched, charge)
        try:
            data = self.compiler.assemble(task, device, counts, fetched.versions)
        except CompilerError as error:
            return NotFetched(error)
        return Gathered(data, charge, self._duplicates(task), spoiled="error" in json.loads(data))

    def _divided(
        self, on: SharedSubmission, tasks: Sequence[QuantumTask], fetched: Fetched, charge: TaskCharge
    ) -> Answer | GatheredTogether:
        """To each of the tasks its own circuits, in the order that is on record. One that can't be read has no part."""
        there = {one.metadata.uid: one for one in tasks}
        if len(fetched.circuits) != sum(one.circuits for one in on.members):
            return NotFetched(MalformedError("the results are not of as many circuits as were submitted"))
        portions, begin = [], 0
        for member in on.members:
            counts = [one.counts for one in fetched.circuits[begin : begin + member.circuits]]
            begin += member.circuits
            if member.uid in there:
                portions.append(Portion(there[member.uid], counts))
        turn = tasks[0].status.fetches
        try:
            parts = self._portions.assembled(portions, self._device(tasks[0]), fetched.versions, turn)
        except CompilerError as error:
            return NotFetched(error)
        return GatheredTogether(parts, charge, self._duplicates(tasks[0]))

    def _cancel(self, task: QuantumTask, others: Sequence[QuantumTask]) -> Brought:
        """Have it cancelled. Where that fails it may be over all the same, and this is what came of it."""
        try:
            return self.adapter.cancel(task.status.provider_id or "")
        except AdapterError:
            found = self._poll(task, others)
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
        """Other submissions under the task's tokens, each cancelled: there can be one where it was submitted again."""
        if task.status.submissions < 2 and not task.status.duplicates:
            return ()
        found = [self.adapter.find(one) for one in tokens_of(task)]
        ids = {one for under in found if isinstance(under, Found) for one in under.ids} | set(task.status.duplicates)
        others = tuple(sorted(ids - {task.status.provider_id}))
        self._alone.discard(task.metadata.uid)
        if isinstance(found[0], Found) and not others and not any(isinstance(one, Unknown) for one in found):
            self._alone.add(task.metadata.uid)
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
