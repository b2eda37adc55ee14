"""Real batches in processes of their own: each job's result is the one it would have alone."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from quantum_operator.api.batch import BatchSpec, unbind
from quantum_operator.api.envelope import sha256, unseal
from quantum_operator.api.run import JobInput, Outcome, RunSpec
from quantum_operator.circuits.execute import execute
from quantum_operator.decide.batching import batch_of
from quantum_operator.local.world import built_in_backends
from support.runs import BELL3, PAIR3, encoded, estimate, job, observable, qasm3, sample, spec, template

SLOW = 'OPENQASM 3.0; include "stdgates.inc"; qubit q; bit c; h q; c = measure q; if (c) { h q; } c = measure q;'
"""Simulated shot by shot: ten million of them take minutes."""

NOISY = {"noise": {"gates": [{"gate": "h", "depolarizingPpm": 200_000}]}}


def batch(*jobs: JobInput, wall: int = 60) -> tuple[BatchSpec, list[RunSpec]]:
    """A batch of these jobs, and the runs that they would be alone."""
    inputs = [encoded(one) for one in jobs]
    alone = [
        spec(data, seed=100 + index, wall=wall).model_copy(update={"run": f"run-{index}"})
        for index, data in enumerate(inputs)
    ]
    return batch_of(list(zip(alone, inputs, strict=True))), alone


def start(folder: Path, given: BatchSpec, digest: str = "") -> subprocess.Popen[str]:
    """The runner at work on a batch."""
    data = given.model_dump_json(by_alias=True, exclude_none=True).encode()
    (folder / "batch.json").write_bytes(data)
    command = [sys.executable, "-m", "quantum_operator.runner", "--batch", folder / "batch.json"]
    return subprocess.Popen(
        [*command, "--sha256", digest or sha256(data), "--termination", folder / "termination"],
        env={name: value for name, value in os.environ.items() if name != "QUANTUM_OPERATOR_RUN"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outcomes(folder: Path, given: BatchSpec) -> dict[str, Outcome]:
    """What the batch left of each of its runs."""
    process = start(folder, given)
    log, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    left = unbind(unseal((folder / "termination").read_text(), log))
    return {name: Outcome.model_validate_json(data) for name, data in left.items()}


def test_each_job_has_the_result_that_it_would_have_alone(tmp_path: Path) -> None:
    """Counts, values, digests of circuits and seeds: only how long it took may differ."""
    jobs = (
        job(qasm3(BELL3), sample(shots=1000)),
        job(qasm3(BELL3), sample(shots=1000)),
        job(qasm3(BELL3), sample(shots=500), **NOISY),
        job(qasm3(PAIR3), estimate([observable(("ZZ", (0, 1), 1.0), ("X", (0,), 0.5))], shots=400)),
        job(template("ghz", qubits="5"), sample(shots=77), memory=True),
    )
    given, alone = batch(*jobs)
    found = outcomes(tmp_path, given)
    assert list(found) == [one.run for one in alone]
    for run, asked in zip(alone, jobs, strict=True):
        expected = execute(asked, run, lambda phase: None)
        outcome = found[run.run]
        assert (outcome.error, outcome.seed, outcome.input_sha256) == (None, run.seed, run.input_sha256)
        assert outcome.pubs == expected.pubs
        assert outcome.circuits == tuple(one.record for one in expected.compiled)
    assert found["run-0"].pubs != found["run-1"].pubs, "two seeds, two results"


def test_a_batch_for_a_device_like_simulator_is_compiled_for_it(tmp_path: Path) -> None:
    """Each worker compiles for a coupling map by itself, as it would alone, and none waits for another's threads."""
    noisy = built_in_backends()["aer-noisy"].spec
    target = {"target": noisy.target, "simulator": noisy.simulator}
    jobs = tuple(job(template("ghz", qubits="5"), sample(shots=200)) for _ in range(4))
    given, alone = batch(*jobs)
    found = outcomes(tmp_path, given.model_copy(update=target))
    assert len(found) == len(jobs)
    for run, asked in zip(alone, jobs, strict=True):
        expected = execute(asked, run.model_copy(update=target), lambda phase: None)
        assert found[run.run].pubs == expected.pubs
        assert found[run.run].circuits == tuple(one.record for one in expected.compiled)


