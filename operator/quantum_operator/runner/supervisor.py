"""The supervisor: checks the input, watches the worker, and leaves the outcome.

It imports no Qiskit, so that what a program does to Qiskit it can't do to the supervisor. An outcome is left in every
case but one: on SIGTERM (the pod is evicted or its job deleted) the run ends without, and counts as lost, because an
outcome would end the job instead of having it tried again.
"""

import argparse
import hashlib
import os
import selectors
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from pydantic import ValidationError

from quantum_operator.api.envelope import OutcomeTooLargeError, Sealed, seal
from quantum_operator.api.run import EXIT_CODES, MAX_INPUT_BYTES, Outcome, RunSpec
from quantum_operator.api.runenvironment import VARIABLE, from_environment
from quantum_operator.runner.channel import Inbox
from quantum_operator.runner.worker import OUT_OF_MEMORY, encode, failed, run_worker

REFUSED: Final = 10
TERMINATED: Final = 128 + signal.SIGTERM
STDERR_KEPT: Final = 8192
LONGEST_ERROR: Final = 65_536
"""No outcome that is only an error is longer; a longer one has results and need not be read to know that."""
MEMORY_SIGNS: Final = (b"bad_alloc", b"memory allocation of", b"Cannot allocate memory", b"out of memory")
"""What C++, Rust and the system write before they abort for want of memory."""


class TerminatedError(BaseException):
    """SIGTERM came, wherever the run was: in a library as well, whose `except Exception` is not to hold it back."""


@dataclass
class Watched:
    """What is known of the worker when it is over: what it sent, its last words, how it ended (None: killed by us)."""

    inbox: Inbox
    words: bytes
    status: int | None


def main(arguments: Sequence[str], started: float) -> int:
    """Run one task; returns the exit code. `started` is when the process started, on the monotonic clock."""
    parser = argparse.ArgumentParser(prog="python -m quantum_operator.runner", description=__doc__.partition("\n")[0])
    parser.add_argument("--input", required=True, type=Path, help="the JobInput, as JSON")
    parser.add_argument("--termination", required=True, type=Path, help="where the termination message goes")
    options = parser.parse_args(arguments)
    try:
        spec = from_environment(os.environ)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        print(f"{VARIABLE} holds no RunSpec: {where}: {first['msg']}", file=sys.stderr)
        return EXIT_CODES["InternalError"]
    signal.signal(signal.SIGTERM, terminate)
    try:
        data = _outcome(options.input, spec, started)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    except TerminatedError:
        print("terminated before the run was over; no outcome is left", file=sys.stderr)
        return TERMINATED
    return leave(options.termination, data, spec)


def leave(termination: Path, data: bytes, spec: RunSpec) -> int:
    """Write the outcome in `data` out of the run, or that it is too large for that; returns the exit code."""
    try:
        sealed = seal(data)
    except OutcomeTooLargeError as too_large:
        data = encode(failed(spec, "OutcomeTooLarge", f"{too_large}; ask for fewer shots or bindings, or no memory"))
        sealed = seal(data)
    code = hand_over(termination, sealed)
    if code != 0:
        return code
    error = Outcome.model_validate_json(data).error if len(data) <= LONGEST_ERROR else None
    if error is None:
        return 0
    print(f"the run ended with {error.reason}", file=sys.stderr)
    return EXIT_CODES.get(error.reason, REFUSED)


def hand_over(termination: Path, sealed: Sealed) -> int:
    """Write what was sealed to the log and to the termination message; returns the exit code."""
    if sealed.log_line:
        print(sealed.log_line, flush=True)
    try:
        termination.write_text(sealed.termination)
    except OSError as failure:
        print(f"the termination message can't be written: {failure.strerror}", file=sys.stderr)
        return EXIT_CODES["InternalError"]
    return 0


def _outcome(path: Path, spec: RunSpec, started: float) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_INPUT_BYTES + 1)
    except OSError as error:
        return encode(failed(spec, "InputMismatch", f"the run's input can't be read: {error.strerror}"))
    digest = hashlib.sha256(data).hexdigest()
    if digest != spec.input_sha256:
        message = f"the input's SHA-256 is {digest}, and {spec.input_sha256} was accepted; submit the job again"
        return encode(failed(spec, "InputMismatch", message))
    watched = watch(partial(run_worker, data, spec, started), started + spec.limits.wall_seconds)
    if watched.inbox.outcome is not None:
        return watched.inbox.outcome
    reason, message = diagnose(watched, spec)
    return encode(failed(spec, reason, message))


