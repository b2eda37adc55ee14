"""The chain of fallbacks: where it leads for each cause, that it ends, and that nothing is paid twice."""

from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_operator.api.failures import ENDINGS, REPORTED, class_of
from quantum_operator.api.jobstatus import Attempt, QuantumJobStatus
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.resilience import FallbackCause
from quantum_operator.decide.fallback import cause_of, may_have_paid
from quantum_operator.decide.observed import Charge
from quantum_operator.decide.status import find_condition, is_terminal
from quantum_operator.decide.switch import withdrawn
from quantum_operator.testing import builders
from unit.decide.fates import Fate, Life, born, devices, free, live, simulators
from unit.decide.observations import condition, verdicts

PAID = Charge(7, "USD")
CAUSES = list(get_args(FallbackCause))
TO_SIMULATOR = {"causes": CAUSES, "to": "Simulator", "backends": [{"name": "sim"}]}
TO_OTHER = {"on": CAUSES, "to": "OtherBackend", "backends": [{"name": "other"}]}
TO_CACHE = {"causes": CAUSES, "to": "CachedResult"}
WORLD = (*devices("first", "other"), *simulators("sim"))


def fallen(fates: Any, *chain: dict[str, Any], **rules: Any) -> Life:
    """The life of a job whose policy prefers the first device alone, and has this chain."""
    return live(born(WORLD, fates, {"backends": [{"name": "first"}], "fallback": list(chain), **rules}))


def fails(fate: Fate, on: str = "first") -> Any:
    """What runs on this backend ends so, and succeeds elsewhere; there it costs something on a device."""
    return lambda attempt: fate if attempt.backend == on else Fate(charge=PAID if attempt.agent else None)


def places(life: Life) -> list[tuple[str, str]]:
    """Where each attempt was, and how it ended."""
    return [(one.backend, one.state) for one in life.attempts]


def earlier(job: QuantumJob, name: str, completed: str, **changes: Any) -> QuantumJob:
    """A job that is like this one, and has the result of a run on the first device since this moment."""
    life = live(born(WORLD, lambda _: Fate(charge=PAID), {"backends": [{"name": "first"}]}))
    status = life.job.status.model_copy(update={"completion_time": completed, "input": job.status.input, **changes})
    metadata = life.job.metadata.model_copy(update={"name": name, "uid": f"uid-of-{name}"})
    return life.job.model_copy(update={"metadata": metadata, "status": status})


# --- what it leads to -----------------------------------------------------------------------------------------------


def cause(word: str) -> str:
    """The class of the failure that an end by this word is."""
    return str(class_of(ENDINGS[word].reason)).capitalize()


@pytest.mark.parametrize("word", sorted(word for word, row in ENDINGS.items() if row.reaction != "return"))
def test_a_job_that_would_fail_goes_to_the_simulator(word: str) -> None:
    """Whatever ended its attempts, for each class of failure; the result says where it comes from, and why."""
    life = fallen(fails(free(word)), {**TO_SIMULATOR, "causes": [cause(word)]})
    assert verdicts(life.job.status)["Complete"] == "True/Succeeded"
    assert verdicts(life.job.status)["Accepted"] == "True/Accepted"
    assert places(life)[-1] == ("sim", "Succeeded")
    status = life.job.status
    assert status.fallback is not None
    assert status.result is not None
    assert status.result.fallback == status.fallback
    assert (status.fallback.kind, status.fallback.from_, status.fallback.to) == ("Simulator", "first", "sim")
    assert status.fallback.class_ == cause(word)
    assert "a fallback from first" in condition(status, "Complete").message


@pytest.mark.parametrize("word", sorted(word for word, row in ENDINGS.items() if row.reaction != "return"))
def test_a_cause_that_is_not_named_changes_nothing(word: str) -> None:
    """The job fails as it would without a chain."""
    others = [one for one in CAUSES if one != cause(word)]
    with_chain, without = fallen(fails(free(word)), {**TO_SIMULATOR, "causes": others}), fallen(fails(free(word)))
    assert with_chain.job.status == without.job.status
    assert with_chain.job.status.fallback is None


@pytest.mark.parametrize("word", sorted(REPORTED))
def test_what_the_program_is_to_blame_for_fails_at_once(word: str) -> None:
    """Nothing that the program does wrong is tried elsewhere; what its backend is too small for is."""
    life = fallen(lambda one: Fate(word, None, True) if one.backend == "first" else Fate(), TO_SIMULATOR)
    own = REPORTED[word].reaction == "fail" and REPORTED[word].kind == "permanent"
    assert verdicts(life.job.status)["Complete"] == (f"False/{word}" if own else "True/Succeeded")


