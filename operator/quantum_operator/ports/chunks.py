"""Artifacts in chunks that fit a ConfigMap: which there are, what each holds, and the whole again.

The first chunk has the artifact's own name, chunk n its name and `-n`; each holds its bytes under CHUNK_KEY of
`binaryData`. How many there are follows from the artifact's length, so that nothing else need be recorded.
"""

import hashlib
from collections.abc import Iterator, Sequence

from quantum_operator.api.jobstatus import ArtifactRef

CHUNK_BYTES = 1_000_000
"""A ConfigMap holds 1,048,576 bytes, and in base64 such a chunk stays under the 1.5 MB of an API request."""

CHUNK_KEY = "data"


class ChunkError(ValueError):
    """Chunks that are not those of the artifact: one is missing, cut, or has other bytes."""


def chunk_names(ref: ArtifactRef) -> tuple[str, ...]:
    """The ConfigMaps of an artifact, in order; one even when it is empty."""
    count = max(1, -(-ref.bytes // CHUNK_BYTES))
    return (ref.name, *(f"{ref.name}-{number}" for number in range(1, count)))


def split(ref: ArtifactRef, data: bytes) -> Iterator[tuple[str, bytes]]:
    """Every chunk of `data` with its name. Raises ChunkError when `data` is not what `ref` says."""
    _check(ref, data)
    for number, name in enumerate(chunk_names(ref)):
        yield name, data[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES]


def join(ref: ArtifactRef, chunks: Sequence[bytes]) -> bytes:
    """The whole artifact of its chunks in order. Raises ChunkError when that is not what `ref` says."""
    data = b"".join(chunks)
    _check(ref, data)
    return data


def _check(ref: ArtifactRef, data: bytes) -> None:
    if len(data) != ref.bytes:
        raise ChunkError(f"artifact {ref.name} has {ref.bytes} bytes, and {len(data)} are there")
    digest = hashlib.sha256(data).hexdigest()
    if digest != ref.sha256:
        raise ChunkError(f"artifact {ref.name} has the SHA-256 {ref.sha256}, and what is there has {digest}")
