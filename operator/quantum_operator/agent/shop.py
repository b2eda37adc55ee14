"""`python -m quantum_operator.agent.shop`: where an agent's circuits are compiled, apart from its credentials.

A program may be hostile to the libraries that read it. So each is compiled in a process of its own, with limits on
memory and time, forked from this one, which has loaded the libraries and read no program but one of ours. It has the
adapter's settings, with every credential withheld; what the pod mounts as files it could still read. A request comes as
a line of JSON on the standard input, and its answer leaves as one on the standard output.
"""

import base64
import contextlib
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from quantum_operator.agent.plugin import load
from quantum_operator.api.run import JobInput, Outcome, RunSpec
from quantum_operator.ports.adapter import Adapter, Circuits, Device, UnsupportedError
from quantum_operator.runner.channel import OUTCOME, PHASE, send
from quantum_operator.runner.limits import limit_memory, limit_process, prepare_environment
from quantum_operator.runner.supervisor import diagnose, watch
from quantum_operator.runner.worker import OUT_OF_MEMORY, Clock, answering, encode, failed, versions

Request = Mapping[str, Any]


def main() -> None:
    """Answer requests until the standard input ends."""
    prepare_environment(1)
    given = json.loads(sys.stdin.readline())
    adapter = load(given["adapter"])(given["settings"])
    _load_libraries(adapter)
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(_answer(adapter, json.loads(line))), flush=True)


def _load_libraries(adapter: Adapter) -> None:
    """Import here what compiles, and what the adapter prepares circuits with, so that no child has to."""
    from quantum_operator.circuits import remote  # noqa: F401, PLC0415
    from quantum_operator.circuits.preload import preload  # noqa: PLC0415

    preload()
    nothing = Circuits(Device("", 1, None, None, ready=True), b"", ())
    with contextlib.suppress(Exception):  # what is wrong with an adapter is told of a task
        adapter.prepare(nothing)


def _answer(adapter: Adapter, request: Request) -> dict[str, Any]:
    spec = RunSpec.model_validate(request["spec"])
    started = time.monotonic()

    def work(descriptor: int) -> NoReturn:
        _work(adapter, request, spec, started, descriptor)

    watched = watch(work, started + spec.limits.wall_seconds)
    if watched.inbox.outcome is not None:
        answer: dict[str, Any] = json.loads(watched.inbox.outcome)
        return answer
    reason, message = diagnose(watched, spec)
    return _outcome(failed(spec, reason, message))


def _work(adapter: Adapter, request: Request, spec: RunSpec, started: float, descriptor: int) -> NoReturn:
    """In the child: send the answer, and end."""
    try:
        limit_process(spec.limits.wall_seconds, 1)
        limit_memory(spec.limits.memory_bytes)
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
    from quantum_operator.circuits.remote import collect  # noqa: PLC0415

    clock.begin("compile")
    collected = collect(JobInput.model_validate_json(request["input"]), spec)
    try:
        prepared = adapter.prepare(Circuits(_device(request["device"]), collected.qpy, collected.shots))
    except UnsupportedError as error:
        return _outcome(failed(spec, "IncompatibleTarget", str(error)))
    payload = base64.b64encode(prepared.payload).decode()
    return {"device": prepared.device, "payload": payload, "shots": prepared.shots}


def _assemble(adapter: Adapter, request: Request, spec: RunSpec, clock: Clock) -> dict[str, Any]:
    """The job's outcome, from the counts that came back."""
    from quantum_operator.circuits.remote import assemble  # noqa: PLC0415

    finished = assemble(JobInput.model_validate_json(request["input"]), spec, request["counts"], clock.begin)
    return _outcome(
        Outcome(
            run=spec.run,
            input_sha256=spec.input_sha256,
            seed=spec.seed,
            engine=adapter.capabilities().provider,
            method="device",
            precision="",
            versions={**versions(), **request["versions"]},
            durations_milliseconds=clock.durations(),
            circuits=tuple(one.record for one in finished.compiled),
            layouts=tuple(one.layout for one in finished.compiled),
            pubs=finished.pubs,
        )
    )


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
