"""What was last seen of each object of one kind. It never goes back in time, whoever brings the news."""

import logging
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import ValidationError

from quantum_operator.api.slim import slim
from quantum_operator.cluster.api import Json, metadata
from quantum_operator.ports.world import Key

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[T]):
    uid: str
    version: str
    value: T | None
    group: str


class Cache(Generic[T]):
    """Objects by key, and by group.

    `parse` makes of a body what is kept of it, or None when nothing of it is needed any more: such an object has no
    value, and only its version is remembered. An object that can't be parsed has no value either.
    """

    def __init__(
        self,
        kind: str,
        parse: Callable[[Json], T | None],
        group: Callable[[T], str] = lambda _: "",
        tally: Callable[[T], str] = lambda _: "",
    ) -> None:
        """`kind` is for the log; `group` says to which group an object belongs, `tally` as what it is counted."""
        self._kind = kind
        self._parse = parse
        self._group_of = group
        self._tally_of = tally
        self._tallies: dict[str, dict[Key, T]] = {}
        self._entries: dict[Key, _Entry[T]] = {}
        self._groups: dict[str, Key | dict[Key, None]] = {}
        self._hollow: set[str] = set()

    @property
    def is_empty(self) -> bool:
        """Whether no object was seen, with or without a value."""
        return not self._entries

    def get(self, key: Key) -> T | None:
        """The object of this key, or None."""
        entry = self._entries.get(key)
        return entry.value if entry is not None else None

    def values(self) -> list[T]:
        """Every object that has a value."""
        return [value for name in self._groups for value in self.group(name)]

    def group(self, name: str) -> list[T]:
        """Every object of a group."""
        values = (self.get(key) for key in self._keys(name))
        return [value for value in values if value is not None]

    @property
    def tallies(self) -> Mapping[str, Mapping[Key, T]]:
        """Which objects are counted as what; those that are counted as "" are left out."""
        return self._tallies

    def is_hollow(self, uid: str) -> bool:
        """Whether the object of this UID was seen, and has no value."""
        return uid in self._hollow

    def is_news(self, body: Json) -> bool:
        """Whether an object, of which the metadata are enough, is of a later version than what was seen of it."""
        known = self._entries.get(key_of(body))
        return known is None or _newer(str(metadata(body).get("resourceVersion", "")), known.version)

    def put(self, body: Json) -> bool:
        """Take in an object as the API server gave it; whether that was news."""
        if not self.is_news(body):
            return False
        key, meta = key_of(body), metadata(body)
        uid, version = sys.intern(str(meta.get("uid", ""))), sys.intern(str(meta.get("resourceVersion", "")))
        value = self._value(key, body)
        self._forget(key)
        group = self._group_of(value) if value is not None else ""
        self._entries[key] = _Entry(uid, version, value, group)
        if value is None:
            self._hollow.add(uid)
        else:
            self._join(group, key)
            tally = self._tally_of(value)
            if tally:
                self._tallies.setdefault(tally, {})[key] = value
        return True

    def update(self, body: Json) -> bool:
        """Take in the answer to a write; not where the object was seen to be gone since. Whether it was news."""
        known = self._entries.get(key_of(body))
        return known is not None and known.uid == str(metadata(body).get("uid", "")) and self.put(body)

    def remove(self, body: Json) -> bool:
        """The object was deleted, as `body` says; whether that was news."""
        key, meta = key_of(body), metadata(body)
        known = self._entries.get(key)
        if known is None:
            return False
        if known.uid != str(meta.get("uid", "")) and _newer(known.version, str(meta.get("resourceVersion", ""))):
            return False  # its namesake came after it
        self._forget(key)
        return True

    def discard(self, key: Key, uid: str) -> None:
        """A live read found no object of this key and UID."""
        known = self._entries.get(key)
        if known is not None and known.uid == uid:
            self._forget(key)

    def missing(self, namespace: str, there: Collection[Key], version: str) -> list[tuple[Key, T | None]]:
        """Those of a namespace (empty: any) that a list of this version should have and has not; they are dropped."""
        gone = [
            (key, entry.value)
            for key, entry in self._entries.items()
            if key not in there and namespace in ("", key.namespace) and not _newer(entry.version, version)
        ]
        for key, _ in gone:
            self._forget(key)
        return gone

    def _forget(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        self._hollow.discard(entry.uid)
        if entry.value is None:
            return
        self._leave(entry.group, key)
        tally = self._tally_of(entry.value)
        if tally:
            del self._tallies[tally][key]
            if not self._tallies[tally]:
                del self._tallies[tally]

    def _keys(self, group: str) -> Collection[Key]:
        there = self._groups.get(group, {})
        return (there,) if isinstance(there, Key) else there

    def _join(self, group: str, key: Key) -> None:
        """Most groups are of one: it is kept without anything around it."""
        there = self._groups.setdefault(group, key)
        if isinstance(there, dict):
            there[key] = None
        elif there != key:
            self._groups[group] = {there: None, key: None}

    def _leave(self, group: str, key: Key) -> None:
        there = self._groups[group]
        if isinstance(there, dict) and len(there) > 1:
            del there[key]
        else:
            del self._groups[group]

    def _value(self, key: Key, body: Json) -> T | None:
        try:
            return slim(self._parse(body))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            problem = f"{where}: {first['msg']}"
        except (AttributeError, KeyError, TypeError, ValueError) as error:  # another shape than the API promises
            problem = f"{type(error).__name__}: {error}"
        log.warning("%s %s/%s is ignored until it changes: %s", self._kind, key.namespace, key.name, problem)
        return None


def key_of(body: Json) -> Key:
    """An object's key; without a namespace where it has none."""
    meta = metadata(body)
    return Key(sys.intern(str(meta.get("namespace", ""))), sys.intern(str(meta.get("name", ""))))


def _newer(version: str, than: str) -> bool:
    """Whether a resource version is the later one. Where they can't be compared, what came last is."""
    if version.isdecimal() and than.isdecimal():
        return int(version) > int(than)
    return version != than
