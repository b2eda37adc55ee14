"""The agent's loop: observe a task, decide, write, call the provider, write what it said."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol

from quantum_operator.agent.account import Account, Brought, Gathered, GatheredTogether
from quantum_operator.agent.calls import Answer, Call, Prepare, Results, ResultsTogether, Spoiled, Submit
from quantum_operator.agent.decide import decide, heard
from quantum_operator.agent.observed import TaskObserved
from quantum_operator.agent.together import carried, ride_of
from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.quantumtask import OVER, QuantumTask, QuantumTaskStatus
from quantum_operator.decide.times import parse
from quantum_operator.ports.errors import ConflictError, GoneError, TransientError
from quantum_operator.ports.world import Key

log = logging.getLogger(__name__)

LONGEST_POLL_SECONDS = 60.0
WRITE_PAUSES = (0.0, 0.2, 1.0, 3.0)
"""How long to wait before what was heard is written again, in seconds."""


class TaskStore(Protocol):
    """The tasks of one agent."""

    async def task(self, key: Key) -> QuantumTask | None:
        """The task with its input, or None."""

    def sessions(self) -> frozenset[str]:
        """The provider's ids of all sessions that are on record, as far as is known."""

    def company(self, task: QuantumTask) -> tuple[QuantumTask, ...]:
        """The other tasks of the task's group that are not over, as far as is known."""

    async def carrier(self, key: Key) -> QuantumTask | None:
        """The task of this name, also where it is over; None where it is gone, which was asked now.

        Raises TransientError.
        """

    async def put_status(self, task: QuantumTask, status: QuantumTaskStatus) -> QuantumTask:
        """Write the status if the task is still as it was observed, and return the task as it is then.

        Raises ConflictError when it is not, GoneError when the task is no longer there.
        """

    async def put_outcome(self, task: QuantumTask, data: bytes) -> ArtifactRef:
        """Keep an outcome, which goes with the task. A no-op when it is there already."""


CallProvider = Callable[[QuantumTask, Call], Awaitable[Brought]]


