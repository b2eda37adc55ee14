"""The worker: loads Qiskit, does the job within limits, and hands over an outcome or says why there is none."""

import gc
import json
import os
import platform
import time
from collections.abc import Callable
from typing import Any, Final

from pydantic import ValidationError

from quantum_operator import __version__
from quantum_operator.api.jobstatus import Durations
from quantum_operator.api.run import JobInput, Outcome, RunError, RunSpec
from quantum_operator.runner.channel import OUTCOME, PHASE, send
from quantum_operator.runner.limits import limit_memory, limit_process, prepare_environment

OUT_OF_MEMORY: Final = 70
"""How the worker exits when there is not even the memory to say so."""

MESSAGE_LENGTH: Final = 2048
FIELD_LENGTH: Final = 512


class Clock:
    """Milliseconds of each phase, since `started` on the monotonic clock. The first phase is load."""

    def __init__(self, started: float, tell: Callable[[str], None]) -> None:
        self.phase = "load"
        self._tell = tell
        self._started = self._since = started
        self._spent: dict[str, float] = {}

    def begin(self, phase: str) -> None:
        """End the phase under way and begin another."""
        now = time.monotonic()
        self._spent[self.phase] = self._spent.get(self.phase, 0.0) + now - self._since
        self.phase, self._since = phase, now
        self._tell(phase)

    def durations(self) -> Durations:
        """The durations so far, the phase under way included."""
        now = time.monotonic()
        spent = {**self._spent, self.phase: self._spent.get(self.phase, 0.0) + now - self._since}
        return Durations(
            **{phase: round(1000 * seconds) for phase, seconds in spent.items()},
            total=round(1000 * (now - self._started)),
        )


def run_worker(data: bytes, spec: RunSpec, started: float, descriptor: int) -> None:
    """Do the job in `data` and send the outcome. Never returns: the process ends here."""
    try:
        limit_process(spec.limits.wall_seconds, spec.simulator.threads)
        prepare_environment(spec.simulator.threads)
        clock = Clock(started, lambda phase: send(descriptor, PHASE, phase.encode()))
        outcome = work(data, spec, clock)
        try:
            encoded = encode(outcome)
        except ValueError:  # not a number, where there must be one
            encoded = encode(failed(spec, "InternalError", "a result is not a finite number; please report it"))
        send(descriptor, OUTCOME, encoded)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    finally:
        os._exit(0)


def encode(outcome: Outcome) -> bytes:
    """An outcome as the bytes that its digest is taken of: compact JSON, keys sorted."""
    return json.dumps(outcome.to_wire(), sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def failed(spec: RunSpec, reason: str, message: str, field: str = "") -> Outcome:
    """An outcome that is only an error."""
    error = RunError.model_validate(
        {"reason": reason, "message": message[:MESSAGE_LENGTH], "field": field[:FIELD_LENGTH]}
    )
    return Outcome(run=spec.run, input_sha256=spec.input_sha256, seed=spec.seed, error=error)


def work(data: bytes, spec: RunSpec, clock: Clock) -> Outcome:
    """The outcome of the job in `data`: its results, or the error that it ended with. Raises MemoryError only."""
    return answering(lambda: _succeed(data, spec, clock), spec, clock)


def answering(succeed: Callable[[], Outcome], spec: RunSpec, clock: Clock) -> Outcome:
    """The outcome that `succeed` gives, or one of the error that it raises. Raises MemoryError only."""
    try:
        return succeed()
    except MemoryError:
        raise
    except RecursionError:
        outcome = failed(spec, "ProgramCrashedRunner", f"the program is nested too deeply to {clock.phase}; flatten it")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        outcome = failed(
            spec, "InternalError", f"the run's input or outcome is not well-formed: {where}: {first['msg']}"
        )
    except BaseException as error:  # noqa: BLE001 - an outcome is left whatever happens; Rust's panics are no Exception
        outcome = _refused(spec, clock, error)
    return outcome.model_copy(update={"durations_milliseconds": clock.durations()})


def _refused(spec: RunSpec, clock: Clock, error: BaseException) -> Outcome:
    if type(error).__name__ == "PanicException":
        # Rust code that runs out of memory while it makes Python objects finds null where there should be one.
        if "null" in str(error) or "alloc" in str(error):
            raise MemoryError from error
        message = f"Qiskit panicked in phase {clock.phase}; report it if the program is valid"
        return failed(spec, "ProgramCrashedRunner", message)
    # By name, for importing its class would import Qiskit, and that may be what failed.
    if type(error).__name__ == "RefusedError":
        told: Any = error
        return failed(spec, told.reason, told.message, told.field)
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    return failed(spec, "InternalError", f"{kind} while running phase {clock.phase}; please report it")


def _succeed(data: bytes, spec: RunSpec, clock: Clock) -> Outcome:
    job = JobInput.model_validate_json(data)
    # Loaded here and not above: the supervisor imports this module and stays small, and the load is timed.
    from quantum_operator.circuits.execute import execute  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    limit_memory(spec.limits.memory_bytes)
    finished = execute(job, spec, clock.begin)
    layouts = tuple(() if one.layout == tuple(range(len(one.layout))) else one.layout for one in finished.compiled)
    return Outcome(
        run=spec.run,
        input_sha256=spec.input_sha256,
        seed=spec.seed,
        engine=spec.simulator.engine,
        method=",".join(finished.methods),
        precision=spec.simulator.precision,
        threads=spec.simulator.threads,
        versions=versions(),
        durations_milliseconds=clock.durations(),
        circuits=tuple(one.record for one in finished.compiled),
        layouts=layouts if any(layouts) else (),
        pubs=finished.pubs,
    )


def versions() -> dict[str, str]:
    """The versions of what makes a result."""
    import numpy as np  # noqa: PLC0415
    import qiskit  # noqa: PLC0415
    import qiskit_aer  # noqa: PLC0415

    return {
        "architecture": platform.machine(),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "qiskit": qiskit.__version__,
        "qiskit-aer": qiskit_aer.__version__,
        "quantum-operator": __version__,
    }
