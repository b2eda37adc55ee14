"""Routing and assigning: one backend against one job, and all waiting jobs against all backends."""

from typing import Any

import pytest

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.execution import ExecutionMode
from quantum_operator.api.figures import Demand
from quantum_operator.api.jobstatus import Step
from quantum_operator.api.policy import BackendPolicySpec
from quantum_operator.decide.assign import Head, Snapshot, assign
from quantum_operator.decide.candidates import on_record
from quantum_operator.decide.figures import Request
from quantum_operator.decide.observed import Assignment
from quantum_operator.decide.routing import judge, ordered_backends
from quantum_operator.decide.size import json_bytes
from quantum_operator.testing.builders import backend, policy

GOLD = {"from": "Selector", "selector": {"matchLabels": {"tier": "gold"}}}


def request(
    qubits: int = 2, shots: int = 1000, simulated: bool = False, mode: ExecutionMode = "job", **labels: str
) -> Request:
    """A request from namespace `team` with these labels."""
    demand = Demand(qubits=qubits, shots=shots, simulated=simulated, executed_shots=0, mode=mode)
    return Request(demand, "team", labels)


def head(uid: str = "a", spec: BackendPolicySpec | None = None, created: str = "2026", **asked: Any) -> Head:
    """A waiting job."""
    return Head(uid, created, 0, "default", spec or policy().spec, request(**asked))


def one(backends: tuple[QuantumBackend, ...], the_head: Head | None = None, **runs: int) -> Assignment:
    """The assignment of a single head."""
    (assignment,) = assign(Snapshot((the_head or head(),), backends, runs))
    return assignment


@pytest.mark.parametrize(
    ("have", "asked", "reason", "passing"),
    [
        (backend(), request(), None, False),
        (backend(qubits=2), request(qubits=2), None, False),
        (backend(qubits=2), request(qubits=3), "TooFewQubits", False),
        (backend(limits={"maxShots": 1000}), request(shots=1000), None, False),
        (backend(limits={"maxShots": 999}), request(shots=1000), "TooManyShots", False),
        (backend(ready=False), request(), "NotReady", True),
        (backend(ready=None), request(), "NotReady", True),
        (backend(namespaces=GOLD), request(tier="gold"), None, False),
        (backend(namespaces=GOLD), request(tier="gold", other="x"), None, False),
        (backend(namespaces=GOLD), request(tier="silver"), "NotShared", False),
        (backend(namespaces=GOLD), request(), "NotShared", False),
        (backend(namespaces={"from": "Selector"}), request(tier="gold"), "NotShared", False),
        (backend(namespaces=GOLD, qubits=1, ready=False), request(), "NotShared", False),
        (backend(qubits=1, ready=False), request(), "TooFewQubits", False),
    ],
)
def test_a_backend_is_judged(have: QuantumBackend, asked: Request, reason: str | None, passing: bool) -> None:
    """The first rule that objects gives the reason, and says whether that may pass."""
    verdict = judge(have, asked)
    assert (verdict.reason if verdict else None) == reason
    assert bool(verdict and verdict.passing) == passing


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ([{"name": "b"}], ["b"]),
        ([{"name": "c"}, {"name": "a"}], ["c", "a"]),
        ([{"name": "absent"}], []),
        ([{"selector": {"matchLabels": {"kind": "fast"}}}], ["a", "c"]),
        ([{"name": "c"}, {"selector": {"matchLabels": {"kind": "fast"}}}], ["c", "a"]),
        ([{"selector": {"matchLabels": {"kind": "fast"}}}, {"name": "b"}, {"name": "a"}], ["a", "c", "b"]),
        ([{"selector": {"matchLabels": {"kind": "fast", "more": "x"}}}], []),
        ([{}], []),
    ],
)
def test_backends_come_in_the_policys_order(choices: list[dict[str, Any]], expected: list[str]) -> None:
    """Choices in their order, a selector's matches by name, and each backend once."""
    backends = [backend("c", labels={"kind": "fast"}), backend("b"), backend("a", labels={"kind": "fast"})]
    spec = BackendPolicySpec.model_validate({"backends": choices})
    assert [found.metadata.name for found in ordered_backends(spec, backends)] == expected


@pytest.mark.parametrize(
    ("backends", "runs", "verdict", "reason", "chosen"),
    [
        ((backend("a"), backend("b")), {}, "Assigned", "Assigned", "a"),
        ((backend("a", qubits=1), backend("b")), {}, "Assigned", "Assigned", "b"),
        ((backend("a", ready=False), backend("b")), {}, "Assigned", "Assigned", "b"),
        ((backend("a", limits={"maxConcurrentRuns": 1}), backend("b")), {"a": 1}, "Assigned", "Assigned", "b"),
        ((backend("a", limits={"maxConcurrentRuns": 2}), backend("b")), {"a": 1}, "Assigned", "Assigned", "a"),
        ((), {}, "Waiting", "NoBackends", ""),
        ((backend("other"),), {}, "Waiting", "NoBackends", ""),
        ((backend("a", ready=False), backend("b", qubits=1)), {}, "Waiting", "NoReadyBackend", ""),
        (
            (backend("a", limits={"maxConcurrentRuns": 1}), backend("b", ready=False)),
            {"a": 1},
            "Waiting",
            "AllBackendsBusy",
            "",
        ),
        ((backend("a", limits={"maxConcurrentRuns": 1}),), {"a": 7}, "Waiting", "AllBackendsBusy", ""),
        ((backend("a", qubits=1), backend("b", namespaces=GOLD)), {}, "Impossible", "NoEligibleBackend", ""),
    ],
)
def test_a_job_gets_the_first_backend_that_can_take_it(
    backends: tuple[QuantumBackend, ...], runs: dict[str, int], verdict: str, reason: str, chosen: str
) -> None:
    """The first in the policy's order with room; else the job waits for what may pass; else it is impossible."""
    found = one(backends, head(spec=policy("a", "b").spec), **runs)
    assert (found.verdict, found.reason, found.backend) == (verdict, reason, chosen)


