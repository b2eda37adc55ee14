"""The runner as its users see it: a process with an input, an environment and an outcome."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from quantum_operator.api.envelope import LOG_PREFIX, unseal
from quantum_operator.api.run import JobInput, Outcome, RunSpec
from support.runs import BELL3, GIBIBYTE, encoded, job, qasm2, qasm3, sample, spec, template


class Run:
    """A run of `one` that is over: exit code, outcome (None when none was left), what it wrote."""

    def __init__(self, folder: Path, one: JobInput | bytes, **settings: Any) -> None:
        self.data = one if isinstance(one, bytes) else encoded(one)
        self.spec = settings.pop("run", None) or spec(self.data, **settings)
        self.process = start(folder, self.data, self.spec)
        try:
            out, err = self.process.communicate(timeout=40)
        finally:
            self.process.kill()
        self.code, self.log, self.errors = self.process.returncode, out.decode(), err.decode()
        self.termination = (folder / "termination").read_text()
        self.outcome = None
        if self.termination:
            self.outcome = Outcome.model_validate_json(unseal(self.termination, self.log))

    @property
    def reason(self) -> str:
        assert self.outcome is not None
        return "" if self.outcome.error is None else self.outcome.error.reason

    @property
    def message(self) -> str:
        assert self.outcome is not None
        assert self.outcome.error is not None
        return self.outcome.error.message


def start(folder: Path, data: bytes, run: RunSpec) -> subprocess.Popen[bytes]:
    (folder / "input.json").write_bytes(data)
    (folder / "termination").touch()
    command = [sys.executable, "-W", "error", "-m", "quantum_operator.runner"]
    return subprocess.Popen(
        [*command, "--input", str(folder / "input.json"), "--termination", str(folder / "termination")],
        env={**os.environ, "QUANTUM_OPERATOR_RUN": json.dumps(run.to_wire())},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


# --- success --------------------------------------------------------------------------------------------------------


def test_small_outcome_is_the_termination_message(tmp_path: Path) -> None:
    """A Bell pair's outcome fits the termination message, in canonical JSON, and nothing is logged."""
    run = Run(tmp_path, job(qasm3(BELL3), sample(shots=100)))
    assert (run.code, run.log, run.errors) == (0, "", "")
    assert run.outcome is not None
    wire = json.loads(run.termination)
    assert run.termination == json.dumps(wire, sort_keys=True, separators=(",", ":"))
    assert run.outcome.run == "run-1"
    assert run.outcome.input_sha256 == run.spec.input_sha256
    assert run.outcome.error is None
    (pub,) = run.outcome.pubs
    assert pub.samples is not None
    assert sum(pub.samples[0].registers[0].counts.values()) == 100


def test_outcome_says_with_what_it_was_made(tmp_path: Path) -> None:
    """Seed, engine, method, precision, threads, versions, architecture and phases are in the outcome."""
    run = Run(tmp_path, job(template("bell"), sample()), seed=12345, simulator={"method": "statevector"})
    one = run.outcome
    assert one is not None
    assert (one.seed, one.engine, one.method, one.precision, one.threads) == (
        12345,
        "aer",
        "statevector",
        "double",
        1,
    )
    assert {"qiskit", "qiskit-aer", "quantum-operator", "python", "architecture"} <= set(one.versions)
    times = one.durations_milliseconds
    parts = times.load + times.parse + times.compile + times.execute + times.post_process
    assert times.load > 0
    assert parts == pytest.approx(times.total, abs=5)
    assert [record.program for record in one.circuits] == ["p"]


def test_large_outcome_leaves_through_the_log(tmp_path: Path) -> None:
    """An outcome of more than 4,096 bytes leaves its digest in the message and itself as one line of the log."""
    run = Run(tmp_path, job(qasm3(BELL3), sample(shots=20_000), memory=True))
    assert run.code == 0
    assert len(run.termination) < 512
    assert [line.startswith(LOG_PREFIX) for line in run.log.splitlines()] == [True]
    assert run.outcome is not None
    assert run.outcome.pubs[0].samples is not None
    assert len(run.outcome.pubs[0].samples[0].registers[0].memory or ()) == 20_000


def test_layout_is_in_the_outcome(tmp_path: Path) -> None:
    """Where a program's qubits went on the target is in the outcome; an export would drop it."""
    one = job(qasm3(BELL3), sample(shots=10), initialLayout=[4, 2])
    run = Run(tmp_path, one, target={"numQubits": 5, "couplingMap": [[2, 4], [4, 2], [0, 1], [1, 2], [2, 3]]})
    assert run.outcome is not None
    assert run.outcome.layouts == ((4, 2),)


