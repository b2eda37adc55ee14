"""A task's tags as IBM Quantum takes them: texts, of which a job has at most eight.

The limits are those of the documented API: https://quantum.cloud.ibm.com/docs/api/qiskit-runtime-rest
"""

import hashlib
from collections.abc import Mapping

MAX_TAGS = 8
MAX_CHARACTERS = 86
MARK = 8
"""How many digits of its digest a tag that is too long ends with, so that it is not taken for another."""


def labels(tags: Mapping[str, str], most: int) -> list[str]:
    """The first `most` tags as `key=value`. None of them can be a token, which has no `=`."""
    return [_label(key, value) for key, value in list(tags.items())[:most]]


def _label(key: str, value: str) -> str:
    text = f"{key}={''.join(c if c.isprintable() else ' ' for c in value)}"
    if len(text) <= MAX_CHARACTERS:
        return text
    return f"{text[: MAX_CHARACTERS - MARK - 1]}~{hashlib.sha256(value.encode()).hexdigest()[:MARK]}"
