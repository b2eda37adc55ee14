"""Circuits of several tasks in one job of IBM Quantum: as the SDK would send it, and with nothing that a part slips in.

Who prepared a part read programs that may be hostile to the other parts'.
"""

import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit_aer.primitives import SamplerV2
from qiskit_ibm_runtime.json import RuntimeDecoder, RuntimeEncoder

from quantum_adapters.ibm import connect
from quantum_adapters.ibm.circuits import combined, params_of
from quantum_operator.agent.account import Account
from quantum_operator.agent.calls import Prepare, Submit
from quantum_operator.api.quantumtask import QuantumTask
from quantum_operator.ports.adapter import Device, Prepared, RejectedError, UnsupportedError
from quantum_operator.testing.adapter_bench import CEILING, CROSSED, FLIPPED, WAITING, Bench
from support.ibmserver import DEVICE, PRICE, IbmServer
from unit.agent.test_agent_decide import NOW, task

Params = dict[str, Any]
SHOTS = 7


def encoded(circuit: QuantumCircuit, *values: Any) -> list[Any]:
    """A pub of these values of a circuit's parameters, as the SDK sends it."""
    pub = SamplerPub.coerce((circuit, *(values or (None,)), SHOTS))
    found: list[Any] = json.loads(json.dumps(pub, cls=RuntimeEncoder))
    return found


def flipped(angle: float | Parameter = np.pi) -> QuantumCircuit:
    circuit = QuantumCircuit(1, 1)
    circuit.rx(angle, 0)
    circuit.measure(0, 0)
    return circuit


def part(*pubs: Any, claimed: tuple[int, ...] = (SHOTS,), **more: Any) -> Prepared:
    params = {"pubs": list(pubs), "options": {}, "version": 2, "support_qiskit": True} | more
    return Prepared(DEVICE, json.dumps(params).encode(), claimed)


GOOD = encoded(flipped())
CIRCUIT, NOTHING, _ = GOOD
ROWS = encoded(flipped(Parameter("a")), np.zeros((5, 1)))
ROWS_OF_NOTHING = encoded(flipped(), np.zeros((5, 0)))
HOSTILE = {
    "a value of a parameter": part(encoded(flipped(Parameter("a")), [0.5])),
    "many rows of parameters": part(ROWS),
    "many rows of no parameters": part(ROWS_OF_NOTHING),
    "rows that claim their shots": part(ROWS, claimed=(SHOTS,) * 5),
    "a circuit more": part(GOOD, GOOD),
    "a circuit less": part(),
    "other shots": part([CIRCUIT, NOTHING, SHOTS + 1]),
    "shots of the provider's choice": part([CIRCUIT, NOTHING, None]),
    "no shots": part([CIRCUIT, NOTHING]),
    "shots that are text": part([CIRCUIT, NOTHING, str(SHOTS)]),
    "shots that are no whole number": part([CIRCUIT, NOTHING, float(SHOTS)]),
    "shots that are true": part([CIRCUIT, NOTHING, True], claimed=(1,)),
    "more than shots": part([*GOOD, 0.01]),
    "no parameters at all": part([CIRCUIT, None, SHOTS]),
    "parameters by name": part([CIRCUIT, {"a": [1, 2]}, SHOTS]),
    "several circuits for one": part([[CIRCUIT, CIRCUIT], NOTHING, SHOTS]),
    "a program that is text": part(["OPENQASM 3.0;", NOTHING, SHOTS]),
    "another object for a circuit": part([{"__type__": "settings", "__value__": ""}, NOTHING, SHOTS]),
    "a circuit that is none": part([CIRCUIT | {"__value__": [1]}, NOTHING, SHOTS]),
    "a circuit with more": part([CIRCUIT | {"__module__": "os"}, NOTHING, SHOTS]),
    "a pub with names": part({"circuit": CIRCUIT, "shots": SHOTS}),
    "a pub that is none": part(None),
    "pubs with names": Prepared(DEVICE, json.dumps({"pubs": {"0": GOOD}}).encode(), (SHOTS,)),
    "pubs that are text": Prepared(DEVICE, b'{"pubs": "xxx"}', (SHOTS,)),
}


@pytest.fixture
def bench() -> Iterator[Bench]:
    with IbmServer() as server:
        yield Bench(connect(server.settings()), server)


def test_a_combined_job_is_that_of_all_circuits_at_once(bench: Bench) -> None:
    """But for the names of the circuits, which count from 0 in every part."""
    adapter: Any = bench.adapter
    whole = bench.prepared(FLIPPED, CROSSED, WAITING, shots=(30, 20, 50))
    parts = [bench.prepared(FLIPPED, shots=(30,)), bench.prepared(CROSSED, WAITING, shots=(20, 50))]
    together = adapter.combine(parts)
    assert dataclasses.replace(together, payload=b"") == dataclasses.replace(whole, payload=b"")
    ours, theirs = (json.loads(one.payload, cls=RuntimeDecoder) for one in (together, whole))
    for document in (ours, theirs):
        document["pubs"] = [(circuit, list(values), shots) for circuit, values, shots in document["pubs"]]
    assert ours == theirs


