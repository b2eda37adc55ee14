"""An agent's circuits and outcomes: asked of a shop, which reads hostile programs, and taken for what they may be."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from quantum_operator.agent.answers import WrongAnswerError, compiled_of, outcome_of
from quantum_operator.agent.calls import CompilerError
from quantum_operator.agent.shops import MAX_REQUEST_BYTES, Shop
from quantum_operator.api.backend import Simulator, Target
from quantum_operator.api.quantumtask import QuantumTask
from quantum_operator.api.run import RunLimits, RunSpec
from quantum_operator.ports.adapter import Device, MalformedError, Prepared
from quantum_operator.ports.kept import Kept

WALL_SECONDS = 120
MEMORY_BYTES = 1024 * 1024 * 1024
GRACE_SECONDS = 60.0
"""What loading the libraries may take beside the work itself."""

KEPT_BYTES = 64 * 1024 * 1024
"""What may be kept of what was compiled for tasks that are under way. Only the shop reads it."""

WITHHELD = "withheld"

Answer = TypeVar("Answer")


class Compiler:
    """Compiles for one account. Its methods block, and serve one request at a time."""

    def __init__(self, shop: Shop, adapter: str, settings: Mapping[str, str], withheld: Sequence[str] = ()) -> None:
        """`settings` are the adapter's, of which those named in `withheld` are credentials: the shop has none."""
        self._shop = shop
        self._adapter = adapter
        self._kept = Kept(KEPT_BYTES)
        self.use(settings, withheld)

    def use(self, settings: Mapping[str, str], withheld: Sequence[str] = ()) -> None:
        """These are the settings from now on."""
        self._settings = {name: WITHHELD if name in withheld else value for name, value in settings.items()}

    def prepare(self, task: QuantumTask, device: Device) -> Prepared | bytes:
        """The task's circuits in the provider's form, or an outcome that says why there are none."""
        compiled = self._ask(task, device, {"work": "prepare"}, lambda answer: compiled_of(answer, task, device))
        if isinstance(compiled, bytes):
            return compiled
        self._kept.put(task.metadata.uid, compiled.kept)
        return compiled.prepared

    def assemble(
        self, task: QuantumTask, device: Device, counts: Sequence[Mapping[str, int]], versions: Mapping[str, str]
    ) -> bytes:
        """The task's outcome, from the counts of its circuits in order."""
        kept = base64.b64encode(self._kept.get(task.metadata.uid)).decode()
        more = {"work": "assemble", "counts": list(counts), "versions": dict(versions), "kept": kept}
        return self._ask(task, device, more, lambda answer: outcome_of(answer, task))

    def forget(self, uid: str) -> None:
        """The task is over."""
        self._kept.forget(uid)

    def close(self) -> None:
        """End the shop, where it is the agent's own."""
        self._shop.close()

    def _ask(self, task: QuantumTask, device: Device, more: dict[str, Any], read: Callable[[bytes], Answer]) -> Answer:
        """The shop's answer, as `read` takes it. Raises CompilerError where there is none, or of something else."""
        about = {
            "input": task.spec.input,
            "device": {
                "name": device.name,
                "num_qubits": device.num_qubits,
                "basis_gates": device.basis_gates,
                "coupling": device.coupling,
                "max_shots": device.max_shots,
                "simulator": device.simulator,
            },
        }
        head = {"adapter": self._adapter, "settings": self._settings}
        parts = (head, run_spec(task, device).to_wire(), about | more)
        request = "\n".join(json.dumps(part) for part in parts).encode()
        if len(request) > MAX_REQUEST_BYTES:
            raise MalformedError(f"the counts take {len(request)} bytes; at most {MAX_REQUEST_BYTES} are read")
        try:
            return read(self._shop.ask(request, WALL_SECONDS + GRACE_SECONDS))
        except WrongAnswerError as error:
            raise CompilerError(f"the compiler answers what it was not asked: {error}") from error
        except OSError as error:
            raise CompilerError(f"the compiler does not answer: {error}") from error


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
