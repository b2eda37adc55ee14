"""`qjob validate`: what the API server would say of these files."""

from collections.abc import Sequence
from pathlib import Path

import typer

from quantum_operator.cli.errors import CommandError
from quantum_operator.cli.options import Files
from quantum_operator.local.manifests import InvalidManifestsError, Manifest, load


def validate(files: Files) -> None:
    """Check manifests without a cluster, with the errors that the API server would give.

    Exit code 2 when anything is wrong; each error names the file, the document and the field.
    """
    manifests = read_manifests(files)
    typer.echo(f"{len(manifests)} {'object is' if len(manifests) == 1 else 'objects are'} valid")


def read_manifests(files: Sequence[Path]) -> list[Manifest]:
    """The manifests of these files. Raises CommandError that lists all that is wrong with them."""
    try:
        manifests = load(files)
    except InvalidManifestsError as error:
        raise CommandError(str(error)) from error
    if not manifests:
        raise CommandError(f"there is no object in {', '.join(map(str, files))}; name files that have manifests")
    return manifests
