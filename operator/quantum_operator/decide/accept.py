"""Accepting a job: an ordered chain of rules, each of which passes the job or says what is wrong with it.

A rule's complaint names the field, the value and the remedy. A complaint that `waits` is about something outside the
job that may still come (a policy, a ConfigMap); any other ends the job.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from quantum_operator.api.execution import Execution, settled
from quantum_operator.api.figures import Demand
from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.policy import BackendPolicy
from quantum_operator.api.program import MAX_PROGRAM_BYTES
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.task import EstimatePub, SamplePub
from quantum_operator.api.templates import TemplateError, template_facts
from quantum_operator.decide.complaint import Complaint
from quantum_operator.decide.demand import Facts, demand_of
from quantum_operator.decide.execution import with_settings
from quantum_operator.decide.expected import misfit
from quantum_operator.decide.features import features_of
from quantum_operator.decide.governance import objection_to
from quantum_operator.decide.inputs import input_bytes, language_of, make_input, sha256_of, source_of
from quantum_operator.decide.observed import Observed
from quantum_operator.decide.prescan import ProgramFacts, Rejection, prescan
from quantum_operator.decide.replay import refused_until
from quantum_operator.decide.schedule import opens_in
from quantum_operator.decide.shadowing import as_primary, only_there, other_input
from quantum_operator.decide.shapes import ShapeError, pubs_of, shape_of
from quantum_operator.decide.timebudget import time_left


@dataclass(frozen=True)
class Acceptance:
    """An accepted job: its policy, its input as bytes with their reference, what it demands, and how it is run.

    `features` are those of the policy that it has, and `declared_sha256` is the digest of what its input would be
    without them: None where it has none, or no key.
    """

    policy: BackendPolicy
    ref: ArtifactRef
    data: bytes
    demand: Demand
    execution: Execution
    features: tuple[str, ...] = ()
    declared_sha256: str | None = None


def accept(observed: Observed) -> Acceptance | Complaint:
    """Check the job against everything that can be known without running it, and make its input."""
    policy = observed.policy
    if policy is None:
        return policy_missing(observed.job)
    if observed.job.spec.shadow_of is not None:
        return _accept_shadow(observed, policy)
    return _accept(observed, policy)


def _accept_shadow(observed: Observed, policy: BackendPolicy) -> Acceptance | Complaint:
    """A shadow is accepted as its primary was."""
    repeated = as_primary(observed, policy)
    if isinstance(repeated, Complaint):
        return repeated
    found = _accept(repeated, policy)
    if isinstance(found, Complaint):
        return found
    other = other_input(observed, found.ref.sha256)
    return other or replace(found, demand=only_there(policy, found.demand))


def _accept(observed: Observed, policy: BackendPolicy) -> Acceptance | Complaint:
    complaint = (
        replays_within_policy(observed, policy)
        or profile_there(observed.job, policy)
        or starts_in_time(observed)
        or governed(observed.job, policy)
    )
    if complaint is not None:
        return complaint
    features = features_of(observed.job, policy.spec)
    plain = replace(observed, job=with_settings(observed.job, policy))
    observed = replace(observed, job=with_settings(observed.job, policy, features))
    for rule in (configmaps_exist, programs_fit, pubs_name_programs):
        complaint = rule(observed)
        if complaint is not None:
            return complaint
    facts = read_programs(observed)
    if isinstance(facts, Complaint):
        return facts
    checks: tuple[Callable[[QuantumJob, Facts], Complaint | None], ...] = (
        measurements_fit_task,
        observables_fit,
        shapes_fit,
        output_is_expected,
        physical_qubits_are_isa,
    )
    for check in checks:
        complaint = check(observed.job, facts)
        if complaint is not None:
            return complaint
    demand = demand_of(observed.job, policy, facts)
    complaint = shots_within_policy(policy, demand)
    if complaint is not None:
        return complaint
    made = make_input(observed)
    if isinstance(made, Complaint):
        return made
    names = tuple(one.name for one in features)
    declared = sha256_of(input_bytes(plain)) if features and observed.job.spec.idempotency_key is not None else None
    return Acceptance(policy, *made, demand, settled(observed.job.spec.execution), names, declared)


def policy_missing(job: QuantumJob) -> Complaint:
    """The policy that the job names is not in its namespace."""
    return Complaint(
        "PolicyNotFound",
        f"spec.policyRef.name: {job.spec.policy_ref.name!r}: no BackendPolicy of that name in namespace "
        f"{job.metadata.namespace!r}; create it or name another",
        waits=True,
    )


def replays_within_policy(observed: Observed, policy: BackendPolicy) -> Complaint | None:
    """The job that this one repeats is not replayed more often than its policy allows."""
    of, limit = observed.job.spec.replay_of, policy.spec.max_replays_per_hour
    until = refused_until(observed.job, observed.replays, limit) if of is not None else None
    if of is None or until is None:
        return None
    return Complaint(
        "TooManyReplays",
        f"spec.replayOf: {of.name!r}: BackendPolicy {policy.metadata.name!r} allows {limit} replays of a job within an "
        "hour (spec.maxReplaysPerHour)" + (f"; replay it again after {until}" if until else ""),
    )


def profile_there(job: QuantumJob, policy: BackendPolicy) -> Complaint | None:
    """The job's policy has the profile that it names."""
    name, known = job.spec.execution.profile, [one.name for one in policy.spec.profiles]
    if name is None or name in known:
        return None
    return Complaint(
        "ProfileNotFound",
        f"spec.execution.profile: {name!r}: BackendPolicy {policy.metadata.name!r} has "
        f"{', '.join(known) or 'none'} (spec.profiles); name one of these, or add it there",
        waits=True,
    )


