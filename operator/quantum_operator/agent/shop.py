"""`python -m quantum_operator.agent.shop`: where an agent's circuits are compiled, apart from its credentials.

A program may be hostile to the libraries that read it. So each is compiled in a process of its own, with limits on
memory and time, forked from this one, which has loaded the libraries and read no program but one of ours. It has the
adapter's settings, with every credential withheld. With `--socket` it is a container's, and answers whoever connects
there; without, it is a child of the agent, and answers the lines of its standard input on its standard output.
"""

import argparse
import base64
import contextlib
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from signal import SIGKILL
from typing import Any, NoReturn

from quantum_operator.agent.confined import confine
from quantum_operator.agent.plugin import load
from quantum_operator.agent.shops import LENGTH
from quantum_operator.agent.sockets import serve
from quantum_operator.api.jobstatus import Durations
from quantum_operator.api.run import JobInput, Outcome, RunSpec
from quantum_operator.ports.adapter import Adapter, Circuits, Device, UnsupportedError
from quantum_operator.runner.channel import OUTCOME, PHASE, send
from quantum_operator.runner.limits import limit_files, limit_memory, limit_process, prepare_environment
from quantum_operator.runner.supervisor import diagnose, watch
from quantum_operator.runner.worker import OUT_OF_MEMORY, Clock, answering, encode, failed, versions

KILLED = "the process that compiled was killed: the container may have too little memory (compiler.resources)"

FILE_BYTES = 16 * 1024 * 1024
"""The longest file that a child may write, wherever."""

Request = Mapping[str, Any]


class KilledError(OSError):
    """A child was killed, and not by this process."""