def test_a_job_without_its_policy_waits_for_it() -> None:
    """A head whose policy is not there is told so, and nothing is assigned."""
    found = one((backend(),), Head("a", "2026", 0, "gold", None, request()))
    assert (found.verdict, found.reason, found.candidates) == ("Waiting", "PolicyNotFound", ())
    assert "'gold'" in found.message


def test_every_candidate_says_why() -> None:
    """The one chosen, those that could have been, and those passed over with their reasons, in the policy's order."""
    backends = (backend("a", qubits=1), backend("b"), backend("c"), backend("d", ready=False))
    found = one(backends, head(spec=policy("a", "b", "c", "d").spec))
    assert [(c.backend, c.verdict, c.reason) for c in found.candidates] == [
        ("a", "Rejected", "TooFewQubits"),
        ("b", "Chosen", "Chosen"),
        ("c", "Eligible", "Eligible"),
        ("d", "Rejected", "NotReady"),
    ]
    assert found.candidates[0].message == "has 1 qubits, the job needs 2"
    assert found.candidates_total == 4


def test_a_job_that_is_impossible_hears_every_objection() -> None:
    """The message names each backend with what stands against it."""
    found = one((backend("a", qubits=1), backend("b", namespaces=GOLD)), head(spec=policy("a", "b").spec))
    assert "a: has 1 qubits, the job needs 2; b: not shared with namespace 'team'" in found.message


def test_the_first_twenty_candidates_are_kept() -> None:
    """Of many candidates the first 20 are kept, and all are counted."""
    backends = tuple(backend(f"b-{index:03}", labels={"all": "yes"}) for index in range(50))
    spec = BackendPolicySpec.model_validate({"backends": [{"selector": {"matchLabels": {"all": "yes"}}}]})
    found = one(backends, head(spec=spec))
    assert [candidate.backend for candidate in found.candidates] == [f"b-{index:03}" for index in range(20)]
    assert found.candidates_total == 50


def test_the_chosen_candidate_is_always_kept() -> None:
    """Of many candidates the first 20 are kept, but the one that is chosen takes the place of the last of them."""
    names = [f"b-{index:03}" for index in range(30)]
    backends = tuple(backend(name, ready=name == "b-025") for name in names)
    found = one(backends, head(spec=policy(*names).spec))
    assert [candidate.backend for candidate in found.candidates] == [*names[:19], "b-025"]
    assert (found.backend, found.candidates_total) == ("b-025", 30)


def test_whoever_waits_is_told_nothing_new_by_figures_alone() -> None:
    """A word is the same as long as verdicts and reasons are; what is on record then stays, with its figures."""
    full = backend(limits={"maxConcurrentRuns": 1})
    first, second = one((full,), simulator=1), one((full,), simulator=2)
    assert first == second
    assert first.figures != second.figures
    step = on_record(Step(name="primary"), first)
    assert on_record(step, second) == step
    assigned = one((full,))
    assert on_record(step, assigned).candidates[0].figures == assigned.figures[0]


def test_long_candidates_are_kept_within_their_budget() -> None:
    """Candidates with the longest names and messages take no more of a status than is theirs."""
    backends = tuple(backend(f"{index:02}" + "x" * 251, labels={"all": "yes"}, ready=False) for index in range(30))
    spec = BackendPolicySpec.model_validate({"backends": [{"selector": {"matchLabels": {"all": "yes"}}}]})
    found = one(backends, head(spec=spec))
    assert 0 < len(found.candidates) < 20
    step = on_record(Step(name="primary"), found)
    assert all(candidate.figures is not None for candidate in step.candidates)
    assert json_bytes([candidate.to_wire() for candidate in step.candidates]) <= 8_000
    assert found.candidates_total == 30


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_the_oldest_jobs_get_the_room(limit: int) -> None:
    """Room goes to the jobs in the order of their creation, whatever the order they are given in."""
    heads = tuple(head(uid, created=f"2026-01-0{day}") for uid, day in (("c", 3), ("a", 1), ("d", 3), ("b", 2)))
    found = assign(Snapshot(heads, (backend(limits={"maxConcurrentRuns": limit}),)))
    assert [each.job_uid for each in found] == ["a", "b", "c", "d"]
    assert [each.verdict for each in found] == (["Assigned"] * limit + ["Waiting"] * 4)[:4]


def test_what_one_job_takes_another_can_not_have() -> None:
    """Jobs fill the first backend and go on to the next."""
    limited = {"maxConcurrentRuns": 2}
    heads = tuple(head(str(index), policy("a", "b").spec) for index in range(5))
    found = assign(Snapshot(heads, (backend("a", limits=limited), backend("b", limits=limited)), {"b": 1}))
    assert [each.backend for each in found] == ["a", "a", "b", "", ""]


def test_a_job_that_can_not_be_placed_holds_nobody_up() -> None:
    """A wide job at the head of the line waits alone."""
    spec = policy("simulator", "large").spec
    heads = (head("wide", spec, created="2025", qubits=50), head("small", spec, created="2026"))
    found = assign(Snapshot(heads, (backend(), backend("large", qubits=60, ready=False))))
    assert [(each.job_uid, each.verdict) for each in found] == [("wide", "Waiting"), ("small", "Assigned")]


def test_an_assignment_answers_the_demand_it_was_asked() -> None:
    """What was asked goes along with the answer."""
    assert one((backend(),), head(qubits=7, shots=9)).demand == Demand(qubits=7, shots=9)
