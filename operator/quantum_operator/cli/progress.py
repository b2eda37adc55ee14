"""How the jobs do, as it happens: a live table on a terminal, else one line an event."""

import logging
from contextlib import AbstractContextManager
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.observed import Tell
from quantum_operator.ports.world import Key

LOGGER = "quantum_operator"


class Progress(AbstractContextManager["Progress"]):
    """Listens to a shell and writes to `console`. While it is entered, log records go there too, one line each."""

    def __init__(self, console: Console) -> None:
        """Write to `console`: a live table if that is a terminal."""
        self._console = console
        self._jobs: dict[Key, QuantumJob] = {}
        self._last: dict[Key, str] = {}
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._handler = _Lines(console)

    def __enter__(self) -> "Progress":
        logger = logging.getLogger(LOGGER)
        logger.addHandler(self._handler)
        self._propagated, logger.propagate = logger.propagate, False
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
        logger = logging.getLogger(LOGGER)
        logger.removeHandler(self._handler)
        logger.propagate = self._propagated

    def changed(self, job: QuantumJob) -> None:
        """The job was written."""
        self._jobs[Key(job.metadata.namespace, job.metadata.name)] = job
        self._show()

    def told(self, key: Key, event: Tell) -> None:
        """Something happened to the job."""
        self._last[key] = event.message
        if self._live is None:
            line = f"{key.namespace}/{key.name}: {event.reason}: {event.message}"
            self._console.print(line, soft_wrap=True, markup=False, highlight=False)
        self._show()

    def _show(self) -> None:
        if self._live is None:
            return
        table = Table(box=None, header_style="bold")
        for name in ("JOB", "PHASE", "BACKEND", "LAST EVENT"):
            table.add_column(name, no_wrap=name != "LAST EVENT")
        colors = {"Succeeded": "green", "Failed": "red"}
        for key, job in sorted(self._jobs.items()):
            phase = job.status.phase or "Pending"
            color = colors.get(phase, "yellow")
            backend = job.status.backend or ""
            table.add_row(f"{key.namespace}/{key.name}", f"[{color}]{phase}[/]", backend, Text(self._last.get(key, "")))
        self._live.update(table, refresh=True)


class _Lines(logging.Handler):
    """Writes records without their tracebacks: what a person can act on is in the message."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        cause = f" ({record.exc_info[1]!r})" if record.exc_info else ""
        line = f"{record.levelname.lower()}: {record.getMessage()}{cause}"
        self._console.print(line, soft_wrap=True, markup=False, highlight=False)
