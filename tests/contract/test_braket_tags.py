"""What a task on Amazon Braket is found by beside its token, and what one without results costs."""

from collections.abc import Iterator

import pytest
from braket.tracking.tracker import _get_qpu_task_cost
from moto.server import ThreadedMotoServer

from quantum_adapters.braket import adapter as braket
from quantum_adapters.braket import connect
from quantum_operator.ports.adapter import Charged
from quantum_operator.testing.adapter_bench import CEILING, Bench
from support.braketdevice import DEVICE
from support.braketserver import BraketServer


@pytest.fixture
def server() -> Iterator[BraketServer]:
    moto = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    with BraketServer(f"http://{host}:{port}") as one:
        yield one
    moto.stop()


@pytest.fixture
def bench(server: BraketServer) -> Bench:
    return Bench(connect(server.settings()), server)


def test_tags_come_after_the_token_and_never_in_its_place(server: BraketServer, bench: Bench) -> None:
    """With the characters that AWS takes."""
    tags = {"correlation-id": "order-7", braket.TOKEN: "mine", "note": "a, b"}
    bench.adapter.submit(bench.prepared(), "token-1", CEILING, tags=tags)
    found = server.requests[0]["tags"]
    assert list(found) == [braket.TOKEN, braket.LAYOUT, "correlation-id", "note"]
    assert (found[braket.TOKEN], found["correlation-id"], found["note"]) == ("token-1", "order-7", "a_ b")


def test_a_task_without_results_costs_nothing_on_a_qpu(server: BraketServer, bench: Bench) -> None:
    """As in the SDK's own cost tracker; of a simulator, which is paid by its time, nothing is told."""
    failed, cancelled = bench.submitted(), bench.submitted()
    server.spoil(failed)
    bench.adapter.cancel(cancelled)
    server.wait(2)
    for task, state in ((failed, "FAILED"), (cancelled, "CANCELLED")):
        assert bench.adapter.poll(task).charged == Charged(0, "USD", None)
        assert _get_qpu_task_cost(task, {"status": state, "device": DEVICE}) == 0
    server.all_tasks[failed].request["deviceArn"] = "arn:aws:braket:::device/quantum-simulator/amazon/sv1"
    told = bench.adapter.poll(failed)
    assert (told.charged, told.charge_pending) == (None, False)