def main() -> None:
    """Answer requests until nobody is there to ask."""
    parser = argparse.ArgumentParser(
        prog="python -m quantum_operator.agent.shop", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--socket", type=Path, help="listen there")
    parser.add_argument(
        "--scratch", type=Path, default=[], action="append", help="a folder that is emptied after each program"
    )
    options = parser.parse_args()
    prepare_environment(1)
    bench = Bench()
    if options.socket is not None:
        _load_libraries()
        serve(options.socket, bench, options.scratch)
    for head in sys.stdin.buffer:
        try:
            bench.meet(head)
            answer = bench.answer(sys.stdin.buffer.readline() + sys.stdin.buffer.readline())
        except KilledError as error:
            sys.exit(str(error))
        sys.stdout.buffer.write(LENGTH.pack(len(answer)) + answer)
        sys.stdout.buffer.flush()


class Bench:
    """Answers requests, each in a child of its own; the adapter that they name is loaded here, and no program read."""

    def __init__(self) -> None:
        self._adapter: Adapter | None = None
        self._of: tuple[str, dict[str, str]] | None = None

    def meet(self, head: bytes) -> None:
        """The first line of a request: have its adapter, and all that it needs, loaded."""
        asked = json.loads(head)
        name, settings = asked["adapter"], asked["settings"]
        if self._of != (name, settings):
            self._adapter, self._of = load(name)(settings), (name, settings)
            _load_libraries()
            _load_adapter(self._adapter)
            gc.freeze()

    def answer(self, request: bytes) -> bytes:
        """What the child sends, unread, or an outcome that says how it ended. Raises KilledError.

        A child that is beyond its own limits says so or aborts: who kills it is the kernel, for all else that runs.
        """
        limits, _, asked = request.partition(b"\n")
        adapter, spec = self._adapter, RunSpec.model_validate_json(limits)
        if adapter is None:
            raise ValueError("a request without its first line")
        started = time.monotonic()

        def work(descriptor: int) -> NoReturn:
            _work(adapter, asked, spec, started, descriptor)

        watched = watch(work, started + spec.limits.wall_seconds)
        if watched.inbox.outcome is not None:
            return watched.inbox.outcome
        if watched.status is not None and os.WIFSIGNALED(watched.status) and os.WTERMSIG(watched.status) == SIGKILL:
            raise KilledError(KILLED)
        reason, message = diagnose(watched, spec)
        return json.dumps(_outcome(failed(spec, reason, message))).encode()


def _load_libraries() -> None:
    """Import here what compiles, so that no child has to.

    Numba, which SDKs bring, would keep compiled code in files, and load it from there whoever wrote it.
    """
    os.environ["NUMBA_DISABLE_JIT"] = "1"
    from quantum_operator.circuits import keep, remote  # noqa: F401, PLC0415
    from quantum_operator.circuits.preload import preload  # noqa: PLC0415

    preload()


def _load_adapter(adapter: Adapter) -> None:
    """Have it import what it prepares circuits with."""
    nothing = Circuits(Device("", 1, None, None, ready=True), b"", ())
    with contextlib.suppress(Exception):  # what is wrong with an adapter is told of a task
        adapter.prepare(nothing)


def _work(adapter: Adapter, asked: bytes, spec: RunSpec, started: float, descriptor: int) -> NoReturn:
    """In the child: read what is asked, send the answer, and end."""
    try:
        limit_process(spec.limits.wall_seconds, 1)
        limit_memory(spec.limits.memory_bytes)
        limit_files(FILE_BYTES)
        confine()
        request = json.loads(asked)
        clock = Clock(started, lambda phase: send(descriptor, PHASE, phase.encode()))
        work = _prepare if request["work"] == "prepare" else _assemble
        answer = _guarded(lambda: work(adapter, request, spec, clock), spec, clock)
        send(descriptor, OUTCOME, json.dumps(answer).encode())
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    finally:
        os._exit(0)


def _guarded(work: Callable[[], dict[str, Any]], spec: RunSpec, clock: Clock) -> dict[str, Any]:
    made: list[dict[str, Any]] = []

    def do() -> Outcome:
        made.append(work())
        return Outcome(run=spec.run, input_sha256=spec.input_sha256)

    outcome = answering(do, spec, clock)
    return made[0] if made else _outcome(outcome)


def _prepare(adapter: Adapter, request: Request, spec: RunSpec, clock: Clock) -> dict[str, Any]:
    """The circuits of the job in the provider's form."""
    from quantum_operator.circuits.keep import keep  # noqa: PLC0415
    from quantum_operator.circuits.remote import collect  # noqa: PLC0415

    collected = collect(JobInput.model_validate_json(request["input"]), spec, clock.begin)
    kept = base64.b64encode(keep(collected.made, clock.durations())).decode()
    try:
        prepared = adapter.prepare(Circuits(_device(request["device"]), collected.qpy, collected.shots))
    except UnsupportedError as error:
        return _outcome(failed(spec, "IncompatibleTarget", str(error)))
    payload = base64.b64encode(prepared.payload).decode()
    return {"device": prepared.device, "payload": payload, "shots": prepared.shots, "kept": kept}


def _assemble(adapter: Adapter, request: Request, spec: RunSpec, clock: Clock) -> dict[str, Any]:
    """The job's outcome, from the counts that came back."""
    from quantum_operator.circuits.keep import kept  # noqa: PLC0415
    from quantum_operator.circuits.remote import assemble  # noqa: PLC0415

    made, spent = kept(base64.b64decode(request["kept"]))
    job = JobInput.model_validate_json(request["input"])
    finished = assemble(job, spec, request["counts"], clock.begin, made)
    return _outcome(
        Outcome(
            run=spec.run,
            input_sha256=spec.input_sha256,
            seed=spec.seed,
            engine=adapter.capabilities().provider,
            method="device",
            precision="",
            versions={**versions(), **request["versions"]},
            durations_milliseconds=_both(spent, clock.durations()),
            circuits=tuple(one.record for one in finished.compiled),
            layouts=tuple(one.layout for one in finished.compiled),
            pubs=finished.pubs,
        )
    )


def _both(first: Durations, second: Durations) -> Durations:
    """What the two halves of the work took together."""
    more = second.model_dump()
    return Durations(**{phase: spent + more[phase] for phase, spent in first.model_dump().items()})


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {"outcome": base64.b64encode(encode(outcome)).decode()}


def _device(wire: Mapping[str, Any]) -> Device:
    gates, coupling = wire["basis_gates"], wire["coupling"]
    return Device(
        name=wire["name"],
        num_qubits=wire["num_qubits"],
        basis_gates=None if gates is None else tuple(gates),
        coupling=None if coupling is None else tuple((first, second) for first, second in coupling),
        ready=True,
        max_shots=wire["max_shots"],
        simulator=wire["simulator"],
    )


if __name__ == "__main__":
    main()
