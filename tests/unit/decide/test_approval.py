"""Approval: what has to be approved, what waits for it, and what counts as one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.api.figures import Demand, Figures
from quantum_operator.api.governance import SUBMITTER, Approval, ApprovalRules, ApprovalStatus, Terms
from quantum_operator.decide.approval import held, permits, reasons_for
from quantum_operator.decide.approving import MUTABLE, digest_of
from quantum_operator.decide.assign import Head, Snapshot, assign
from quantum_operator.decide.figures import Request
from quantum_operator.decide.observed import Assignment, Permit
from quantum_operator.decide.verdict import Verdict
from quantum_operator.testing.builders import backend, job, policy
from unit.api.test_render import schemas
from unit.decide.fates import Fate, Life, born, devices, free, live
from unit.decide.observations import verdicts

Json = dict[str, Any]
COSTLY: Json = {"aboveMicros": 500_000}
PRICED: Json = {"price": {"perRunMicros": 1_000_000}}

# --- what asks for it -----------------------------------------------------------------------------------------------

THRESHOLDS: list[tuple[str, Json | None, Json, int | None, str, tuple[str, ...]]] = [
    ("no rules", None, {}, None, "USD", ()),
    ("rules that ask nothing", {}, {}, None, "USD", ()),
    ("at the price", COSTLY, {}, 500_000, "USD", ()),
    ("above the price", COSTLY, {}, 500_001, "USD", ("it may cost 0.500001 USD, more than 0.50 USD (aboveMicros)",)),
    ("free", {"aboveMicros": 0}, {}, 0, "USD", ()),
    ("not free", {"aboveMicros": 0}, {}, 1, "USD", ("it may cost 0.000001 USD, more than 0.00 USD (aboveMicros)",)),
    ("no bound", COSTLY, {}, None, "USD", ("what it costs at most can't be said (aboveMicros)",)),
    ("another currency", COSTLY, {}, 1, "EUR", ("it is paid in EUR, and aboveMicros is in USD",)),
    ("free in another currency", COSTLY, {}, 0, "EUR", ()),
    ("at the shots", {"aboveShots": 10}, {"shots": 10}, 0, "USD", ()),
    (
        "above the shots",
        {"aboveShots": 10},
        {"shots": 11},
        0,
        "USD",
        ("it asks for 11 shots, more than 10 (aboveShots)",),
    ),
    (
        "a precision",
        {"aboveShots": 10},
        {"shots": 0},
        0,
        "USD",
        ("how many shots it takes can't be said (aboveShots)",),
    ),
    ("exact values", {"aboveShots": 10}, {"shots": 0, "simulated": True}, 0, "USD", ()),
    ("another class", {"dataClasses": ["confidential"]}, {}, 0, "USD", ()),
    (
        "its class",
        {"dataClasses": ["confidential"]},
        {"terms": {"dataClass": "confidential"}},
        0,
        "USD",
        ("its data are confidential (dataClasses)",),
    ),
    ("another tier", {"tiers": ["production"]}, {"terms": {"tier": "pilot"}}, 0, "USD", ()),
    ("its tier", {"tiers": ["pilot"]}, {"terms": {"tier": "pilot"}}, 0, "USD", ("it is of tier pilot (tiers)",)),
    (
        "two at once",
        {"tiers": ["sandbox"], **COSTLY},
        {},
        600_000,
        "USD",
        ("it may cost 0.60 USD, more than 0.50 USD (aboveMicros)", "it is of tier sandbox (tiers)"),
    ),
]


@pytest.mark.parametrize(
    ("rules", "demand", "ceiling", "currency", "because"),
    [row[1:] for row in THRESHOLDS],
    ids=[r[0] for r in THRESHOLDS],
)
def test_a_plan_has_to_be_approved_or_not(
    rules: Json | None, demand: Json, ceiling: int | None, currency: str, because: tuple[str, ...]
) -> None:
    """Each threshold on both sides; what can't be said is above any."""
    given = ApprovalRules.model_validate(rules) if rules is not None else None
    asked = Demand.model_validate({"qubits": 2, "shots": 5, **demand})
    assert reasons_for(given, asked, ceiling, currency) == because