def governed(job: QuantumJob, policy: BackendPolicy) -> Complaint | None:
    """The job's tier, data and providers are within what its policy allows."""
    objection = objection_to(job.spec, policy)
    return Complaint(objection.reason, objection.message) if objection is not None else None


def starts_in_time(observed: Observed) -> Complaint | None:
    """The job's time is not used up before its schedule lets it start."""
    job, opens = observed.job, opens_in(observed.job.spec.schedule, observed.now)
    left = time_left(job, observed.now)
    if left is None or opens == 0 or opens < left:
        return None
    return Complaint(
        "TimeBudgetExceeded",
        f"spec.timeBudgetSeconds: {job.spec.time_budget_seconds}: spec.schedule lets the job start only "
        f"{math.ceil(opens)} s from now; give it more time, or let it start earlier",
    )


def configmaps_exist(observed: Observed) -> Complaint | None:
    """Every ConfigMap key that a program names is there."""
    for index, program in enumerate(observed.job.spec.programs):
        ref = program.config_map_key_ref
        if ref is not None and observed.sources.get(program.name) is None:
            return Complaint(
                "ConfigMapNotFound",
                f"spec.programs[{index}].configMapKeyRef: ConfigMap {ref.name!r} has no key {ref.key!r} in namespace "
                f"{observed.job.metadata.namespace!r}; create it",
                waits=True,
            )
    return None


def programs_fit(observed: Observed) -> Complaint | None:
    """No program is empty or over the limit (the API server sees to inline ones, ConfigMaps are seen only here)."""
    for index, program in enumerate(observed.job.spec.programs):
        size = len(source_of(observed, program).encode(errors="replace"))
        if size == 0 and program.template is None:
            return Complaint("InvalidProgram", f"spec.programs[{index}] ({program.name}): is empty; write its text")
        if size > MAX_PROGRAM_BYTES:
            return Complaint(
                "ProgramTooLarge",
                f"spec.programs[{index}]: {size} bytes: a program has at most {MAX_PROGRAM_BYTES}; "
                "shorten it or split it into several programs",
            )
    return None


def pubs_name_programs(observed: Observed) -> Complaint | None:
    """Every pub names a program of the job."""
    known = [program.name for program in observed.job.spec.programs]
    for field, pub in pubs_of(observed.job):
        if pub.program not in known:
            return Complaint(
                "UnknownProgram",
                f"{field}.program: {pub.program!r}: the job's programs are {', '.join(known)}; name one of these",
            )
    return None


