"""The execution settings that a job has: its own, those of its policy's features and profile, and the defaults."""

from collections.abc import Collection, Iterable

from quantum_operator.api.execution import Execution, ExecutionSettings, JobExecution, settled
from quantum_operator.api.jobstatus import QuantumJobStatus
from quantum_operator.api.policy import BackendPolicy
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.routing import Feature


def profile_of(job: QuantumJob, policy: BackendPolicy) -> ExecutionSettings | None:
    """The profile that the job names; None where it names none. Raises KeyError where the policy does not have it."""
    name = job.spec.execution.profile
    return None if name is None else {one.name: one.execution for one in policy.spec.profiles}[name]


def with_settings(job: QuantumJob, policy: BackendPolicy, features: Iterable[Feature] = ()) -> QuantumJob:
    """The job as if it had asked itself for all that these features and its profile say.

    Raises KeyError as `profile_of` does.
    """
    settings = settled(job.spec.execution, *(one.execution for one in features), profile_of(job, policy))
    asked = JobExecution(**{name: getattr(settings, name) for name in Execution.model_fields})
    return job.model_copy(update={"spec": job.spec.model_copy(update={"execution": asked})})


def on_plan(job: QuantumJob, accepted: Execution, features: Collection[str] = ()) -> Execution | None:
    """What the plan keeps of an accepted execution: nothing where the job's own spec says it all.

    A shadow draws anew: with the seed of its primary chance would be the same for both.
    """
    shadow = job.spec.shadow_of is not None
    if job.spec.execution.profile is None and not features and not shadow:
        return None
    update = {"noise": None, "initial_layout": None}
    return accepted.model_copy(update=update | ({"seed": None} if shadow else {}))


def execution_of(job: QuantumJob, status: QuantumJobStatus | None = None) -> Execution:
    """The settings of a job, which may have another status than its own.

    The `noise` and `initial_layout` of a profile or feature are not among them: the accepted input has those.
    """
    plan = (status or job.status).plan
    return plan.execution if plan is not None and plan.execution is not None else settled(job.spec.execution)
