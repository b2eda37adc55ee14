"""The statuses of policies and of the simulators that the operator itself answers for."""

from collections.abc import Sequence
from datetime import datetime

from quantum_operator.api.backend import QuantumBackend, QuantumBackendStatus
from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.policy import BackendPolicy, BackendPolicyStatus
from quantum_operator.decide.routing import ordered_backends
from quantum_operator.decide.status import set_condition


def policy_status(policy: BackendPolicy, backends: Sequence[QuantumBackend], now: datetime) -> BackendPolicyStatus:
    """How many backends the policy reaches; it is ready when there is one."""
    count = len(ordered_backends(policy.spec, backends))
    reason = "Ready" if count else "NoMatchingBackend"
    message = f"reaches {count} backend{'' if count == 1 else 's'}"
    conditions = set_condition(
        policy.status.conditions,
        ConditionType.READY,
        count > 0,
        reason,
        message,
        generation=policy.metadata.generation,
        now=now,
    )
    update = {"observed_generation": policy.metadata.generation, "conditions": conditions, "backends": count}
    return policy.status.model_copy(update=update)


def backend_status(backend: QuantumBackend, now: datetime) -> QuantumBackendStatus:
    """A simulator is ready as soon as it is there: its runs are made on demand. A provider's device needs its agent."""
    simulates = backend.spec.provider is None
    conditions = set_condition(
        backend.status.conditions,
        ConditionType.READY,
        simulates,
        "Ready" if simulates else "NoAgent",
        "simulates on the cluster itself" if simulates else "a provider's device, whose agent works in a cluster",
        generation=backend.metadata.generation,
        now=now,
    )
    return QuantumBackendStatus(observed_generation=backend.metadata.generation, conditions=conditions)
