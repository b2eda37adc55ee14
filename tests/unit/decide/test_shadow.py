"""Shadows: which jobs have one, what it is made of, how it is accepted, and how its result is compared."""

import json
from dataclasses import replace
from typing import Any

import pytest

from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.governance import SUBMITTER
from quantum_operator.api.jobstatus import QuantumJobStatus
from quantum_operator.api.quantumjob import QuantumJob, QuantumJobSpec
from quantum_operator.api.run import OutcomePub, OutcomeRegister, OutcomeSample
from quantum_operator.decide.accept import Acceptance, accept
from quantum_operator.decide.compared import compared
from quantum_operator.decide.complaint import Complaint
from quantum_operator.decide.job import decide
from quantum_operator.decide.observed import CreateShadow, Decision, Observed, Primary, RunObserved, Tell
from quantum_operator.decide.shadow import KEPT_LABELS, LEFT_OUT, draw, is_shadow_of, shadow_of
from quantum_operator.decide.shadowing import needs_primary
from quantum_operator.decide.size import STATUS_BYTES, json_bytes
from quantum_operator.decide.status import find_condition, is_terminal, latest_attempt
from quantum_operator.decide.times import stamp
from quantum_operator.testing import builders
from unit.decide.fates import Fate, Life, born, live, simulators
from unit.decide.observations import NOW

SHADOW = {"shadow": {"backend": "other", "percent": 100}}
POLICY = builders.policy("a", **SHADOW)


def primary(**spec: Any) -> Life:
    """A job that is over, and is to have a shadow."""
    return live(born(simulators("a"), lambda _: Fate(), SHADOW, **spec))


def observed(life: Life, **changes: Any) -> Observed:
    """The shadow of a job as it is seen first."""
    shadow = shadow_of(life.job)
    meta = shadow.metadata.model_copy(update={"uid": "uid-of-shadow", "creation_timestamp": builders.CREATED})
    status = life.job.status
    accepted = life.artifacts[status.input.sha256] if status.input is not None else None
    seen = Observed(
        now=NOW, job=shadow.model_copy(update={"metadata": meta}), policy=POLICY, primary=Primary(life.job, accepted)
    )
    return replace(seen, **changes)


def of_primary(seen: Observed, **changes: Any) -> Observed:
    """The same with other things seen of the primary's status."""
    assert seen.primary is not None
    job = seen.primary.job
    changed = job.model_copy(update={"status": job.status.model_copy(update=changes)})
    return replace(seen, primary=replace(seen.primary, job=changed))


# --- which jobs have one, and what it is ----------------------------------------------------------------------------


def test_the_shares_grow_by_adding_jobs() -> None:
    """So many percent of UIDs, whatever else they decide."""
    draws = [draw(f"uid-{number}") for number in range(2000)]
    assert set(draws) == set(range(100))
    assert sum(one < 50 for one in draws) / 2000 == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("rules", "spec", "expected"),
    [
        (SHADOW, {}, 1),
        ({}, {}, 0),
        ({"shadow": {"backend": "other", "percent": 0}}, {}, 0),
        ({"shadow": {"backend": "a", "percent": 100}}, {}, 0),
        (SHADOW, {"idempotencyKey": "k"}, 1),
        (SHADOW, {"shadowOf": {"name": "x", "uid": "u"}}, 0),
    ],
)
def test_a_job_that_ends_with_its_own_result_has_a_shadow(
    rules: dict[str, Any], spec: dict[str, Any], expected: int
) -> None:
    """It is made before the status that ends the job, which names it; not on the backend that the job ran on."""
    life = born(simulators("a"), lambda _: Fate(), rules)
    live(life, until=lambda: life.observed.run is not None)
    given = QuantumJobSpec.model_validate({**life.job.spec.to_wire(), **spec})
    decision = decide(replace(life.observed, job=life.job.model_copy(update={"spec": given})))
    assert is_terminal(decision.status)
    names = [one.shadow.metadata.name for one in decision.before if isinstance(one, CreateShadow)]
    assert len(names) == expected
    assert [decision.status.shadow] == (names or [None])


