"""Reservations that are nobody's: their job is gone, or has no such attempt. They are given back.

What tells so is a live look, and where the attempt may have had a task, that the task's name is taken by one which is
cancelled: a former operator that stood still can't create it any more. Where there is a task of a job that is gone,
that settles by itself. Where the job is there and has left a task that was held, it is settled here once it is over.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from quantum_operator.api.ledger import Reservation
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.held import LEFT
from quantum_operator.decide.ledger import Settlement
from quantum_operator.decide.settle import fence_of, settlement_of
from quantum_operator.decide.status import attempts_of, live_attempt
from quantum_operator.ports.errors import NameTakenError
from quantum_operator.ports.world import Key, Ports
from quantum_operator.reconcile.treasury import Treasury

Holds = Callable[[str, str], bool]
"""Whether somebody was told of the reservation of this ledger and run, and it is not seen on record yet."""

MONTHS = 13
"""How far back ledgers are looked at."""


async def sweep_ledgers(ports: Ports, treasury: Treasury, holds: Holds) -> bool:
    """Give back what is nobody's; whether anything is still reserved. Raises TransientError: do it again."""
    treasury.forget_reserved()
    left = False
    for name in _recent(await ports.ledgers.names(), ports.clock.now()):
        try:
            seen = await ports.ledgers.find(name)
        except NameTakenError:
            continue  # whoever wants to reserve in it says so
        there = seen.status.reservations if seen is not None else ()
        ours = [one for one in there if ports.ledgers.ours(one.job) and not holds(name, one.run)]
        looked = [await _settlement(ports, name, one) for one in ours]
        over = [one for one in looked if one is not None]
        if over:
            await treasury.release(name, over, holds)
        left = left or len(over) < len(there)
    return left


async def _settlement(ports: Ports, ledger: str, reservation: Reservation) -> Settlement | None:
    """How the reservation is settled, which is somebody's no more; None: it is."""
    of, run = reservation.job, reservation.run
    job = await ports.store.job(Key(of.namespace, of.name))
    if job is not None and job.metadata.uid == of.uid and _lives(job, ledger, run):
        return None
    job = await ports.ledgers.job(of.namespace, of.name)
    if job is None or job.metadata.uid != of.uid:
        return Settlement(ledger, run, of.uid) if await _is_fenced(ports, ledger, reservation) else None
    if _lives(job, ledger, run):
        return None
    if reservation.agent is None:
        return Settlement(ledger, run, of.uid)
    task = await ports.tasks.observe(job, reservation.agent, run, expected=True)
    if task is not None:
        return None if task.state != "Finished" else settlement_of(ledger, run, of.uid, reservation.micros, task.charge)
    left = any(one.name == run and one.reason == LEFT for one in attempts_of(job.status))
    return Settlement(ledger, run, of.uid, reservation.micros, exact=False) if left else Settlement(ledger, run, of.uid)


async def _is_fenced(ports: Ports, ledger: str, reservation: Reservation) -> bool:
    """Whether the attempt of a job that is gone can have no task any more, and has none."""
    agent, run = reservation.agent, reservation.run
    if agent is None:
        return True
    number, most = int(run.rpartition("-")[2]), reservation.micros
    return await ports.tasks.fence(
        fence_of(reservation.job, number, run, agent, reservation.backend, ledger, ceiling=most)
    )


def _lives(job: QuantumJob, ledger: str, run: str) -> bool:
    """Whether the job has the attempt under way that this is for; one that is over was settled, unless it was left."""
    live = live_attempt(job.status)
    return live is not None and (live.name, live.ledger) == (run, ledger)


def on_record(job: QuantumJob | None, uid: str, run: str) -> bool:
    """Whether the job of this UID has an attempt of this name, or is gone."""
    return job is None or job.metadata.uid != uid or any(one.name == run for one in attempts_of(job.status))


def _recent(names: Iterable[str], now: datetime) -> list[str]:
    months = now.year * 12 + now.month
    return [name for name in names if months - _months(name) < MONTHS]


def _months(name: str) -> int:
    year, _, month = name.partition("-")[2].partition("-")
    return int(year) * 12 + int(month) if year.isdecimal() and month.isdecimal() else 0
