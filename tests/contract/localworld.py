"""The laptop's ports over one folder, for their contract tests."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from quantum_operator.api.envelope import sha256
from quantum_operator.api.jobstatus import ArtifactRef, Attempt, Demand, Plan, QuantumJobStatus, Step
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.run import RunLimits, RunSpec
from quantum_operator.decide.observed import RunObserved, StartRun
from quantum_operator.local.artifacts import LocalArtifacts
from quantum_operator.local.layout import ResultsFolder
from quantum_operator.local.runs import LocalRuns
from quantum_operator.local.shell import SystemClock
from quantum_operator.local.store import Catalog, LocalStore
from quantum_operator.ports.world import Key
from quantum_operator.testing import builders

KEY = Key("team", "bell")
RUN = "bell-0123456789-1"
NOW = SystemClock().now()
LEAVES_OUTCOME = "import sys; open(sys.argv[1], 'w').write('{\"run\": 1}')"
SLEEPS = "import time; time.sleep(60)"
ENDS_ONCE_TOLD = """
import os, sys, time
while not os.path.exists(sys.argv[1] + ".end"):
    time.sleep(0.02)
open(sys.argv[1], "w").write("{}")
"""
"""Ends once there is a file beside its termination message whose name ends with `.end`."""

CHAIN = "".join(f"cx q[{index}], q[{index + 1}];\n" for index in range(21))
LAYERS = f"ry(0.3) q;\n{CHAIN}" * 6
SLOW = f'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[22] q;\nbit[22] c;\n{LAYERS}c = measure q;\n'
"""Takes a second or two to simulate, so that a crash can fall into it."""

ENDLESS = "OPENQASM 3.0;\nqubit q;\nbit c;\nc = measure q;\nwhile (!c) { c = measure q; }\n"
"""Goes on until its process is ended."""


class World:
    """The ports over one folder, and the keys that they told of."""

    def __init__(self, root: Path) -> None:
        self.folder = ResultsFolder(root)
        self.told: list[Key] = []
        self.written: list[QuantumJob] = []
        catalog = Catalog(
            {Key("team", "default"): builders.policy()}, {"simulator": builders.backend()}, {KEY: {"a": "text"}}, NOW
        )
        self.catalog = catalog
        self.store = LocalStore(self.folder, catalog, self.written.append)
        self.artifacts = LocalArtifacts(self.folder)
        self.runs = LocalRuns(self.folder, self.told.append, slots=2)
        self.job = self.store.create(builders.job(), NOW)

    def action(self, run: str = RUN, *, wall: int = 60) -> StartRun:
        """A run of the job to start; its input need not be there for the commands that tests put in."""
        target = builders.backend().spec
        spec = RunSpec(
            run=run,
            input_sha256="0" * 64,
            seed=1,
            backend="simulator",
            target=target.target,
            simulator=target.simulator,
            limits=RunLimits(memory_bytes=2**31, wall_seconds=wall),
        )
        return StartRun(spec, ArtifactRef(name="input", sha256="0" * 64, bytes=1), target.run)

    async def observe(self, run: str = RUN) -> RunObserved | None:
        return await self.runs.observe(self.job, run, expected=True)

    async def until(self, state: str, run: str = RUN) -> RunObserved:
        """The run, once it is in this state."""
        for _ in range(1000):
            seen = await self.observe(run)
            if seen is not None and seen.state == state:
                return seen
            await asyncio.sleep(0.01)
        raise AssertionError(f"the run is not {state}: {seen}")


def attempted(backend: str = "simulator") -> QuantumJobStatus:
    """A status whose attempt may be under way."""
    attempt = Attempt(name=RUN, number=1, backend=backend, state="Running", seed=1, created_time=builders.CREATED)
    plan = Plan(
        policy="default",
        policy_uid="uid",
        policy_generation=1,
        demand=Demand(qubits=2, shots=1),
        steps=(Step(name="primary", attempts=(attempt,)),),
    )
    return QuantumJobStatus(plan=plan)


def disk_full(*_: Any) -> None:
    raise OSError(28, "No space left on device")


def ref(data: bytes) -> ArtifactRef:
    return ArtifactRef(name="input", sha256=sha256(data), bytes=len(data))


async def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds, 10 seconds at most."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to that")