def test_a_shadow_is_its_primary_but_for_what_is_about_that_one() -> None:
    """With who submitted it, who pays, and an owner, so that it goes with it; it stands behind every job."""
    labels = {KEPT_LABELS[0]: "chem", "app.kubernetes.io/instance": "mine"}
    job = builders.job(
        idempotencyKey="k",
        retry={"onFailure": [{"reasons": ["TaskFailed"], "shots": 10}]},
        priority=5,
        tier="sandbox",
        budget={"maxMicros": 7},
        tags={"a": "b"},
        ttlSecondsAfterFinished=5,
        correlationId="c",
        timeBudgetSeconds=9,
        schedule={"notBefore": "2026-01-01T00:00:00Z"},
    )
    marked = {"labels": labels, "annotations": {SUBMITTER: "ada", "other": "x"}}
    job = job.model_copy(update={"metadata": job.metadata.model_copy(update=marked)})
    made = shadow_of(job)
    assert made.metadata.labels == {KEPT_LABELS[0]: "chem"}
    assert made.metadata.annotations == {SUBMITTER: "ada"}
    assert shadow_of(builders.job()).metadata.annotations == {SUBMITTER: ""}
    (owner,) = made.metadata.owner_references
    assert (owner.kind, owner.name, owner.uid) == ("QuantumJob", "bell", job.metadata.uid)
    mine, theirs = made.spec.to_wire(), job.spec.to_wire()
    assert mine.pop("shadowOf") == {"name": "bell", "uid": job.metadata.uid}
    assert (mine.pop("priority"), theirs.pop("priority")) == (-1_000_000, 5)
    left = {"idempotencyKey", "retry", "ttlSecondsAfterFinished", "timeBudgetSeconds", "schedule"}
    assert mine == {name: value for name, value in theirs.items() if name not in left}
    assert set(LEFT_OUT) <= set(QuantumJobSpec.model_fields)
    assert QuantumJob.model_validate(made.to_wire()).spec == made.spec


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"suspend": True, "priority": 3}, True),
        ({"budget": {"maxMicros": 9}}, False),
        ({"programs": [{"name": "bell", "template": {"name": "bell"}}]}, False),
        ({"data": {"class": "public"}}, False),
    ],
)
def test_only_what_the_operator_would_make_is_a_shadow(change: dict[str, Any], expected: bool) -> None:
    """Field by field, but for those that may change later; and of that primary alone, which says so itself."""
    life = primary()
    made = shadow_of(life.job)
    spec = QuantumJobSpec.model_validate({**made.spec.to_wire(), **change})
    assert is_shadow_of(made.model_copy(update={"spec": spec}), life.job) is expected
    other = life.job.model_copy(update={"status": life.job.status.model_copy(update={"shadow": None})})
    assert not is_shadow_of(made, other)


# --- how it is accepted ---------------------------------------------------------------------------------------------


def test_a_shadow_is_accepted_with_the_input_of_its_primary() -> None:
    """Byte for byte, and it demands what that did, on the one backend."""
    life = primary(execution={"seed": 3, "optimizationLevel": 2})
    found = accept(observed(life))
    assert isinstance(found, Acceptance)
    assert life.job.status.plan is not None
    assert found.ref.sha256 == life.job.status.input.sha256 if life.job.status.input is not None else False
    assert found.demand == life.job.status.plan.demand.model_copy(update={"shadow": "other"})


OLD = NOW.replace(year=NOW.year + 1)


@pytest.mark.parametrize(
    ("changed", "reason", "waits"),
    [
        (lambda seen: replace(seen, primary=None, now=OLD), "AwaitingPrimary", True),
        (lambda seen: of_primary(replace(seen, now=OLD), conditions=()), "AwaitingPrimary", True),
        (lambda seen: of_primary(seen, result=None), "PrimaryWithoutResult", False),
        (lambda seen: of_primary(seen, shadow="another"), "NotAShadow", False),
        (lambda seen: replace(seen, policy=builders.policy("a")), "ShadowOff", False),
        (lambda seen: replace(seen, primary=Primary(seen.primary.job, None)), "PrimaryInputGone", False),
        (lambda seen: replace(seen, primary=Primary(seen.primary.job, b"{}")), "PrimaryInputGone", False),
        (lambda seen: of_primary(seen, input=seen.primary.job.status.input.model_copy(update={"sha256": "0" * 64})), "PrimaryInputGone", False),  # noqa: E501
    ],
)  # fmt: skip
def test_a_shadow_that_is_refused_says_why(changed: Any, reason: str, waits: bool) -> None:
    """With the field and the primary; or it waits for that."""
    found = accept(changed(observed(primary())))
    assert isinstance(found, Complaint)
    assert (found.reason, found.waits, found.quiet) == (reason, waits, False)
    assert found.message.startswith("spec.shadowOf: 'bell'")


def test_a_shadow_waits_for_its_primary_without_a_word_at_first() -> None:
    """That ends in the same moment, and nobody is told; but it is looked at again soon."""
    seen = of_primary(observed(primary()), conditions=())
    young = seen.job.metadata.model_copy(update={"creation_timestamp": stamp(NOW)})
    seen = replace(seen, job=seen.job.model_copy(update={"metadata": young}))
    decision = decide(seen)
    assert decision.status == seen.job.status
    assert decision.look_again is not None
    assert decision.look_again < 1


def test_the_primary_is_read_only_where_it_is_needed() -> None:
    """To accept the shadow, and once its run has left an outcome."""
    shadow = observed(primary()).job
    accepted = live(born(simulators("a"), lambda _: Fate()), until=lambda: False).job.status
    running = shadow.model_copy(update={"status": accepted.model_copy(update={"conditions": ()})})
    ended = RunObserved("run", "u", "Finished", outcome=b"")
    assert needs_primary(shadow, None)
    assert not needs_primary(running, None)
    assert needs_primary(running, ended)
    assert not needs_primary(shadow.model_copy(update={"status": accepted}), ended)
    assert not needs_primary(builders.job(), None)


# --- how it is compared ---------------------------------------------------------------------------------------------


