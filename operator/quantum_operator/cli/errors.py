"""How a command ends when it can't do what it was asked: with a message for a person, never a traceback."""

FAILED = 1
"""Exit code: a job failed, or something is wrong with the installation."""
INVALID = 2
"""Exit code: what was given can't be used; nothing was run."""
TIMED_OUT = 3
"""Exit code of `qjob wait`: the jobs were not over in time."""
INTERRUPTED = 130
"""Exit code: a person pressed Ctrl-C."""


class CommandError(Exception):
    """What was wrong, where, and what to do about it; the command ends with `code`."""

    def __init__(self, message: str, *, code: int = INVALID) -> None:
        super().__init__(message)
        self.code = code
