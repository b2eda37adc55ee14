"""The cluster's claims keep the contract of the port, against a real API server."""

import json
from collections.abc import AsyncIterator

import httpx2
import pytest

from quantum_operator.api.claim import Claim
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.cluster.api import Api
from quantum_operator.cluster.claims import ENTRY, ClusterClaims
from quantum_operator.cluster.connection import http_client, load_config
from quantum_operator.decide.claim import claim_name
from quantum_operator.ports.errors import TransientError
from quantum_operator.testing import builders
from support.claimscontract import KEY, ClaimsContract, claim_of
from support.clusterworld import manifest, serve_crds
from testcluster import Cluster


class ClusterPlace:
    """Claims in one namespace, and jobs in the same."""

    def __init__(self, cluster: Cluster, namespace: str, api: Api) -> None:
        self.cluster, self.namespace, self.api = cluster, namespace, api
        self.claims = ClusterClaims(api, namespace)

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        return self.cluster.kubectl("--namespace", self.namespace, *arguments, input=text).stdout

    def add_job(self, name: str) -> QuantumJob:
        body = json.dumps(manifest(builders.job(name), self.namespace))
        return QuantumJob.model_validate_json(self.kubectl("create", "-f", "-", "--output=json", text=body))

    def delete_job(self, name: str) -> None:
        self.kubectl("delete", "quantumjob", name)

    def damage(self, claim: Claim, text: str) -> None:
        name = claim_name(claim.namespace, claim.key)
        self.kubectl("patch", "configmap", name, "--type=merge", "--patch", json.dumps({"data": {ENTRY: text}}))


@pytest.fixture(scope="module")
def served(api_server: Cluster) -> Cluster:
    """A cluster that serves our resources."""
    serve_crds(api_server)
    return api_server


@pytest.fixture
async def place(served: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ClusterPlace]:
    """A namespace of its own."""
    monkeypatch.setenv("KUBECONFIG", str(served.kubeconfig))
    monkeypatch.setenv("NO_PROXY", "*")
    async with http_client(load_config()) as client:
        yield ClusterPlace(served, namespace, Api(client))


class TestClusterClaims(ClaimsContract):
    """ConfigMaps."""

    async def test_a_claim_is_nobodys_but_the_operators(self, place: ClusterPlace) -> None:
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

    async def test_a_home_that_is_missing_is_waited_for(self, place: ClusterPlace) -> None:
        """It is the installation's fault, and no job's end."""
        elsewhere = ClusterClaims(place.api, "not-there")
        assert await elsewhere.find(place.namespace, KEY) is None
        with pytest.raises(TransientError, match="in namespace not-there"):
            await elsewhere.put(claim_of(place), None)

    async def test_an_api_server_that_is_away_can_be_asked_again(self, place: ClusterPlace) -> None:
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
