"""What the metadata of an Annotated type says about its values: bounds, patterns, and our own markers."""

import re
import types
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Union, get_args, get_origin

import annotated_types
from pydantic.fields import FieldInfo

from quantum_operator.api.meta import Cel, ListMap, ListSet

LIST_TYPE = "x-kubernetes-list-type"
LIST_MAP_KEYS = "x-kubernetes-list-map-keys"

# The attribute of a constraint that holds its bound, and that of Notes which takes it.
_BOUNDS = {
    annotated_types.Ge: ("ge", "minimum"),
    annotated_types.Le: ("le", "maximum"),
    annotated_types.MinLen: ("min_length", "min_length"),
    annotated_types.MaxLen: ("max_length", "max_length"),
}
# Whether these match letters beyond ASCII depends on the engine: the API server, pydantic and Python differ.
_AMBIGUOUS = re.compile(r"\\[bBdDsSwW]")


class UnsupportedTypeError(TypeError):
    """A type of the API that no structural schema can express, or one without a bound."""


@dataclass(frozen=True)
class Place:
    """Where the walk is: the path for messages, and whether it is inside a status."""

    path: str
    status: bool = False

    def child(self, name: str) -> "Place":
        """The place one step further in."""
        return replace(self, path=f"{self.path}{name}")

    def error(self, problem: str) -> UnsupportedTypeError:
        """The error that something here can't be expressed."""
        return UnsupportedTypeError(f"{self.path}: {problem}")


@dataclass
class Notes:
    """What the metadata of an Annotated type says."""

    minimum: float | None = None
    maximum: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    format: str | None = None
    list_type: dict[str, Any] = field(default_factory=lambda: {LIST_TYPE: "atomic"})
    rules: list[Cel] = field(default_factory=list)


def unwrap(annotation: Any, notes: Notes, metadata: Any, place: Place) -> tuple[Any, Notes]:
    """`annotation` without Annotated and without `| None`, and all that their metadata say."""
    _read(metadata, notes, place)
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        return unwrap(inner, notes, more, place)
    if origin in (Union, types.UnionType):
        present = [member for member in get_args(annotation) if member is not type(None)]
        if len(present) != 1:
            raise place.error("unions are not supported: use one optional field for each variant")
        return unwrap(present[0], notes, (), place)
    return annotation, notes


def _read(metadata: Any, notes: Notes, place: Place) -> None:
    if isinstance(metadata, FieldInfo):
        if extra := metadata.json_schema_extra:
            if not isinstance(extra, dict) or list(extra) != ["format"]:
                raise place.error("json_schema_extra takes a format, nothing else")
            notes.format = str(extra["format"])
        metadata = metadata.metadata
    for item in metadata:
        match item:
            case FieldInfo():
                _read(item, notes, place)
            case Cel():
                notes.rules.append(item)
            case ListMap(keys=keys):
                notes.list_type = {LIST_TYPE: "map", LIST_MAP_KEYS: list(keys)}
            case ListSet():
                notes.list_type = {LIST_TYPE: "set"}
            case _:
                _read_bound(item, notes, place)


def _read_bound(item: Any, notes: Notes, place: Place) -> None:
    attribute, name = _BOUNDS.get(type(item), ("pattern", "pattern"))
    bound = getattr(item, attribute, None)
    if bound is None:
        raise place.error(f"the constraint {item!r} is not supported")
    if name == "pattern" and _AMBIGUOUS.search(bound):
        raise place.error(f"the pattern {bound!r} has classes that regular expression engines read differently")
    if getattr(notes, name) not in {None, bound}:
        raise place.error(f"{attribute} is given twice")
    setattr(notes, name, bound)


def need_cap(what: str, notes: Notes, place: Place) -> None:
    """Raises UnsupportedTypeError where a string, list or map has no largest length."""
    if notes.max_length is None:
        raise place.error(f"a {what} needs max_length")