@given(st.integers(0, 10), st.integers(0, 10), st.integers(0, 10))
def test_a_dearer_plan_asks_for_no_less(above: int, ceiling: int, more: int) -> None:
    """Whatever the threshold: what has to be approved at a price has to be at every higher one."""
    rules, demand = ApprovalRules(above_micros=above), Demand(qubits=2, shots=5)
    if reasons_for(rules, demand, ceiling, "USD"):
        assert reasons_for(rules, demand, ceiling + more, "USD")


GIVEN = Permit("qpu", 3, 100, "USD")
PERMITTED: list[tuple[str, Permit | None, tuple[str, int, int | None, str], bool]] = [
    ("nothing is approved", None, ("qpu", 3, 100, "USD"), False),
    ("just this", GIVEN, ("qpu", 3, 100, "USD"), True),
    ("cheaper", GIVEN, ("qpu", 3, 99, "USD"), True),
    ("dearer", GIVEN, ("qpu", 3, 101, "USD"), False),
    ("without bound", GIVEN, ("qpu", 3, None, "USD"), False),
    ("another backend", GIVEN, ("qpu-2", 3, 100, "USD"), False),
    ("another policy", GIVEN, ("qpu", 4, 100, "USD"), False),
    ("another currency", GIVEN, ("qpu", 3, 100, "EUR"), False),
    ("free in another currency", GIVEN, ("qpu", 3, 0, "EUR"), True),
    ("whatever it costs", replace(GIVEN, ceiling_micros=None), ("qpu", 3, None, "USD"), True),
    ("a price where there was no bound", replace(GIVEN, ceiling_micros=None), ("qpu", 3, 100, "USD"), False),
]


@pytest.mark.parametrize(("permit", "plan", "expected"), [r[1:] for r in PERMITTED], ids=[r[0] for r in PERMITTED])
def test_an_approval_is_of_one_plan_and_what_is_no_dearer(
    permit: Permit | None, plan: tuple[str, int, int | None, str], expected: bool
) -> None:
    """Backend, state of the policy and currency are the same, and the ceiling is no higher."""
    assert permits(permit, *plan) is expected


# --- across jobs ----------------------------------------------------------------------------------------------------

BUSY = Verdict("Busy", "", passing=True)
AWAITS = Verdict("AwaitingApproval", "", passing=True)
NEEDED, FREE, APPROVED = Figures(approval="Needed"), Figures(), Figures(approval="Given")


@pytest.mark.parametrize(
    ("judged", "expected"),
    [
        ([], None),
        ([("a", FREE, None)], None),
        ([("a", NEEDED, AWAITS)], "a"),
        ([("a", NEEDED, AWAITS), ("b", FREE, None)], "a"),
        ([("a", FREE, BUSY), ("b", NEEDED, AWAITS)], "b"),
        ([("a", FREE, None), ("b", NEEDED, AWAITS)], None),
        ([("a", NEEDED, AWAITS), ("b", NEEDED, AWAITS)], "a"),
        ([("a", NEEDED, AWAITS), ("b", APPROVED, None)], None),
        ([("a", NEEDED, AWAITS), ("b", APPROVED, BUSY)], None),
        ([("a", NEEDED, AWAITS), ("b", APPROVED, Verdict("OverBudget", ""))], "a"),
    ],
)
def test_the_first_that_could_have_the_job_is_asked_for(
    judged: list[tuple[str, Figures, Verdict | None]], expected: str | None
) -> None:
    """A job does not go past a backend that has to be approved, unless another is; and never past one that is free."""
    assert held(judged) == expected


def heads(count: int, rules: Json, permit: Permit | None = None, limit: int = 1) -> tuple[Assignment, ...]:
    """The word on so many jobs that want the same backend, of which the first has the permit."""
    spec = policy("a", approval=rules).spec
    request = Request(Demand(qubits=2, shots=10, executed_shots=10), "team", {}, policy=spec)
    waiting = tuple(
        Head(f"job-{index}", "2026", 0, "default", spec, request, generation=1, permit=permit if index == 0 else None)
        for index in range(count)
    )
    return assign(Snapshot(waiting, (backend("a", limits={"maxConcurrentRuns": limit}, **PRICED),)))


def test_who_waits_for_approval_takes_no_room() -> None:
    """The room of a backend is for those who need no approval, or have it."""
    first, second = heads(2, COSTLY)
    assert (first.verdict, first.reason, first.backend) == ("Waiting", "AwaitingApproval", "")
    assert first.asks is not None
    assert (first.asks.backend, first.asks.ceiling_micros) == ("a", 1_000_000)
    assert second.reason == "AwaitingApproval"
    approved, second = heads(2, COSTLY, Permit("a", 1, 1_000_000, "USD"))
    assert (approved.verdict, approved.backend, approved.asks) == ("Assigned", "a", None)
    assert second.reason == "AwaitingApproval"


