"""The cluster's claims keep the contract of the port, against a real API server."""

import json

import httpx2
import pytest

from quantum_operator.api.claim import Claim
from quantum_operator.cluster.api import Api
from quantum_operator.cluster.claims import ENTRY, ClusterClaims
from quantum_operator.decide.claim import claim_name
from quantum_operator.ports.errors import TransientError
from support.claimscontract import KEY, ClaimsContract, claim_of
from support.clusterplace import ClusterPlace
from testcluster import Cluster


class ClaimsPlace(ClusterPlace):
    """Claims in one namespace, and jobs in the same."""

    def __init__(self, cluster: Cluster, namespace: str, api: Api) -> None:
        super().__init__(cluster, namespace, api)
        self.claims = ClusterClaims(api, namespace)

    def damage(self, claim: Claim, text: str) -> None:
        name = claim_name(claim.namespace, claim.key)
        self.kubectl("patch", "configmap", name, "--type=merge", "--patch", json.dumps({"data": {ENTRY: text}}))


@pytest.fixture
async def place(served: Cluster, namespace: str, api: Api) -> ClaimsPlace:
    """A namespace of its own."""
    return ClaimsPlace(served, namespace, api)


class TestClusterClaims(ClaimsContract):
    """ConfigMaps."""

    async def test_a_claim_is_nobodys_but_the_operators(self, place: ClaimsPlace) -> None:
        """It has no owner to go with, and labels and annotations for people."""
        await place.claims.put(claim_of(place), None)
        (found,) = (
            one["metadata"]
            for one in json.loads(place.kubectl("get", "configmaps", "--output=json"))["items"]
            if one["metadata"]["name"].startswith("quantum-claim-")
        )
        assert "ownerReferences" not in found
        assert found["labels"] == {
            "app.kubernetes.io/managed-by": "quantum-operator",
            "quantum-operator.dev/claim-of-namespace": place.namespace,
        }
        assert found["annotations"] == {"quantum-operator.dev/idempotency-key": KEY, "quantum-operator.dev/job": "bell"}

    async def test_a_home_that_is_missing_is_waited_for(self, place: ClaimsPlace) -> None:
        """It is the installation's fault, and no job's end."""
        elsewhere = ClusterClaims(place.api, "not-there")
        assert await elsewhere.find(place.namespace, KEY) is None
        with pytest.raises(TransientError, match="in namespace not-there"):
            await elsewhere.put(claim_of(place), None)

    async def test_an_api_server_that_is_away_can_be_asked_again(self, place: ClaimsPlace) -> None:
        """Whatever is asked."""
        async with httpx2.AsyncClient(base_url="https://127.0.0.1:9", trust_env=False) as client:
            claims = ClusterClaims(Api(client), "home")
            for asked in (
                claims.find("team", KEY),
                claims.put(claim_of(place), None),
                claims.holder(claim_of(place)),
            ):
                with pytest.raises(TransientError, match="can't be reached"):
                    await asked
