"""Accepting a job: an ordered chain of rules, each of which passes the job or says what is wrong with it.

A rule's complaint names the field, the value and the remedy. A complaint that `waits` is about something outside the
job that may still come (a policy, a ConfigMap); any other ends the job.
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from quantum_operator.api.jobstatus import ArtifactRef, Demand
from quantum_operator.api.policy import BackendPolicy
from quantum_operator.api.program import MAX_PROGRAM_BYTES, Language, Program
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.run import MAX_INPUT_BYTES, InputProgram, JobInput
from quantum_operator.api.task import EstimatePub, SamplePub
from quantum_operator.api.templates import TemplateError, template_facts
from quantum_operator.decide.names import artifact_name
from quantum_operator.decide.observed import Observed
from quantum_operator.decide.prescan import ProgramFacts, Rejection, prescan
from quantum_operator.decide.replay import refused_until


@dataclass(frozen=True)
class Complaint:
    """Why a job is not accepted, and whether that may still change."""

    reason: str
    message: str
    waits: bool = False


@dataclass(frozen=True)
class Acceptance:
    """An accepted job: the policy it is under, its input as bytes with their reference, and what it demands."""

    policy: BackendPolicy
    ref: ArtifactRef
    data: bytes
    demand: Demand


Facts = Mapping[str, ProgramFacts]


MOST_SHOTS = 2**53 - 1


def accept(observed: Observed) -> Acceptance | Complaint:
    """Check the job against everything that can be known without running it, and make its input."""
    policy = observed.policy
    if policy is None:
        return policy_missing(observed.job)
    complaint = replays_within_policy(observed, policy)
    if complaint is not None:
        return complaint
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
        physical_qubits_are_isa,
    )
    for check in checks:
        complaint = check(observed.job, facts)
        if complaint is not None:
            return complaint
    demand = demand_of(observed.job, facts)
    complaint = shots_within_policy(policy, demand)
    if complaint is not None:
        return complaint
    made = make_input(observed)
    return made if isinstance(made, Complaint) else Acceptance(policy, *made, demand)


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
        size = len(_source(observed, program).encode(errors="replace"))
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
    for field, pub in _pubs(observed.job):
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
        found = prescan(_source(observed, program), _language(program))
        if isinstance(found, Rejection):
            line = f" line {found.line}:" if found.line else ""
            return Complaint(found.reason, f"{where}:{line} {found.message}")
        facts[program.name] = found
    return facts


def measurements_fit_task(job: QuantumJob, facts: Facts) -> Complaint | None:
    """What is sampled measures, and what is estimated does not."""
    for field, pub in _pubs(job):
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


def demand_of(job: QuantumJob, facts: Facts) -> Demand:
    """What the job asks of a backend."""
    return Demand(
        qubits=max(facts[program.name].qubits for program in job.spec.programs),
        shots=asked_shots(job),
        physical=any(one.physical for one in facts.values()),
        simulated=_is_simulated(job),
        mode=job.spec.execution.mode,
        executed_shots=executed_shots(job),
    )


def asked_shots(job: QuantumJob) -> int:
    """The shots that the job asks for, over all pubs and bindings; 0 where precision decides."""
    return sum((pub.shots or 0) * len(pub.parameter_values or ((),)) for _, pub in _pubs(job))


def executed_shots(job: QuantumJob) -> int:
    """No more shots than these are executed; 0 where that is not known."""
    return 0 if any(pub.shots is None for _, pub in _pubs(job)) else min(MOST_SHOTS, _executed(job))


def _is_simulated(job: QuantumJob) -> bool:
    estimate, execution = job.spec.task.estimate, job.spec.execution
    exact = estimate is not None and estimate.mode == "exact"
    return exact or execution.memory or execution.noise is not None


def _executed(job: QuantumJob) -> int:
    """No more shots than these: each term of each observable could be in a group of its own."""
    shots = 0
    for _, pub in _pubs(job):
        terms = sum(len(one.terms) for one in pub.observables) if isinstance(pub, EstimatePub) else 1
        shots += (pub.shots or 0) * len(pub.parameter_values or ((),)) * terms
    return shots


def make_input(observed: Observed) -> tuple[ArtifactRef, bytes] | Complaint:
    """The job's input in canonical bytes, and their reference by digest."""
    job = observed.job
    programs = tuple(
        InputProgram(name=program.name, template=program.template)
        if program.template is not None
        else InputProgram(name=program.name, language=_language(program), source=_source(observed, program))
        for program in job.spec.programs
    )
    job_input = JobInput(programs=programs, task=job.spec.task, execution=job.spec.execution)
    data = json.dumps(job_input.to_wire(), sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    if len(data) > MAX_INPUT_BYTES:
        return Complaint(
            "InputTooLarge",
            f"spec: {len(data)} bytes of programs and task: at most {MAX_INPUT_BYTES} are accepted; "
            f"split the job into {math.ceil(len(data) / MAX_INPUT_BYTES)} or more",
        )
    digest = hashlib.sha256(data).hexdigest()
    name = artifact_name(job.metadata.name, job.metadata.uid, digest)
    return ArtifactRef(name=name, sha256=digest, bytes=len(data)), data


def _pubs(job: QuantumJob) -> list[tuple[str, SamplePub | EstimatePub]]:
    task = job.spec.task
    if task.sample is not None:
        return [(f"spec.task.sample.pubs[{index}]", pub) for index, pub in enumerate(task.sample.pubs)]
    if task.estimate is not None:
        return [(f"spec.task.estimate.pubs[{index}]", pub) for index, pub in enumerate(task.estimate.pubs)]
    return []


def _source(observed: Observed, program: Program) -> str:
    if program.config_map_key_ref is not None:
        return (observed.sources.get(program.name) or "").encode(errors="replace").decode()
    return program.qasm3 or program.qasm2 or ""


def _language(program: Program) -> Language:
    if program.config_map_key_ref is not None:
        return program.config_map_key_ref.language
    return "qasm2" if program.qasm2 is not None else "qasm3"
