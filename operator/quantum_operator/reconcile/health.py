"""Keeps the statuses of policies and of the simulators that the operator answers for."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.policy import BackendPolicy
from quantum_operator.decide.health import backend_status, policy_status
from quantum_operator.decide.resilience import Standing, judged, needs_endings, needs_flights
from quantum_operator.ports.errors import GoneError
from quantum_operator.ports.world import Key, Ports


@dataclass(frozen=True)
class Health:
    """Whether a status was written, and after how many seconds something is to be seen to again."""

    written: bool
    look_again: float | None


async def write_health(ports: Ports, request: Callable[[Key], None]) -> Health:
    """Write every status that is not what it should be; `request` has a job looked at that a policy stops.

    Raises what the ports raise: do it again.
    """
    backends, now = await ports.store.backends(), ports.clock.now()
    written = False
    for backend in backends:
        if backend.spec.provider is not None:
            continue  # its agent answers for it
        health = backend_status(backend, now)
        if health != backend.status:
            written = True
            with contextlib.suppress(GoneError):
                await ports.statuses.put_backend_status(backend, health)
    delays = []
    for policy in await ports.statuses.policies():
        one = await _write_policy(ports, policy, backends, request)
        written = written or one.written
        delays += [one.look_again] if one.look_again is not None else []
    return Health(written, min(delays, default=None))


async def _write_policy(
    ports: Ports, policy: BackendPolicy, backends: Sequence[QuantumBackend], request: Callable[[Key], None]
) -> Health:
    place, now = (policy.metadata.namespace, policy.metadata.name), ports.clock.now()
    endings = await ports.store.endings(*place) if needs_endings(policy) else ()
    flights = await ports.store.flights(*place) if needs_flights(policy) else ()
    found = judged(policy, policy_status(policy, backends, now), backends, Standing(endings, flights), now)
    for flight in found.to_go:
        request(Key(flight.namespace, flight.job))
    if found.status == policy.status:
        return Health(False, found.look_again)
    with contextlib.suppress(GoneError):
        if await ports.statuses.put_policy_status(policy, found.status):
            for event in found.events:
                await ports.recorder.tell(policy, event)
    return Health(True, found.look_again)
