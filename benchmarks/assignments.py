"""How fast backends are assigned, and how that grows with the backends and with the jobs that wait.

Everything is in this process: `assign` over a snapshot, and the scheduler over a store in memory. The policy has every
rule of routing on, weights and shares of traffic, a breaker, approval and a budget. Times are CPU times. Printed are
the figures, and the ratios that say how they grow: of times per assignment at 1,000 and at 10 backends, and per round
at 100,000 and at 1,000 waiting jobs, which wait for a place or for money.
"""

import argparse
import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from quantum_operator.api.figures import Demand
from quantum_operator.api.policy import BackendPolicySpec
from quantum_operator.api.quantumtask import TaskJob
from quantum_operator.decide.assign import Head, Snapshot, assign
from quantum_operator.decide.figures import Request, job_figures
from quantum_operator.decide.ledger import EMPTY, Settlement, ledger_name
from quantum_operator.decide.observed import Nominate
from quantum_operator.decide.purse import Account
from quantum_operator.decide.traffic import bucket_of
from quantum_operator.ports.world import Key
from quantum_operator.reconcile.scheduler import Scheduler
from quantum_operator.testing import builders
from quantum_operator.testing.ports import MemoryStore, memory_ports
from quantum_operator.testing.world import MemoryWorld

ALL = {"all": "yes"}
ROUTING: dict[str, Any] = {
    "weights": {"cost": 3, "time": 2, "fidelity": 1, "order": 1},
    "minQpuQubits": 2,
    "minPayoffPercent": 10,
    "minFidelityPpm": 900_000,
    "maxWaitSeconds": 86_400,
    "maxCostMicros": 100_000_000,
    "maxCalibrationAgeSeconds": 31_536_000,
}
CALIBRATED = "2025-12-31T00:00:00Z"


def device(number: int, runs: int) -> Any:
    """A device of a provider that every rule passes, each at another price."""
    one = builders.backend(
        f"qpu-{number:04}",
        labels=ALL,
        adapter="memory",
        provider={"agent": "agents", "device": "qpu"},
        price={"perShotMicros": 1 + number % 50},
        limits={"maxConcurrentRuns": runs},
        fidelityPpm=990_000 + number % 1000,
    )
    update = {"queue_length": number % 100, "calibration_time": CALIBRATED, "modes": ("job", "batch")}
    return one.model_copy(update={"status": one.status.model_copy(update=update)})


def policy(shares: int, limit: int = 10**15) -> Any:
    """A policy of every backend, with all rules on, and a budget of so many millionths."""
    traffic = [{"backend": f"qpu-{number:04}", "percent": 5} for number in range(shares)]
    rules = {"breaker": {}, "approval": {"aboveMicros": 10**9}, "budgets": [{"name": "all", "limitMicros": limit}]}
    chosen = [{"selector": {"matchLabels": ALL}}]
    return builders.policy(backends=chosen, routing=ROUTING, traffic=traffic, onExceeded="Wait", **rules)


def head(number: int, spec: BackendPolicySpec, *, alike: bool) -> Head:
    """A waiting job; those that are not alike each ask for something else, and share nothing of the work."""
    uid = f"uid-{number}"
    job = builders.job(uid=uid, expectedPayoffMicros=10**9)
    demand = Demand(qubits=2, shots=1000 if alike else 1000 + number, executed_shots=1000)
    request = Request(demand, "team", {}, job=job_figures(job, bucket_of(uid, spec)))
    account = Account(f"run-{number}", TaskJob(namespace="team", name=f"job-{number}", uid=uid), "default")
    return Head(uid, f"{number:06}", 0, "default", spec, request, generation=1, account=account)


