"""What is under way in a cluster, for a plan: runs, money and probes, as far as the user may see them."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lightkube.core.exceptions import ApiError

from quantum_operator.api.ledger import QuantumLedger, QuantumLedgerStatus
from quantum_operator.api.policy import BackendPolicy
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.cli.kube import Cluster, parse, resource_class
from quantum_operator.decide.approving import MUTABLE, permit_of
from quantum_operator.decide.breaker import probes_left
from quantum_operator.decide.ledger import EMPTY, ledger_name
from quantum_operator.decide.observed import Observed, Permit
from quantum_operator.decide.times import parse as parse_time

LEDGERS_REFUSED = "money that is spent or reserved does not count: you may not read QuantumLedgers"
JOBS_REFUSED = "runs of other namespaces do not count: you may not list their QuantumJobs"
OWN_JOBS_REFUSED = "runs under way do not count: you may not list QuantumJobs"


@dataclass(frozen=True)
class Live:
    """A job's attempt that is under way. `run` is its own, or one that it shares."""

    namespace: str
    policy: str
    backend: str
    run: str
    created: datetime


def live_attempts(cluster: Cluster, namespaces: Collection[str]) -> tuple[list[Live], tuple[str, ...]]:
    """Those of all namespaces, or of these alone, and what is left out of them."""
    found = _live_of(cluster, "*")
    if found is not None:
        return found, ()
    allowed = [_live_of(cluster, one) for one in sorted(namespaces)]
    left_out = OWN_JOBS_REFUSED if None in allowed else JOBS_REFUSED
    return [live for one in allowed for live in one or ()], (left_out,)


def _live_of(cluster: Cluster, namespace: str) -> list[Live] | None:
    """Those of a namespace, or of all; None where the user may not list them."""
    try:
        found = cluster.client.list(resource_class(QuantumJob), namespace=namespace, chunk_size=500)
        return [live for one in found for live in _live(one.to_dict())]
    except ApiError as error:
        if error.status.code != 403:
            raise
        return None


def runs_of(live: Collection[Live]) -> Mapping[str, int]:
    """How many runs and tasks each backend has under way; one that jobs share is one."""
    return Counter(backend for backend, _, _ in {(one.backend, one.namespace, one.run) for one in live})


def probes_of(policy: BackendPolicy, namespace: str, live: Collection[Live]) -> dict[tuple[str, str, str], int]:
    """How many attempts each backend may be given that the policy's breaker probes."""
    theirs = [
        (one.backend, one.created) for one in live if (one.namespace, one.policy) == (namespace, policy.metadata.name)
    ]
    left = probes_left(policy.spec.breaker, policy.status.breakers, theirs)
    return {(namespace, policy.metadata.name, backend): count for backend, count in left.items()}


def ledgers(
    cluster: Cluster, currencies: Collection[str], now: datetime
) -> tuple[Mapping[str, QuantumLedgerStatus] | None, tuple[str, ...]]:
    """This month's ledgers by currency, and what is left out; None where they may not be read."""
    found = {}
    for currency in sorted(currencies):
        try:
            read = cluster.client.get(resource_class(QuantumLedger), ledger_name(currency, now))
            found[currency] = parse(QuantumLedger, read).status
        except ApiError as error:
            if error.status.code == 403:
                return None, (LEDGERS_REFUSED,)
            if error.status.code != 404:
                raise
            found[currency] = EMPTY
    return found, ()


def approval_of(cluster: Cluster, observed: Observed) -> tuple[Permit | None, str]:
    """What is approved of the very job where it is submitted already, and by whom; of another spec, nothing is."""
    meta = observed.job.metadata
    try:
        known = parse(QuantumJob, cluster.client.get(resource_class(QuantumJob), meta.name, namespace=meta.namespace))
    except ApiError as error:
        if error.status.code not in (403, 404):
            raise
        return None, ""
    permit = permit_of(observed, known.status)
    if permit is None or known.status.approval is None or _kept(known) != _kept(observed.job):
        return None, ""
    return permit, known.status.approval.by or ""


def _kept(job: QuantumJob) -> dict[str, Any]:
    """What of a spec is approved."""
    return {name: value for name, value in job.spec.to_wire().items() if name not in MUTABLE}


def _live(job: Mapping[str, Any]) -> Iterator[Live]:
    """The attempt that may be under way, without reading the rest of a job."""
    steps = ((job.get("status") or {}).get("plan") or {}).get("steps") or ()
    last = next(reversed(steps[-1].get("attempts") or ()), None) if steps else None
    if last is not None and last.get("state") in ("Pending", "Running"):
        yield Live(
            job["metadata"]["namespace"],
            job["spec"]["policyRef"]["name"],
            last["backend"],
            last.get("batch") or last["name"],
            parse_time(last["createdTime"]),
        )
