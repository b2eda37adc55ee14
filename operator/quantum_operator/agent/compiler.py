"""The agent's side of the shop: has circuits prepared and outcomes assembled, and starts it anew when it dies."""

import base64
import json
import os
import selectors
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from quantum_operator.api.backend import Simulator, Target
from quantum_operator.api.quantumtask import QuantumTask
from quantum_operator.api.run import RunLimits, RunSpec
from quantum_operator.ports.adapter import Device, Prepared

WALL_SECONDS = 120
MEMORY_BYTES = 1024 * 1024 * 1024
GRACE_SECONDS = 60.0
"""What loading the libraries may take beside the work itself."""

WITHHELD = "withheld"


class CompilerError(Exception):
    """The shop did not answer; it is started anew, and may be asked again."""


class Compiler:
    """Compiles for one account. Its methods block, and serve one request at a time."""

    def __init__(self, adapter: str, settings: Mapping[str, str], withheld: Sequence[str] = ()) -> None:
        """`settings` are the adapter's, of which those named in `withheld` are credentials: the shop has none."""
        kept = {name: WITHHELD if name in withheld else value for name, value in settings.items()}
        self._hello = json.dumps({"adapter": adapter, "settings": kept})
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def prepare(self, task: QuantumTask, device: Device) -> Prepared | bytes:
        """The task's circuits in the provider's form, or an outcome that says why there are none."""
        answer = self._ask(task, device, {"work": "prepare"})
        if "outcome" in answer:
            return base64.b64decode(answer["outcome"])
        return Prepared(answer["device"], base64.b64decode(answer["payload"]), tuple(answer["shots"]))

    def assemble(
        self, task: QuantumTask, device: Device, counts: Sequence[Mapping[str, int]], versions: Mapping[str, str]
    ) -> bytes:
        """The task's outcome, from the counts of its circuits in order."""
        more = {"work": "assemble", "counts": list(counts), "versions": dict(versions)}
        return base64.b64decode(self._ask(task, device, more)["outcome"])

    def close(self) -> None:
        """End the shop."""
        with self._lock:
            self._end()

    def _ask(self, task: QuantumTask, device: Device, more: dict[str, Any]) -> dict[str, Any]:
        request = {
            "input": task.spec.input,
            "spec": run_spec(task, device).to_wire(),
            "device": {
                "name": device.name,
                "num_qubits": device.num_qubits,
                "basis_gates": device.basis_gates,
                "coupling": device.coupling,
                "max_shots": device.max_shots,
                "simulator": device.simulator,
            },
            **more,
        }
        with self._lock:
            try:
                return self._exchange(json.dumps(request).encode() + b"\n")
            except (OSError, ValueError) as error:
                self._end()
                raise CompilerError(f"the compiler does not answer: {error}") from error

    def _exchange(self, line: bytes) -> dict[str, Any]:
        process = self._started()
        if process.stdin is None or process.stdout is None:
            raise OSError("it has no pipes")
        process.stdin.write(line)
        process.stdin.flush()
        answer = b""
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while not answer.endswith(b"\n"):
                if not selector.select(WALL_SECONDS + GRACE_SECONDS):
                    raise OSError("it takes too long")
                part = os.read(process.stdout.fileno(), 1_048_576)
                if not part:
                    raise OSError("it ended")
                answer += part
        read: dict[str, Any] = json.loads(answer)
        return read

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "IBM_"))}
            self._process = subprocess.Popen(
                [sys.executable, "-m", "quantum_operator.agent.shop"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
            )
            if self._process.stdin is not None:
                self._process.stdin.write(self._hello.encode() + b"\n")
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def run_spec(task: QuantumTask, device: Device) -> RunSpec:
    """What a run's settings are to a simulator: the device as the target, and the limits of compiling."""
    gates = device.basis_gates
    target = Target(
        num_qubits=device.num_qubits,
        basis_gates=None if gates is None else tuple(one for one in gates if one not in NO_GATES),
        coupling_map=device.coupling,
    )
    return RunSpec(
        run=task.metadata.name,
        input_sha256=task.spec.input_sha256,
        seed=task.spec.seed,
        backend=task.spec.backend,
        target=target,
        simulator=Simulator(),
        limits=RunLimits(memory_bytes=MEMORY_BYTES, wall_seconds=WALL_SECONDS),
    )


NO_GATES = frozenset(
    {"measure", "reset", "delay", "barrier", "if_else", "while_loop", "for_loop", "switch_case", "box"}
)
"""What devices list beside their gates."""
