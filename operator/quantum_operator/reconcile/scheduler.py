"""The scheduler: gathers the jobs that wait for a backend and runs `assign` over all of them at once.

Reads may be as old as a watch is, so a backend given away counts as taken until the job is *seen* with its attempt on
record: from then on the store counts it.

However many wait, a round looks at few of them. Those who ask for the same stand in a line, and what one of them waits
for, all behind wait for.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from quantum_operator.api.jobstatus import Demand
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.assign import Head, Snapshot, assign
from quantum_operator.decide.observed import Assignment, Nominate
from quantum_operator.decide.routing import Request
from quantum_operator.ports.world import Key, Ports
from quantum_operator.reconcile.lines import Lines
from quantum_operator.reconcile.timers import Chore, Later


@dataclass(frozen=True)
class _Waiting:
    uid: str
    created: str
    priority: int
    policy: str
    demand: Demand
    small: bool
    tried: Mapping[str, str]

    def line(self, namespace: str) -> tuple[object, ...]:
        """What it shares with those who are told the same: all that the word may depend on."""
        return namespace, self.policy, self.demand, self.small, tuple(sorted(self.tried.items()))

    @property
    def place(self) -> tuple[int, str, str]:
        """Its place among them, as `assign` orders them."""
        return -self.priority, self.created, self.uid


class Scheduler:
    """Holds who waits, and what was assigned but not seen on record. A restart loses nothing: it is asked again."""

    def __init__(self, ports: Ports, request: Callable[[Key], None], later: Later) -> None:
        """Read the world through `ports`; `request` asks for a job to be reconciled, `later` sets timers."""
        self._ports = ports
        self._request = request
        self._waiting: dict[Key, _Waiting] = {}
        self._assigned: dict[Key, Assignment] = {}
        self._reserved: dict[str, Counter[str]] = {}
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
            asked.demand,
            asked.small and self._ports.batches is not None,
            asked.tried,
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

    def placed(self, key: Key) -> None:
        """The job was seen with its attempt on record: the store counts it from here on."""
        if self._drop(key):
            self._ask()

    def released(self, key: Key) -> None:
        """The job was seen over, between attempts or gone: whoever waits may have its room."""
        self._drop(key)
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
        changes = self._changes
        count = 2 if changes == self._seen_changes else len(self._waiting)
        while self._waiting:
            due = self._untold | self._lines.front(count)
            waiting = {key: self._waiting[key] for key in due}
            assignments = assign(await self._snapshot(waiting))
            keys = {one.uid: key for key, one in waiting.items()}
            told = {keys[one.job_uid]: one for one in assignments}
            if count >= len(self._waiting) or not self._concerns_those_behind(waiting, told):
                self._tell(waiting, told)
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
            if len(keys) < self._lines.length(line) and (last is None or told[last] != self._assigned.get(last)):
                return True
        return False

    def _tell(self, waiting: dict[Key, _Waiting], told: dict[Key, Assignment]) -> None:
        for key, assignment in told.items():
            if self._waiting.get(key) is not waiting[key]:
                continue
            self._untold.discard(key)
            if assignment.verdict != "Waiting":
                self._leave(key)
            if self._assigned.get(key) != assignment:
                self._assign(key, assignment)
                self._request(key)

    def _assign(self, key: Key, assignment: Assignment) -> None:
        self._forget(key)
        self._assigned[key] = assignment
        if assignment.verdict == "Assigned":
            self._reserved.setdefault(assignment.backend, Counter())[assignment.batch or assignment.job_uid] += 1

    def _forget(self, key: Key) -> bool:
        assigned = self._assigned.pop(key, None)
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

    def _drop(self, key: Key) -> bool:
        waited, assigned = self._leave(key), self._forget(key)
        return waited or assigned

    async def _snapshot(self, waiting: dict[Key, _Waiting]) -> Snapshot:
        store = self._ports.store
        namespaces = {key.namespace for key in waiting}
        labels = {namespace: await store.namespace_labels(namespace) for namespace in namespaces}
        names = {(key.namespace, one.policy) for key, one in waiting.items()}
        policies = {name: await store.policy(*name) for name in names}
        backends = await store.backends()
        heads = []
        for key, one in waiting.items():
            policy = policies[key.namespace, one.policy]
            request = Request(one.demand, key.namespace, labels[key.namespace], one.tried)
            spec = policy.spec if policy is not None else None
            heads.append(Head(one.uid, one.created, one.priority, one.policy, spec, request, one.small))
        # Taken before the store is asked: what is seen on record meanwhile counts twice in this round, not never.
        reserved = Counter({name: len(runs) for name, runs in self._reserved.items()})
        return Snapshot(tuple(heads), backends, reserved + Counter(await store.live_runs()))
