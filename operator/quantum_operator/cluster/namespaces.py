"""Which of the namespaces that are to be watched are there.

With a namespace go the operator's rights in it, and whoever asks for it then is refused. One team's namespace that is
deleted is no reason to stop working for the others.
"""

import logging
from collections.abc import Sequence

from quantum_operator.cluster.api import CORE, Api
from quantum_operator.ports.errors import TransientError

log = logging.getLogger(__name__)


async def to_watch(api: Api, namespaces: Sequence[str]) -> tuple[str, ...]:
    """Those that are there, and a word about the others; none, which means all, only where none is named.

    Raises StatusError or TransientError, also where none of them is there.
    """
    there = await _present(api, namespaces)
    missing = ", ".join(name for name in namespaces if name not in there)
    if namespaces and not there:
        raise TransientError(f"none of the namespaces to watch is there: {missing}")
    if missing:
        log.warning("not watched, for they are not there: %s", missing)
    return there


async def have_changed(api: Api, namespaces: Sequence[str], watched: Sequence[str]) -> bool:
    """Whether others are there than those that are watched. Raises StatusError or TransientError."""
    there = await _present(api, namespaces)
    if there == tuple(watched):
        return False
    log.warning("of the namespaces to watch, these are there now: %s; begins anew", ", ".join(there) or "none")
    return True


async def _present(api: Api, namespaces: Sequence[str]) -> tuple[str, ...]:
    """Those that are there and not about to go."""
    bodies = {name: await api.find(f"{CORE}/namespaces/{name}") for name in namespaces}
    phases = {name: (body.get("status") or {}).get("phase") for name, body in bodies.items() if body is not None}
    return tuple(name for name, phase in phases.items() if phase != "Terminating")
