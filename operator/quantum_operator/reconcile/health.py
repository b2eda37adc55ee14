"""Keeps the statuses of policies and of the simulators that the operator answers for."""

import contextlib

from quantum_operator.decide.health import backend_status, policy_status
from quantum_operator.ports.errors import GoneError
from quantum_operator.ports.world import Ports


async def write_health(ports: Ports) -> None:
    """Write every status that is not what it should be. Raises what the ports raise: do it again."""
    backends, now = await ports.store.backends(), ports.clock.now()
    for backend in backends:
        if backend.spec.provider is not None:
            continue  # its agent answers for it
        health = backend_status(backend, now)
        if health != backend.status:
            with contextlib.suppress(GoneError):
                await ports.statuses.put_backend_status(backend, health)
    for policy in await ports.statuses.policies():
        reach = policy_status(policy, backends, now)
        if reach != policy.status:
            with contextlib.suppress(GoneError):
                await ports.statuses.put_policy_status(policy, reach)
