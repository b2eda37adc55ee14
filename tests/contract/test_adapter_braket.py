"""The adapter of Amazon Braket, by the vendor's own SDK against servers on this machine."""

from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer

from quantum_adapters.braket import connect
from quantum_operator.testing.adapter_bench import Bench
from quantum_operator.testing.adapter_conformance import AdapterConformance
from support.braketserver import BraketServer


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    """The address of moto's S3."""
    moto = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def server(s3_url: str) -> Iterator[BraketServer]:
    with BraketServer(s3_url) as one:
        yield one


@pytest.fixture
def bench(server: BraketServer) -> Bench:
    return Bench(connect(server.settings()), server)


class TestConformance(AdapterConformance):
    """All that the contract of adapters promises."""

    @pytest.fixture
    def bench(self, server: BraketServer) -> Bench:
        return Bench(connect(server.settings(timeoutSeconds="0.5")), server)


class TestConformanceOfProgramSets(AdapterConformance):
    """The same with several circuits in a task."""

    @pytest.fixture
    def bench(self, server: BraketServer) -> Bench:
        return Bench(connect(server.settings(timeoutSeconds="0.5", maxCircuits="100")), server)
