"""What the supervisor makes of a worker's end, whatever it is, in processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from quantum_operator.api.run import Outcome
from support.runs import encoded, job, sample, spec, template

PREAMBLE = """
import os, signal, sys, time
from quantum_operator.runner import supervisor
from quantum_operator.runner.channel import OUTCOME, PHASE, send
def worker(data, spec, started, descriptor):
    {body}
    os._exit(0)
supervisor.run_worker = worker
sys.exit(supervisor.main(sys.argv[1:], time.monotonic()))
"""


def outcome_of(folder: Path, body: str, wall: int = 5) -> tuple[int, Outcome]:
    """Exit code and outcome of a run whose worker does only `body`."""
    data = encoded(job(template("bell"), sample()))
    (folder / "input").write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE.format(body=body), "--input", folder / "input", "--termination", folder / "t"],
        env={**os.environ, "QUANTUM_OPERATOR_RUN": json.dumps(spec(data, wall=wall).to_wire())},
        check=False,
        capture_output=True,
        timeout=30,
    )
    assert b"secret" not in done.stdout + done.stderr
    return done.returncode, Outcome.model_validate_json((folder / "t").read_bytes())


@pytest.mark.parametrize(
    ("body", "code", "reason", "says"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", 11, "ProgramCrashedRunner", "SIGSEGV"),
        ("send(descriptor, PHASE, b'parse'); os.abort()", 11, "ProgramCrashedRunner", "phase parse"),
        ("os.kill(os.getpid(), signal.SIGKILL)", 11, "MemoryLimitExceeded", "2147483648 bytes"),
        (
            "os.write(2, b'terminate: std::bad_alloc'); os.abort()",
            11,
            "MemoryLimitExceeded",
            "backend with more memory",
        ),
        ("os.write(2, b'memory allocation of 9 bytes failed'); os.abort()", 11, "MemoryLimitExceeded", "load"),
        ("os._exit(70)", 11, "MemoryLimitExceeded", "fewer qubits"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", 11, "TimeLimitExceeded", "5 s"),
        ("os._exit(0)", 12, "InternalError", "without an outcome"),
        ("os._exit(3)", 12, "InternalError", "report it"),
        ("raise ValueError('secret')", 12, "InternalError", "without an outcome"),
        ("os.write(1, b'secret'); os.write(2, b'secret'); os._exit(1)", 12, "InternalError", "without an outcome"),
        ("os.write(descriptor, b'O' + (1 << 40).to_bytes(8, 'big')); time.sleep(60)", 10, "OutcomeTooLarge", "fewer"),
        ("os.write(descriptor, b'O' + (99).to_bytes(8, 'big') + b'cut')", 12, "InternalError", "without an outcome"),
    ],
)
def test_every_end_of_a_worker_has_an_outcome(tmp_path: Path, body: str, code: int, reason: str, says: str) -> None:
    """Killed, crashed, silent or lying: a reason follows, with its exit code, and no word of the worker gets out."""
    found, outcome = outcome_of(tmp_path, body)
    assert outcome.error is not None
    assert (found, outcome.error.reason) == (code, reason)
    assert says in outcome.error.message


def test_sleeping_worker_is_stopped(tmp_path: Path) -> None:
    """A worker that uses no CPU is stopped by the wall limit."""
    code, outcome = outcome_of(tmp_path, "time.sleep(60)", wall=1)
    assert code == 11
    assert outcome.error is not None
    assert outcome.error.reason == "TimeLimitExceeded"


def test_talkative_worker_does_not_fill_the_supervisor(tmp_path: Path) -> None:
    """A worker that writes to stderr without end is read, and stopped by the wall limit."""
    code, outcome = outcome_of(tmp_path, "while True: os.write(2, b'secret' * 1000)", wall=1)
    assert code == 11
    assert outcome.error is not None
    assert outcome.error.reason == "TimeLimitExceeded"


def test_worker_ignores_nothing_of_sigterm(tmp_path: Path) -> None:
    """In the worker SIGTERM has its ordinary effect, and stdin is empty."""
    body = "assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL and os.read(0, 1) == b''; os._exit(70)"
    assert outcome_of(tmp_path, body)[0] == 11
