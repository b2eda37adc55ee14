"""Whole lives of a job by `decide` and `assign` alone: every run meets the fate that its attempt has."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.jobstatus import Attempt
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.run import JobInput
from quantum_operator.decide.assign import Head, Snapshot, assign
from quantum_operator.decide.breaker import not_closed
from quantum_operator.decide.fallback import at_link
from quantum_operator.decide.figures import Request
from quantum_operator.decide.job import decide
from quantum_operator.decide.observed import Charge, Nominate, Observed, RunObserved, StartRun, StartTask, StoreArtifact
from quantum_operator.decide.status import is_terminal, latest_attempt, live_attempt
from quantum_operator.testing import builders
from unit.decide.observations import NOW

MOST_STEPS = 400
PRICE = {"perRunMicros": 1_000_000}


@dataclass(frozen=True)
class Fate:
    """How a run ends: `word` is the platform's, "" for success; of an outcome that is an error, its reason."""

    word: str = ""
    charge: Charge | None = None
    reported: bool = False


Fates = Callable[[Attempt], Fate]


def simulators(*names: str) -> tuple[QuantumBackend, ...]:
    """Simulators of these names."""
    return tuple(builders.backend(name) for name in names)


def devices(*names: str) -> tuple[QuantumBackend, ...]:
    """Devices of a provider, by these names."""
    return tuple(
        builders.backend(name, adapter="memory", provider={"agent": "agents", "device": name}, price=PRICE)
        for name in names
    )


def free(word: str) -> Fate:
    """This end, of a task that surely cost nothing."""
    return Fate(word, Charge(0, "USD"))


@dataclass
class Life:
    """A job, its backends, and what was made for it: `started` are its runs and tasks, in order; `inputs` of each."""

    observed: Observed
    backends: tuple[QuantumBackend, ...]
    fates: Fates
    started: list[StartRun | StartTask]
    artifacts: dict[str, bytes]

    @property
    def job(self) -> QuantumJob:
        """The job as it is now."""
        return self.observed.job

    @property
    def inputs(self) -> list[JobInput]:
        """What each run and task was given, in order."""
        return [JobInput.model_validate_json(self.artifacts[one.input.sha256]) for one in self.started]

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every attempt on record."""
        return self.job.status.plan.steps[-1].attempts if self.job.status.plan is not None else ()


def born(backends: tuple[QuantumBackend, ...], fates: Fates, rules: dict[str, Any] | None = None, **spec: Any) -> Life:
    """A new job whose policy has these backends in their order, unless `rules`, fields of its spec, say otherwise."""
    policy = builders.policy(*(one.metadata.name for one in backends), **(rules or {}))
    observed = Observed(now=NOW, job=builders.job(**spec), policy=policy)
    return Life(observed, backends, fates, [], {})


def live(life: Life, *, until: Callable[[], bool] = lambda: False) -> Life:
    """Let it live until it is over, or nothing changes any more. Fails when it has no end."""
    for _ in range(MOST_STEPS):
        if until() or is_terminal(life.job.status) or not _step(life):
            return life
    raise AssertionError("it is never over")


def _step(life: Life) -> bool:
    """One decision, and what follows in the world; whether anything did."""
    observed, decision = life.observed, decide(life.observed)
    for made in decision.before:
        if isinstance(made, StoreArtifact):
            life.artifacts[made.ref.sha256] = made.data
    status = decision.status
    attempt = live_attempt(status)
    last = latest_attempt(status)
    following = replace(
        observed,
        now=observed.now + timedelta(seconds=decision.look_again or 0.0),
        job=observed.job.model_copy(update={"status": status}),
        assignment=observed.assignment if attempt is None else None,
        run=observed.run if attempt is not None and attempt == live_attempt(observed.job.status) else None,
        backend=next((one for one in life.backends if last is not None and one.metadata.name == last.backend), None),
        accepted=life.artifacts.get(status.input.sha256) if status.input is not None else None,
    )
    for action in decision.after:
        if isinstance(action, Nominate):
            following = replace(following, assignment=_assigned(life, action))
        elif isinstance(action, StartRun | StartTask) and attempt is not None:
            life.started.append(action)
            following = replace(following, run=_run(life, attempt, action))
    life.observed = following
    return following != observed


def _assigned(life: Life, asked: Nominate) -> Any:
    policy = life.observed.policy
    request = Request(asked.demand, "team", {}, asked.tried)
    spec, generation = None, 0
    if policy is not None:
        spec, breakers = at_link(policy.spec, asked.demand), not_closed(policy.status.breakers)
        request, generation = replace(request, policy=spec, breakers=breakers), policy.metadata.generation
    uid = life.job.metadata.uid
    head = Head(uid, "", 0, "default", spec, request, generation=generation, permit=asked.permit)
    (word,) = assign(Snapshot((head,), life.backends))
    return word


def _run(life: Life, attempt: Attempt, action: StartRun | StartTask) -> RunObserved:
    """The run of an attempt, over at once."""
    fate = life.fates(attempt)
    seen = RunObserved(attempt.name, f"uid-{attempt.number}", "Finished", claimed=True, charge=fate.charge)
    if fate.word and not fate.reported:
        return replace(seen, failure=fate.word, message=f"it ended as {fate.word}")
    asked = JobInput.model_validate_json(life.artifacts[action.input.sha256])
    spec = type("Spec", (), {"run": attempt.name, "input_sha256": action.input.sha256, "seed": attempt.seed})
    error = {"error": {"reason": fate.word, "message": f"it says {fate.word}"}, "pubs": []} if fate.word else {}
    made = builders.outcome(spec, asked, **error)  # type: ignore[arg-type]
    return replace(seen, outcome=made.model_dump_json(by_alias=True, exclude_none=True).encode())
