"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

DEFAULT_FOLDER = Path("qjob-results")
"""Where `qjob run` keeps jobs."""

DEFAULT_NAMESPACE = "default"
"""The namespace, outside a cluster, of what names none."""

Files: TypeAlias = Annotated[
    list[Path],
    typer.Argument(metavar="FILE", help="YAML or JSON files, or folders of them.", show_default=False),
]
JobName: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="The QuantumJob's name.", show_default=False)]
Context: TypeAlias = Annotated[
    str | None,
    typer.Option("--context", metavar="NAME", help="The context of the kubeconfig; absent: the current one."),
]
Namespace: TypeAlias = Annotated[
    str | None,
    typer.Option("--namespace", "-n", metavar="NAME", help="The namespace; absent: the context's own."),
]
Folder: TypeAlias = Annotated[
    Path | None,
    typer.Option("--folder", metavar="DIR", help="Read a folder of `qjob run`, such as qjob-results, not a cluster."),
]
ResultForm: TypeAlias = Annotated[
    Literal["table", "json"],
    typer.Option("--output", "-o", help="Bars and tables for people, or the outcome as JSON."),
]