def test_same_seed_same_outcome_across_processes(tmp_path: Path) -> None:
    """Two processes with one seed give the same counts and the same compiled digest, hash seeds notwithstanding."""
    line = {"numQubits": 5, "basisGates": ["rz", "sx", "cx"], "couplingMap": [[i, i + 1] for i in range(4)]}
    one = job(template("qft", qubits="4"), sample(), optimizationLevel=3)
    first, second = (Run(tmp_path, one, target=line).outcome for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.pubs == second.pubs
    assert first.circuits == second.circuits


# --- refusals -------------------------------------------------------------------------------------------------------


def test_changed_input_is_refused(tmp_path: Path) -> None:
    """An input whose digest is not the one accepted is not run."""
    data = encoded(job(qasm3(BELL3), sample()))
    run = Run(tmp_path, data + b" ", run=spec(data))
    assert (run.code, run.reason) == (12, "InputMismatch")
    assert run.spec.input_sha256 in run.message


def test_missing_input_is_refused(tmp_path: Path) -> None:
    """An input that is not there leaves an outcome that says so."""
    command = [sys.executable, "-m", "quantum_operator.runner", "--input", str(tmp_path / "none")]
    command += ["--termination", str(tmp_path / "termination")]
    environment = {**os.environ, "QUANTUM_OPERATOR_RUN": json.dumps(spec().to_wire())}
    assert subprocess.run(command, env=environment, check=False, capture_output=True).returncode == 12
    outcome = Outcome.model_validate_json((tmp_path / "termination").read_bytes())
    assert outcome.error is not None
    assert outcome.error.reason == "InputMismatch"


def test_input_that_is_no_job_is_an_internal_error(tmp_path: Path) -> None:
    """Bytes of the right digest that are no JobInput, nested ones too, are an error of ours, without the payload."""
    for data in (b"{}", b"[" * 100_000, b'{"programs": "secret-payload"}'):
        run = Run(tmp_path, data)
        assert (run.code, run.reason) == (12, "InternalError")
        assert "secret-payload" not in run.termination + run.errors


def test_refused_programs_name_the_field(tmp_path: Path) -> None:
    """A program that can't be parsed ends with its reason, the field and the line, and exit code 10."""
    run = Run(tmp_path, job(qasm3("qubit[2] q;\nfoo q[0];"), sample()))
    assert (run.code, run.reason) == (10, "InvalidProgram")
    assert "line 2" in run.message
    assert run.outcome is not None
    assert run.outcome.error is not None
    assert run.outcome.error.field == "spec.programs[0]"
    assert run.outcome.durations_milliseconds.load > 0
    assert run.errors == "the run ended with InvalidProgram\n"


@pytest.mark.parametrize("value", [None, "", "{}", "not json", '{"run": 5}', "[" * 50_000])
def test_without_a_run_there_is_a_message(tmp_path: Path, value: str | None) -> None:
    """Without a RunSpec in the environment nothing runs, and stderr says what is missing, not what was there."""
    environment = {key: text for key, text in os.environ.items() if key != "QUANTUM_OPERATOR_RUN"}
    if value is not None:
        environment["QUANTUM_OPERATOR_RUN"] = value
    command = [sys.executable, "-m", "quantum_operator.runner", "--input", "x", "--termination", str(tmp_path / "t")]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 12
    assert done.stderr.startswith("QUANTUM_OPERATOR_RUN holds no RunSpec")
    assert len(done.stderr) < 300


# --- hostile programs, within limits ---------------------------------------------------------------------------------


def test_endless_loop_is_stopped(tmp_path: Path) -> None:
    """`while (!c)` never ends on Aer: the wall limit stops it, and the outcome says in which phase."""
    run = Run(tmp_path, job(qasm3("qubit q; bit c; while (!c) { } c = measure q;"), sample()), wall=15)
    assert (run.code, run.reason) == (11, "TimeLimitExceeded")
    assert "15 s" in run.message
    assert "execute" in run.message


@pytest.mark.parametrize("program", [qasm2("qreg q[200000000];"), qasm3("qubit[200000000] q;")], ids=["qasm2", "qasm3"])
def test_huge_register_stays_within_memory(tmp_path: Path, program: dict[str, Any]) -> None:
    """200 million qubits end at the memory limit, quickly."""
    run = Run(tmp_path, job(program, sample()), memory=GIBIBYTE // 4, wall=30)
    assert (run.code, run.reason) == (11, "MemoryLimitExceeded")
    assert "parse" in run.message


def test_doubling_definitions_stay_within_limits(tmp_path: Path) -> None:
    """41 definitions that double parse in no time and would expand for ever: a limit ends it."""
    chain = "".join(f"gate g{i + 1} a {{ g{i} a; g{i} a; }} " for i in range(41))
    source = f"gate g0 a {{ U(1,2,3) a; }} {chain} qreg q[1]; creg c[1]; g41 q[0]; measure q -> c;"
    run = Run(tmp_path, job(qasm2(source), sample()), memory=GIBIBYTE // 4, wall=2)
    assert run.code == 11
    assert run.reason in ("TimeLimitExceeded", "MemoryLimitExceeded")


def test_nested_parentheses_end_as_invalid(tmp_path: Path) -> None:
    """Parentheses nested 3,000 deep end as an invalid program in OpenQASM 3."""
    source = 'include "stdgates.inc"; qubit q; bit c; rx(' + "(" * 3000 + "1" + ")" * 3000 + ") q; c = measure q;"
    run = Run(tmp_path, job(qasm3(source), sample()))
    assert (run.code, run.reason) == (10, "InvalidProgram")
    assert "too deeply" in run.message


def test_included_files_are_not_read(tmp_path: Path) -> None:
    """A program that includes a file learns nothing of it, and neither does anybody who sees the run."""
    (tmp_path / "secret").write_text("token-of-somebody-else")
    run = Run(tmp_path, job(qasm2(f'OPENQASM 2.0; include "{tmp_path}/secret"; qreg q[1];'), sample()))
    assert (run.code, run.reason) == (10, "InvalidProgram")
    assert "token-of-somebody-else" not in run.termination + run.errors + run.log


def test_state_beyond_memory_is_refused_with_its_size(tmp_path: Path) -> None:
    """A state of 34 qubits is refused before it is allocated, and the message says how much it takes."""
    source = 'include "qelib1.inc"; qreg q[34]; creg c[34]; h q; t q; h q; measure q -> c;'
    run = Run(tmp_path, job(qasm2(source), sample()), target={"numQubits": 40})
    assert (run.code, run.reason) == (11, "MemoryLimitExceeded")
    assert "262144M" in run.message


def test_outcome_too_large_is_an_outcome(tmp_path: Path) -> None:
    """Shots that no log can carry end as OutcomeTooLarge, with the sizes and the remedy."""
    run = Run(tmp_path, job(qasm3(BELL3), sample(shots=10_000_000), memory=True))
    assert (run.code, run.reason) == (10, "OutcomeTooLarge")
    assert "fewer shots" in run.message


# --- the outside ------------------------------------------------------------------------------------------------------


def test_sigterm_leaves_no_outcome_and_no_process(tmp_path: Path) -> None:
    """An evicted run ends at once without an outcome, so that it is tried again, and its worker ends with it."""
    data = encoded(job(qasm3("qubit q; bit c; while (!c) { } c = measure q;"), sample()))
    process = start(tmp_path, data, spec(data, wall=60))
    workers: list[int] = []
    while not workers:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        workers = [int(child) for child in children]
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 128 + signal.SIGTERM
    assert b"no outcome" in errors
    assert (tmp_path / "termination").read_text() == ""
    assert not Path(f"/proc/{workers[0]}").exists()


def test_worker_dies_with_a_killed_supervisor(tmp_path: Path) -> None:
    """When the supervisor is killed, nothing of the run stays behind."""
    data = encoded(job(qasm3("qubit q; bit c; while (!c) { } c = measure q;"), sample()))
    process = start(tmp_path, data, spec(data, wall=60))
    workers: list[str] = []
    while not workers:
        workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        time.sleep(0.02)
    # Loading, it would die of the broken pipe with its next word; in Aer's endless loop it has no more to say.
    while "controller_wrappers" not in Path(f"/proc/{workers[0]}/maps").read_text():
        time.sleep(0.02)
    time.sleep(0.7)
    process.kill()
    process.communicate(timeout=10)
    deadline = time.monotonic() + 5
    while lives(workers[0]):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def lives(process: str) -> bool:
    """Whether there is such a process, and it is no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def test_unwritable_termination_message_is_a_fault(tmp_path: Path) -> None:
    """Where the termination message can't be written the run fails, and stderr says why."""
    data = encoded(job(template("bell"), sample()))
    (tmp_path / "input.json").write_bytes(data)
    command = [sys.executable, "-m", "quantum_operator.runner", "--input", str(tmp_path / "input.json")]
    command += ["--termination", str(tmp_path / "no" / "such" / "folder")]
    environment = {**os.environ, "QUANTUM_OPERATOR_RUN": json.dumps(spec(data).to_wire())}
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 12
    assert "can't be written" in done.stderr


def test_help_names_every_option() -> None:
    """--help names the input and the termination message."""
    command = [sys.executable, "-m", "quantum_operator.runner", "--help"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "--input" in text
    assert "--termination" in text


def test_supervisor_imports_no_sdk() -> None:
    """The process that watches has neither Qiskit nor NumPy in it."""
    code = (
        "import sys, quantum_operator.runner.supervisor; "
        "sys.exit(any(name.startswith(('qiskit', 'numpy')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