def test_who_is_approved_waits_for_room_like_everybody() -> None:
    """An approval is no place."""
    first, second = heads(2, {"aboveMicros": 2_000_000}, Permit("a", 1, 1_000_000, "USD"))
    assert (first.verdict, second.reason) == ("Assigned", "AllBackendsBusy")


# --- a life ---------------------------------------------------------------------------------------------------------


def waiting(
    *names: str, fates: Callable[..., Fate] = lambda attempt: Fate(), rules: Json = COSTLY, **spec: Any
) -> Life:
    """A job on providers' devices that cost a dollar, which has come to wait for approval."""
    life = born(devices(*names or ("qpu",)), fates, **spec)
    governed = policy(*names or ("qpu",), approval=rules)
    metadata = life.job.metadata.model_copy(update={"annotations": {SUBMITTER: "submitter"}})
    life.observed = replace(life.observed, policy=governed, job=life.job.model_copy(update={"metadata": metadata}))
    return live(life)


def record(life: Life) -> ApprovalStatus:
    """What is to be approved."""
    assert life.job.status.approval is not None
    return life.job.status.approval


def decided(life: Life, decision: str = "Approved", by: str = "approver", **other: Any) -> Life:
    """Somebody decides on what is asked, and the job lives on."""
    approval = Approval.model_validate({"decision": decision, "by": by, "digest": record(life).digest, **other})
    spec = life.job.spec.model_copy(update={"approval": approval})
    life.observed = replace(life.observed, job=life.job.model_copy(update={"spec": spec}))
    return live(life)


def condition(life: Life, kind: str = "Approved") -> tuple[str, str]:
    """The condition's status with its reason, and its message."""
    found = next(one for one in life.job.status.conditions if one.type == kind)
    return f"{found.status}/{found.reason}", found.message


def test_a_job_above_a_threshold_waits_for_approval() -> None:
    """Without an attempt; what is to be approved is on record in plain figures."""
    life = waiting()
    assert life.attempts == ()
    assert life.started == []
    asked = record(life)
    assert (asked.backend, asked.ceiling_micros, asked.currency, asked.by) == ("qpu", 1_000_000, "USD", None)
    assert (asked.policy, asked.policy_generation, asked.shots) == ("default", 1, 1024)
    assert condition(life) == (
        "False/AwaitingApproval",
        "running on qpu for at most 1.00 USD: it may cost 1.00 USD, more than 0.50 USD (aboveMicros); "
        "who has the verb approve decides (qjob approve bell)",
    )
    assert life.job.status.phase == "Queued"


def test_an_approved_job_runs_to_its_end() -> None:
    """Who approved it, and of which plan, stays on record."""
    life = decided(waiting(), reason="for the paper")
    assert condition(life) == (
        "True/Approved",
        "running on qpu for at most 1.00 USD is approved by approver: for the paper",
    )
    assert condition(life, "Complete")[0] == "True/Succeeded"
    assert record(life).by == "approver"
    assert len(life.started) == 1


def test_a_rejected_job_is_over() -> None:
    """With who rejected it, and why; nothing ran."""
    life = decided(waiting(), "Rejected", reason="too dear")
    assert condition(life, "Complete") == ("False/Rejected", "rejected by approver: too dear")
    assert condition(life)[0] == "False/Rejected"
    assert life.started == []


def test_nobody_approves_their_own_job() -> None:
    """Not even where the API server let them."""
    life = decided(waiting(), by="submitter")
    assert life.started == []
    assert "submitter submitted it and can't approve it" in condition(life)[1]


def test_a_decision_on_another_digest_is_void() -> None:
    """And the job says so."""
    life = decided(waiting(), digest="0" * 64)
    assert life.started == []
    assert "what approver decided was of another plan, and is void" in condition(life)[1]
    assert decided(life, "Rejected", digest="0" * 64, reason="x").started == []


