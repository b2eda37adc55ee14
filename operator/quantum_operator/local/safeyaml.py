"""YAML as kubectl reads it, from people who may be hostile: bounded in size, depth and aliases, never recursive.

The documents are made from the parser's events one by one, so that a bound is met before it hurts. Words are resolved
as sigs.k8s.io/yaml does it, which is not what PyYAML does: `y` is true, a date is text, `1e3` is a number.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml
from yaml import events

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 100
MAX_ALIASED = 10_000
"""How many values all aliases of a document may stand for."""

# The parser of libyaml is 20 times as fast; a PyYAML built without it lacks the name.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_TRUE = frozenset({"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})
_FALSE = frozenset({"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})
_OTHERWISE = (_TRUE | _FALSE) - {"true", "false"}
"""Keys that kubectl, which reads YAML 1.1, takes for others than they are."""

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_INTEGER = re.compile(r"([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BASES = {"0x": 16, "0b": 2, "0o": 8}
# Only JSON writes a character as two escapes; the backslashes before them must not escape each other.
_SURROGATES = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_MERGE = "<<"
_MOST_DIGITS = 400


class UnreadableYamlError(ValueError):
    """Text that is no YAML, or more than we read; `line` counts from 1, and is None where there is none."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem if line is None else f"line {line}: {problem}")


@dataclass(frozen=True)
class Document:
    """One document of a file: its number, counted from 1, and its content as JSON-like data."""

    number: int
    content: Any


def documents(text: str) -> Iterator[Document]:
    """The documents of YAML or JSON text, without the empty ones.

    Raises UnreadableYamlError where the text is no YAML, is longer than MAX_BYTES or nested deeper than MAX_DEPTH,
    has a key twice, or one that kubectl reads otherwise, has aliases that stand for more than MAX_ALIASED values or for
    what they are inside of, or has tags or numbers that JSON lacks. The documents before come out all the same.
    """
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise UnreadableYamlError(f"the text is longer than {MAX_BYTES} bytes")
    if text.lstrip().startswith("{"):
        text = _SURROGATES.sub(_joined, text)
    number, composer = 0, _Composer()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, events.DocumentStartEvent):
                number, composer = number + 1, _Composer()
            composer.take(event)
            if isinstance(event, events.DocumentEndEvent) and composer.root is not None:
                yield Document(number, composer.root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise UnreadableYamlError(str(error.problem), mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise UnreadableYamlError(str(error).splitlines()[0]) from None


@dataclass
class _Open:
    """A list or map whose end is still to come; `size` counts the values inside it."""

    value: Any
    anchor: str | None
    size: int = 1
    key: str | None = None
    merged: list[Any] = field(default_factory=list)


class _Composer:
    """Makes one document from its events."""

    def __init__(self) -> None:
        self.root: Any = None
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._aliased = 0
        self._line = 0

    def take(self, event: Any) -> None:
        """Take the next event."""
        self._line = event.start_mark.line + 1
        match event:
            case events.ScalarEvent():
                self._add_scalar(event)
            case events.MappingStartEvent() | events.SequenceStartEvent():
                self._check_tag(event.tag, ("map", "seq"))
                if len(self._open) == MAX_DEPTH:
                    self._fail(f"nested deeper than {MAX_DEPTH} levels")
                if event.anchor:
                    self._anchors.pop(event.anchor, None)
                self._open.append(_Open({} if isinstance(event, events.MappingStartEvent) else [], event.anchor))
            case events.MappingEndEvent() | events.SequenceEndEvent():
                self._close()
            case events.AliasEvent():
                self._add_alias(str(event.anchor))

    def _add_scalar(self, event: events.ScalarEvent) -> None:
        self._check_tag(event.tag, ("str",))
        parent = self._open[-1] if self._open else None
        plain = event.implicit[0] and event.tag is None
        if parent is not None and isinstance(parent.value, dict) and parent.key is None:
            self._add_key(parent, event.value, plain=plain)
        else:
            self._add(self._resolve(event.value) if plain else event.value, 1, event.anchor)

    def _add_key(self, parent: _Open, key: str, *, plain: bool) -> None:
        if plain and key in _OTHERWISE:
            self._fail(f"the key {_short(key)} is {str(key in _TRUE).lower()} in the YAML of kubectl: quote it")
        if key in parent.value:
            self._fail(f"the key {_short(key)} is there twice")
        parent.key = key
        if not (plain and key == _MERGE):
            # Holds the key's place, and finds it if it comes again.
            parent.value[key] = None

    def _add_alias(self, anchor: str) -> None:
        if anchor not in self._anchors:
            self._fail(f"the alias {_short(anchor)} stands for nothing that is complete before it")
        value, size = self._anchors[anchor]
        self._aliased += size
        if self._aliased > MAX_ALIASED:
            self._fail(f"aliases stand for more than {MAX_ALIASED} values: write them out")
        self._add(value, size, None)

    def _close(self) -> None:
        closed = self._open.pop()
        for merged in closed.merged:
            closed.value.update({key: value for key, value in merged.items() if key not in closed.value})
        self._add(closed.value, closed.size, closed.anchor)

    def _add(self, value: Any, size: int, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = value, size
        if not self._open:
            self.root = value
            return
        parent = self._open[-1]
        parent.size += size
        if isinstance(parent.value, list):
            parent.value.append(value)
        elif parent.key is None:
            self._fail("a key must be text")
        else:
            self._add_entry(parent, parent.key, value)
            parent.key = None

    def _add_entry(self, parent: _Open, key: str, value: Any) -> None:
        if key in parent.value:
            parent.value[key] = value
            return
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            self._fail(f"{_MERGE} takes a map, or a list of maps")
        parent.merged += sources

    def _resolve(self, text: str) -> Any:
        if text in _NULL:
            return None
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        digits = text.replace("_", "") if text[0] in "+-.0123456789" else ""
        if len(digits) > _MOST_DIGITS or _NOT_FINITE.fullmatch(text):
            self._fail(f"{_short(text)} is no number that JSON can hold")
        if match := _INTEGER.fullmatch(digits):
            return _integer(*match.groups())
        if _FLOAT.fullmatch(digits):
            return self._float(float(digits), text)
        return text

    def _float(self, number: float, text: str) -> float:
        if not math.isfinite(number):
            self._fail(f"{_short(text)} is no number that JSON can hold")
        # As JSON, 60.0 is written 60.
        return int(number) if number.is_integer() else number

    def _check_tag(self, tag: str | None, known: tuple[str, ...]) -> None:
        if tag not in {None, "!", *(_TAG + name for name in known)}:
            self._fail(f"the tag {_short(str(tag))} is not allowed")

    def _fail(self, problem: str) -> NoReturn:
        raise UnreadableYamlError(problem, self._line)


def _integer(sign: str, digits: str) -> int:
    prefix = digits[:2].lower()
    base = _BASES.get(prefix, 8 if digits[0] == "0" else 10)
    value = int(digits[2:] if prefix in _BASES else digits, base)
    return -value if sign == "-" else value


def _joined(match: re.Match[str]) -> str:
    backslashes, high, low = match.groups()
    return backslashes + chr(0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00)


def _short(text: str) -> str:
    return json.dumps(text if len(text) <= 40 else f"{text[:40]}…", ensure_ascii=False)
