"""The scheduler: gathers the jobs that wait for a backend and runs `assign` over all of them at once.

Reads may be as old as a watch is, so a backend given away counts as taken until the job is *seen* with its attempt on
record: from then on the store counts it.

However many wait, a round looks at few of them. Those who ask for the same stand in a line, and what one of them waits
for, all behind wait for.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from quantum_operator.api.figures import Demand, JobFigures
from quantum_operator.api.ledger import QuantumLedgerStatus
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import TaskJob
from quantum_operator.api.slim import slim
from quantum_operator.decide.assign import Head, Snapshot, assign
from quantum_operator.decide.batching import is_sociable
from quantum_operator.decide.breaker import not_closed
from quantum_operator.decide.budget import TEAM_LABEL, team_of
from quantum_operator.decide.fallback import at_link
from quantum_operator.decide.figures import Request, job_figures
from quantum_operator.decide.observed import Assignment, Nominate, Permit
from quantum_operator.decide.purse import Account, currencies, same_word
from quantum_operator.decide.settle import next_run
from quantum_operator.ports.world import Key, Ports
from quantum_operator.reconcile.alike import alike
from quantum_operator.reconcile.breakers import free_probes
from quantum_operator.reconcile.ledgersweep import on_record
from quantum_operator.reconcile.lines import Lines
from quantum_operator.reconcile.timers import Chore, Later
from quantum_operator.reconcile.treasury import Treasury
from quantum_operator.reconcile.turn import Turn


@dataclass(frozen=True, slots=True)
class _Waiting:
    uid: str
    created: str
    priority: int
    policy: str
    demand: Demand
    small: bool
    tried: Mapping[str, str]
    run: str
    job: JobFigures
    permit: Permit | None = None
    sociable: bool = False

    def line(self, namespace: str) -> tuple[object, ...]:
        """What it shares with those who are told the same: all that the word may depend on."""
        same = namespace, self.policy, self.demand, self.small, self.job, self.permit, self.sociable
        return *same, tuple(sorted(self.tried.items()))

    def account(self, key: Key) -> Account:
        """Who pays for its next attempt."""
        return Account(self.run, TaskJob(namespace=key.namespace, name=key.name, uid=self.uid), self.policy)

    @property
    def place(self) -> tuple[int, str, str]:
        """Its place among them, as `assign` orders them."""
        return -self.priority, self.created, self.uid


class Scheduler:
    """Holds who waits, and what was assigned but not seen on record. A restart loses nothing: it is asked again."""

    def __init__(
        self,
        ports: Ports,
        request: Callable[[Key], None],
        later: Later,
        orphaned: Callable[[], None] = lambda: None,
        booked: Callable[[], None] = lambda: None,
    ) -> None:
        """Read the world through `ports`; `request` asks for a job to be reconciled, `later` sets timers.

        `orphaned` is told when a reservation may be nobody's, `booked` when a ledger was written.
        """
        self._ports = ports
        self.treasury = Treasury(ports.ledgers, self._ask, orphaned, booked)
        self._turn = Turn(later, self.wake)
        self._request = request
        self._waiting: dict[Key, _Waiting] = {}
        self._assigned: dict[Key, Assignment] = {}
        self._latest: Assignment | None = None
        self._reserved: dict[str, Counter[str]] = {}
        self._held: set[tuple[str, str]] = set()
        self._lines: Lines[Key] = Lines()
        self._untold: set[Key] = set()
        self._changes = self._seen_changes = 0
        self._chore = Chore("assigning backends", self.round, later)

    def nominate(self, key: Key, job: QuantumJob, asked: Nominate) -> None:
        """Line the job up for a backend, in place of whatever was said of it, or of a namesake, before."""
        meta, spec = job.metadata, job.spec
        self._drop(key)
        waiting = _Waiting(
            meta.uid,
            meta.creation_timestamp,
            spec.priority,
            spec.policy_ref.name,
            slim(asked.demand),
            asked.small and self._ports.batches is not None,
            asked.tried,
            next_run(job),
            slim(job_figures(job, asked.bucket)),
            asked.permit,
            is_sociable(job),
        )
        self._waiting[key] = waiting
        self._lines.add(waiting.line(key.namespace), waiting.place, key)
        self._untold.add(key)
        self._chore.ask()

    def awaits(self, batch: str) -> bool:
        """Whether a job was assigned to this run, which others share, and not seen with that on record yet."""
        return any(runs[batch] > 0 for runs in self._reserved.values())

    def assignment(self, key: Key, uid: str) -> Assignment | None:
        """What was decided for the job of this UID and was not seen on record yet."""
        assignment = self._assigned.get(key)
        return assignment if assignment is not None and assignment.job_uid == uid else None

    def is_assigned(self, key: Key) -> bool:
        """Whether a backend was assigned to the job, and it was not seen with that on record yet."""
        assignment = self._assigned.get(key)
        return assignment is not None and assignment.verdict == "Assigned"

    def placed(self, key: Key) -> None:
        """The job was seen with its attempt on record: the store counts it from here on."""
        if self._drop(key, recorded=True):
            self._ask()

    def holds(self, ledger: str, run: str) -> bool:
        """Whether a job was told of this reservation, and not seen with the attempt on record yet."""
        return (ledger, run) in self._held

    def released(self, key: Key) -> None:
        """The job was seen over or gone: whoever waits may have its room."""
        self._drop(key)
        self._ask()

    def freed(self) -> None:
        """A job was seen between attempts: whoever waits may have its room."""
        self._ask()

    def wake(self) -> None:
        """Something changed (a backend, a policy): look again at everyone who waits."""
        self._changes += 1
        self._ask()

    def _ask(self) -> None:
        if self._waiting:
            self._chore.ask()

    @property
    def is_idle(self) -> bool:
        """Whether no round of assignments is due or under way."""
        return self._chore.is_idle

    async def run(self) -> None:
        """Assign, whenever there is reason to, until cancelled."""
        await self._chore.run()

    async def round(self) -> None:
        """One round of `assign`: what it tells is what it would if everyone who waits were looked at."""
        async with self.treasury.alone():
            await self._round()

    async def _round(self) -> None:
        changes = self._changes
        count = 2 if changes == self._seen_changes else len(self._waiting)
        while self._waiting:
            due = self._untold | self._lines.front(count)
            waiting = {key: self._waiting[key] for key in due}
            assignments = assign(await self._snapshot(waiting))
            keys = {one.uid: key for key, one in waiting.items()}
            told = {keys[one.job_uid]: one for one in assignments}
            if count >= len(self._waiting) or not self._concerns_those_behind(waiting, told):
                if not await self.treasury.reserve(filter(None, (one.booking for one in assignments))):
                    continue
                self._tell(waiting, told)
                self._turn.expect(self._ports.clock.now(), told.values())
                break
            count *= 8
        self._seen_changes = changes

    def _concerns_those_behind(self, waiting: dict[Key, _Waiting], told: dict[Key, Assignment]) -> bool:
        """Whether there may be news for somebody who was not looked at now.

        There is none where the last who was looked at, of those in his line that were told to wait, is told the same.
        """
        lines: dict[tuple[object, ...], list[Key]] = {}
        for key, one in waiting.items():
            lines.setdefault(one.line(key.namespace), []).append(key)
        for line, keys in lines.items():
            known = [key for key in keys if key not in self._untold]
            last = max(known, key=lambda key: waiting[key].place, default=None)
            if len(keys) < self._lines.length(line) and (
                last is None or not same_word(told.get(last), self._assigned.get(last))
            ):
                return True
        return False

    def _tell(self, waiting: dict[Key, _Waiting], told: dict[Key, Assignment]) -> None:
        for key, assignment in told.items():
            if self._waiting.get(key) is not waiting[key]:
                self._abandon(assignment)
                continue
            self._untold.discard(key)
            if assignment.verdict != "Waiting":
                self._leave(key)
            if not same_word(assignment, self._assigned.get(key)):
                self._assign(key, assignment)
                self._request(key)

    def _assign(self, key: Key, assignment: Assignment) -> None:
        self._forget(key)
        self._assigned[key] = self._latest = alike(assignment, self._latest)
        if assignment.booking is not None:
            self._held.add((assignment.booking.ledger, assignment.booking.reservation.run))
        if assignment.verdict == "Assigned":
            self._reserved.setdefault(assignment.backend, Counter())[assignment.batch or assignment.job_uid] += 1

    def _forget(self, key: Key) -> bool:
        assigned = self._assigned.pop(key, None)
        if assigned is not None and assigned.booking is not None:
            self._held.discard((assigned.booking.ledger, assigned.booking.reservation.run))
        if assigned is not None and assigned.verdict == "Assigned":
            self._reserved[assigned.backend] -= Counter([assigned.batch or assigned.job_uid])
            if not self._reserved[assigned.backend]:
                del self._reserved[assigned.backend]
        return assigned is not None

    def _leave(self, key: Key) -> bool:
        waited = self._waiting.pop(key, None)
        if waited is not None:
            self._lines.remove(waited.line(key.namespace), waited.place)
            self._untold.discard(key)
        return waited is not None

    def _drop(self, key: Key, *, recorded: bool = False) -> bool:
        if not recorded:
            self._abandon(self._assigned.get(key))
        waited, assigned = self._leave(key), self._forget(key)
        return waited or assigned

    def _abandon(self, assignment: Assignment | None) -> None:
        """What is reserved for it may be nobody's."""
        if assignment is not None and assignment.booking is not None:
            self.treasury.orphaned()

    async def _snapshot(self, waiting: dict[Key, _Waiting]) -> Snapshot:
        store = self._ports.store
        namespaces = {key.namespace for key in waiting}
        labels = {namespace: await store.namespace_labels(namespace) for namespace in namespaces}
        names = {(key.namespace, one.policy) for key, one in waiting.items()}
        policies = {name: await store.policy(*name) for name in names}
        backends = await store.backends()
        heads = {}
        for key, one in waiting.items():
            policy, labelled = policies[key.namespace, one.policy], labels[key.namespace]
            asked = one.job.model_copy(update={"team": team_of(labelled, {TEAM_LABEL: one.job.team})})
            request = Request(one.demand, key.namespace, labelled, one.tried, asked)
            spec, generation = None, 0
            if policy is not None:
                spec, generation = at_link(policy.spec, one.demand), policy.metadata.generation
                request = replace(request, policy=spec, breakers=not_closed(policy.status.breakers))
            more = (one.small, generation, one.account(key), one.permit, one.sociable)
            heads[key] = Head(one.uid, one.created, one.priority, one.policy, spec, request, *more)
        now = self._ports.clock.now()
        books = await self.treasury.books(currencies([one.policy for one in heads.values()], backends), now)
        doubtful = await self._doubtful({key: one.account(key) for key, one in waiting.items()}, books)
        sure = tuple(one for key, one in heads.items() if key not in doubtful)
        # Taken before the store is asked: what is seen on record meanwhile counts twice in this round, not never.
        reserved = Counter({name: len(runs) for name, runs in self._reserved.items()})
        runs = reserved + Counter(await store.live_runs())
        known = [one for one in policies.values() if one is not None]
        probes = await free_probes(store, known, self._assigned, now)
        return Snapshot(sure, backends, runs, now, books, probes)

    async def _doubtful(self, accounts: Mapping[Key, Account], books: Mapping[str, QuantumLedgerStatus]) -> set[Key]:
        """Those for whose attempt there is a reservation, because it is on record, and reads don't show that yet."""
        runs = {one.run for status in books.values() for one in status.reservations}
        found = set()
        for key, account in accounts.items():
            if account.run in runs:
                self.treasury.orphaned()
                job = await self._ports.ledgers.job(key.namespace, key.name)
                if on_record(job, account.job.uid, account.run):
                    found.add(key)
                    self._turn.soon()
        return found