def watch(work: Callable[[int], None], deadline: float) -> Watched:
    """Fork a worker and see it to its end, which comes at the deadline, by the monotonic clock, at the latest.

    `work` is given the descriptor that it sends its outcome to, see `channel`.
    """
    results, to_results = os.pipe()
    errors, to_errors = os.pipe()
    # What is raised while a process forks is lost: SIGTERM waits until that is over.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    worker = os.fork()
    if worker == 0:
        _become_worker(work, to_results, to_errors)
    os.close(to_results)
    os.close(to_errors)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        inbox, words, closed = _listen(results, errors, deadline)
        # It is over once its pipe closes; killed when it is not, or when all that it had to say is said.
        if not closed:
            os.kill(worker, signal.SIGKILL)
    except TerminatedError:
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)
        raise
    finally:
        os.close(results)
        os.close(errors)
    _, status = os.waitpid(worker, 0)
    return Watched(inbox, words, status if closed else None)


def diagnose(watched: Watched, spec: RunSpec) -> tuple[str, str]:
    """Why the worker left no outcome: a reason and a message."""
    phase, status, limits = watched.inbox.phase, watched.status, spec.limits
    if watched.inbox.announced:
        message = f"the outcome has {watched.inbox.announced} bytes; ask for fewer shots or bindings, or no memory"
        return "OutcomeTooLarge", message
    too_long = (
        "TimeLimitExceeded",
        f"the run took longer than {limits.wall_seconds} s (spec.activeDeadlineSeconds), and was in phase {phase}; "
        "raise it or make the program smaller",
    )
    too_much = (
        "MemoryLimitExceeded",
        f"the run needed more than {limits.memory_bytes} bytes of memory in phase {phase}; "
        "use fewer qubits or a backend with more memory",
    )
    if status is None:
        return too_long
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU:
            return too_long
        if number == signal.SIGKILL or any(sign in watched.words for sign in MEMORY_SIGNS):
            return too_much
        message = f"the run died of {signal.Signals(number).name} in phase {phase}; report it if the program is valid"
        return "ProgramCrashedRunner", message
    if os.waitstatus_to_exitcode(status) == OUT_OF_MEMORY:
        return too_much
    return "InternalError", f"the worker exited in phase {phase} without an outcome; please report it"


def _listen(results: int, errors: int, deadline: float) -> tuple[Inbox, bytes, bool]:
    """Read until the outcome is complete, the worker's pipe closes (True) or the deadline comes."""
    inbox, words = Inbox(), b""
    with selectors.DefaultSelector() as selector:
        selector.register(results, selectors.EVENT_READ)
        selector.register(errors, selectors.EVENT_READ)
        while not inbox.complete:
            events = selector.select(max(0.0, deadline - time.monotonic()))
            if not events:
                return inbox, words, False
            for key, _ in events:
                data = os.read(key.fd, 65_536)
                if key.fd == errors:
                    words = (words + data)[-STDERR_KEPT:]
                    if not data:
                        selector.unregister(errors)
                elif data:
                    inbox.feed(data)
                else:
                    return inbox, words + _rest(errors), True
    return inbox, words, False


def _rest(errors: int) -> bytes:
    """What a worker that is gone had written last."""
    rest = b""
    while data := os.read(errors, 65_536):
        rest = (rest + data)[-STDERR_KEPT:]
    return rest


def _become_worker(work: Callable[[int], None], results: int, errors: int) -> NoReturn:
    """In the child: the standard streams lead nowhere or to the supervisor, never to the run's log.

    Nothing else that the supervisor has open stays open: no connection of its own is left to a hostile program.
    """
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 0)
        os.dup2(nowhere, 1)
        os.dup2(errors, 2)
        os.closerange(3, results)
        os.closerange(results + 1, os.sysconf("SC_OPEN_MAX"))
        work(results)
    finally:
        os._exit(1)


def terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    """The handler of SIGTERM. Raises TerminatedError."""
    raise TerminatedError
