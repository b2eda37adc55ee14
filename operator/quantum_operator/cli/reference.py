"""The reference of the commands in Markdown, from their help: `python -m quantum_operator.cli.reference`."""

import sys
from collections.abc import Iterator

import typer
from typer.core import TyperGroup
from typer.main import get_command

from quantum_operator.cli.app import app

WIDTH = 100

_HEADER = """\
# The command line

Generated from the program's own help by `make generate`; not to be edited.

`kubectl qjob` is the same program. The commands about a cluster use the kubeconfig as kubectl does; `describe`, `logs`
and `result` read a folder of `qjob run` too, with `--folder`.

| Exit code | Meaning |
|---|---|
| 0 | Success. |
| 1 | A job failed, or something is wrong with the cluster or in it. |
| 2 | What was given can't be used; nothing was run. |
| 3 | `qjob wait`: the jobs were not over in time. |
| 130 | Interrupted. |
"""


def markdown() -> str:
    """The reference of every command."""
    return "\n".join([_HEADER, *(f"## {name}\n\n```\n{text.rstrip()}\n```\n" for name, text in _helps())])


def _helps() -> Iterator[tuple[str, str]]:
    group = get_command(app)
    assert isinstance(group, TyperGroup)  # noqa: S101 - an app of several commands is a group
    root = typer.Context(group, info_name="qjob", terminal_width=WIDTH, **group.context_settings)
    yield "qjob", root.get_help()
    for name, command in group.commands.items():
        yield f"qjob {name}", typer.Context(command, info_name=name, parent=root, terminal_width=WIDTH).get_help()


if __name__ == "__main__":
    sys.stdout.write(markdown())
