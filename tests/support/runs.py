"""Jobs and runs for tests, in few words."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from quantum_operator.api.run import JobInput, OutcomePub, RunSpec
from quantum_operator.circuits.errors import RefusedError
from quantum_operator.circuits.execute import Finished, execute

GIBIBYTE = 1024**3

BELL3 = 'OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; bit[2] c; h q[0]; cx q[0], q[1]; c = measure q;'
PAIR3 = 'OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; h q[0]; cx q[0], q[1];'


def qasm3(source: str, name: str = "p") -> dict[str, Any]:
    """A program in OpenQASM 3."""
    return {"name": name, "language": "qasm3", "source": source}


def qasm2(source: str, name: str = "p") -> dict[str, Any]:
    """A program in OpenQASM 2."""
    return {"name": name, "language": "qasm2", "source": source}


def template(kind: str, name: str = "p", **parameters: str) -> dict[str, Any]:
    """A program from a template."""
    return {"name": name, "template": {"name": kind, "parameters": parameters}}


def sample(*, program: str = "p", shots: int = 1024, **more: Any) -> dict[str, Any]:
    """A task of one pub to sample."""
    return {"sample": {"pubs": [{"program": program, "shots": shots, **more}]}}


def observable(*terms: tuple[str, Sequence[int], float]) -> dict[str, Any]:
    """A sum of (pauli, qubits, coefficient)."""
    return {"terms": [{"pauli": p, "qubits": list(q), "coefficient": c} for p, q, c in terms]}


def estimate(observables: list[Any], *, mode: str = "sampled", program: str = "p", **more: Any) -> dict[str, Any]:
    """A task of one pub to estimate."""
    return {"estimate": {"mode": mode, "pubs": [{"program": program, "observables": observables, **more}]}}


def job(programs: Any, task: dict[str, Any], **execution: Any) -> JobInput:
    """A job's input; one program need not be in a list."""
    listed = programs if isinstance(programs, list) else [programs]
    return JobInput.model_validate({"programs": listed, "task": task, "execution": execution})


def spec(data: bytes = b"", *, seed: int = 7, memory: int = 2 * GIBIBYTE, wall: int = 60, **more: Any) -> RunSpec:
    """A run of the input `data`, on a simulator of 12 qubits unless told otherwise."""
    return RunSpec.model_validate(
        {
            "run": "run-1",
            "inputSha256": hashlib.sha256(data).hexdigest(),
            "seed": seed,
            "backend": "simulator",
            "target": more.pop("target", {"numQubits": 12}),
            "simulator": more.pop("simulator", {}),
            "limits": {"memoryBytes": memory, "wallSeconds": wall},
        }
    )


def finish(programs: Any, task: dict[str, Any], run: RunSpec | None = None, **execution: Any) -> Finished:
    """Do a job in this process."""
    return execute(job(programs, task, **execution), run or spec(), lambda _: None)


def refusal(programs: Any, task: dict[str, Any], run: RunSpec | None = None, **execution: Any) -> RefusedError:
    """The error that a job is refused with."""
    try:
        finish(programs, task, run, **execution)
    except RefusedError as error:
        return error
    raise AssertionError("the job was not refused")


def counts(pub: OutcomePub, register: int = 0, index: int = 0) -> dict[str, int]:
    """The counts of one register at one binding."""
    assert pub.samples is not None
    return pub.samples[index].registers[register].counts


def encoded(one: JobInput) -> bytes:
    """A job's input as its bytes."""
    return json.dumps(one.to_wire(), sort_keys=True).encode()