def test_a_job_that_no_backend_can_take_falls_back_before_any_attempt() -> None:
    """Of its policy's backends; from none, then."""
    life = live(
        born(
            (*simulators("sim"), builders.backend("first", qubits=1)),
            lambda _: Fate(),
            {
                "backends": [{"name": "first"}],
                "fallback": [TO_SIMULATOR],
            },
        )
    )
    assert places(life) == [("sim", "Succeeded")]
    fallback = life.job.status.fallback
    assert fallback is not None
    assert (fallback.class_, fallback.reason, fallback.from_) == ("NoEligibleBackend", "NoEligibleBackend", None)
    assert verdicts(life.job.status)["Accepted"] == "True/Accepted"


def test_each_link_is_taken_once_and_in_order() -> None:
    """The other device fails as well: on to the simulator."""
    life = fallen(lambda one: free("TaskFailed") if one.agent else Fate(), TO_OTHER, TO_SIMULATOR, TO_OTHER)
    assert places(life) == [("first", "Failed"), ("other", "Failed"), ("sim", "Succeeded")]
    assert [one.stage for one in life.attempts] == [0, 1, 2]
    assert life.job.status.plan is not None
    assert [one.position for one in life.job.status.plan.steps[-1].fallbacks] == [0, 1]


def test_a_link_that_nothing_comes_of_is_passed_over() -> None:
    """Its backend is too small, or not there: the next one for the same cause; the diagnosis stays the first."""
    gone = {**TO_OTHER, "backends": [{"name": "nowhere"}]}
    narrow = {"causes": ["Permanent"], "to": "OtherBackend", "backends": [{"name": "narrow"}]}
    world = (*WORLD, builders.backend("narrow", qubits=1))
    rules = {"backends": [{"name": "first"}], "fallback": [gone, narrow, TO_SIMULATOR]}
    assert places(live(born(world, fails(free("TaskFailed")), rules)))[-1] == ("sim", "Succeeded")
    rules["fallback"] = [gone, narrow]
    life = live(born(world, fails(free("TaskFailed")), rules))
    assert verdicts(life.job.status)["Complete"] == "False/TaskFailed"
    assert life.job.status.fallback is None


def test_a_simulator_link_without_backends_is_of_the_policys_own() -> None:
    """Those that are no QPU, in its order."""
    rules = {"backends": [{"name": "first"}, {"name": "sim"}], "fallback": [{"causes": ["Lost"], "to": "Simulator"}]}
    life = live(born(WORLD, fails(Fate("ResultUnreadable", PAID)), rules))
    assert places(life) == [("first", "Failed"), ("sim", "Succeeded")]
    assert life.job.status.plan is not None
    reasons = {one.backend: one.reason for one in life.job.status.plan.steps[-1].candidates}
    assert reasons == {"first": "NotSimulator", "sim": "Chosen"}


# --- money ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("charge", [PAID, Charge(7, "USD", exact=False)])
def test_after_a_payment_only_what_is_free_follows(charge: Charge) -> None:
    """The other device is passed over, the simulator is not; what was paid stays on record."""
    life = fallen(fails(Fate("TaskFailed", charge)), TO_OTHER, TO_SIMULATOR)
    assert places(life) == [("first", "Failed"), ("sim", "Succeeded")]
    cost = life.job.status.cost
    assert cost is not None
    assert (cost.micros, cost.text.startswith("at most")) == (7, not charge.exact)


def test_a_simulator_that_has_a_price_is_not_free() -> None:
    """The job fails for what it paid for."""
    world = (*devices("first"), builders.backend("sim", price={"perRunMicros": 1}))
    rules = {"backends": [{"name": "first"}], "fallback": [TO_SIMULATOR]}
    life = live(born(world, fails(Fate("TaskFailed", PAID)), rules))
    assert places(life) == [("first", "Failed")]
    assert verdicts(life.job.status)["Complete"] == "False/TaskFailed"
    assert live(born(world, fails(free("TaskFailed")), rules)).job.status.phase == "Succeeded"


# --- the switch -----------------------------------------------------------------------------------------------------


def test_with_the_switch_off_the_policys_simulator_is_a_fallback() -> None:
    """Without any chain: the device would have come first, and the result says so."""
    life = live(born(WORLD, lambda _: Fate(), {"quantumEnabled": False}))
    assert places(life) == [("sim", "Succeeded")]
    status = life.job.status
    assert status.result is not None
    assert status.result.fallback is not None
    told = status.result.fallback
    assert (told.kind, told.from_, told.to, told.class_) == ("Simulator", "first", "sim", "QuantumDisabled")


