"""A batch in its pod: one process that has Qiskit loaded, and a worker forked from it for each job.

It never reads a program itself: what a program does to Qiskit, it does to its own worker. Of a worker that dies, or
does not end within its turn, no outcome is left: that job is run alone, where its end is diagnosed.
"""

import argparse
import gc
import hashlib
import signal
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from quantum_operator.api.batch import BATCH_SECONDS, MAX_MEMBER_BYTES, TURN_SECONDS, BatchRun, BatchSpec, bind
from quantum_operator.api.envelope import MAX_COMPRESSED_BYTES, seal
from quantum_operator.api.run import EXIT_CODES, MAX_INPUT_BYTES
from quantum_operator.runner.limits import prepare_environment
from quantum_operator.runner.supervisor import TERMINATED, TerminatedError, hand_over, terminate, watch
from quantum_operator.runner.worker import run_worker


def main(arguments: Sequence[str], started: float) -> int:
    """Run one batch; returns the exit code. `started` is when the process started, on the monotonic clock."""
    parser = argparse.ArgumentParser(prog="python -m quantum_operator.runner", description=__doc__.partition("\n")[0])
    parser.add_argument("--batch", required=True, type=Path, help="the BatchSpec, as JSON")
    parser.add_argument("--sha256", required=True, help="its digest")
    parser.add_argument("--termination", required=True, type=Path, help="where the termination message goes")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, terminate)
    try:
        batch = read_batch(options.batch, options.sha256)
        if batch is None:
            return EXIT_CODES["InputMismatch"]
        data = outcomes_of(batch, started)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    except TerminatedError:
        print("terminated before the batch was over; no outcome is left", file=sys.stderr)
        return TERMINATED
    return hand_over(options.termination, seal(data))


def read_batch(path: Path, digest: str) -> BatchSpec | None:
    """The batch in the file, or None, said on stderr, where the file does not have the one of this digest."""
    try:
        data = path.read_bytes()
    except OSError as error:
        print(f"the batch can't be read: {error.strerror}", file=sys.stderr)
        return None
    if hashlib.sha256(data).hexdigest() != digest:
        print(f"the batch has not the SHA-256 {digest} that it was made with", file=sys.stderr)
        return None
    try:
        return BatchSpec.model_validate_json(data)
    except ValidationError as error:
        print(f"the file holds no batch: {error.error_count()} errors", file=sys.stderr)
        return None


def outcomes_of(batch: BatchSpec, started: float) -> bytes:
    """The outcomes that workers left, bound. `started` is when the process started, on the monotonic clock."""
    prepare_environment(batch.simulator.threads)
    # Libraries read the environment as they load. Here they are loaded, so that no worker has to.
    from quantum_operator.circuits import execute  # noqa: F401, PLC0415
    from quantum_operator.circuits.preload import preload  # noqa: PLC0415

    preload()
    gc.freeze()
    left: dict[str, bytes] = {}
    room = MAX_COMPRESSED_BYTES
    for number, one in enumerate(batch.runs, 1):
        if time.monotonic() - started > BATCH_SECONDS:
            break
        outcome = _outcome(batch, one)
        if outcome is not None and len(outcome) <= min(room, MAX_MEMBER_BYTES):
            left[one.run] = outcome
            room -= len(outcome)
        print(f"{number}/{len(batch.runs)} {one.run}: {'done' if one.run in left else 'is run alone'}", flush=True)
    return bind(left)


def _outcome(batch: BatchSpec, one: BatchRun) -> bytes | None:
    data, began = one.input.encode(), time.monotonic()
    if len(data) > MAX_INPUT_BYTES or hashlib.sha256(data).hexdigest() != one.input_sha256:
        return None
    turn = min(TURN_SECONDS, one.wall_seconds)
    return watch(partial(run_worker, data, batch.spec_of(one), began), began + turn).inbox.outcome
