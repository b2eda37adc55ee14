"""What was last seen of each object of one kind. It never goes back in time, whoever brings the news."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import ValidationError

from quantum_operator.cluster.api import Json, metadata
from quantum_operator.ports.world import Key

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
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
        self._tallies: Counter[str] = Counter()
        self._entries: dict[Key, _Entry[T]] = {}
        self._groups: dict[str, dict[Key, T]] = {}
        self._hollow: set[str] = set()

    def get(self, key: Key) -> T | None:
        """The object of this key, or None."""
        entry = self._entries.get(key)
        return entry.value if entry is not None else None

    def values(self) -> list[T]:
        """Every object that has a value."""
        return [value for group in self._groups.values() for value in group.values()]

    def group(self, name: str) -> list[T]:
        """Every object of a group."""
        return list(self._groups.get(name, {}).values())

    @property
    def tallies(self) -> Mapping[str, int]:
        """How many objects are counted as what; those that are counted as "" are left out."""
        return self._tallies

    def is_hollow(self, uid: str) -> bool:
        """Whether the object of this UID was seen, and has no value."""
        return uid in self._hollow

    def put(self, body: Json) -> bool:
        """Take in an object as the API server gave it; whether that was news."""
        key, meta = key_of(body), metadata(body)
        uid, version = str(meta.get("uid", "")), str(meta.get("resourceVersion", ""))
        known = self._entries.get(key)
        if known is not None and not _newer(version, known.version):
            return False
        value = self._value(key, body)
        self._forget(key)
        group = self._group_of(value) if value is not None else ""
        self._entries[key] = _Entry(uid, version, value, group)
        if value is None:
            self._hollow.add(uid)
        else:
            self._groups.setdefault(group, {})[key] = value
            self._tallies.update(filter(None, [self._tally_of(value)]))
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
        if entry.value is not None:
            self._untally(self._tally_of(entry.value))
            del self._groups[entry.group][key]
            if not self._groups[entry.group]:
                del self._groups[entry.group]

    def _untally(self, name: str) -> None:
        if name:
            self._tallies[name] -= 1
            if not self._tallies[name]:
                del self._tallies[name]

    def _value(self, key: Key, body: Json) -> T | None:
        try:
            return self._parse(body)
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
    return Key(str(meta.get("namespace", "")), str(meta.get("name", "")))


def _newer(version: str, than: str) -> bool:
    """Whether a resource version is the later one. Where they can't be compared, what came last is."""
    if version.isdecimal() and than.isdecimal():
        return int(version) > int(than)
    return version != than