def outcome_of(life: Life, pubs: list[OutcomePub] | None = None) -> bytes:
    """The outcome of the job's run, with other pubs."""
    asked = life.inputs[-1]
    spec = type("Spec", (), {"run": "run", "input_sha256": "0" * 64, "seed": 1})
    made = builders.outcome(spec, asked)  # type: ignore[arg-type]
    made = made if pubs is None else made.model_copy(update={"pubs": tuple(pubs)})
    return made.model_dump_json(by_alias=True, exclude_none=True).encode()


def after(
    life: Life, ours: bytes, theirs: bytes | None = None, **status: Any
) -> tuple[QuantumJobStatus, tuple[Any, ...]]:
    """The status of a shadow that ends with this outcome, and the events."""
    seen = of_primary(observed(life), **status)
    assert seen.primary is not None
    run = RunObserved("run", "u", "Finished", outcome=ours)
    seen = replace(seen, run=run, primary=replace(seen.primary, outcome=theirs))
    found = compared(seen, Decision(seen.job.status.model_copy(update={"result": life.job.status.result})))
    return found.status, found.after


def agreement(status: QuantumJobStatus) -> tuple[str, str]:
    """Whether it agrees, and why."""
    found = find_condition(status.conditions, ConditionType.AGREES)
    assert found is not None
    return found.status, found.reason


def counts(**given: int) -> list[OutcomePub]:
    """A pub with these counts; keys begin with an underscore."""
    register = OutcomeRegister(name="c", size=2, counts={bits[1:]: count for bits, count in given.items()})
    return [OutcomePub(program="bell", shape=(), shots=1024, samples=(OutcomeSample(index=0, registers=(register,)),))]


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        (counts(_00=520, _11=504), ("True", "ResultsAgree")),
        (counts(_00=620, _11=404), ("False", "ResultsDiffer")),
        (counts(_00=1, _11=1), ("Unknown", "NotComparable")),
        ([], ("Unknown", "NotComparable")),
    ],
)
def test_a_shadow_says_whether_it_agrees(ours: list[OutcomePub], expected: tuple[str, str]) -> None:
    """With the result that its primary's status has; where too little was measured to tell, it says that."""
    life = primary()
    status, _ = after(life, outcome_of(life, ours))
    assert agreement(status) == expected


def test_a_truncated_result_is_compared_whole_or_not_at_all() -> None:
    """By the artifact that has all of it; where that is gone, it says so."""
    life = primary()
    result = life.job.status.result
    assert result is not None
    cut = result.model_copy(update={"truncated": True, "pubs": ()})
    status, told = after(life, outcome_of(life), outcome_of(life), result=cut)
    assert (agreement(status), told) == (("True", "ResultsAgree"), ())
    status, told = after(life, outcome_of(life), None, result=cut)
    assert agreement(status) == ("Unknown", "NotComparable")
    assert [(one.type, one.reason) for one in told if isinstance(one, Tell)] == [("Warning", "NotComparable")]
    assert "bell is gone" in told[0].message


def test_of_confidential_results_there_is_the_verdict_alone() -> None:
    """No figure that is made of counts is in the status, nor in a message."""
    life = primary(data={"class": "confidential"})
    status, _ = after(life, outcome_of(life, counts(_00=620, _11=404)), outcome_of(life))
    found = find_condition(status.conditions, ConditionType.AGREES)
    assert found is not None
    assert status.comparison is not None
    assert (found.reason, found.message) == ("ResultsDiffer", "1 of 1 tests differ from the result of a")
    assert status.comparison.pubs == ()


def test_values_are_compared_by_their_errors() -> None:
    """Of an estimate there is no distance of counts, but a deviation."""
    life = live(
        born(
            simulators("a"),
            lambda _: Fate(),
            SHADOW,
            programs=[{"name": "bell", "qasm3": builders.BELL_STATE}],
            task=builders.ESTIMATE,
        )
    )
    off = [OutcomePub(program="bell", shape=(1,), shots=1000, values=(0.9,), standard_errors=(0.01,))]
    status, _ = after(life, outcome_of(life, off))
    assert status.comparison is not None
    (pub,) = status.comparison.pubs
    assert (agreement(status)[1], pub.deviation_thousandths, pub.distance_ppm) == ("ResultsDiffer", 9_759, None)


def test_a_comparison_has_room_in_a_status() -> None:
    """Of 64 pubs, those that differ most."""
    many = [{"program": "bell", "shots": 1024}] * 64
    life = primary(task={"sample": {"pubs": many}})
    pubs = counts(_00=620, _11=404) * 3 + counts(_00=512, _11=512) * 61
    status, _ = after(life, outcome_of(life, pubs), outcome_of(life))
    assert status.comparison is not None
    assert (status.comparison.tests, status.comparison.differ, status.comparison.pubs_total) == (64, 3, 64)
    assert [one.index for one in status.comparison.pubs] == list(range(8))
    conditions = [one.to_wire() for one in status.conditions]
    assert json_bytes(status.comparison.to_wire()) + json_bytes(conditions) < 2_500
    assert json_bytes(json.loads(json.dumps(status.to_wire()))) < STATUS_BYTES
    assert latest_attempt(life.job.status) is not None