class Pace:
    """How often the provider may be asked. A tenth of a minute's submissions may begin at once, the rest are spread."""

    def __init__(self, submissions_per_minute: int, poll_seconds: float) -> None:
        self._per_second = submissions_per_minute / 60
        self._burst = max(1.0, submissions_per_minute / 10)
        self._poll_seconds = poll_seconds
        self._room, self._since = self._burst, datetime.min.replace(tzinfo=UTC)
        self._polled: dict[str, datetime] = {}

    def submit_in(self, now: datetime) -> float:
        """Seconds until another submission may begin."""
        self._fill(now)
        return max(0.0, (1.0 - self._room) / self._per_second)

    def submitted(self, now: datetime) -> None:
        """A submission begins."""
        self._fill(now)
        self._room -= 1.0

    def poll_in(self, task: QuantumTask, now: datetime) -> float:
        """Seconds until the task is asked after again: more, the longer it has been there."""
        last = self._polled.get(task.metadata.uid)
        if last is None or task.status.submitted_time is None:
            return 0.0
        age = (now - parse(task.status.submitted_time)).total_seconds()
        pause = min(LONGEST_POLL_SECONDS, max(self._poll_seconds, age / 20))
        return min(pause, max(0.0, pause - (now - last).total_seconds()))

    def polled(self, uid: str, now: datetime) -> None:
        """The task was asked after."""
        self._polled[uid] = now

    def forget(self, uid: str) -> None:
        """The task is over."""
        self._polled.pop(uid, None)

    def _fill(self, now: datetime) -> None:
        passed = max(0.0, (now - self._since).total_seconds())
        self._room, self._since = min(self._burst, self._room + passed * self._per_second), now


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
        *,
        call: CallProvider | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`call` makes a provider's call, in a thread unless given."""
        self._store = store
        self._account = account
        self._pace = pace
        self._now = now
        self._identity = identity
        self._former = former
        self._call = call or self._in_thread
        self._sleep = sleep
        self._wake: Callable[[Key], None] = lambda _: None

    def connect(self, wake: Callable[[Key], None]) -> None:
        """Have `wake` told of every task that is to be reconciled because of another one."""
        self._wake = wake

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
        decision = decide(self._observed(task, await self._carrier(task), await self._unseen(task)))
        submitting = isinstance(decision.call, Submit)
        if submitting:
            # Taken before the first wait, so that no two workers take one place; a lost one only costs time.
            self._pace.submitted(self._now())
        if decision.status != task.status:
            written = await self._store.put_status(task, decision.status)
            if written.spec.token != task.spec.token:
                return 0.0
            task = written
            self._tell(task)
            if task.status.state in OVER:
                self._forget(task)
            if decision.call is None and decision.look_again is None:
                return 0.0  # the watch brings no news of what was written here
        if decision.call is None:
            return decision.look_again
        answer = await self._call(task, decision.call)
        if isinstance(decision.call, Prepare) and answer is None:
            return await self._step(task)  # else every task that waits would be prepared before one is submitted
        if not submitting:
            self._pace.polled(task.metadata.uid, self._now())
        await self._write(task, decision.call, await self._kept(task, answer))
        return 0.0

    async def _write(self, task: QuantumTask, call: Call, answer: Answer) -> None:
        """Put on record what was heard. What a call brought is not thrown away for an API server's moment of weakness.

        Raises ConflictError where another agent has written, GoneError, TransientError.
        """
        for pause in (*WRITE_PAUSES, None):
            status = heard(self._observed(task), call, answer)
            if status == task.status:
                return
            try:
                self._tell(await self._store.put_status(task, status))
            except (ConflictError, TransientError) as error:
                now = await self._store.task(Key(task.metadata.namespace, task.metadata.name))
                if pause is None or now is None or now.status != task.status:
                    raise
                log.warning("task %s: writing what was heard again: %s", task.metadata.name, error)
                task = now
                await self._sleep(pause)
            else:
                log.info("task %s: %s %s %s", task.metadata.name, status.state, status.reason, status.message)
                if status.state in OVER:
                    self._forget(task)  # a cluster's store does not show it again
                return

    def _tell(self, task: QuantumTask) -> None:
        """Wake who follows the task, or is followed by it: watches bring no news of what was written here."""
        shared, namespace = task.status.shared, task.metadata.namespace
        if shared is not None and shared.carrier_uid != task.metadata.uid:
            self._wake(Key(namespace, shared.carrier))
        elif shared is not None:
            for one in shared.members:
                self._wake(Key(namespace, one.name))

    async def _carrier(self, task: QuantumTask) -> QuantumTask | None:
        """What carries the task, if something does."""
        ride = ride_of(task)
        return None if ride is None else await self._store.carrier(Key(task.metadata.namespace, ride.carrier))

    async def _unseen(self, task: QuantumTask) -> tuple[QuantumTask, ...]:
        """Those submitted with the task that were not seen: looked for now, for a cache's silence is no evidence."""
        on = carried(task)
        if on is None or on.end is not None:
            return ()
        seen = {task.metadata.uid, *(one.metadata.uid for one in self._store.company(task))}
        unseen = [one for one in on.members if one.uid not in seen]
        found = [(one.uid, await self._store.carrier(Key(task.metadata.namespace, one.name))) for one in unseen]
        return tuple(
            one for uid, one in found if one is not None and one.metadata.uid == uid and one.status.state not in OVER
        )

    def _forget(self, task: QuantumTask) -> None:
        self._account.forget(task.metadata.uid)
        self._pace.forget(task.metadata.uid)

    async def _in_thread(self, task: QuantumTask, call: Call) -> Brought:
        return await asyncio.to_thread(lambda: self._account.call(task, call, self._now()))

    def _observed(
        self, task: QuantumTask, carrier: QuantumTask | None = None, unseen: tuple[QuantumTask, ...] = ()
    ) -> TaskObserved:
        now, session = self._now(), task.status.session
        company = (*self._store.company(task), *unseen) if task.spec.group is not None else ()
        loads = {one.metadata.uid: self._account.load(one) for one in (task, *company)}
        return TaskObserved(
            now=now,
            task=task,
            agent=self._identity,
            capabilities=self._account.adapter.capabilities(),
            former=self._former,
            ready_for=self._account.ready_for(task, now),
            submit_in=self._pace.submit_in(now),
            poll_in=self._pace.poll_in(task, now),
            alone=self._account.is_alone(task),
            company=company,
            carrier=carrier,
            loads={uid: load for uid, load in loads.items() if load is not None},
            sessions=self._store.sessions() if session is not None and session.state == "Opening" else frozenset(),
        )

    async def _kept(self, task: QuantumTask, answer: Brought) -> Answer:
        """An outcome is stored before the status that refers to it."""
        if isinstance(answer, GatheredTogether):
            outcomes = {
                one.metadata.uid: (await self._store.put_outcome(one, data), spoiled)
                for one, data, spoiled in answer.parts
            }
            return ResultsTogether(outcomes, answer.charge, answer.others)
        if not isinstance(answer, Gathered):
            return answer
        ref = await self._store.put_outcome(task, answer.data)
        if answer.spoiled:
            return Spoiled(ref, "its outcome says why", answer.charge)
        return Results(ref, answer.charge, answer.others)
