"""The adapter of IBM Quantum, by the vendor's own SDK against a server on this machine."""

from collections.abc import Iterator

import pytest

from quantum_adapters.ibm import connect
from quantum_operator.testing.adapter_bench import Bench
from quantum_operator.testing.adapter_conformance import AdapterConformance
from support.ibmserver import IbmServer


@pytest.fixture
def server() -> Iterator[IbmServer]:
    with IbmServer() as one:
        yield one


@pytest.fixture
def bench(server: IbmServer) -> Bench:
    return Bench(connect(server.settings()), server)


class TestConformance(AdapterConformance):
    """All that the contract of adapters promises."""

    @pytest.fixture
    def bench(self, server: IbmServer) -> Bench:
        return Bench(connect(server.settings(timeoutSeconds="0.5")), server)
