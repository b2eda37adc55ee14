"""QuantumJobs that must not run: what users get wrong, and what is meant to do harm; each with the words it gets."""

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from support.installation import Json, job

BELL = 'OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; bit[2] c; h q[0]; cx q[0], q[1]; c = measure q;'
STATE = 'OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; h q[0]; cx q[0], q[1];'
TWO = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\nbit[2] c;\n'
SAMPLE: Json = {"sample": {"pubs": [{"program": "p"}]}}
MEBIBYTE = 1024 * 1024
QUARTER = 250_000

CONFIG_MAP: Json = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "programs"},
    "data": {"large.qasm": "//" + "x" * 2 * QUARTER, "file.qasm": 'OPENQASM 3.0; include "/etc/passwd"; qubit q;'},
}
"""There are programs in it, but not one that runs."""


@dataclass(frozen=True)
class Wrong:
    """A spec, who finds out, and parts of the message: the field, the value, the remedy."""

    name: str
    says: tuple[str, ...]
    reason: str = ""
    """The reason of Accepted=False; "" where the API server refuses it."""

    programs: list[Json] | None = field(default_factory=lambda: program(qasm3=BELL))
    task: Json = field(default_factory=lambda: SAMPLE)
    more: Json = field(default_factory=dict)
    then: Literal["ends", "waits", "ends in its run"] = "ends"
    """Whether the job waits for what is missing, or is over, and whether that took a run."""

    @property
    def manifest(self) -> Json:
        """The QuantumJob."""
        programs = {"programs": self.programs} if self.programs is not None else {}
        return job(self.name, **programs, task=self.task, **self.more)


def program(**source: Any) -> list[Json]:
    """One program of this source."""
    return [{"name": "p", **source}]


def mapped(name: str, key: str) -> list[Json]:
    """One program from a ConfigMap."""
    return program(configMapKeyRef={"name": name, "key": key})


def padded(count: int) -> list[Json]:
    """Programs that are each within bounds, and a quarter of a million bytes long."""
    return [{"name": "p" if n == 0 else f"p{n}", "qasm3": f"{BELL}//{'x' * QUARTER}"} for n in range(count)]


def gates(count: int) -> str:
    """Gate definitions, each of which uses the one before twice, and the last of them once."""
    lines = ["gate g0 a { x a; }"]
    lines += [f"gate g{n} a {{ g{n - 1} a; g{n - 1} a; }}" for n in range(1, count)]
    return "\n".join(["OPENQASM 3.0;", *lines, "qubit q; bit c;", f"g{count - 1} q;", "c = measure q;"])


def parentheses(depth: int) -> str:
    """A number in so many of them."""
    return f"OPENQASM 3.0; qubit q; bit c; rx({'(' * depth}1{')' * depth}) q; c = measure q;"


def shots(count: int, pubs: int = 1) -> Json:
    """Sampling so many shots so many times."""
    return {"sample": {"pubs": [{"program": "p", "shots": count}] * pubs}}


def estimate(*qubits: int) -> Json:
    """An estimate of a product of Z."""
    terms = [{"pauli": "Z" * len(qubits), "qubits": list(qubits)}]
    return {"estimate": {"pubs": [{"program": "p", "shots": 100, "observables": [{"terms": terms}]}]}}


P = "spec.programs[0]"
PUB = "spec.task.sample.pubs[0]"
PASSWD = 'include "/etc/passwd";'

BY_THE_API_SERVER = (
    Wrong("no-program", ("spec.programs", "Required"), programs=None),
    Wrong("an-empty-list", ("spec.programs", "at least 1"), programs=[]),
    Wrong("two-at-once", (P, "exactly one of"), programs=program(qasm3=BELL, qasm2="x")),
    Wrong("no-source", (P, "exactly one of"), programs=program()),
    Wrong("zero-shots", (f"{PUB}.shots", "0", "greater than or equal to 1"), task=shots(0)),
    Wrong("a-mebibyte", (f"{P}.qasm3", "262144"), programs=program(qasm3="x" * MEBIBYTE)),
    Wrong("two-mebibytes", ("too large",), programs=padded(7)),
    Wrong("four-mebibytes", ("too large",), programs=padded(16)),
    Wrong("an-unknown-field", ("spec.shots", "unknown field"), more={"shots": 5}),
    Wrong("a-deep-field", ("spec.extra", "unknown field"), more={"extra": json.loads("[" * 500 + "]" * 500)}),
    Wrong("pickled-circuits", (f"{P}.qpy", "unknown field"), programs=program(qpy="UUlTS0lU")),
    Wrong(
        "no-policy",
        ("spec.policyRef.name: 'gold'", "no BackendPolicy of that name", "name one"),
        more={"policyRef": {"name": "gold"}},
    ),
    Wrong("too-many-shots", ("20000000 shots", "allows 10000000", "ask for fewer"), task=shots(10_000_000, pubs=2)),
)

