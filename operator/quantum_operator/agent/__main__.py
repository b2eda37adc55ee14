"""`python -m quantum_operator.agent`: an agent."""

import argparse
import asyncio
import logging
import os
import sys

from quantum_operator import __version__
from quantum_operator.agent.plugin import NoAdapterError
from quantum_operator.agent.settings import PREFIX, VARIABLES, AgentSettings, AgentSettingsError
from quantum_operator.agent.shell import drive
from quantum_operator.cluster.api import StatusError
from quantum_operator.cluster.connection import ConnectionConfigError
from quantum_operator.cluster.jsonlog import log_json
from quantum_operator.cluster.schemas import SchemaMismatchError
from quantum_operator.ports.errors import TransientError

log = logging.getLogger("quantum_operator.agent")


def main() -> int:
    """Run the agent; returns the exit code: 0 when it was told to end, 1 when it can't start or go on."""
    variables = "\n".join(f"  {PREFIX}{name}: {meaning}" for name, meaning in VARIABLES.items())
    parser = argparse.ArgumentParser(
        prog="python -m quantum_operator.agent",
        description="The agent of one provider account. Its settings are environment variables:\n" + variables,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.parse_args()
    log_json("info")
    try:
        settings = AgentSettings.from_environment(os.environ)
        log_json(settings.log_level)
        asyncio.run(drive(settings))
    except (
        AgentSettingsError,
        NoAdapterError,
        ConnectionConfigError,
        SchemaMismatchError,
        StatusError,
        TransientError,
    ) as error:
        log.critical("can't start: %s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
