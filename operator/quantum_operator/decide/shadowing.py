"""How a shadow is accepted: with the very input of its primary, once that is over.

It does not read its programs, profile or features anew: a ConfigMap or policy that was edited meanwhile would make it
another job, and the comparison one of two different things.
"""

from dataclasses import replace

from pydantic import ValidationError

from quantum_operator.api.execution import JobExecution
from quantum_operator.api.figures import Demand
from quantum_operator.api.policy import BackendPolicy
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.run import JobInput
from quantum_operator.decide.complaint import Complaint
from quantum_operator.decide.observed import Observed, RunObserved
from quantum_operator.decide.shadow import has_own_result, is_shadow_of
from quantum_operator.decide.status import is_accepted, is_terminal
from quantum_operator.decide.times import parse

PATIENCE_SECONDS = 10.0
"""So old a shadow may be before its status says what it waits for: its primary ends in the same moment."""


def needs_primary(job: QuantumJob, run: RunObserved | None) -> bool:
    """Whether the job that it is the shadow of must be read: until it is accepted, and once there is an outcome."""
    if job.spec.shadow_of is None or is_terminal(job.status):
        return False
    return not is_accepted(job.status) or (run is not None and run.outcome is not None)


def as_primary(observed: Observed, policy: BackendPolicy) -> Observed | Complaint:
    """A shadow as it is to be accepted, with the programs and the execution of its primary; or why it is not."""
    primary, job = observed.primary, observed.job
    if primary is None or not is_terminal(primary.job.status):
        return _waits(observed)
    field = f"spec.shadowOf: {primary.job.metadata.name!r}"
    if not has_own_result(primary.job, primary.job.status):
        return Complaint("PrimaryWithoutResult", f"{field}: it is over without a result of its own")
    if not is_shadow_of(job, primary.job):
        message = f"{field}: the operator did not make this job; leave spec.shadowOf out, or use `qjob replay`"
        return Complaint("NotAShadow", message)
    if policy.spec.shadow is None:
        message = f"{field}: BackendPolicy {policy.metadata.name!r} has no spec.shadow any more; nothing is run"
        return Complaint("ShadowOff", message)
    accepted = _input(primary.accepted)
    if accepted is None:
        message = f"{field}: its accepted input is gone; keep it longer (spec.retention), or replay the job"
        return Complaint("PrimaryInputGone", message)
    execution = JobExecution(
        **{name: getattr(accepted.execution, name) for name in type(accepted.execution).model_fields}
    )
    spec = job.spec.model_copy(update={"execution": execution})
    sources = {program.name: program.source for program in accepted.programs}
    return replace(observed, job=job.model_copy(update={"spec": spec}), sources=sources)


def other_input(observed: Observed, sha256: str) -> Complaint | None:
    """What came of it is what its primary was accepted with."""
    of = observed.job.spec.shadow_of
    if of is None or observed.primary is None:
        return None
    theirs = observed.primary.job.status.input
    if theirs is not None and theirs.sha256 == sha256:
        return None
    message = f"spec.shadowOf: {of.name!r}: was accepted with another input than {sha256[:12]}…; replay that job"
    return Complaint("PrimaryInputGone", message)


def only_there(policy: BackendPolicy, demand: Demand) -> Demand:
    """What a shadow asks of a backend: that it is the one for shadows."""
    share = policy.spec.shadow
    return demand if share is None else demand.model_copy(update={"shadow": share.backend})


def _waits(observed: Observed) -> Complaint:
    job = observed.job
    of = job.spec.shadow_of
    young = (observed.now - parse(job.metadata.creation_timestamp)).total_seconds() < PATIENCE_SECONDS
    message = (
        f"spec.shadowOf: {of.name if of is not None else ''!r}: it is not over, or gone; wait for it, or delete this"
    )
    return Complaint("AwaitingPrimary", message, waits=True, quiet=young)


def _input(data: bytes | None) -> JobInput | None:
    try:
        return JobInput.model_validate_json(data) if data is not None else None
    except ValidationError:
        return None