def seconds(work: Callable[[], object], repeats: int) -> float:
    """The shortest of so many times that the work takes, as CPU time: what else the machine does only adds to it."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def per_assignment(backends: int, jobs: int, *, alike: bool) -> float:
    """CPU seconds for each of so many assignments over so many backends."""
    spec = policy(10).spec
    fleet = tuple(device(number, 100_000) for number in range(backends))
    heads = tuple(head(number, spec, alike=alike) for number in range(jobs))
    snapshot = Snapshot(heads, fleet, ledgers={"USD": EMPTY})
    words = assign(snapshot)
    assert all(one.verdict == "Assigned" for one in words), words[0]
    return seconds(lambda: assign(snapshot), 5) / jobs


@dataclass(frozen=True)
class FullStore(MemoryStore):
    """A store whose backends have so many runs under way."""

    live: Mapping[str, int] = field(default_factory=dict)

    async def live_runs(self) -> Mapping[str, int]:
        return self.live


async def per_round(waiting: int, rounds: int) -> float:
    """CPU seconds for each round in which a run ends and its place goes to the first of so many who wait."""
    world = MemoryWorld()
    fleet = [device(number, 1) for number in range(10)]
    world.add(policy(0), *fleet)
    live = {one.metadata.name: 1 for one in fleet}
    told: list[Key] = []
    ports = memory_ports(world)
    ports = type(ports)(**{**ports.__dict__, "store": FullStore(world, live=live)})
    scheduler = Scheduler(ports, told.append, world.clock.later)
    asked = Nominate(Demand(qubits=2, shots=1000, executed_shots=1000))
    for number in range(waiting):
        name = f"job-{number:06}"
        scheduler.nominate(Key("team", name), builders.job(name, expectedPayoffMicros=10**9), asked)
    await scheduler.round()
    assert len(told) == waiting
    start = time.process_time()
    for number in range(rounds):
        name = fleet[number % len(fleet)].metadata.name
        live[name] = 0
        told.clear()
        scheduler.released(Key("team", "gone"))
        await scheduler.round()
        placed = [key for key in told if (word := word_of(scheduler, key)) is not None and word == name]
        assert len(placed) == 1, told
        live[name] = 1
        scheduler.placed(placed[0])
    return (time.process_time() - start) / rounds


async def per_settlement(waiting: int, rounds: int) -> float:
    """CPU seconds for each round in which a run is settled and its money goes to the first of so many who wait."""
    world = MemoryWorld()
    priced = [builders.backend(f"qpu-{number}", labels=ALL, price={"perRunMicros": 100}) for number in range(10)]
    chosen = {"backends": [{"selector": {"matchLabels": ALL}}], "budgets": [{"name": "all", "limitMicros": 1000}]}
    world.add(builders.policy(onExceeded="Wait", **chosen), *priced)
    told: list[Key] = []
    scheduler = Scheduler(memory_ports(world), told.append, world.clock.later)
    asked = Nominate(Demand(qubits=2, shots=1000, executed_shots=1000))
    for number in range(waiting):
        name = f"job-{number:06}"
        scheduler.nominate(Key("team", name), builders.job(name), asked)
    await scheduler.round()
    for key in told:
        if word_of(scheduler, key):
            scheduler.placed(key)
    ledger = ledger_name("USD", world.clock.now())
    start = time.process_time()
    for _ in range(rounds):
        first = world.ledgers[ledger].status.reservations[0]
        await scheduler.treasury.settle(Settlement(ledger, first.run, first.job.uid))
        told.clear()
        await scheduler.round()
        placed = [key for key in told if word_of(scheduler, key)]
        assert len(placed) == 1, told
        scheduler.placed(placed[0])
    return (time.process_time() - start) / rounds


def word_of(scheduler: Scheduler, key: Key) -> str | None:
    """The backend that a job was told, if it was."""
    word = scheduler.assignment(key, f"uid-of-team-{key.name}")
    return word.backend if word is not None and word.verdict == "Assigned" else None


def main() -> None:
    """Print how fast, and how it grows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000, help="jobs of a snapshot (default: 1000)")
    parser.add_argument("--waiting", type=int, default=100_000, help="the most jobs that wait (default: 100000)")
    parser.add_argument("--rounds", type=int, default=100, help="rounds of the scheduler (default: 100)")
    options = parser.parse_args()
    alike = per_assignment(10, options.jobs, alike=True)
    different = per_assignment(10, options.jobs, alike=False)
    print(f"10 backends, every rule on: {1 / alike:,.0f} assignments a second of jobs that ask alike", flush=True)
    print(
        f"10 backends, every rule on: {1 / different:,.0f} a second of jobs that each ask for something else",
        flush=True,
    )
    grown = {}
    for backends in (10, 100, 1000):
        grown[backends] = per_assignment(backends, max(20, options.jobs // 10), alike=False)
        print(f"{backends} backends: {grown[backends] * 1e6:,.0f} microseconds an assignment", flush=True)
    print(f"ratio {grown[1000] / grown[10]:.1f}: 1,000 backends over 10 (aim: at most 100, the number's own growth)")
    for what, one_round in (("a place", per_round), ("money", per_settlement)):
        rounds = {}
        for waiting in (options.waiting // 100, options.waiting // 10, options.waiting):
            rounds[waiting] = asyncio.run(one_round(waiting, options.rounds))
            told = f"{rounds[waiting] * 1e6:,.0f} microseconds a round"
            print(f"{waiting:,} waiting for {what}: {told}", flush=True)
        least, most = min(rounds), max(rounds)
        grown_to = rounds[most] / rounds[least]
        print(f"ratio {grown_to:.1f}: a round with {most:,} waiting for {what} over one with {least:,} (aim: 2)")


if __name__ == "__main__":
    main()
