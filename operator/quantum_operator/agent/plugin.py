"""Adapters, found by their entry points."""

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points

from quantum_operator.ports.adapter import Adapter

GROUP = "quantum_operator.adapters"

Connect = Callable[[Mapping[str, str]], Adapter]


class NoAdapterError(LookupError):
    """No adapter of this name is installed."""


def load(name: str) -> Connect:
    """The adapter's `connect`. Raises NoAdapterError, which says which there are."""
    known = {one.name: one for one in entry_points(group=GROUP)}
    if name not in known:
        raise NoAdapterError(f"no adapter {name!r} is installed; there are {', '.join(sorted(known)) or 'none'}")
    connect: Connect = known[name].load()
    return connect
