"""Resources that are kept in great numbers take less memory: what is equal in them is there once.

Jobs that are alike differ in their names, and in little else: a spec, what follows from it, and what many are told at
once is one object for all of them. It is found again for as long as one of them is kept. Besides, half of what a parsed
resource takes are pydantic's sets of the names of those fields that were given, one for each object in it. There are
few different ones, nothing here reads them, and copying an object copies its set.
"""

import sys
from operator import is_
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from pydantic import BaseModel

T = TypeVar("T")

LONGEST = 64
"""A string that is longer is hardly ever the same as another."""

OWN = frozenset({"metadata", "status"})
"""The parts of a resource that are never those of another."""

_FIELDS: dict[tuple[type[BaseModel], frozenset[str]], set[str]] = {}
_SHARED: WeakValueDictionary[int, BaseModel] = WeakValueDictionary()

_PLAIN = frozenset({type(None), int, bool, float, bytes, dict, list})


def slim(value: T) -> T:
    """The same value, of which equal parts are shared with values that were slimmed before."""
    found: Any = value
    kind = type(found)
    if kind is str:
        found = sys.intern(found) if len(found) <= LONGEST else found
    elif kind is tuple:
        found = tuple(map(slim, found)) if found else found
    elif kind not in _PLAIN and isinstance(found, BaseModel):
        signature = _slim_model(found)
        found = found if signature is None or "metadata" in found.__dict__ else _shared(found, signature)
    slimmed: T = found
    return slimmed


def _slim_model(model: BaseModel) -> tuple[object, ...] | None:
    """Slim what it is made of; what another has in common with it that it can stand for, None where none can."""
    fields, given = model.__dict__, model.__pydantic_fields_set__
    given = _FIELDS.setdefault((type(model), frozenset(given)), given)
    object.__setattr__(model, "__pydantic_fields_set__", given)
    parts: list[object] = [type(model), id(given)]
    shared = not (model.__pydantic_extra__ or model.__pydantic_private__)
    for name, one in fields.items():
        kind = type(one)
        if one is None or kind is bool:
            parts.append(one)
        elif kind is str:
            fields[name] = slimmed = sys.intern(one) if len(one) <= LONGEST else one
            parts.append(slimmed)
        elif name in OWN and isinstance(one, BaseModel):
            _slim_model(one)
            parts.append((id(one),))
        else:
            fields[name] = slimmed = slim(one)
            part = _part(slimmed)
            parts.append(part)
            shared = shared and part is not _UNLIKE
    return tuple(parts) if shared else None


def _shared(model: BaseModel, signature: tuple[object, ...]) -> BaseModel:
    """The first that is equal to it and still there."""
    known = _SHARED.setdefault(hash(signature), model)
    if known is model:
        return model
    if type(known) is not type(model) or known.__pydantic_fields_set__ is not model.__pydantic_fields_set__:
        return model
    theirs, ours = known.__dict__.values(), model.__dict__.values()
    same = all(map(is_, theirs, ours)) or tuple(map(_part, theirs)) == signature[2:]
    return known if same else model


_UNLIKE = object()


def _part(value: object) -> object:
    """Equal only for what is the same: 1 is neither True nor 1.0. What is a model was slimmed before."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int:
        return kind, value
    if kind is float:
        return kind, repr(value)
    if kind is tuple or kind is dict:
        found: Any = value
        parts = tuple(map(_part, found if kind is tuple else found.values()))
        alike = kind if kind is tuple else tuple(found)
        return _UNLIKE if _UNLIKE in parts else (alike, parts)
    return (id(value),) if isinstance(value, BaseModel) else _UNLIKE
