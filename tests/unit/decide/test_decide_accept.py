"""Accepting a job: each rule's complaint, and what an accepted job's input is."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from quantum_operator.api.conditions import REASONS
from quantum_operator.api.run import JobInput
from quantum_operator.decide.accept import Acceptance, accept
from quantum_operator.decide.complaint import Complaint
from quantum_operator.testing.builders import BELL, BELL_STATE, policy
from unit.decide.observations import submitted

BELL_2 = 'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[2];\ncreg c[2];\nh q[0];\ncx q[0],q[1];\nmeasure q -> c;\n'
PHYSICAL = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nbit[1] c;\nx $7;\nc[0] = measure $7;\n'
REF = {"name": "bell", "configMapKeyRef": {"name": "programs", "key": "bell.qasm"}}


def program(text: str, name: str = "bell") -> dict[str, Any]:
    """An inline OpenQASM 3 program."""
    return {"name": name, "qasm3": text}


def estimate(*terms: dict[str, Any], **pub: Any) -> dict[str, Any]:
    """A task that estimates one observable of the program."""
    return {"estimate": {"pubs": [{"program": "bell", "shots": 10, "observables": [{"terms": list(terms)}], **pub}]}}


def sample(*pubs: dict[str, Any]) -> dict[str, Any]:
    """A task that samples; each pub is of program `bell`."""
    return {"sample": {"pubs": [{"program": "bell", **pub} for pub in pubs]}}


ZZ = {"pauli": "ZZ", "qubits": [0, 1]}
REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("unknown program", {"task": sample({"program": "ghz"})}, "UnknownProgram", "spec.task.sample.pubs[0].program"),
    (
        "unknown program to estimate",
        {"programs": [program(BELL_STATE)], "task": estimate(ZZ, program="ghz")},
        "UnknownProgram",
        "spec.task.estimate.pubs[0].program",
    ),
    ("too large", {"programs": [program(BELL + "//" + "é" * 200_000)]}, "ProgramTooLarge", "spec.programs[0]"),
    ("not a program", {"programs": [program("hello")]}, "InvalidProgram", "spec.programs[0] (bell)"),
    (
        "no such template",
        {"programs": [{"name": "bell", "template": {"name": "no-such"}}]},
        "InvalidTemplate",
        "spec.programs[0] (bell)",
    ),
    (
        "template out of bounds",
        {"programs": [{"name": "bell", "template": {"name": "ghz", "parameters": {"qubits": "1"}}}]},
        "InvalidTemplate",
        "spec.programs[0] (bell)",
    ),
    ("nothing measured", {"programs": [program(BELL_STATE)]}, "NoMeasurements", "spec.task.sample.pubs[0].program"),
    ("measured", {"task": estimate(ZZ)}, "MeasuredEstimate", "spec.task.estimate.pubs[0].program"),
    (
        "observable too wide",
        {"programs": [program(BELL_STATE)], "task": estimate(ZZ, {"pauli": "Z", "qubits": [2]})},
        "InvalidObservable",
        "spec.task.estimate.pubs[0].observables[0].terms[1].qubits",
    ),
    (
        "observable twice on a qubit",
        {"programs": [program(BELL_STATE)], "task": estimate({"pauli": "XZ", "qubits": [1, 1]})},
        "InvalidObservable",
        "spec.task.estimate.pubs[0].observables[0].terms[0].qubits",
    ),
    ("physical qubits", {"programs": [program(PHYSICAL)]}, "UnsupportedConstruct", "spec.programs[0] (bell)"),
    (
        "input too large",
        {
            "programs": [program(BELL + "//" + "x" * 250_000, name) for name in ("bell", "b", "c", "d")],
        },
        "InputTooLarge",
        "spec:",
    ),
]


@pytest.mark.parametrize(("spec", "reason", "field"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_job_that_can_never_run_is_refused(spec: dict[str, Any], reason: str, field: str) -> None:
    """The complaint has a documented reason, begins with the field and does not wait."""
    complaint = accept(submitted(**spec))
    assert isinstance(complaint, Complaint)
    assert (complaint.reason, complaint.waits) == (reason, False)
    assert complaint.message.startswith(field)
    assert reason in REASONS


def test_a_job_waits_for_its_policy() -> None:
    """Without its policy a job is not refused but waits, and is told which policy it lacks."""
    complaint = accept(replace(submitted(policyRef={"name": "gold"}), policy=None))
    assert isinstance(complaint, Complaint)
    assert (complaint.reason, complaint.waits) == ("PolicyNotFound", True)
    assert "'gold'" in complaint.message
    assert "'team'" in complaint.message


@pytest.mark.parametrize("sources", [{}, {"bell": None}])
def test_a_job_waits_for_its_config_map(sources: dict[str, str | None]) -> None:
    """A missing ConfigMap or key makes the job wait, and is named."""
    complaint = accept(replace(submitted(programs=[REF]), sources=sources))
    assert isinstance(complaint, Complaint)
    assert (complaint.reason, complaint.waits) == ("ConfigMapNotFound", True)
    assert "'programs' has no key 'bell.qasm'" in complaint.message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "InvalidProgram"),
        ("x" * 262_145, "ProgramTooLarge"),
        ("hello", "InvalidProgram"),
        ("\ud800", "InvalidProgram"),
    ],
    ids=["empty", "large", "not a program", "lone surrogate"],
)
def test_a_config_map_is_checked_as_an_inline_program_is(text: str, reason: str) -> None:
    """What the API server could not check of a ConfigMap's text is checked here."""
    complaint = accept(replace(submitted(programs=[REF]), sources={"bell": text}))
    assert isinstance(complaint, Complaint)
    assert (complaint.reason, complaint.waits) == (reason, False)


