"""One pass over one job: observe, decide, write the status, act."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.breaker import ends_an_attempt
from quantum_operator.decide.cached import needs_earlier
from quantum_operator.decide.change import needs_input
from quantum_operator.decide.halt import halted
from quantum_operator.decide.held import leads_to_nothing_paid, may_be_left, sought, was_left
from quantum_operator.decide.job import decide
from quantum_operator.decide.observed import (
    Action,
    CreateShadow,
    Decision,
    Nominate,
    Observed,
    Preparation,
    PutClaim,
    Settle,
    StartRun,
    StartTask,
    StopRun,
    StopTask,
    StoreArtifact,
    Tell,
)
from quantum_operator.decide.replay import Replay, needs_replays
from quantum_operator.decide.status import is_accepted, is_terminal, latest_attempt, live_attempt
from quantum_operator.ports.errors import ConflictError, GoneError, NameTakenError, RefusedError
from quantum_operator.ports.world import Key, Ports
from quantum_operator.reconcile.batches import BatchStarter
from quantum_operator.reconcile.claims import look
from quantum_operator.reconcile.logcontext import recognized
from quantum_operator.reconcile.retention import expire
from quantum_operator.reconcile.scheduler import Scheduler
from quantum_operator.reconcile.shadows import Shadows, primary_of

log = logging.getLogger(__name__)

REFUSED_SECONDS = 5.0
"""How long a run that was refused is not asked for again, whatever else happens to its job."""


@dataclass(frozen=True)
class _Refusal:
    run: str
    message: str
    at: datetime


class Reconciler:
    """Brings one job at a time a step on. It remembers nothing that a restart could lose."""

    def __init__(self, ports: Ports, scheduler: Scheduler, ended: Callable[[], None] = lambda: None) -> None:
        """Drive jobs through `ports`, asking `scheduler` for backends.

        `ended` is told when an attempt is over that a breaker counts.
        """
        self._ended = ended
        self._ports = ports
        self._scheduler = scheduler
        self._batches = BatchStarter(ports, scheduler.awaits)
        self._shadows = Shadows(ports)
        self._refusals: dict[Key, _Refusal] = {}
        self._live: set[Key] = set()

    def is_under_way(self, key: Key) -> bool:
        """Whether the job was seen with a live attempt, or was assigned a backend for one."""
        return key in self._live or self._scheduler.is_assigned(key)

    async def reconcile(self, key: Key) -> float | None:
        """Take the job one step on; the seconds after which to look again, or None to wait for an event.

        Raises ConflictError, NameTakenError or TransientError: nothing is lost, observe again.
        """
        try:
            job = await self._job(key)
            if job is None:
                return None
            if is_terminal(job.status):
                return await expire(self._ports, job)
            observed = await self._observe(key, job)
            return await self._follow(key, observed)
        except GoneError:
            self._forget(key)
            return None

    async def _follow(self, key: Key, observed: Observed) -> float | None:
        decision = decide(observed)
        delay = await self._carry_out(key, observed.job, decision)
        if ends_an_attempt(observed, decision):
            self._ended()
        return delay

    async def _job(self, key: Key) -> QuantumJob | None:
        """The job, if it is there and is to stay."""
        job = await self._ports.store.job(key)
        if job is None or job.metadata.deletion_timestamp is not None:
            self._forget(key)
            return None
        recognized(job)
        if was_left(job.status):
            self._scheduler.treasury.orphaned()
        if is_terminal(job.status):
            self._forget(key)
            return job
        if live_attempt(job.status) is not None:
            self._live.add(key)
            self._scheduler.placed(key)
            return job
        self._live.discard(key)
        if halted(job, self._ports.clock.now()) is not None:
            self._scheduler.released(key)
        elif latest_attempt(job.status) is not None:
            self._scheduler.freed()
        return job

    def _forget(self, key: Key) -> None:
        self._scheduler.released(key)
        self._live.discard(key)
        self._refusals.pop(key, None)
        self._shadows.forget(key)

    async def _observe(self, key: Key, job: QuantumJob) -> Observed:
        ports, now = self._ports, self._ports.clock.now()
        attempt, last = live_attempt(job.status), latest_attempt(job.status)
        backends = await ports.store.backends()
        backend = next((one for one in backends if last is not None and one.metadata.name == last.backend), None)
        run = None
        left = sought(job.status)
        if left is not None and left.agent is not None:
            run = await ports.tasks.observe(job, left.agent, left.name, expected=False)
        if attempt is not None:
            # A run that is to be called lost is looked for live: the silence of a cache is no evidence.
            expected = attempt.run_uid is not None or backend is None or halted(job, now) is not None
            if attempt.agent is None:
                run = await ports.runs.observe(job, attempt.name, expected=expected, batch=attempt.batch)
            else:
                run = await ports.tasks.observe(job, attempt.agent, attempt.name, expected=expected)
        refusal = self._refusals.get(key)
        claim, holder = await look(ports.claims, job, run)
        policy = await ports.store.policy(key.namespace, job.spec.policy_ref.name)
        rules = policy.spec if policy is not None and job.spec.shadow_of is None else None
        return Observed(
            now=now,
            job=job,
            policy=policy,
            sources={} if is_accepted(job.status) else await self._sources(job),
            assignment=self._scheduler.assignment(key, job.metadata.uid),
            run=run,
            backend=backend,
            refusal=refusal.message if refusal is not None and attempt and refusal.run == attempt.name else "",
            claim=claim,
            holder=holder,
            replays=await self._replays(job),
            accepted=await self._accepted(job),
            earlier=await ports.store.earlier(job) if needs_earlier(job) else (),
            primary=await primary_of(ports, job, run),
            free_places=rules is not None and may_be_left(run) and leads_to_nothing_paid(rules, backends),
        )

    async def _accepted(self, job: QuantumJob) -> bytes | None:
        if job.status.input is None or not needs_input(job):
            return None
        return await self._ports.artifacts.get(job, job.status.input)

    async def _replays(self, job: QuantumJob) -> tuple[Replay, ...]:
        if job.spec.replay_of is None or not needs_replays(job):
            return ()
        return await self._ports.store.replays(job.metadata.namespace, job.spec.replay_of.uid)

    async def _sources(self, job: QuantumJob) -> dict[str, str | None]:
        sources = {}
        for program in job.spec.programs if job.spec.shadow_of is None else ():
            ref = program.config_map_key_ref
            if ref is not None:
                value = await self._ports.store.config_map_value(job.metadata.namespace, ref.name, ref.key)
                sources[program.name] = value
        return sources

    async def _carry_out(self, key: Key, job: QuantumJob, decision: Decision) -> float | None:
        changed = decision.status != job.status
        for action in decision.before:
            await self._prepare(job, action)
        if changed:
            await self._ports.store.put_job_status(job, decision.status)
        delay = 0.0 if changed and decision.look_again is None else decision.look_again
        for following in decision.after:
            wait = await self._act(key, job, following)
            delay = delay if wait is None else wait
        return delay

    async def _prepare(self, job: QuantumJob, action: Preparation) -> None:
        match action:
            case StoreArtifact():
                await self._ports.artifacts.put(job, action.ref, action.data)
            case PutClaim():
                await self._ports.claims.put(action.claim, action.version)
            case Settle():
                if action.fence is not None and not await self._ports.tasks.fence(action.fence):
                    raise ConflictError(f"task {action.fence.name} is there after all")
                await self._scheduler.treasury.settle(action.settlement)
            case CreateShadow():
                await self._shadows.create(job, action)
            case _:
                assert_never(action)

    async def _act(self, key: Key, job: QuantumJob, action: Action) -> float | None:
        """Do it; the seconds after which to look again, where the action has a say in that."""
        match action:
            case StoreArtifact():
                await self._ports.artifacts.put(job, action.ref, action.data)
            case Nominate():
                self._scheduler.nominate(key, job, action)
            case StartRun() | StartTask():
                return await self._start(key, job, action)
            case StopRun():
                await self._ports.runs.stop(job, action)
            case StopTask():
                await self._ports.tasks.stop(job, action)
            case Tell():
                await self._ports.recorder.tell(job, action)
            case _:
                assert_never(action)
        return None

    async def _start(self, key: Key, job: QuantumJob, action: StartRun | StartTask) -> float | None:
        now, refusal = self._ports.clock.now(), self._refusals.get(key)
        name = action.spec.run if isinstance(action, StartRun) else action.name
        if refusal is not None and refusal.run == name:
            left = REFUSED_SECONDS - (now - refusal.at).total_seconds()
            if 0 < left <= REFUSED_SECONDS:
                return left
        try:
            if isinstance(action, StartRun) and action.batch is not None:
                wait = await self._batches.start(key.namespace, action.batch)
                if wait is not None:
                    return wait
            elif isinstance(action, StartRun):
                await self._ports.runs.start(job, action)
            else:
                await self._ports.tasks.start(job, action)
        except (RefusedError, NameTakenError) as error:
            log.warning("%s of job %s/%s is refused: %s", name, key.namespace, key.name, error)
            self._refusals[key] = _Refusal(name, str(error), now)
            # The first refusal goes on record at once, the next ones with the next try.
            return 0.0 if refusal is None else REFUSED_SECONDS
        self._refusals.pop(key, None)
        return None
