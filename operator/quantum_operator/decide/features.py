"""Feature flags: which of a policy's features a job has, by its identity and the feature's name alone.

Each feature draws by itself, so that two at 50 percent are not the same half of the jobs, and a percentage that grows
only adds jobs. A job with an idempotency key is drawn by that: created anew it has the same features. Where the policy
was edited in between it may have others, and is the same job all the same: see `claim.declared_digest`. A job that
repeats another has the settings of that one, and no features of its own.
"""

from quantum_operator.api.policy import BackendPolicySpec
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.routing import Feature
from quantum_operator.decide.traffic import percentile


def features_of(job: QuantumJob, policy: BackendPolicySpec) -> tuple[Feature, ...]:
    """The features that the job has, in the policy's order; without a UID or key, those that every job has."""
    if _repeats(job):
        return ()
    identity = _identity(job)
    return tuple(one for one in policy.features if _is_on(one, identity))


def undecided(job: QuantumJob, policy: BackendPolicySpec) -> tuple[Feature, ...]:
    """The features of which only the UID that a job will have tells whether it has them."""
    if _repeats(job) or _identity(job):
        return ()
    return tuple(one for one in policy.features if 0 < one.percent < 100)


def draw(feature: str, identity: str) -> int:
    """Where a job falls for one feature, from 0 to 99."""
    return percentile(f"{feature}/{identity}")


def _repeats(job: QuantumJob) -> bool:
    return job.spec.replay_of is not None or job.spec.shadow_of is not None


def _identity(job: QuantumJob) -> str:
    key = job.spec.idempotency_key
    return f"{job.metadata.namespace}/{key}" if key is not None else job.metadata.uid


def _is_on(feature: Feature, identity: str) -> bool:
    return feature.percent == 100 or (bool(identity) and draw(feature.name, identity) < feature.percent)
