"""The Lease of which one operator of several is the holder, by compare and set.

No clock is compared with another's: a holder counts from before it asked for its last renewal, a follower from after
it saw the record change, each by its own clock. A holder stops HOLD_SECONDS after the one; a follower starts at least
DURATION_SECONDS after the other, which is later, as long as no clock runs a fifth faster or slower than true.
"""

import math
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime

from quantum_operator.cluster.api import Api, Json, StatusError, metadata, refusals_as_transient
from quantum_operator.ports.errors import TransientError

LEASES = "/apis/coordination.k8s.io/v1"
DURATION_SECONDS = 15
HOLD_SECONDS = 10.0


class LeaseLostError(TransientError):
    """This operator does not hold the lease, or not any more: another one may."""


def elapsed() -> float:
    """Seconds by a clock that nobody sets, and that goes on while the machine sleeps."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


class Lease:
    """One operator's view of the Lease; every process has an identity of its own."""

    def __init__(
        self,
        api: Api,
        namespace: str,
        name: str,
        identity: str,
        *,
        former: Collection[str] = (),
        clock: Callable[[], float] = elapsed,
    ) -> None:
        """Ask by `api`, whose writes this lease must not guard. `former` holders are known to be dead."""
        self.name = f"{namespace}/{name}"
        self.identity = identity
        self._api = api
        self._clock = clock
        self._free = frozenset(("", identity, *former))
        self._path = f"{LEASES}/namespaces/{namespace}/leases"
        self._meta: Json = {"name": name, "namespace": namespace}
        self._record: Json | None = None
        self._seen_at = -math.inf
        self._held_until = -math.inf

    @property
    def seconds_left(self) -> float:
        """How long this operator holds the lease, unless it renews it; not above zero where it does not hold it."""
        return self._held_until - self._clock()

    @property
    def holder(self) -> str:
        """Who held the lease when it was last seen; empty: nobody."""
        return str(_spec(self._record).get("holderIdentity") or "")

    def require(self) -> None:
        """Raise LeaseLostError unless this operator holds the lease now."""
        if self.seconds_left <= 0:
            raise LeaseLostError(f"the lease {self.name} is not held")

    async def acquire(self) -> bool:
        """Take the lease where nobody holds it; whether it was taken. Raises StatusError or TransientError."""
        found = await self._api.find(f"{self._path}/{self._meta['name']}")
        if found is None:
            # A Lease that was deleted says nothing of its holder, which goes on until it notices.
            return self._expired() and await self._write(None)
        if _version(found) != _version(self._record):
            self._see(found)
        free = self.holder in self._free or self._expired()
        return free and await self._write(found)

    async def renew(self) -> None:
        """Hold the lease for another while. Raises LeaseLostError, or TransientError: ask again."""
        self.require()
        with refusals_as_transient():
            if await self._write(self._record):
                return
            # An earlier renewal whose answer was lost, or somebody else's change.
            found = await self._api.find(f"{self._path}/{self._meta['name']}")
            if found is None or _spec(found).get("holderIdentity") != self.identity:
                self._held_until = -math.inf
                holder = _spec(found).get("holderIdentity") or "nobody"
                raise LeaseLostError(f"the lease {self.name} was taken from this operator: {holder} has it")
            self.require()
            if not await self._write(found):
                raise TransientError(f"the lease {self.name} is being changed by somebody else")

    async def release(self) -> None:
        """Let another take the lease at once; a no-op where it is not held. Raises StatusError or TransientError."""
        if self.seconds_left > 0:
            self._held_until = -math.inf
            await self._write(self._record, release=True)

    async def _write(self, there: Json | None, *, release: bool = False) -> bool:
        """Replace the record that is there, or create it; False where it changed meanwhile."""
        body = self._body(there, release=release)
        asked = self._clock()
        try:
            if there is None:
                answer = await self._api.post(self._path, body)
            else:
                answer = await self._api.put(f"{self._path}/{self._meta['name']}", body)
        except StatusError as error:
            if error.code == 409 or (error.code == 404 and there is not None):
                return False
            raise
        self._see(answer)
        if not release:
            self._held_until = asked + HOLD_SECONDS
        return True

    def _body(self, there: Json | None, *, release: bool) -> Json:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        before = _spec(there)
        spec = {"holderIdentity": "" if release else self.identity, "leaseDurationSeconds": DURATION_SECONDS}
        ours = before.get("holderIdentity") == self.identity
        spec["acquireTime"] = before.get("acquireTime") or now if ours else now
        spec["renewTime"] = now
        spec["leaseTransitions"] = int(before.get("leaseTransitions") or 0) + (0 if ours or there is None else 1)
        # The metadata as it is: it has the version that must still be there, and labels that somebody may have set.
        meta = metadata(there) if there is not None else self._meta
        return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec}

    def _see(self, record: Json) -> None:
        self._record = record
        self._seen_at = self._clock()

    def _expired(self) -> bool:
        """Whether the record that was seen last has not changed for as long as its holder may go on by it."""
        if not self.holder:
            return True
        duration = max(DURATION_SECONDS, int(_spec(self._record).get("leaseDurationSeconds") or 0))
        return self._clock() >= self._seen_at + duration


def _spec(record: Json | None) -> Json:
    found = (record or {}).get("spec")
    return found if isinstance(found, dict) else {}


def _version(record: Json | None) -> str:
    return str(metadata(record or {}).get("resourceVersion", ""))
