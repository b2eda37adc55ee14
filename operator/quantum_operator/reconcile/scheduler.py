"""The scheduler: gathers the jobs that wait for a backend and runs `assign` over all of them at once.

Reads may be as old as a watch is, so a backend given away counts as taken until the job is *seen* with its attempt on
record: from then on the store counts it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from quantum_operator.api.jobstatus import Demand
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.assign import Head, Snapshot, assign
from quantum_operator.decide.observed import Assignment, Nominate
from quantum_operator.decide.routing import Request
from quantum_operator.ports.world import Key, Ports
from quantum_operator.reconcile.timers import Chore, Later


@dataclass(frozen=True)
class _Waiting:
    uid: str
    created: str
    priority: int
    policy: str
    demand: Demand
    tried: Mapping[str, str]


class Scheduler:
    """Holds who waits, and what was assigned but not seen on record. A restart loses nothing: it is asked again."""

    def __init__(self, ports: Ports, request: Callable[[Key], None], later: Later) -> None:
        """Read the world through `ports`; `request` asks for a job to be reconciled, `later` sets timers."""
        self._ports = ports
        self._request = request
        self._waiting: dict[Key, _Waiting] = {}
        self._assigned: dict[Key, Assignment] = {}
        self._chore = Chore("assigning backends", self.round, later)

    def nominate(self, key: Key, job: QuantumJob, asked: Nominate) -> None:
        """Line the job up for a backend, in place of whatever was said of it, or of a namesake, before."""
        meta = job.metadata
        self._assigned.pop(key, None)
        self._waiting[key] = _Waiting(
            meta.uid,
            meta.creation_timestamp,
            job.spec.priority,
            job.spec.policy_ref.name,
            asked.demand,
            asked.tried,
        )
        self._chore.ask()

    def assignment(self, key: Key, uid: str) -> Assignment | None:
        """What was decided for the job of this UID and was not seen on record yet."""
        assignment = self._assigned.get(key)
        return assignment if assignment is not None and assignment.job_uid == uid else None

    def placed(self, key: Key) -> None:
        """The job was seen with its attempt on record: the store counts it from here on."""
        if self._drop(key):
            self.wake()

    def released(self, key: Key) -> None:
        """The job was seen over, between attempts or gone: whoever waits may have its room."""
        self._drop(key)
        self.wake()

    def wake(self) -> None:
        """Something changed (a backend, a policy, a run ended): look again at whoever waits."""
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
        """One round of `assign` over everyone who waits."""
        waiting = dict(self._waiting)
        if not waiting:
            return
        snapshot = await self._snapshot(waiting)
        keys = {one.uid: key for key, one in waiting.items()}
        for assignment in assign(snapshot):
            key = keys[assignment.job_uid]
            if self._assigned.get(key) == assignment or self._waiting.get(key) is not waiting[key]:
                continue
            self._assigned[key] = assignment
            if assignment.verdict != "Waiting":
                del self._waiting[key]
            self._request(key)

    def _drop(self, key: Key) -> bool:
        waited = self._waiting.pop(key, None)
        assigned = self._assigned.pop(key, None)
        return waited is not None or assigned is not None

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
            heads.append(Head(one.uid, one.created, one.priority, one.policy, policy.spec if policy else None, request))
        # Taken before the store is asked: what is seen on record meanwhile counts twice in this round, not never.
        reserved = [one.backend for one in self._assigned.values() if one.verdict == "Assigned"]
        runs = dict(await store.live_runs())
        for name in reserved:
            runs[name] = runs.get(name, 0) + 1
        return Snapshot(tuple(heads), backends, runs)