def test_what_is_wrong_with_one_job_is_its_own_matter(tmp_path: Path) -> None:
    """A program that can't be parsed has its own error, one that takes too long is left to be run alone."""
    given, _ = batch(
        job(qasm3("OPENQASM 3.0; qubit q; nonsense"), sample()),
        job(qasm3(SLOW), sample(shots=10_000_000)),
        job(qasm3(BELL3), sample(shots=10)),
        wall=4,
    )
    found = outcomes(tmp_path, given)
    assert found.keys() == {"run-0", "run-2"}
    error = found["run-0"].error
    assert error is not None
    assert (error.reason, error.field) == ("InvalidProgram", "spec.programs[0]")
    assert found["run-2"].error is None


PREAMBLE = """
import os, signal, sys, time
from quantum_operator.runner import batch
from quantum_operator.runner.channel import OUTCOME, send
BODIES = {bodies}
def worker(data, spec, started, descriptor):
    number = int(spec.run.removeprefix("run-"))
    if number % 2:
        exec(BODIES[number // 2])
    send(descriptor, OUTCOME, b"{{}}")
    os._exit(0)
batch.run_worker = worker
sys.exit(batch.main(sys.argv[1:], time.monotonic()))
"""


BAD_ENDS = (
    "os.kill(os.getpid(), signal.SIGSEGV)",
    "os._exit(70)",
    "raise ValueError('secret')",
    "os.write(1, b'secret'); os.write(2, b'secret'); os._exit(1)",
    "time.sleep(60)",
    "os.write(descriptor, b'O' + (1 << 40).to_bytes(8, 'big')); time.sleep(60)",
    "send(descriptor, OUTCOME, b' ' * 70_000)",
)


def test_workers_that_end_badly_take_nobody_along(tmp_path: Path) -> None:
    """Killed, silent, crashed, too slow or too long: each between two others, which have their outcomes."""
    given, alone = batch(*(job(template("bell"), sample()) for _ in range(2 * len(BAD_ENDS) + 1)), wall=4)
    data = given.model_dump_json(by_alias=True, exclude_none=True).encode()
    (tmp_path / "batch.json").write_bytes(data)
    arguments = ["--batch", tmp_path / "batch.json", "--sha256", sha256(data), "--termination", tmp_path / "t"]
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE.format(bodies=BAD_ENDS), *arguments],
        check=True,
        capture_output=True,
        timeout=120,
    )
    assert b"secret" not in done.stdout + done.stderr
    left = unbind(unseal((tmp_path / "t").read_text(), done.stdout.decode()))
    assert left.keys() == {one.run for one in alone[::2]}


def test_another_batch_is_not_run(tmp_path: Path) -> None:
    """A file that is not the one of the digest leaves no outcome."""
    given, _ = batch(job(template("bell"), sample()))
    process = start(tmp_path, given, digest="0" * 64)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 12
    assert "SHA-256" in errors
    assert not (tmp_path / "termination").exists()


def test_another_input_is_not_run(tmp_path: Path) -> None:
    """An input that is not the one that was accepted has no outcome in the batch."""
    given, _ = batch(job(template("bell"), sample()), job(template("bell"), sample()))
    other = given.runs[0].model_copy(update={"input_sha256": hashlib.sha256(b"other").hexdigest()})
    given = given.model_copy(update={"runs": (other, given.runs[1])})
    assert outcomes(tmp_path, given).keys() == {"run-1"}


def test_a_batch_that_is_evicted_leaves_nothing(tmp_path: Path) -> None:
    """On SIGTERM it ends at once, without an outcome: each of its jobs is tried again."""
    given, _ = batch(*(job(qasm3(SLOW), sample(shots=10_000_000)) for _ in range(3)), wall=60)
    process = start(tmp_path, given)
    while not _is_at_work(process.pid):
        assert process.poll() is None
    process.terminate()
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 143
    assert "no outcome is left" in errors
    assert not (tmp_path / "termination").exists()


def _is_at_work(pid: int) -> bool:
    """Whether it has a worker."""
    return bool(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def test_what_leaves_a_batch_is_json(tmp_path: Path) -> None:
    """Of a small batch all of it is in the termination message."""
    given, _ = batch(job(template("bell"), sample(shots=1)))
    assert outcomes(tmp_path, given)["run-0"].pubs[0].shots == 1
    assert json.loads((tmp_path / "termination").read_text()).keys() == {"batch"}
