"""How many probes of half-open breakers are left to be given out, as far as is seen."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from quantum_operator.api.policy import BackendPolicy
from quantum_operator.decide.assign import Probed
from quantum_operator.decide.breaker import not_closed, probes_left
from quantum_operator.decide.observed import Assignment
from quantum_operator.ports.world import Key, Store


async def free_probes(
    store: Store, policies: Sequence[BackendPolicy], assigned: Mapping[Key, Assignment], now: datetime
) -> dict[Probed, int]:
    """The probes left of each policy and backend; what is assigned, and not seen on record yet, counts as given."""
    found: dict[Probed, int] = {}
    for policy in policies:
        if "HalfOpen" not in not_closed(policy.status.breakers).values():
            continue
        namespace, name = policy.metadata.namespace, policy.metadata.name
        live = [(one.backend, one.created) for one in await store.flights(namespace, name)]
        live += [(one.backend, now) for key, one in assigned.items() if _is_given(key, one, namespace, name)]
        for backend, count in probes_left(policy.spec.breaker, policy.status.breakers, live).items():
            found[namespace, name, backend] = count
    return found


def _is_given(key: Key, one: Assignment, namespace: str, policy: str) -> bool:
    asked = one.question.policy if one.question is not None else ""
    return one.verdict == "Assigned" and key.namespace == namespace and asked == policy
