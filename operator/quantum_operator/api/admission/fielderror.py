"""Errors as the API server words them (k8s.io/apimachinery/pkg/util/validation/field)."""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

Reason = Literal[
    "FieldValueDuplicate",
    "FieldValueForbidden",
    "FieldValueInvalid",
    "FieldValueNotSupported",
    "FieldValueRequired",
    "FieldValueTooLong",
    "FieldValueTooMany",
    "FieldValueTypeInvalid",
    "Malformed",
    "UnknownField",
]

OMITTED: Final = object()
"""In place of a value that an error does not show."""

_TITLES = {
    "FieldValueDuplicate": "Duplicate value",
    "FieldValueForbidden": "Forbidden",
    "FieldValueInvalid": "Invalid value",
    "FieldValueNotSupported": "Unsupported value",
    "FieldValueRequired": "Required value",
    "FieldValueTooLong": "Too long",
    "FieldValueTooMany": "Too many",
    "FieldValueTypeInvalid": "Invalid value",
}
_ESCAPES = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    '"': '\\"',
    "\\": "\\\\",
}
_HTML = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})


@dataclass(frozen=True)
class FieldError:
    """One reason why an object is refused: where, of what kind, and in which words.

    `field` and `message` are those of an entry of `details.causes` in the API server's answer. What it refuses before
    it looks at values (`UnknownField`, `Malformed`) comes in another answer, whose message names the field itself.
    """

    reason: Reason
    field: str
    message: str

    def __str__(self) -> str:
        return self.message if self.reason in {"Malformed", "UnknownField"} else f"{self.field}: {self.message}"


def field_error(reason: Reason, field: str, detail: str, value: Any = OMITTED) -> FieldError:
    """An error about a value, in the words of ErrorBody. A field of "" is shown as `<nil>`, as there."""
    shown = "" if value is OMITTED else f": {go_value(value)}"
    return FieldError(reason, field or "<nil>", f"{_TITLES[reason]}{shown}" + (f": {detail}" if detail else ""))


def go_value(value: Any) -> str:
    """A value as an error shows it: text quoted, numbers as Go's %v, the rest as JSON."""
    match value:
        case bool():
            return str(value).lower()
        case float():
            return go_float(value)
        case str():
            return go_quote(value)
        case _:
            return _go_json(value)


def _go_json(value: Any) -> str:
    """A value as Go's encoding/json writes it; it is no deeper than what `take_in` leaves."""
    match value:
        case dict():
            return "{" + ",".join(f"{_go_json(key)}:{_go_json(value[key])}" for key in sorted(value)) + "}"
        case list():
            return "[" + ",".join(map(_go_json, value)) + "]"
        case float() if value == 0 or 1e-6 <= abs(value) < 1e21:
            return f"{Decimal(repr(value)).normalize():f}"
        case float():
            return go_float(value).replace("e-0", "e-")
        case _:
            return json.dumps(value, ensure_ascii=False).translate(_HTML)


def go_quote(text: str) -> str:
    """`text` as Go's %q writes it."""
    return '"' + "".join(_quoted(character) for character in text) + '"'


def _quoted(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def go_float(number: float) -> str:
    """`number` as Go's %v writes it: the fewest digits that give it back, with an exponent below -4 or from 6 on."""
    decimal = Decimal(repr(number)).normalize()
    exponent = decimal.adjusted()
    if number == 0 or -4 <= exponent < 6:
        return f"{decimal:f}"
    first, *more = decimal.as_tuple().digits
    mantissa = f"{first}.{''.join(map(str, more))}" if more else f"{first}"
    return f"{'-' if number < 0 else ''}{mantissa}e{exponent:+03d}"
