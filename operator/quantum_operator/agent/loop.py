"""The agent's loop: observe a task, decide, write, call the provider, write what it said."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from quantum_operator.agent.account import Account, Gathered
from quantum_operator.agent.decide import Answer, Call, Results, Spoiled, Submit, TaskObserved, decide, heard
from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.quantumtask import OVER, QuantumTask, QuantumTaskStatus, TaskClaim
from quantum_operator.decide.times import parse
from quantum_operator.ports.errors import GoneError
from quantum_operator.ports.world import Key

log = logging.getLogger(__name__)

LONGEST_POLL_SECONDS = 60.0


class TaskStore(Protocol):
    """The tasks of one agent."""

    async def task(self, key: Key) -> QuantumTask | None:
        """The task with its input, or None."""

    async def put_status(self, task: QuantumTask, status: QuantumTaskStatus) -> QuantumTask:
        """Write the status if the task is still as it was observed, and return the task as it is then.

        Raises ConflictError when it is not, GoneError when the task is no longer there.
        """

    async def put_outcome(self, task: QuantumTask, data: bytes) -> ArtifactRef:
        """Keep an outcome, which goes with the task. A no-op when it is there already."""


@dataclass
class Pace:
    """How often the provider may be asked. Submissions are spread over a minute's limit, with a tenth of it at once."""

    submissions_per_minute: int
    poll_seconds: float
    _tokens: float = 0.0
    _since: float = field(default_factory=time.monotonic)
    _polled: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._tokens = self._burst

    @property
    def _burst(self) -> float:
        return max(1.0, self.submissions_per_minute / 10)

    def submit_in(self) -> float:
        """Seconds until another submission may begin."""
        self._fill()
        return max(0.0, (1.0 - self._tokens) * 60 / self.submissions_per_minute)

    def submitted(self) -> None:
        """A submission begins."""
        self._fill()
        self._tokens -= 1.0

    def poll_in(self, task: QuantumTask, now: datetime) -> float:
        """Seconds until the task is asked after again: more, the longer it has been there."""
        last = self._polled.get(task.metadata.uid)
        if last is None or task.status.submitted_time is None:
            return 0.0
        age = max(0.0, (now - parse(task.status.submitted_time)).total_seconds())
        pause = min(LONGEST_POLL_SECONDS, max(self.poll_seconds, age / 20))
        return max(0.0, last + pause - time.monotonic())

    def polled(self, uid: str) -> None:
        """The task was asked after."""
        self._polled[uid] = time.monotonic()

    def forget(self, uid: str) -> None:
        """The task is over."""
        self._polled.pop(uid, None)

    def _fill(self) -> None:
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._since) * self.submissions_per_minute / 60)
        self._since = now


class TaskReconciler:
    """Brings one task at a time a step on."""

    def __init__(
        self,
        store: TaskStore,
        account: Account,
        pace: Pace,
        now: Callable[[], datetime],
        identity: str,
        former: tuple[str, ...] = (),
    ) -> None:
        self._store = store
        self._account = account
        self._pace = pace
        self._now = now
        self._identity = identity
        self._former = former
        self._unsaid: dict[str, tuple[Submit, TaskClaim | None, Answer]] = {}
        """What the provider said to submissions, by the tasks' UIDs, where the status could not be written."""

    async def reconcile(self, key: Key) -> float | None:
        """Take the task one step on; the seconds after which to look again. Raises ConflictError, TransientError."""
        task = await self._store.task(key)
        if task is None:
            return None
        if task.status.state in OVER:
            self._forget(task)
            return None
        try:
            return await self._step(task)
        except GoneError:
            self._forget(task)
            return None

    async def _step(self, task: QuantumTask) -> float | None:
        if task.metadata.uid in self._unsaid:
            return await self._say(task)
        decision = decide(self._observed(task))
        call = decision.call
        if isinstance(call, Submit):
            # Taken before the first wait, so that no two workers take one place; a lost one only costs time.
            self._pace.submitted()
        if decision.status != task.status:
            written = await self._write(task, decision.status)
            if written.spec.token != task.spec.token:
                return 0.0
            task = written
            if call is None and decision.look_again is None:
                return 0.0  # the watch brings no news of what was written here
        if call is None:
            return decision.look_again
        answer = await asyncio.to_thread(self._account.call, task, call)
        if isinstance(call, Submit):
            self._unsaid[task.metadata.uid] = call, task.status.claim, await self._kept(task, answer)
            return await self._say(task)
        self._pace.polled(task.metadata.uid)
        await self._hear(task, call, await self._kept(task, answer))
        return 0.0

    async def _say(self, task: QuantumTask) -> float:
        """Write what the provider said to the submission: it is kept until that succeeds, or the claim is another."""
        call, claim, answer = self._unsaid[task.metadata.uid]
        if task.status.claim == claim and task.status.provider_id is None:
            await self._hear(task, call, answer)
        self._unsaid.pop(task.metadata.uid, None)
        return 0.0

    async def _hear(self, task: QuantumTask, call: Call, answer: Answer) -> None:
        status = heard(self._observed(task), call, answer)
        if status != task.status:
            await self._write(task, status)
            log.info("task %s: %s %s %s", task.metadata.name, status.state, status.reason, status.message)

    async def _write(self, task: QuantumTask, status: QuantumTaskStatus) -> QuantumTask:
        written = await self._store.put_status(task, status)
        if status.state in OVER:
            self._forget(task)  # it is not seen again
        return written

    def _forget(self, task: QuantumTask) -> None:
        self._account.forget(task.metadata.uid)
        self._pace.forget(task.metadata.uid)
        self._unsaid.pop(task.metadata.uid, None)

    def _observed(self, task: QuantumTask) -> TaskObserved:
        now = self._now()
        return TaskObserved(
            now=now,
            task=task,
            agent=self._identity,
            capabilities=self._account.adapter.capabilities(),
            former=self._former,
            prepared=self._account.is_prepared(task),
            submit_in=self._pace.submit_in(),
            poll_in=self._pace.poll_in(task, now),
        )

    async def _kept(self, task: QuantumTask, answer: Answer | Gathered) -> Answer:
        """An outcome is stored before the status that refers to it."""
        if not isinstance(answer, Gathered):
            return answer
        ref = await self._store.put_outcome(task, answer.data)
        if answer.spoiled:
            return Spoiled(ref, "its outcome says why", answer.charge)
        return Results(ref, answer.charge, answer.others)
