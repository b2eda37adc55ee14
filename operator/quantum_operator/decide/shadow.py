"""Shadows: which jobs are run once more on the shadow backend of their policy, and as what.

A shadow is a job of its own: it takes the same way as any, with its own money and approval, and whatever becomes of it
does nothing to its primary. It is created before the status that ends the primary is written, under a name that
derives from the primary, so that a crash in between neither loses nor doubles it.
"""

from dataclasses import replace

from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.governance import SUBMITTER
from quantum_operator.api.jobstatus import QuantumJobStatus
from quantum_operator.api.meta import ObjectMeta, OwnerReference
from quantum_operator.api.quantumjob import IMMUTABLE, IMMUTABLE_WHERE_GIVEN, QuantumJob, QuantumJobSpec
from quantum_operator.api.shadow import ShadowOf
from quantum_operator.decide.budget import TEAM_LABEL
from quantum_operator.decide.names import shadow_name
from quantum_operator.decide.observed import CreateShadow, Decision, Observed
from quantum_operator.decide.status import find_condition, is_terminal, latest_attempt
from quantum_operator.decide.traffic import percentile

KEPT_LABELS = (TEAM_LABEL, "kueue.x-k8s.io/queue-name")
"""Labels that decide who pays, and where runs queue up; any other may be what people select their jobs by."""

LEFT_OUT = (
    *("idempotency_key", "schedule", "retry", "replay_of", "time_budget_seconds"),
    *("approval", "suspend", "cancel", "ttl_seconds_after_finished"),
)
"""Fields of a spec that are about the one job, or would make its shadow something else than its repetition."""

LAST = -1_000_000
"""The lowest priority: no job waits behind a shadow."""


def draw(uid: str) -> int:
    """Where the job of this UID falls for the shadow share, from 0 to 99; it is no share of traffic or of a feature."""
    return percentile(f"Shadow:{uid}")


def has_own_result(job: QuantumJob, status: QuantumJobStatus) -> bool:
    """Whether a run of the job itself gave the result, on what was accepted and where its policy wants it to run."""
    complete = find_condition(status.conditions, ConditionType.COMPLETE)
    if complete is None or complete.status != "True" or status.result is None or job.spec.shadow_of is not None:
        return False
    changed = status.plan is None or any(step.changes for step in status.plan.steps)
    return status.fallback is None and status.result_of is None and not changed


def shadowed(observed: Observed, decision: Decision) -> Decision:
    """`decision`, and where the job ends by it and is in its policy's shadow share, with its shadow made before."""
    job, status = observed.job, decision.status
    share = observed.policy.spec.shadow if observed.policy is not None else None
    if share is None or is_terminal(job.status) or not has_own_result(job, status):
        return decision
    last = latest_attempt(status)
    if last is None or last.backend == share.backend or draw(job.metadata.uid) >= share.percent:
        return decision
    made = shadow_of(job)
    status = status.model_copy(update={"shadow": made.metadata.name})
    return replace(decision, status=status, before=(*decision.before, CreateShadow(made)))


def shadow_of(job: QuantumJob) -> QuantumJob:
    """The shadow of a job, as it is created: with the job as its owner, so that it goes with that.

    Where nobody is on record as the job's submitter, nobody is as the shadow's: the API server lets nobody approve it.
    """
    meta = job.metadata
    defaults = QuantumJobSpec.model_fields
    update = {name: defaults[name].get_default(call_default_factory=True) for name in LEFT_OUT}
    spec = job.spec.model_copy(update={**update, "priority": LAST, "shadow_of": ShadowOf(name=meta.name, uid=meta.uid)})
    metadata = ObjectMeta(
        name=shadow_name(meta.name, meta.uid),
        namespace=meta.namespace,
        labels={name: value for name, value in meta.labels.items() if name in KEPT_LABELS},
        annotations={SUBMITTER: meta.annotations.get(SUBMITTER, "")},
        owner_references=(OwnerReference(kind=job.kind, name=meta.name, uid=meta.uid),),
    )
    return QuantumJob(metadata=metadata, spec=spec)


def is_shadow_of(job: QuantumJob, primary: QuantumJob) -> bool:
    """Whether the operator made the one as the shadow of the other: by the word of that one's status, and its spec."""
    made = shadow_of(primary)
    if primary.status.shadow != job.metadata.name or made.metadata.name != job.metadata.name:
        return False
    mine, theirs = job.spec.to_wire(), made.spec.to_wire()
    return all(mine.get(name) == theirs.get(name) for name in (*IMMUTABLE, *IMMUTABLE_WHERE_GIVEN))