def test_another_backend_has_to_be_approved_anew() -> None:
    """A failure on the one that was approved leads to the next only with another approval."""
    life = decided(waiting("a", "b", fates=lambda attempt: free("Rejected") if attempt.backend == "a" else Fate()))
    assert [one.backend for one in life.attempts] == ["a"]
    assert record(life).backend == "b"
    assert record(life).by is None
    said, message = condition(life)
    assert said == "False/AwaitingApproval"
    assert "what approver decided was of another plan, and is void" in message
    life = decided(life)
    assert [one.backend for one in life.attempts] == ["a", "b"]
    assert condition(life, "Complete")[0] == "True/Succeeded"


def test_the_same_backend_again_is_approved_already() -> None:
    """A run that is lost is tried again under the same approval."""
    life = decided(waiting(fates=lambda attempt: free("SubmissionRefused") if attempt.number == 1 else Fate()))
    assert len(life.attempts) == 2
    assert condition(life, "Complete")[0] == "True/Succeeded"


def changed(life: Life, **metadata: Any) -> Life:
    """The policy is another."""
    under = life.observed.policy
    assert under is not None
    other = under.model_copy(update={"metadata": under.metadata.model_copy(update=metadata)})
    life.observed = replace(life.observed, policy=other, assignment=None)
    return life


@pytest.mark.parametrize("change", [{"generation": 2}, {"uid": "another"}], ids=str)
def test_an_approval_is_void_when_the_policy_changed(change: Json) -> None:
    """Whatever changed of it: who approved may have thought of just that."""
    life = waiting()
    before = record(life).digest
    assert record(live(changed(life, **change))).digest != before
    spec = life.job.spec.model_copy(update={"approval": Approval(decision="Approved", by="approver", digest=before)})
    life.observed = replace(life.observed, job=life.job.model_copy(update={"spec": spec}))
    assert live(life).started == []


def test_an_approval_expires() -> None:
    """What was approved and did not begin in time has to be approved anew, under another digest."""
    life = waiting(rules={**COSTLY, "expiresSeconds": 60})
    before, backends = record(life).digest, life.backends
    life.backends = ()
    life = decided(life)
    assert record(life).by == "approver"
    life.backends = backends
    life.observed = replace(life.observed, now=life.observed.now + timedelta(seconds=60), assignment=None)
    life = live(life)
    assert life.started == []
    assert record(life).digest != before
    assert verdicts(life.job.status)["Approved"] == "False/AwaitingApproval"
    assert condition(decided(life), "Complete")[0] == "True/Succeeded"


def test_what_needs_no_approval_any_more_goes_on() -> None:
    """Where the policy drops its threshold, and nobody has to be asked."""
    life = waiting()
    life.observed = replace(life.observed, policy=policy("qpu"), assignment=None)
    life = live(life)
    assert condition(life)[0] == "True/ApprovalNotNeeded"
    assert condition(life, "Complete")[0] == "True/Succeeded"


def test_no_approval_can_be_made_up_before_the_job_is_there() -> None:
    """The digest has the job's UID in it, and when it was asked."""
    asked = record(waiting())
    first, second = (digest_of(job(uid=uid), "0" * 64, asked) for uid in ("a", "b"))
    assert first != second
    later = asked.model_copy(update={"asked_time": "2027-01-01T00:00:00Z"})
    assert digest_of(job(uid="a"), "0" * 64, later) != first


@pytest.mark.parametrize(
    "field",
    [
        {"backend": "b"},
        {"ceiling_micros": 2},
        {"currency": "EUR"},
        {"policy_generation": 2},
        {"terms": Terms(tier="pilot")},
    ],
)
def test_a_digest_is_of_all_that_is_approved(field: Json) -> None:
    """Every figure that is shown is bound, and so are the accepted input and the spec."""
    asked = record(waiting())
    first = digest_of(job(), "0" * 64, asked)
    assert digest_of(job(), "0" * 64, asked.model_copy(update=field)) != first
    assert digest_of(job(), "1" * 64, asked) != first
    assert digest_of(job(backoffLimit=0), "0" * 64, asked) != first
    assert digest_of(job(priority=7, suspend=True), "0" * 64, asked) == first


def test_what_may_change_is_no_part_of_it() -> None:
    """Those are the fields of a spec that the API server lets change, and no others."""
    spec = schemas()["QuantumJob"]["properties"]["spec"]
    rule = next(one["rule"] for one in spec["x-kubernetes-validations"] if "fieldPath" not in one)
    assert {name for name in spec["properties"] if f"self.{name} == oldSelf.{name}" not in rule} == set(MUTABLE)
