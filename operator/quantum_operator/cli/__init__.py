"""The command line: `qjob`, and the same as a plugin of kubectl: `kubectl qjob`."""

import sys


def main() -> None:
    """Run the command that the program's arguments name."""
    try:
        from quantum_operator.cli.app import app  # noqa: PLC0415 - says what is missing before anything is imported
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("quantum_operator"):
            raise
        sys.exit(f"error: {error.name} is not installed, and qjob needs it; pip install 'quantum-operator[cli]'")
    app()
