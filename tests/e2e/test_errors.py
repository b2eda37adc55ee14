"""What users get wrong, and what is meant to do harm: each is refused in words that help, and harms nobody else.

A refusal at `kubectl create` or in the condition Accepted=False names the field, the value and the remedy.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from support.installation import Installation, condition, job
from testcluster.processes import eventually

SECONDS = 30.0
BELL = 'OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; bit[2] c; h q[0]; cx q[0], q[1]; c = measure q;'
STATE = 'OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; h q[0]; cx q[0], q[1];'
SAMPLE = {"sample": {"pubs": [{"program": "p"}]}}
MEBIBYTE = 1024 * 1024


def program(**source: Any) -> list[dict[str, Any]]:
    """One program of this source."""
    return [{"name": "p", **source}]


def gates(count: int) -> str:
    """Gate definitions, each of which uses the one before twice, and the last of them once."""
    lines = ["gate g0 a { x a; }"]
    lines += [f"gate g{n} a {{ g{n - 1} a; g{n - 1} a; }}" for n in range(1, count)]
    return "\n".join(["OPENQASM 3.0;", *lines, "qubit q; bit c;", f"g{count - 1} q;", "c = measure q;"])


def observable(*qubits: int) -> dict[str, Any]:
    """An estimate of a product of Z."""
    terms = [{"pauli": "Z" * len(qubits), "qubits": list(qubits)}]
    return {"estimate": {"pubs": [{"program": "p", "shots": 100, "observables": [{"terms": terms}]}]}}


@dataclass(frozen=True)
class Wrong:
    """A spec, how it is refused, and parts of the message: the field, the value, the remedy."""

    name: str
    says: tuple[str, ...]
    reason: str = ""
    """The reason of Accepted=False; "" where the API server refuses it."""

    programs: list[dict[str, Any]] | None = field(default_factory=lambda: program(qasm3=BELL))
    task: dict[str, Any] = field(default_factory=lambda: SAMPLE)
    more: dict[str, Any] = field(default_factory=dict)
    waits: bool = False
    """Whether the job waits for what is missing, or is over."""

    @property
    def manifest(self) -> dict[str, Any]:
        """The QuantumJob."""
        programs = {"programs": self.programs} if self.programs is not None else {}
        return job(self.name, **programs, task=self.task, **self.more)


TABLE = (
    Wrong("no-program", ("spec.programs", "Required"), programs=None),
    Wrong("an-empty-list", ("spec.programs", "at least 1"), programs=[]),
    Wrong("two-at-once", ("spec.programs[0]", "exactly one of"), programs=program(qasm3=BELL, qasm2="x")),
    Wrong(
        "zero-shots",
        ("spec.task.sample.pubs[0].shots", "0", "greater than or equal to 1"),
        task={"sample": {"pubs": [{"program": "p", "shots": 0}]}},
    ),
    Wrong("a-mebibyte", ("spec.programs[0].qasm3", "262144"), programs=program(qasm3="x" * MEBIBYTE)),
    Wrong("an-unknown-field", ("spec.shots", "unknown field"), more={"shots": 5}),
    Wrong("a-deep-field", ("spec.extra", "unknown field"), more={"extra": json.loads("[" * 500 + "]" * 500)}),
    Wrong("no-policy", ("gold", "create"), "PolicyNotFound", more={"policyRef": {"name": "gold"}}, waits=True),
    Wrong(
        "no-config-map",
        ("spec.programs[0]", "absent", "create"),
        "ConfigMapNotFound",
        programs=program(configMapKeyRef={"name": "absent", "key": "a"}),
        waits=True,
    ),
    Wrong("no-qasm", ("spec.programs[0]", "declare"), "InvalidProgram", programs=program(qasm3="hello")),
    Wrong(
        "a-bad-line",
        ("spec.programs[0]", "line 3"),
        "InvalidProgram",
        programs=program(qasm3="OPENQASM 3.0;\nqubit q; bit c;\nfrobnicate q;\nc = measure q;"),
    ),
    Wrong(
        "too-many-qubits",
        ("40", "26"),
        "NoEligibleBackend",
        programs=program(template={"name": "ghz", "parameters": {"qubits": "40"}}),
    ),
    Wrong(
        "a-narrow-program",
        ("spec.task.estimate.pubs[0].observables[0]", "[2]", "2 qubits", "choose"),
        "InvalidObservable",
        programs=program(qasm3=STATE),
        task=observable(2),
    ),
    Wrong(
        "an-unknown-program",
        ("spec.task.sample.pubs[0].program", "q"),
        "UnknownProgram",
        task={"sample": {"pubs": [{"program": "q"}]}},
    ),
    Wrong(
        "too-many-shots",
        ("20000000", "10000000", "ask for fewer"),
        "OverPolicyLimit",
        task={"sample": {"pubs": [{"program": "p", "shots": 10_000_000}] * 2}},
    ),
    Wrong(
        "a-file",
        ("spec.programs[0]", "include"),
        "InvalidProgram",
        programs=program(qasm2='OPENQASM 2.0; include "/etc/passwd"; qreg q[1];'),
    ),
    Wrong(
        "a-relative-file",
        ("spec.programs[0]", "include"),
        "InvalidProgram",
        programs=program(qasm3='OPENQASM 3.0; include "../../etc/passwd"; qubit q;'),
    ),
    Wrong(
        "parentheses",
        ("spec.programs[0]", "nest"),
        "InvalidProgram",
        programs=program(qasm3=f"OPENQASM 3.0; qubit q; rx({'(' * 50_000}1{')' * 50_000}) q;"),
    ),
    Wrong(
        "a-wide-register",
        ("spec.programs[0]", "200000000"),
        "InvalidProgram",
        programs=program(qasm2="OPENQASM 2.0; qreg q[200000000];"),
    ),
    Wrong("gates-of-gates", ("spec.programs[0]",), "InvalidProgram", programs=program(qasm3=gates(41))),
    Wrong("a-null-byte", ("spec.programs[0]",), "InvalidProgram", programs=program(qasm3="OPENQASM 3.0;\x00 qubit q;")),
)
BY_NAME = {one.name: one for one in TABLE}


@pytest.mark.parametrize("name", [one.name for one in TABLE if not one.reason])
def test_the_api_server_refuses(installation: Installation, home: str, name: str) -> None:
    """Before anything is stored, and before the operator hears of it."""
    wrong = BY_NAME[name]
    done = installation.create(home, wrong.manifest, check=False)
    assert done.returncode != 0
    for part in wrong.says:
        assert part in done.stderr
    assert len(done.stderr) < 4000


def test_the_operator_refuses(installation: Installation, home: str) -> None:
    """In a condition, within seconds, all of them at once; a good job among them completes."""
    restarts = installation.restarts()
    wrongs = [one for one in TABLE if one.reason]
    for one in wrongs:
        installation.create(home, one.manifest)
    installation.run_bell(home)

    def answered() -> bool:
        jobs = installation.get("quantumjobs", home)
        return all(condition(one, "Accepted")[0] for one in jobs)

    assert eventually(answered, SECONDS)
    jobs = {one["metadata"]["name"]: one for one in installation.get("quantumjobs", home)}
    for one in wrongs:
        status, reason, message = condition(jobs[one.name], "Accepted")
        over = condition(jobs[one.name], "Complete")
        assert (status, reason) == ("False", one.reason), f"{one.name}: {reason}: {message}"
        assert over[:2] == (("", "") if one.waits else ("False", one.reason)), one.name
    messages = {one.name: condition(jobs[one.name], "Accepted")[2] for one in wrongs}
    silent = [
        f"{one.name}: {messages[one.name]}" for one in wrongs if any(p not in messages[one.name] for p in one.says)
    ]
    assert not silent, "\n".join(silent)
    # What a grammar and a library are needed for is found in a run; nothing that is meant to do harm gets that far.
    ran = {run["metadata"]["ownerReferences"][0]["name"] for run in installation.get("jobs", home)}
    assert ran == {"bell", "a-bad-line"}
    assert installation.restarts() == restarts


def test_a_field_nested_five_thousand_deep_never_reaches_the_operator(installation: Installation, home: str) -> None:
    """Where the client lets it pass, the API server prunes it: no field of ours keeps what it does not know."""
    restarts = installation.restarts()
    body = json.dumps(job("deep", programs=program(qasm3=BELL), task=SAMPLE, extra="EXTRA"))
    nested = body.replace('"EXTRA"', "[" * 5000 + "]" * 5000)
    place = (f"--namespace={home}", "--validate=ignore")
    installation.cluster.kubectl("create", *place, "-f", "-", input=nested)
    installation.wait(home, "deep", seconds=60)
    (done,) = installation.get("quantumjobs", home)
    assert "extra" not in done["spec"]
    assert condition(done, "Complete")[:2] == ("True", "Succeeded")
    assert installation.restarts() == restarts
