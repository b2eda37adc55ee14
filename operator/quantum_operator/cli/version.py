"""`qjob version`: what is installed here."""

import typer

from quantum_operator import __version__
from quantum_operator.api.meta import API_VERSION
from quantum_operator.api.render import schema_hash


def version() -> None:
    """Show the versions of qjob and of its API, and the hash of its schemas.

    The CRDs of a cluster carry the hash of theirs: `qjob doctor` compares the two.
    """
    typer.echo(f"qjob {__version__}, {API_VERSION}, schema hash {schema_hash()}")
