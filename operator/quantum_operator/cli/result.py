"""`qjob result`: all that a job gave."""

import json

import typer

from quantum_operator.cli.options import Context, Folder, JobName, Namespace, ResultForm
from quantum_operator.cli.render import result_lines
from quantum_operator.cli.run import bar
from quantum_operator.cli.sources import open_source


def result(
    name: JobName,
    output: ResultForm = "table",
    namespace: Namespace = None,
    context: Context = None,
    folder: Folder = None,
) -> None:
    """Show a job's whole result, also what its status has no room for.

    Counts are shown as bars, expectation values with their standard errors; JSON has all of it.
    Exit code 1 when the job has no result.
    """
    with open_source(name, folder, context, namespace) as source:
        job = source.job()
        outcome = source.outcome(job)
    if output == "json":
        typer.echo(json.dumps(outcome.to_wire(), indent=2))
        return
    for line in result_lines(job.spec, outcome, bar=bar()):
        typer.echo(line)