def test_a_simulator_that_comes_first_anyhow_is_no_fallback() -> None:
    """Nothing is otherwise than with the switch on."""
    life = live(
        born(WORLD, lambda _: Fate(), {"quantumEnabled": False, "backends": [{"name": "sim"}, {"name": "first"}]})
    )
    assert life.job.status.fallback is None
    assert life.job.status.phase == "Succeeded"


def test_with_the_switch_off_and_no_simulator_the_job_waits() -> None:
    """Until the switch is on, or the chain has something; it says so."""
    life = fallen(lambda _: Fate(charge=PAID), quantumEnabled=False)
    assert verdicts(life.job.status)["Scheduled"] == "False/QuantumDisabled"
    assert life.attempts == ()
    assert life.observed.policy is not None
    on = life.observed.policy.model_copy(
        update={"spec": life.observed.policy.spec.model_copy(update={"quantum_enabled": True})}
    )
    life.observed = replace(life.observed, policy=on, assignment=None)
    assert live(life).job.status.phase == "Succeeded"
    assert life.job.status.fallback is None


def test_a_chain_without_anything_left_goes_back_to_waiting() -> None:
    """The switch is on again: the job goes where its policy prefers."""
    narrow = {"causes": ["QuantumDisabled"], "to": "OtherBackend", "backends": [{"name": "other"}, {"name": "nowhere"}]}
    cached = {"causes": ["QuantumDisabled"], "to": "CachedResult"}
    life = fallen(lambda _: Fate(charge=PAID), cached, quantumEnabled=False)
    assert verdicts(life.job.status)["Scheduled"] == "False/QuantumDisabled"
    assert life.job.status.plan is not None
    assert [one.to for one in life.job.status.plan.steps[-1].fallbacks] == ["Preferred"]
    assert verdicts(fallen(lambda _: Fate(), narrow, TO_SIMULATOR, quantumEnabled=False).job.status)["Complete"] == (
        "True/Succeeded"
    )
    assert life.observed.policy is not None
    spec = life.observed.policy.spec.model_copy(update={"quantum_enabled": True})
    life.observed = replace(
        life.observed, policy=life.observed.policy.model_copy(update={"spec": spec}), assignment=None
    )
    assert places(live(life)) == [("first", "Succeeded")]
    assert life.job.status.fallback is None


def test_what_a_task_cost_that_the_switch_cancelled_is_on_record() -> None:
    """The operator withdrew it: another attempt follows, and only a free one."""
    life = fallen(fails(Fate("Withdrawn", PAID)), TO_OTHER, {**TO_SIMULATOR, "causes": ["NoEligibleBackend"]})
    assert places(life) == [("first", "Returned"), ("sim", "Succeeded")]
    assert life.attempts[0].reason == "TaskWithdrawn"
    assert life.job.status.cost is not None
    assert life.job.status.cost.micros == 7


# --- cached results -------------------------------------------------------------------------------------------------


def waiting_for_a_result(*known: Any) -> Life:
    """A job that falls back to a cached result, where these are known of it; each is made of the job."""
    life = born(WORLD, fails(Fate("TaskFailed", PAID)), {"backends": [{"name": "first"}], "fallback": [TO_CACHE]})
    live(life, until=lambda: bool(life.job.status.plan and life.job.status.plan.steps[-1].fallbacks))
    assert not is_terminal(life.job.status)
    life.observed = replace(life.observed, earlier=tuple(make(life.job) for make in known))
    return live(life)


def test_a_cached_result_is_that_of_the_latest_job_with_the_same_input() -> None:
    """Marked with where it comes from; nothing is run, and what was paid before is what the job cost."""
    life = waiting_for_a_result(
        lambda job: earlier(job, "old", "2026-01-01T00:00:00Z"),
        lambda job: earlier(job, "new", "2026-01-02T00:00:00Z"),
    )
    status = life.job.status
    assert verdicts(status)["Complete"] == "True/CachedResult"
    assert status.result_of is not None
    assert (status.result_of.name, status.result_of.backend) == ("new", "first")
    assert status.result is not None
    assert status.result.fallback is not None
    told = status.result.fallback
    assert (told.kind, told.class_, told.reason) == ("CachedResult", "Permanent", "TaskFailed")
    assert places(life) == [("first", "Failed")]
    assert status.cost is not None
    assert status.cost.micros == 7