BY_THE_OPERATOR = (
    Wrong("no-map", (P, "absent", "create"), "ConfigMapNotFound", mapped("absent", "a"), then="waits"),
    Wrong("no-key", (P, "'programs'", "'a'", "create"), "ConfigMapNotFound", mapped("programs", "a"), then="waits"),
    Wrong("a-large-key", (P, "500002", "262144", "shorten"), "ProgramTooLarge", mapped("programs", "large.qasm")),
    Wrong("a-file-of-a-key", (P, "line 1", "include"), "InvalidProgram", mapped("programs", "file.qasm")),
    Wrong("large-in-all", ("spec", "1000000", "split the job"), "InputTooLarge", padded(5)),
    Wrong("no-qasm", (P, "declare"), "InvalidProgram", program(qasm3="hello")),
    Wrong(
        "a-switch",
        (P, "line 5", "'switch'", "if statements"),
        "UnsupportedConstruct",
        program(qasm3=TWO + "switch (c) {}"),
    ),
    Wrong("no-measurement", (f"{PUB}.program", "'p'", "add measurements"), "NoMeasurements", program(qasm3=STATE)),
    Wrong("measured", ("estimate.pubs[0].program", "'p'", "remove"), "MeasuredEstimate", task=estimate(0)),
    Wrong(
        "too-many-qubits",
        ("40", "26"),
        "NoEligibleBackend",
        program(template={"name": "ghz", "parameters": {"qubits": "40"}}),
    ),
    Wrong(
        "a-narrow-program",
        ("spec.task.estimate.pubs[0].observables[0]", "[2]", "2 qubits", "choose"),
        "InvalidObservable",
        program(qasm3=STATE),
        estimate(2),
    ),
    Wrong(
        "an-unknown-program",
        (f"{PUB}.program", "'q'", "name one"),
        "UnknownProgram",
        task={"sample": {"pubs": [{"program": "q"}]}},
    ),
    Wrong("a-file", (P, "include"), "InvalidProgram", program(qasm2=f"OPENQASM 2.0; {PASSWD} qreg q[1];")),
    Wrong("a-file-3", (P, "include"), "InvalidProgram", program(qasm3=f"OPENQASM 3.0; {PASSWD} qubit q;")),
    Wrong(
        "a-relative-file",
        (P, "include"),
        "InvalidProgram",
        program(qasm3='OPENQASM 3.0; include "../../etc/passwd"; qubit q;'),
    ),
    Wrong("parentheses", (P, "64", "flatten"), "InvalidProgram", program(qasm3=parentheses(3_000))),
    Wrong("more-parentheses", (P, "64", "flatten"), "InvalidProgram", program(qasm3=parentheses(100_000))),
    Wrong("wide", (P, "200000000", "use fewer"), "InvalidProgram", program(qasm2="OPENQASM 2.0; qreg q[200000000];")),
    Wrong(
        "wide-3", (P, "200000000", "use fewer"), "InvalidProgram", program(qasm3="OPENQASM 3.0; qubit[200000000] q;")
    ),
    Wrong("gates-of-gates", (P, "1000000", "shorten"), "InvalidProgram", program(qasm3=gates(41))),
    Wrong("a-null-byte", (P, "U+0000", "remove"), "InvalidProgram", program(qasm3="OPENQASM 3.0;\x00 qubit q;")),
)

BY_ITS_RUN = tuple(
    Wrong(name, says, reason, programs, then="ends in its run")
    for name, says, reason, programs in (
        (
            "an-unknown-gate",
            (P, "line 5", "'frob'", "define it"),
            "InvalidProgram",
            program(qasm3=TWO + "frob q;\nc = measure q;"),
        ),
        (
            "an-unknown-gate-2",
            (P, "line 2", "'frob'", "define it"),
            "InvalidProgram",
            program(qasm2="OPENQASM 2.0; qreg q[1]; creg c[1];\nfrob q[0]; measure q -> c;"),
        ),
        (
            "an-index",
            (P, "line 5", "q[5]", "from 0 to 1"),
            "InvalidProgram",
            program(qasm3=TWO + "x q[5];\nc = measure q;"),
        ),
        (
            "no-semicolon",
            (P, "line 6", "'c'", "a semicolon"),
            "InvalidProgram",
            program(qasm3=TWO + "x q[0]\nc = measure q;"),
        ),
        (
            "no-value",
            (f"{PUB}.parameterNames", "missing: a", "name each input"),
            "InvalidParameters",
            program(qasm3=TWO + "input float[64] a;\nrx(a) q[0];\nc = measure q;"),
        ),
    )
)