@pytest.mark.parametrize("rows", [ROWS, ROWS_OF_NOTHING], ids=["of parameters", "of no parameters"])
def test_rows_of_parameters_are_as_many_times_the_shots(rows: list[Any]) -> None:
    """This is what a part could have its neighbors pay for."""
    circuit, values, shots = json.loads(json.dumps(rows), cls=RuntimeDecoder)
    pub = SamplerPub.coerce((circuit, values, shots))
    (result,) = SamplerV2(seed=1).run([pub]).result()
    taken = [one.num_shots * one.size for one in result.data.values()]
    assert taken == [5 * SHOTS]


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_nothing_is_sent_that_takes_more_than_it_says(hostile: Prepared) -> None:
    """Also not by itself: what it may cost was reckoned by what it says."""
    with pytest.raises(RejectedError, match="other circuits or shots"):
        params_of(hostile)


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("place", [0, 1])
def test_a_part_that_is_not_as_it_says_spoils_no_other(hostile: Prepared, place: int) -> None:
    """Nothing is combined then."""
    parts = [part(GOOD)]
    assert combined(parts, 100)
    parts.insert(place, hostile)
    with pytest.raises(RejectedError, match="other circuits or shots"):
        combined(parts, 100)


def test_two_parts_can_not_lie_to_each_other() -> None:
    """As many circuits and shots in all as both claim, but not each its own."""
    with pytest.raises(RejectedError):
        combined([part(GOOD, GOOD), part(claimed=(SHOTS, SHOTS))], 100)


def test_nothing_of_a_part_reaches_ibm_but_its_circuits(bench: Bench) -> None:
    """Neither options nor anything else that stands beside them, which would hold for all."""
    server: Any = bench.provider
    adapter: Any = bench.adapter
    options = {"default_shots": 100_000, "twirling": {"enable_gates": True, "num_randomizations": 1000}}
    more: Params = {"options": options, "version": 1, "support_qiskit": False, "shots": 9, "max_execution_time": 9}
    hostile = part(GOOD, **more)
    for parts in ([hostile, part(GOOD)], [part(GOOD), hostile], [hostile]):
        alone = len(parts) == 1
        adapter.submit(hostile if alone else adapter.combine(parts), bench.token(), CEILING)
        sent = server.bodies[-1]
        clean = {"pubs": [GOOD] * len(parts), "options": {}, "version": 2, "support_qiskit": True}
        assert sent["params"] == clean
        assert sent["cost"] == CEILING.cost_micros // PRICE


def test_a_job_has_at_most_as_many_circuits_as_ibm_takes(bench: Bench) -> None:
    """However few each part has."""
    adapter: Any = bench.adapter
    most = adapter.capabilities().max_circuits
    assert len(json.loads(adapter.combine([part(GOOD)] * most).payload)["pubs"]) == most
    with pytest.raises(UnsupportedError, match=f"1 to {most} circuits, not {most + 1}"):
        adapter.combine([part(GOOD)] * (most + 1))


class Compiled:
    """A compiler that has each task's circuits, of its own shots, at hand."""

    def __init__(self, make: Callable[[int], Prepared]) -> None:
        self.make = make

    def prepare(self, one: QuantumTask, _: Device) -> Prepared:
        return self.make(int(one.metadata.uid))


@pytest.mark.parametrize(
    ("ceilings", "seconds"),
    [
        (((100 * PRICE, 60), (100 * PRICE, 50), (100 * PRICE, 1)), 111),
        (((7 * PRICE - 1, 60), (3 * PRICE, 60)), 9),
        (((7 * PRICE + PRICE // 2, 60), (3 * PRICE + PRICE // 2, 60)), 11),
        (((10**12, 7_200), (10**12, 7_200)), 10_800),
        (((10**12, 604_800), (10**12, 604_800)), 10_800),
    ],
)
def test_the_longest_execution_time_is_that_of_all_ceilings(
    bench: Bench, ceilings: tuple[tuple[int, int], ...], seconds: int
) -> None:
    """Their time, or what their money buys, in sum; and never more than IBM's own limit."""
    server: Any = bench.provider
    account = Account(bench.adapter, Compiled(lambda shots: bench.prepared(FLIPPED, shots=(shots,))))  # type: ignore[arg-type]
    tasks = []
    for number, (micros, most) in enumerate(ceilings, 10):
        ceiling = {"micros": micros, "currency": "USD", "seconds": most}
        one = task(device=DEVICE, ceiling=ceiling)
        one = one.model_copy(update={"metadata": one.metadata.model_copy(update={"uid": str(number)})})
        assert account.call(one, Prepare(), NOW) is None
        tasks.append(one)
    answer = account.call(tasks[0], Submit(NOW.replace(year=NOW.year + 1), tuple(tasks[1:])), NOW)
    assert isinstance(answer, str), answer
    (sent,) = server.bodies
    assert sent["cost"] == seconds
    assert [shots for _, _, shots in sent["params"]["pubs"]] == list(range(10, 10 + len(tasks)))
