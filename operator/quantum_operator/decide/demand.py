"""What a job asks of a backend, as far as its spec and a scan of its programs tell."""

from collections.abc import Mapping

from quantum_operator.api.execution import settled
from quantum_operator.api.figures import Demand
from quantum_operator.api.policy import BackendPolicy
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.task import EstimatePub
from quantum_operator.decide.governance import terms_of
from quantum_operator.decide.prescan import ProgramFacts
from quantum_operator.decide.shapes import pubs_of

Facts = Mapping[str, ProgramFacts]
"""What is known of each program, by its name."""

MOST_SHOTS = 2**53 - 1
"""As far as numbers are exact in JSON."""


def demand_of(job: QuantumJob, policy: BackendPolicy, facts: Facts) -> Demand:
    """What the job asks of a backend."""
    return Demand(
        qubits=max(facts[program.name].qubits for program in job.spec.programs),
        shots=asked_shots(job),
        physical=any(one.physical for one in facts.values()),
        simulated=_is_simulated(job),
        mode=settled(job.spec.execution).mode,
        terms=terms_of(job.spec, policy.spec),
        executed_shots=executed_shots(job),
    )


def asked_shots(job: QuantumJob) -> int:
    """The shots that the job asks for, over all pubs and bindings; 0 where precision decides."""
    return sum((pub.shots or 0) * len(pub.parameter_values or ((),)) for _, pub in pubs_of(job))


def executed_shots(job: QuantumJob) -> int:
    """No more shots than these are executed; 0 where that is not known."""
    return 0 if any(pub.shots is None for _, pub in pubs_of(job)) else min(MOST_SHOTS, _executed(job))


def _is_simulated(job: QuantumJob) -> bool:
    estimate, execution = job.spec.task.estimate, settled(job.spec.execution)
    exact = estimate is not None and estimate.mode == "exact"
    return exact or execution.memory or execution.noise is not None


def _executed(job: QuantumJob) -> int:
    """No more shots than these: each term of each observable could be in a group of its own."""
    shots = 0
    for _, pub in pubs_of(job):
        terms = sum(len(one.terms) for one in pub.observables) if isinstance(pub, EstimatePub) else 1
        shots += (pub.shots or 0) * len(pub.parameter_values or ((),)) * terms
    return shots
