"""`python -m quantum_operator.cluster`: the operator."""

import argparse
import asyncio
import gc
import importlib
import importlib.util
import logging
import os
import sys
from collections.abc import Callable

from quantum_operator import __version__
from quantum_operator.cluster.api import StatusError
from quantum_operator.cluster.connection import ConnectionConfigError
from quantum_operator.cluster.jsonlog import log_json
from quantum_operator.cluster.schemas import SchemaMismatchError
from quantum_operator.cluster.settings import PREFIX, VARIABLES, Settings, SettingsError
from quantum_operator.cluster.shell import operate
from quantum_operator.ports.errors import TransientError

log = logging.getLogger("quantum_operator.cluster")

GARBAGE_THRESHOLD = 50_000
"""After how many new objects Python looks for cycles among them; at its own 700 that is a tenth of the CPU time."""


def main() -> int:
    """Run the operator; returns the exit code: 0 when it was told to end, 1 when it can't start or go on.

    Where it loses its lease the process ends at once, with 1 as well.
    """
    variables = "\n".join(f"  {PREFIX}{name}: {meaning}" for name, meaning in VARIABLES.items())
    parser = argparse.ArgumentParser(
        prog="python -m quantum_operator.cluster",
        description="The operator. Its settings are environment variables:\n" + variables,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.parse_args()
    log_json("info")
    try:
        settings = Settings.from_environment(os.environ)
        log_json(settings.log_level)
        gc.freeze()
        gc.set_threshold(GARBAGE_THRESHOLD)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(operate(settings))
    except (SettingsError, ConnectionConfigError, SchemaMismatchError, StatusError, TransientError) as error:
        log.critical("can't start: %s", error)
        return 1
    return 0


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, where it is installed."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = importlib.import_module("uvloop").new_event_loop
    return factory


if __name__ == "__main__":
    sys.exit(main())