def test_what_is_no_result_for_the_job_is_passed_over() -> None:
    """Of another input or policy, a fallback itself, without a result, or the job's own: the job fails as it would."""
    life = waiting_for_a_result(
        lambda job: earlier(job, "a", "2026-01-02T00:00:00Z", result=None),
        lambda job: earlier(
            job, "b", "2026-01-02T00:00:00Z", input=job.status.input.model_copy(update={"sha256": "f" * 64})
        ),
        lambda job: earlier(job, "c", "2026-01-02T00:00:00Z").model_copy(
            update={
                "spec": job.spec.model_copy(update={"policy_ref": job.spec.policy_ref.model_copy(update={"name": "x"})})
            }
        ),
        lambda job: earlier(job, "d", "2026-01-02T00:00:00Z", plan=None),
        marked,
        lambda job: job,
    )
    assert verdicts(life.job.status)["Complete"] == "False/TaskFailed"
    complete = find_condition(life.job.status.conditions, "Complete")  # type: ignore[arg-type]
    assert complete is not None
    assert "no earlier job has a result of the same input" in complete.message


def marked(job: QuantumJob) -> QuantumJob:
    """An earlier job whose result is a fallback itself."""
    found = earlier(job, "e", "2026-01-02T00:00:00Z")
    fallback = live(born(WORLD, lambda _: Fate(), {"quantumEnabled": False})).job.status.fallback
    assert found.status.result is not None
    result = found.status.result.model_copy(update={"fallback": fallback})
    return found.model_copy(update={"status": found.status.model_copy(update={"result": result})})


# --- it ends --------------------------------------------------------------------------------------------------------

CHARGES = st.sampled_from([Charge(0, "USD")] * 2 + [PAID, Charge(5, "USD", exact=False)])
OVER = sorted(word for word, row in ENDINGS.items() if row.reaction != "return")
FATES = st.builds(Fate, st.sampled_from(OVER), CHARGES) | st.builds(
    Fate, st.sampled_from(sorted(REPORTED)), CHARGES, st.just(True)
)
CHOICES = st.lists(
    st.sampled_from(["first", "other", "third", "sim", "tiny", "nowhere"]).map(lambda name: {"name": name}),
    min_size=1,
    max_size=3,
)
LINKS = st.builds(
    lambda on, to, backends: {"causes": on, "to": to} | ({} if to == "CachedResult" else {"backends": backends}),
    st.lists(st.sampled_from(CAUSES), min_size=1, max_size=4, unique=True),
    st.sampled_from(["OtherBackend", "Simulator", "CachedResult"]),
    CHOICES,
)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.lists(FATES, min_size=1, max_size=12), st.lists(LINKS, max_size=8), CHOICES, st.booleans())
def test_whatever_fails_and_whatever_the_chain_a_job_ends_and_pays_once(
    fates: list[Fate], chain: list[dict[str, Any]], preferred: list[dict[str, Any]], enabled: bool
) -> None:
    """Links are taken once, in order; after a payment nothing is on a device; who waits does so for a reason."""
    world = (*devices("first", "other", "third"), *simulators("sim"), builders.backend("tiny", qubits=1))

    def fate(attempt: Attempt) -> Fate:
        one = fates[(attempt.number - 1) % len(fates)]
        return one if attempt.agent is not None else replace(one, charge=None)

    rules = {"backends": preferred, "fallback": chain, "quantumEnabled": enabled}
    life = live(born(world, fate, rules, backoffLimit=2))
    status = life.job.status
    words = verdicts(status)
    assert is_terminal(status) or words["Scheduled"].split("/")[1] in ("QuantumDisabled", "NoBackends")
    links = status.plan.steps[-1].fallbacks if status.plan is not None else ()
    assert [one.position for one in links] == sorted({one.position for one in links})
    assert len(life.started) <= 9 * (8 + 3)
    paid = [index for index, one in enumerate(life.attempts) if one.cost]
    assert len(paid) <= 1
    if paid:
        assert all(one.agent is None for one in life.attempts[paid[0] + 1 :])
    if not enabled:
        assert all(one.agent is None for one in life.attempts)


def test_why_a_job_may_fall_back_is_known_of_every_end() -> None:
    """Of what the user or the policy wanted, nothing is."""
    status = QuantumJobStatus()
    for reason in ("Cancelled", "InvalidProgram", "KeyOfAnotherSpec", "PaidWithoutResult", "OverPolicyLimit"):
        assert cause_of(status, reason) is None
    assert cause_of(status, "BudgetExceeded") == "BudgetExceeded"
    assert not may_have_paid(status)


def test_withdrawing_is_for_qpus_alone() -> None:
    """A simulator's run, or a managed simulator's task, is left alone."""
    life = born(WORLD, lambda _: Fate(), {"quantumEnabled": False})
    live(life, until=lambda: bool(life.started))
    (attempt,) = life.attempts
    assert withdrawn(life.observed, attempt) is None