def read_programs(observed: Observed) -> Facts | Complaint:
    """What a bounded scan tells of each program: width, measurements, inputs. Nothing is parsed here."""
    facts: dict[str, ProgramFacts] = {}
    for index, program in enumerate(observed.job.spec.programs):
        where = f"spec.programs[{index}] ({program.name})"
        if program.template is not None:
            try:
                facts[program.name] = template_facts(program.template)
            except TemplateError as error:
                return Complaint("InvalidTemplate", f"{where}: {error}")
            continue
        found = prescan(source_of(observed, program), language_of(program))
        if isinstance(found, Rejection):
            line = f" line {found.line}:" if found.line else ""
            return Complaint(found.reason, f"{where}:{line} {found.message}")
        facts[program.name] = found
    return facts


def measurements_fit_task(job: QuantumJob, facts: Facts) -> Complaint | None:
    """What is sampled measures, and what is estimated does not."""
    for field, pub in pubs_of(job):
        measures = facts[pub.program].measures
        if isinstance(pub, SamplePub) and not measures:
            return Complaint(
                "NoMeasurements",
                f"{field}.program: {pub.program!r} measures nothing, so there is nothing to sample; "
                "add measurements, or ask for observables with estimate",
            )
        if isinstance(pub, EstimatePub) and measures:
            return Complaint(
                "MeasuredEstimate",
                f"{field}.program: {pub.program!r} has measurements, which would collapse the state that estimate "
                "is asked about; remove them, or use sample",
            )
    return None


def observables_fit(job: QuantumJob, facts: Facts) -> Complaint | None:
    """Every observable acts on qubits that its program has, on each at most once."""
    estimate = job.spec.task.estimate
    for p, pub in enumerate(estimate.pubs if estimate else ()):
        width = facts[pub.program].qubits
        for o, observable in enumerate(pub.observables):
            for t, term in enumerate(observable.terms):
                field = f"spec.task.estimate.pubs[{p}].observables[{o}].terms[{t}].qubits"
                if any(qubit >= width for qubit in term.qubits):
                    return Complaint(
                        "InvalidObservable",
                        f"{field}: {list(term.qubits)}: program {pub.program!r} has {width} qubits, 0 to {width - 1}; "
                        "choose from these",
                    )
                if len(set(term.qubits)) < len(term.qubits):
                    return Complaint(
                        "InvalidObservable",
                        f"{field}: {list(term.qubits)}: names a qubit twice; multiply its letters first",
                    )
    return None


def shapes_fit(job: QuantumJob, facts: Facts) -> Complaint | None:  # noqa: ARG001 - a rule's signature
    """Values and observables are as many as their shapes hold, and broadcast."""
    for field, pub in pubs_of(job):
        try:
            shape_of(pub)
        except ShapeError as error:
            return Complaint("InvalidParameters", f"{field}.{error.field}: {error}")
    return None


def output_is_expected(job: QuantumJob, facts: Facts) -> Complaint | None:
    """What the pubs give is what the user expects of them, as far as their text tells."""
    problem = misfit(job, [facts[pub.program].registers for _, pub in pubs_of(job)])
    return None if problem is None else Complaint("UnexpectedOutput", problem)


def physical_qubits_are_isa(job: QuantumJob, facts: Facts) -> Complaint | None:
    """A program on the target's own qubits (`$0`) is compiled already, and the job says so."""
    if job.spec.execution.compilation == "isa":
        return None
    for index, program in enumerate(job.spec.programs):
        if facts[program.name].physical:
            return Complaint(
                "UnsupportedConstruct",
                f"spec.programs[{index}] ({program.name}): names physical qubits ($n), so it is compiled already; "
                "set spec.execution.compilation to isa, or declare a qubit register",
            )
    return None


def shots_within_policy(policy: BackendPolicy, demand: Demand) -> Complaint | None:
    """The job asks for no more shots than its policy allows."""
    limit = policy.spec.max_shots
    if limit is None or demand.shots <= limit:
        return None
    return Complaint(
        "OverPolicyLimit",
        f"spec.task: {demand.shots} shots in all: BackendPolicy {policy.metadata.name!r} allows {limit}; "
        "ask for fewer shots or bindings",
    )
