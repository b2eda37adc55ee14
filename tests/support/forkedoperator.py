"""The operator as a process that starts at once: a fork of one that has imported everything, and done nothing else."""

import multiprocessing
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from support.clusterworld import IMAGE
from testcluster.ports import LOCAL, unused_port

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["quantum_operator.cluster.__main__"])


class ForkedOperator:
    """An operator that watches some namespaces, and can be killed and started again."""

    def __init__(
        self, kubeconfig: Path, namespaces: str, log: Path, constants: Mapping[str, float] | None = None
    ) -> None:
        """Start it, with other `constants` of its shell where these are given."""
        self._constants = dict(constants or {})
        self._environment = {
            "KUBECONFIG": str(kubeconfig),
            "NO_PROXY": "*",
            "QUANTUM_OPERATOR_RUNNER_IMAGE": IMAGE,
            "QUANTUM_OPERATOR_NAMESPACES": namespaces,
        }
        self.log = log
        self.start()

    def start(self) -> None:
        """Start it; it needs a moment until it works."""
        liveness = f"http://{LOCAL}:{unused_port()}/healthz"
        environment = {**self._environment, "QUANTUM_OPERATOR_LIVENESS": liveness}
        self._process = _FORKS.Process(target=_operate, args=(environment, str(self.log), self._constants), daemon=True)
        self._process.start()
        self._killed = False

    def kill(self) -> None:
        """End it as a node that fails does."""
        self._killed = True
        self._process.kill()
        self._process.join()

    def restart(self) -> None:
        """Kill it, and start another in its place."""
        self.kill()
        self.start()

    @property
    def exit_code(self) -> int | None:
        """How it ended by itself; None while it works, or where it was killed."""
        code = self._process.exitcode
        return None if self._killed else code

    def said(self) -> str:
        """Its log, and that of those before it."""
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""


def _operate(environment: dict[str, str], log: str, constants: dict[str, float]) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for output in (1, 2):
        os.dup2(descriptor, output)
    os.environ.update(environment)
    sys.argv = ["quantum_operator.cluster"]
    from quantum_operator.cluster import serving
    from quantum_operator.cluster.__main__ import main

    for name, value in constants.items():
        assert isinstance(getattr(serving, name), float)
        setattr(serving, name, value)
    sys.exit(main())
