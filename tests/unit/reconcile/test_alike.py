"""Words of the scheduler share what is equal in them, and say what they said."""

from dataclasses import fields, replace

from quantum_operator.api.jobstatus import Candidate, Demand
from quantum_operator.decide.observed import Assignment
from quantum_operator.reconcile.alike import alike


def word(uid: str, message: str = "all are busy") -> Assignment:
    candidate = Candidate(backend="qpu", verdict="Rejected", reason="Busy", message=message)
    return Assignment(uid, Demand(qubits=2, shots=10), "Waiting", "Busy", message, candidates=(candidate,))


def test_equal_parts_are_those_of_the_other() -> None:
    """And only those: every field is as it was."""
    first = alike(word("a"), None)
    second = alike(word("b"), first)
    assert second == word("b")
    assert second.candidates is first.candidates
    assert second.demand is first.demand


def test_what_differs_stays() -> None:
    """Also what is no part of an assignment's identity, such as figures."""
    first = alike(word("a"), None)
    other = replace(word("b", "none is ready"), reason="NoReadyBackend", batch="batch-1", tried={"qpu": "lost"})
    second = alike(other, first)
    assert [getattr(second, one.name) for one in fields(other)] == [getattr(other, one.name) for one in fields(other)]