def test_the_line_of_a_refused_program_is_told() -> None:
    """A complaint about a program's text says on which line."""
    complaint = accept(submitted(programs=[program(BELL + "cal { }\n")]))
    assert isinstance(complaint, Complaint)
    assert complaint.message.startswith("spec.programs[0] (bell): line 8:")


@pytest.mark.parametrize(("limit", "fits"), [(None, True), (3000, True), (2999, False), (1, False)])
def test_shots_are_within_the_policy(limit: int | None, fits: bool) -> None:
    """The shots of all bindings together are held against the policy's limit."""
    rows = {"parameterNames": ["a"], "parameterValues": [[0.1], [0.2], [0.3]], "shots": 1000}
    found = accept(replace(submitted(task=sample(rows)), policy=policy(maxShots=limit)))
    assert isinstance(found, Acceptance) == fits
    if isinstance(found, Complaint):
        assert found.reason == "OverPolicyLimit"
        assert f"3000 shots in all: BackendPolicy 'default' allows {limit}" in found.message


ACCEPTED: list[tuple[str, dict[str, Any], tuple[int, int, bool]]] = [
    ("inline", {}, (2, 1024, False)),
    ("OpenQASM 2", {"programs": [{"name": "bell", "qasm2": BELL_2}]}, (2, 1024, False)),
    (
        "template",
        {"programs": [{"name": "bell", "template": {"name": "ghz", "parameters": {"qubits": "9"}}}]},
        (9, 1024, False),
    ),
    ("two pubs", {"task": sample({"shots": 10}, {"shots": 5})}, (2, 15, False)),
    (
        "the widest counts",
        {
            "programs": [
                program(BELL),
                program(BELL.replace("qubit[2]", "qubit[5]").replace("c = measure q;", "c[0] = measure q[0];"), "wide"),
            ]
        },
        (5, 1024, False),
    ),
    (
        "exact",
        {
            "programs": [program(BELL_STATE)],
            "task": {"estimate": {"mode": "exact", "pubs": [{"program": "bell", "observables": [{"terms": [ZZ]}]}]}},
        },
        (2, 0, False),
    ),
    ("sampled", {"programs": [program(BELL_STATE)], "task": estimate(ZZ)}, (2, 10, False)),
    ("identity", {"programs": [program(BELL_STATE)], "task": estimate({"pauli": "", "qubits": []})}, (2, 10, False)),
    ("compiled already", {"programs": [program(PHYSICAL)], "execution": {"compilation": "isa"}}, (8, 1024, True)),
]


@pytest.mark.parametrize(("spec", "demand"), [row[1:] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_an_accepted_job_says_what_it_demands(spec: dict[str, Any], demand: tuple[int, int, bool]) -> None:
    """Width of the widest program, shots over all pubs and bindings, and whether it names the target's qubits."""
    found = accept(submitted(**spec))
    assert isinstance(found, Acceptance), found
    assert (found.demand.qubits, found.demand.shots, found.demand.physical) == demand


def test_the_input_is_complete_in_itself() -> None:
    """A ConfigMap's text is copied: the input refers to nothing that can change."""
    found = accept(replace(submitted(programs=[REF]), sources={"bell": BELL}))
    assert isinstance(found, Acceptance)
    made = JobInput.model_validate_json(found.data)
    assert made.programs[0].source == BELL
    assert "configMapKeyRef" not in found.data.decode()


def test_the_input_is_named_by_its_digest() -> None:
    """The reference has the digest and the length of exactly these bytes."""
    found = accept(submitted())
    assert isinstance(found, Acceptance)
    assert found.ref.sha256 == hashlib.sha256(found.data).hexdigest()
    assert found.ref.bytes == len(found.data)
    assert found.ref.sha256[:12] in found.ref.name


def test_the_input_is_canonical() -> None:
    """The bytes are sorted, compact JSON, the same for every job that asks the same, whoever asks."""
    first, second = accept(submitted()), accept(submitted(name="another"))
    assert isinstance(first, Acceptance)
    assert isinstance(second, Acceptance)
    assert first.data == second.data
    assert first.ref.name != second.ref.name
    assert json.dumps(json.loads(first.data), sort_keys=True, separators=(",", ":")).encode() == first.data


def test_the_first_complaint_is_the_one_made() -> None:
    """Rules run in order: a job that breaks two hears of the first."""
    complaint = accept(replace(submitted(programs=[program("hello")]), policy=None))
    assert isinstance(complaint, Complaint)
    assert complaint.reason == "PolicyNotFound"
