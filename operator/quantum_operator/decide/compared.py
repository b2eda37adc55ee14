"""The end of a shadow: its result beside that of its primary."""

from dataclasses import replace

from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.jobstatus import QuantumJobStatus
from quantum_operator.api.run import Outcome, OutcomePub, OutcomeRegister, OutcomeSample
from quantum_operator.api.shadow import MOST_COMPARED, Comparison, PubComparison
from quantum_operator.decide.compare import BILLION, SIGNIFICANCE_PPM, compared_pubs
from quantum_operator.decide.finish import put
from quantum_operator.decide.observed import Decision, Observed, Primary, Tell
from quantum_operator.decide.outcome import read_outcome
from quantum_operator.decide.result import is_confidential
from quantum_operator.decide.status import is_terminal, latest_attempt

GONE = "the job that it is the shadow of is gone"


def compared(observed: Observed, decision: Decision) -> Decision:
    """`decision`, and where a shadow has its result by it, with how that compares."""
    job, run, status = observed.job, observed.run, decision.status
    if job.spec.shadow_of is None or is_terminal(job.status) or status.result is None or run is None:
        return decision
    ours, theirs = _outcome(run.outcome), _primary(observed.primary)
    last = latest_attempt(observed.primary.job.status) if observed.primary is not None else None
    if isinstance(theirs, str) or last is None:
        return _not_comparable(observed, decision, GONE if last is None else str(theirs))
    pubs = compared_pubs(ours.pubs if ours is not None else (), theirs)
    if pubs is None:
        return _not_comparable(observed, decision, "they do not answer the same question")
    return _on_record(observed, decision, pubs, last.backend)


def _on_record(observed: Observed, decision: Decision, pubs: tuple[PubComparison, ...], backend: str) -> Decision:
    worst = sorted(pubs, key=lambda one: (one.least_p_value_ppb, one.index))[:MOST_COMPARED]
    found = Comparison(
        backend=backend,
        significance_ppm=SIGNIFICANCE_PPM,
        tests=sum(one.tests for one in pubs),
        differ=sum(one.differ for one in pubs),
        pubs=() if is_confidential(observed.job) else tuple(sorted(worst, key=lambda one: one.index)),
        pubs_total=len(pubs),
    )
    decision = replace(decision, status=decision.status.model_copy(update={"comparison": found}))
    if found.tests == 0:
        why = "no outcome is frequent enough, and no value has shots enough, to be compared: it takes more shots"
        return _not_comparable(observed, decision, why)
    agrees = found.differ == 0
    message = f"{found.differ} of {found.tests} tests differ from the result of {found.backend}"
    if found.pubs:
        message += f"; {_told(min(found.pubs, key=lambda one: one.least_p_value_ppb))}"
    reason = "ResultsAgree" if agrees else "ResultsDiffer"
    status = put(observed, decision.status, ConditionType.AGREES, agrees, reason, message)
    return replace(decision, status=status)


def _told(one: PubComparison) -> str:
    """The pub that differs most, for people."""
    far = f"a total variation distance up to {(one.distance_ppm or 0) / 1_000_000:.4f}"
    if one.deviation_thousandths is not None:
        far = f"up to {one.deviation_thousandths / 1000:.2f} standard errors"
    return f"most so pubs[{one.index}], by {far}, p = {one.least_p_value_ppb / BILLION:.3g}"


def _not_comparable(observed: Observed, decision: Decision, why: str) -> Decision:
    status = put(observed, decision.status, ConditionType.AGREES, None, "NotComparable", why)
    return replace(decision, status=status, after=(*decision.after, Tell("Warning", "NotComparable", why)))


def _primary(primary: Primary | None) -> tuple[OutcomePub, ...] | str:
    """The pubs of the primary's whole outcome, or why there are none."""
    if primary is None or primary.job.status.result is None:
        return GONE
    if not primary.job.status.result.truncated:
        return _pubs(primary.job.status)
    found = _outcome(primary.outcome)
    name = primary.job.metadata.name
    return (
        found.pubs
        if found is not None
        else f"the whole outcome of job {name} is gone (its spec.retention), or unreadable"
    )


def _outcome(data: bytes | None) -> Outcome | None:
    found = read_outcome(data) if data is not None else None
    return found if isinstance(found, Outcome) else None


def _pubs(status: QuantumJobStatus) -> tuple[OutcomePub, ...]:
    """The pubs of a result that a status has whole."""
    return tuple(
        OutcomePub(
            program=pub.program,
            shape=pub.shape,
            shots=pub.shots,
            samples=None
            if pub.samples is None
            else tuple(
                OutcomeSample(
                    index=one.index,
                    registers=tuple(
                        OutcomeRegister(name=each.name, size=each.size, counts=each.counts) for each in one.registers
                    ),
                )
                for one in pub.samples
            ),
            values=pub.values,
            standard_errors=pub.standard_errors,
        )
        for pub in (status.result.pubs if status.result is not None else ())
    )
