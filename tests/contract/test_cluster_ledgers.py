"""The cluster's ledgers keep the contract of the port, against a real API server."""

import itertools
import json

import httpx2
import pytest

from quantum_operator.api.ledger import MOST_RESERVATIONS, MOST_TOTALS
from quantum_operator.api.quantumtask import TaskJob
from quantum_operator.cluster.api import Api
from quantum_operator.cluster.ledgers import ClusterLedgers
from quantum_operator.decide.ledger import EMPTY, LEDGER_BYTES, Room, Settlement, reserve, settle
from quantum_operator.decide.size import json_bytes
from quantum_operator.ports.errors import TransientError
from support.clusterplace import ClusterPlace
from support.ledgerscontract import LedgersContract, reservation, status_of
from testcluster import Cluster

MONTHS = itertools.count(1_000)
"""Ledgers are the whole cluster's: each test has months of its own."""


class LedgersPlace(ClusterPlace):
    """The ledgers of a cluster, and jobs in one namespace."""

    def __init__(self, cluster: Cluster, namespace: str, api: Api) -> None:
        super().__init__(cluster, namespace, api)
        self.ledger, self.other = (f"usd-{next(MONTHS)}-01" for _ in range(2))
        self.ledgers = ClusterLedgers(api, [namespace])

    def damage(self, name: str) -> None:
        """What a later version may write there is more than this one knows: the CRD would prune it here."""
        find = self.api.find

        async def found(path: str) -> dict[str, object] | None:
            body = await find(path)
            return {**body, "spec": {**body["spec"], "later": 1}} if body and path.endswith(name) else body

        self.api.find = found  # type: ignore[method-assign]


@pytest.fixture
async def place(served: Cluster, namespace: str, api: Api) -> LedgersPlace:
    """A namespace of its own."""
    return LedgersPlace(served, namespace, api)


class TestClusterLedgers(LedgersContract):
    """QuantumLedgers."""

    async def test_a_ledger_says_what_it_is_of(self, place: LedgersPlace) -> None:
        """It has no owner to go with, and stays that of its month; people see the sums."""
        await place.ledgers.put(place.ledger, status_of("a-1"), None)
        found = json.loads(place.kubectl("get", "quantumledger", place.ledger, "--output=json"))
        assert "ownerReferences" not in found["metadata"]
        assert found["spec"] == {"currency": "USD", "month": place.ledger[4:]}
        assert "1000000" in place.kubectl("get", "qledger", place.ledger)
        change = json.dumps({"spec": {"month": "2026-11"}})
        refused = place.cluster.kubectl(
            "patch", "quantumledger", place.ledger, "--type=merge", "--patch", change, check=False
        )
        assert "stays that of its currency and month" in refused.stderr

    async def test_a_full_ledger_is_stored_and_settled(self, place: LedgersPlace) -> None:
        """As many reservations as there is room for, each of another payer, and all of them settled."""
        room, many = Room(EMPTY), []
        for number in range(MOST_RESERVATIONS + 1):
            one = reservation(f"{'r' * 50}-{number}", 9 * 10**15, backend=f"{'b' * 200}-{number}", team="t" * 63)
            if not room.fits(one):
                break
            room.take(one)
            many.append(one)
        assert 500 < len(many) <= MOST_RESERVATIONS
        full = reserve(EMPTY, many)
        await place.ledgers.put(place.ledger, full, None)
        seen = await place.ledgers.find(place.ledger)
        assert seen is not None
        assert seen.status == full
        settled = settle(
            full, [Settlement(place.ledger, one.run, one.job.uid, one.micros, exact=False) for one in many]
        )
        assert len(settled.totals) == len(many) <= MOST_TOTALS
        assert json_bytes(settled.to_wire()) <= LEDGER_BYTES
        await place.ledgers.put(place.ledger, settled, seen.version)
        after = await place.ledgers.find(place.ledger)
        assert after is not None
        assert after.status == settled

    async def test_jobs_of_namespaces_that_are_not_watched_are_anothers(self, place: LedgersPlace) -> None:
        """An operator that watches all has all."""
        elsewhere = TaskJob(namespace="elsewhere", name="bell", uid="uid")
        assert not place.ledgers.ours(elsewhere)
        assert ClusterLedgers(place.api, ()).ours(elsewhere)

    async def test_an_api_server_that_is_away_can_be_asked_again(self, place: LedgersPlace) -> None:
        """Whatever is asked."""
        async with httpx2.AsyncClient(base_url="https://127.0.0.1:9", trust_env=False) as client:
            ledgers = ClusterLedgers(Api(client), ())
            for asked in (
                ledgers.find(place.ledger),
                ledgers.put(place.ledger, EMPTY, None),
                ledgers.names(),
                ledgers.job("team", "bell"),
            ):
                with pytest.raises(TransientError, match="can't be reached"):
                    await asked
