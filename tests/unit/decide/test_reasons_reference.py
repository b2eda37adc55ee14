"""The documented list of reasons is the list that the code goes by."""

from dataclasses import replace
from pathlib import Path

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.conditions import CANDIDATE_REASONS, REASONS, reasons_markdown
from quantum_operator.api.figures import Candidate
from quantum_operator.decide.afford import REFUSED_FOR_MONEY
from quantum_operator.decide.assign import Snapshot, assign
from quantum_operator.testing.builders import backend, policy
from unit.decide.test_decide_routing import GOLD, head
from unit.decide.test_governance import objections
from unit.decide.test_thresholds import REASON

REFERENCE = Path(__file__).parents[3] / "docs/reference/reasons.md"


def test_the_reference_is_up_to_date() -> None:
    """docs/reference/reasons.md is what is made of api/conditions.py: run `make generate`."""
    assert REFERENCE.read_text(encoding="utf-8") == reasons_markdown()


def test_every_reason_is_in_the_reference_with_its_meaning() -> None:
    """No reason is left out, and none is without a sentence."""
    text = reasons_markdown()
    for name, meaning in (REASONS | CANDIDATE_REASONS).items():
        assert f"| `{name}` | {meaning} |" in text
        assert meaning.endswith(".")
        assert "|" not in meaning


def test_every_verdict_on_a_backend_is_documented() -> None:
    """Whatever stands against a backend, or for it, is in the list, and nothing else is; test_purse.py has money's."""
    backends = (
        backend("a", namespaces=GOLD),
        backend("b", qubits=1),
        backend("c", limits={"maxShots": 1}),
        backend("d", ready=False),
        backend("e", limits={"maxConcurrentRuns": 1}),
        backend("f"),
        backend("g"),
        backend("h", adapter="ibm", provider={"agent": "ibm", "device": "qpu"}, price={"perShotMicros": 1}),
    )
    (found,) = assign(Snapshot((head(spec=policy(*"abcdefgh").spec),), backends, {"e": 1}))
    (exact,) = assign(Snapshot((head(spec=policy("h").spec, simulated=True),), backends))
    again = head(spec=policy("f").spec)
    (tried,) = assign(Snapshot((replace(again, request=replace(again.request, tried={"f": "why"})),), backends))
    (dedicated,) = assign(Snapshot((head(spec=policy("h").spec, mode="session"),), backends))
    governed = tuple(objection.candidates[0] for objection in objections())
    (unapproved,) = assign(Snapshot((head(spec=policy("f", approval={"aboveShots": 0}).spec),), backends))
    told = (
        *resilient(backends),
        *governed,
        *unapproved.candidates,
        *found.candidates,
        *exact.candidates,
        *tried.candidates,
        *dedicated.candidates,
    )
    by_thresholds = {reason for reason, _ in REASON.values()}
    by_money = {"NoPrice", "NoLedger", *REFUSED_FOR_MONEY}
    assert {one.reason for one in told} | by_thresholds | by_money == set(CANDIDATE_REASONS)


def resilient(backends: tuple[QuantumBackend, ...]) -> list[Candidate]:
    """What stands against a QPU for its switch, its breaker, or a job's fallback."""
    qpu = head(spec=policy("h").spec)
    shots = qpu.request.demand.model_copy(update={"executed_shots": 1})
    qpu = replace(qpu, request=replace(qpu.request, demand=shots))
    asked = [
        replace(qpu.request, policy=policy("h", quantumEnabled=False).spec),
        replace(qpu.request, breakers={"h": "Open"}),
        replace(qpu.request, breakers={"h": "HalfOpen"}),
        replace(qpu.request, demand=shots.model_copy(update={"simulator": True})),
        replace(qpu.request, demand=shots.model_copy(update={"free": True})),
    ]
    probed = {(qpu.request.namespace, qpu.policy_name, "h"): 0}
    words = [assign(Snapshot((replace(qpu, request=one),), backends, probes=probed))[0] for one in asked]
    return [one for word in words for one in word.candidates]
