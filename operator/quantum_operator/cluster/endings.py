"""How attempts ended, of the policies that have a breaker: what is on record in jobs, also in those that are over.

It is gathered as jobs are seen, by list or watch: whoever starts anew and lists all jobs has the same again, but for
those that were deleted meanwhile.
"""

from collections.abc import Callable

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.breaker import Ending, endings_of
from quantum_operator.ports.world import Key

KEPT = 1_000
"""The latest ones of each backend are kept, so many at least, and twice as many at most."""


class Endings:
    """The latest endings of each policy and backend."""

    def __init__(self, matters: Callable[[Key], bool]) -> None:
        """`matters` says of a policy whether it has a breaker."""
        self._matters = matters
        self._kept: dict[Key, dict[str, dict[str, Ending]]] = {}

    def note(self, job: QuantumJob) -> None:
        """Take in what a job's status says; saying it again changes nothing."""
        policy = Key(job.metadata.namespace, job.spec.policy_ref.name)
        if not self._matters(policy):
            self._kept.pop(policy, None)
            return
        for one in endings_of(job.metadata.uid, job.status):
            there = self._kept.setdefault(policy, {}).setdefault(one.backend, {})
            there[one.attempt] = one
            if len(there) > 2 * KEPT:
                latest = sorted(there.values(), key=lambda ending: (ending.ended, ending.attempt))[-KEPT:]
                self._kept[policy][one.backend] = {ending.attempt: ending for ending in latest}

    def of(self, policy: Key) -> tuple[Ending, ...]:
        """Those of a policy."""
        return tuple(one for there in self._kept.get(policy, {}).values() for one in there.values())
