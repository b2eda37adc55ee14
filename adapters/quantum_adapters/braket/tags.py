"""A task's tags as AWS takes them: https://docs.aws.amazon.com/general/latest/gr/aws_tagging.html"""

import unicodedata
from collections.abc import Mapping

MAX_TAGS = 50
MAX_KEY, MAX_VALUE = 128, 256


def labels(tags: Mapping[str, str], most: int) -> dict[str, str]:
    """The first `most` tags. Each character that AWS does not take in a tag is an underscore."""
    return {_taken(key)[:MAX_KEY]: _taken(value)[:MAX_VALUE] for key, value in list(tags.items())[:most]}


def _taken(text: str) -> str:
    return "".join(c if unicodedata.category(c)[0] in "LNZ" or c in "_.:/=+-@" else "_" for c in text)
