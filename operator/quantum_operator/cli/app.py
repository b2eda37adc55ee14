"""The commands, and how any of them ends when it can't do its work."""

import os
import traceback
from typing import Any

import typer
from typer import TyperException
from typer.core import TyperGroup

from quantum_operator.cli.approve import approve, reject
from quantum_operator.cli.change import cancel, resume, suspend
from quantum_operator.cli.costs import costs
from quantum_operator.cli.describe import describe
from quantum_operator.cli.doctor import doctor
from quantum_operator.cli.errors import FAILED, INTERRUPTED, CommandError
from quantum_operator.cli.explain import explain
from quantum_operator.cli.logs import logs
from quantum_operator.cli.plan import plan
from quantum_operator.cli.replay import replay
from quantum_operator.cli.resolve import resolve
from quantum_operator.cli.result import result
from quantum_operator.cli.run import run
from quantum_operator.cli.validate import validate
from quantum_operator.cli.version import version
from quantum_operator.cli.wait import wait

DEBUG_VARIABLE = "QJOB_DEBUG"
"""With this in the environment, a fault of ours shows its traceback."""


class Commands(TyperGroup):
    """Turns every error into a message and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except CommandError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(error.code) from error
        except KeyboardInterrupt as error:
            raise typer.Exit(INTERRUPTED) from error
        except (typer.Exit, typer.Abort, TyperException, BrokenPipeError):
            raise
        except Exception as error:
            if os.environ.get(DEBUG_VARIABLE):
                traceback.print_exc()
            typer.echo(
                f"error: a fault of qjob ({type(error).__name__}: {error}); please report it, with the traceback "
                f"that {DEBUG_VARIABLE}=1 shows",
                err=True,
            )
            raise typer.Exit(FAILED) from error


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Quantum jobs on this machine and on Kubernetes: run, check, look at, and find out what is wrong.",
)
COMMANDS = (
    *(run, validate, plan, explain, describe, logs, result, wait),
    *(suspend, resume, cancel, approve, reject, replay, resolve, costs, doctor, version),
)
for command in COMMANDS:
    app.command()(command)
