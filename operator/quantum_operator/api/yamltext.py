"""JSON-like data as YAML text, always the same bytes: the operator's image has no YAML library."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
# What some reader of YAML takes for something other than text.
_NOT_TEXT = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})


def dumps(value: dict[str, Any]) -> str:
    """`value` as one YAML document in block style, keys in their order, ending in a line feed."""
    return "".join(f"{line}\n" for line in _block(value))


def _block(value: object) -> Iterator[str]:
    match value:
        case dict() if value:
            for key, child in value.items():
                yield from _entry(f"{_scalar(key)}:", child)
        case list() if value:
            for child in value:
                first, *rest = _block(child)
                yield f"- {first}"
                yield from (f"  {line}" for line in rest)
        case _:
            yield _scalar(value)


def _entry(head: str, child: object) -> Iterator[str]:
    if isinstance(child, dict | list) and child:
        yield head
        yield from (f"  {line}" for line in _block(child))
    else:
        yield f"{head} {_scalar(child)}"


def _scalar(value: object) -> str:
    match value:
        case str() if _PLAIN.fullmatch(value) and value.lower() not in _NOT_TEXT:
            return value
        case float():
            # Not all readers take 1e-06 for a number.
            text = f"{Decimal(repr(value)):f}"
            return text if "." in text else f"{text}.0"
        case _:
            # Every JSON text of one line is YAML as well, but for the characters that YAML wants escaped.
            text = json.dumps(value, ensure_ascii=False)
            return "".join(letter if letter.isprintable() else f"\\U{ord(letter):08x}" for letter in text)
