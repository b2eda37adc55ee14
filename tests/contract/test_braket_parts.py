"""The parts of the adapter of Amazon Braket that need no service: circuits, layouts, results, prices, devices."""

import json
import subprocess
import sys
from typing import Any

import pytest
from braket.device_schema.ionq import IonqDeviceCapabilities
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

from quantum_adapters.braket import layout, results
from quantum_adapters.braket.adapter import BraketAdapter
from quantum_adapters.braket.devices import device_of
from quantum_adapters.braket.layout import Layout
from quantum_adapters.braket.settings import Settings
from quantum_adapters.braket.wire import Wire
from quantum_operator.ports.adapter import (
    Ceiling,
    Device,
    MalformedError,
    Prepared,
    RegisterBits,
    RejectedError,
    UnsupportedError,
)
from support.braketdevice import CAPABILITIES, DEVICE
from support.braketpayload import GATES, payload

NEEDED = {"region": "us-east-1", "bucket": "amazon-braket-tests"}
SV1 = "arn:aws:braket:::device/quantum-simulator/amazon/sv1"
GARNET = "arn:aws:braket:eu-north-1::device/qpu/iqm/Garnet"
PRICED = NEEDED | {"priceMicrosPerTask": "300000", "priceMicrosPerShot": "1450"}


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "no task"),
        (b"\xff", "no task"),
        (b"[]", "no task"),
        (b"[" * 100_000, "no task"),
        (b'{"action": "a", "layout": "l"}', "no task"),
        (b'{"action": "a", "layout": "l", "shots": "7"}', "no task"),
        (b'{"action": "a", "layout": "l", "shots": true}', "no task"),
        (b'{"action": "a", "layout": "l", "shots": 7, "deviceArn": "another"}', "no task"),
        (b'{"action": "a", "layout": "l", "shots": 1000000}', "takes 1000000 shots"),
    ],
    ids=range(9),
)
def test_nothing_is_sent_that_takes_more_than_it_says(payload: bytes, why: str) -> None:
    """Who prepared it read programs that may be hostile, and its price is that of the shots that it says."""
    account = BraketAdapter(Settings.read(PRICED))
    with pytest.raises(RejectedError, match=why):
        account.submit(Prepared(GARNET, payload, (7,)), "token", Ceiling(1_000_000, "USD", 60))


def test_a_payload_is_the_same_every_time() -> None:
    """A submission that is repeated with its token must be the same submission."""
    circuit = QuantumCircuit(3, 3)
    circuit.h(0)
    circuit.rz(0.1, 1)
    circuit.cx(0, 2)
    circuit.measure(range(3), range(3))
    assert payload(circuit, circuit) == payload(circuit, circuit)


def _broken(kind: str) -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2)
    match kind:
        case "middle":
            circuit.measure(0, 0)
            circuit.x(0)
        case "twice":
            circuit.measure([0, 0], [0, 1])
        case "same bit":
            circuit.measure([0, 1], [0, 0])
        case "reset":
            circuit.reset(0)
            circuit.measure(0, 0)
        case "delay":
            circuit.delay(10, 0)
            circuit.measure(0, 0)
        case "if":
            circuit.measure(0, 0)
            with circuit.if_test((circuit.clbits[0], 1)):
                circuit.x(1)
        case "gate":
            circuit.cz(0, 1)
            circuit.measure(0, 0)
        case "parameter":
            circuit.rz(Parameter("a"), 0)
            circuit.measure(0, 0)
        case "nothing":
            circuit.x(0)
    return circuit


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("middle", "x on qubit 0 after its measurement"),
        ("twice", "measure on qubit 0 after its measurement"),
        ("same bit", "two measurements into classical bit 0"),
        ("reset", "has no reset"),
        ("delay", "has no delay"),
        ("if", "has no if_else"),
        ("gate", "has no cz; compile for it first"),
        ("parameter", "1 parameters have no value"),
        ("nothing", "measures nothing"),
    ],
)
def test_what_braket_does_not_run_is_unsupported(kind: str, why: str) -> None:
    """Said with the circuit's number, before anything is sent."""
    good = QuantumCircuit(1, 1)
    good.measure(0, 0)
    with pytest.raises(UnsupportedError, match=f"circuit 1: .*{why}"):
        payload(good, _broken(kind))


def test_what_the_sdk_can_not_say_is_unsupported() -> None:
    """A device that announces any gate does not make Braket have it."""
    circuit = QuantumCircuit(1, 1)
    circuit.initialize([1, 0], 0)
    circuit.measure(0, 0)
    anything = Device("arn", 8, None, None, ready=True)
    with pytest.raises(UnsupportedError, match="circuit 0"):
        payload(circuit, device=anything)


def test_program_sets_have_their_limits() -> None:
    """Of executables, and of simulators, which take none."""
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    with pytest.raises(UnsupportedError, match="need 199 executables; a task has 100"):
        payload(circuit, circuit, shots=(100, 99))
    simulator = Device(SV1, 34, GATES, None, ready=True, simulator=True)
    with pytest.raises(UnsupportedError, match="takes 1 to 1 circuits, not 2"):
        payload(circuit, circuit, device=simulator)
    with pytest.raises(UnsupportedError, match="2 circuits, but shots for 1"):
        payload(circuit, circuit, shots=(1,))


def test_a_layout_is_a_tag_that_aws_takes() -> None:
    """Short for circuits that are alike; where a tag is too short for those that are not, that is said."""
    alike = [Layout(5, (0, 1, 2, 3, 4), 2)] * 3
    assert layout.written([*alike, Layout(3, (2,))]) == "3x5.1f.2+1x3.4.1"
    circuits = []
    for number in range(60):
        circuits.append(QuantumCircuit(1, number + 1))
        circuits[-1].measure(0, number)
    with pytest.raises(UnsupportedError, match="differ too much"):
        payload(*circuits)


@given(st.lists(st.tuples(st.sets(st.integers(0, 40), min_size=1), st.integers(1, 99)), min_size=1, max_size=9))
def test_a_layout_is_read_as_it_was_written(made: list[tuple[set[int], int]]) -> None:
    """Whatever is measured."""
    layouts = [Layout(max(bits) + 1, tuple(sorted(bits)), copies) for bits, copies in made]
    assert layout.read(layout.written(layouts)) == layouts


@pytest.mark.parametrize("text", ["", "x", "1x3.f.1", "1x3.0.1", "1x3.7.0", "1x3.7", "1x3.7.1+", "1x3.7.1 "])
def test_what_is_no_layout_is_refused(text: str) -> None:
    """A tag may be changed by anyone who may tag."""
    with pytest.raises(ValueError, match="no layout"):
        layout.read(text)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"measuredQubits": [0, 1]},
        {"measuredQubits": [0, 2], "measurements": [[0, 1]] * 10},
        {"measuredQubits": [0], "measurements": [[0]] * 10},
        {"measuredQubits": [0, 1], "measurements": [[0, 1]] * 11},
        {"measuredQubits": [0, 1], "measurements": []},
        {"measuredQubits": [0, 1], "measurements": [[0, 2]] * 10},
        {"measuredQubits": [0, 1], "measurements": [[0]] * 10},
        {"measuredQubits": [0, 1], "measurements": 7},
        {"measuredQubits": [0, 1], "measurementProbabilities": {"00": 0.5, "01": 0.4}},
        {"measuredQubits": [0, 1], "measurementProbabilities": {"00": 1.5, "01": -0.5}},
        {"measuredQubits": [0, 1], "measurementProbabilities": {}},
        {"programResults": []},
        {"programResults": [{"executableResults": [{"failureMetadata": {"failureReason": "no ions"}}]}]},
    ],
)
def test_a_result_of_another_form_is_malformed(document: Any) -> None:
    """No counts are made up."""
    with pytest.raises(MalformedError):
        results.counts_of(document, [Layout(2, (0, 1))], 10, lambda *_: b"")


def test_fewer_shots_than_asked_are_as_many_as_there_are() -> None:
    """Nothing is scaled up."""
    rows = {"measuredQubits": [0, 1], "measurements": [[0, 1]] * 9}
    assert results.counts_of(rows, [Layout(2, (0, 1))], 10, lambda *_: b"") == (RegisterBits({"10": 9}),)


@pytest.mark.parametrize("data", [b"", b"<html>", b"[]", b"\xff"])
def test_a_result_that_is_no_object_is_malformed(data: bytes) -> None:
    """Whatever S3 has there."""
    with pytest.raises(MalformedError):
        results.read("b", "folder", lambda *_: data)


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=8), st.integers(1, 5000))
def test_counts_of_probabilities_sum_to_the_shots(weights: list[float], shots: int) -> None:
    """And none is further from its probability than one shot."""
    told = {f"{place:03b}": weight / sum(weights) for place, weight in enumerate(weights)}
    executable = {"measuredQubits": [0, 1, 2], "measurementProbabilities": told}
    (got,) = results.counts_of(executable, [Layout(3, (0, 1, 2))], shots, lambda *_: b"")
    assert sum(got.counts.values()) == shots
    for column, value in told.items():
        assert abs(got.counts.get(column[::-1], 0) - value * shots) <= 1


@pytest.mark.parametrize(
    ("given", "device", "cost"),
    [
        (PRICED, DEVICE, 300_000 + 1450 * 100),
        (PRICED, SV1, None),
        (PRICED | {"priceMicrosPerShot.Garnet": "1500"}, GARNET, 300_000 + 1500 * 100),
        (PRICED | {"priceMicrosPerShot.Garnet": "1500"}, DEVICE, 300_000 + 1450 * 100),
        (NEEDED | {"priceMicrosPerShot": "1450"}, DEVICE, None),
        (NEEDED | {"priceMicrosPerTask.sv1": "0", "priceMicrosPerShot.sv1": "75"}, SV1, 7500),
        (NEEDED, DEVICE, None),
    ],
)
def test_prices(given: dict[str, str], device: str, cost: int | None) -> None:
    """By device, and for all QPUs; no price is taken for a simulator's."""
    assert Settings.read(given).price(device, 100) == cost


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"bucket": "b"}, "region"),
        ({"region": "us-east-1"}, "bucket"),
        (NEEDED | {"region": "us/east"}, "region must be"),
        (NEEDED | {"accessKeyId": "hidden"}, "together"),
        (NEEDED | {"secretAccessKey": "hidden"}, "together"),
        (NEEDED | {"sessionToken": "hidden"}, "needs accessKeyId"),
        (NEEDED | {"color": "hidden"}, "unknown settings color"),
        (NEEDED | {"maxCircuits": "101"}, "maxCircuits must be a whole number from 1 to 100"),
        (NEEDED | {"priceMicrosPerShot": "0.03"}, "priceMicrosPerShot must be a whole number"),
        (NEEDED | {"priceMicrosPerShot.x": "-1"}, "priceMicrosPerShot.x must be a whole number"),
        (NEEDED | {"timeoutSeconds": "hidden"}, "timeoutSeconds must be a number above 0"),
    ],
)
def test_settings_that_can_not_be_read_are_named(given: dict[str, str], why: str) -> None:
    """By their names; values may be secrets."""
    with pytest.raises(ValueError, match=why) as raised:
        Settings.read(given)
    assert "hidden" not in str(raised.value)


def test_the_device_of_the_tests_is_one_of_the_sdks_schema() -> None:
    """What is read here is what AWS documents."""
    IonqDeviceCapabilities.parse_obj(CAPABILITIES)


def answer(**more: Any) -> dict[str, Any]:
    told = {"deviceArn": DEVICE, "deviceStatus": "ONLINE", "deviceType": "QPU"}
    return told | {"deviceCapabilities": json.dumps(CAPABILITIES | more)}


def test_a_device_takes_the_gates_that_qiskit_has_too() -> None:
    """Of one and two qubits, on any pair: Braket compiles for the QPU."""
    device = device_of(answer())
    assert device.basis_gates is not None
    assert {"cx", "sx", "rxx", "sdg", "measure"} <= set(device.basis_gates)
    assert (device.coupling, device.num_qubits, device.max_shots) == (None, 5, 5000)
    assert str(device.calibrated) == "2026-01-01 10:00:00+00:00"


def test_a_device_without_gates_is_not_ready() -> None:
    """An analog one is there, and runs nothing of ours."""
    device = device_of(answer(action={"braket.ir.ahs.program": {}}))
    assert not device.ready
    assert "no OpenQASM programs" in device.message


@pytest.mark.parametrize("queue", ["4000", ">4000"])
def test_a_queue_that_is_not_a_number_is_not_told(queue: str) -> None:
    """AWS caps it."""
    told = answer() | {"deviceQueueInfo": [{"queue": "QUANTUM_TASKS_QUEUE", "queueSize": queue}]}
    assert device_of(told).queue_length == (4000 if queue == "4000" else None)


@pytest.mark.parametrize("told", [{}, {"deviceCapabilities": "{"}, {"deviceCapabilities": "[]"}, answer(paradigm={})])
def test_a_description_that_can_not_be_read_is_malformed(told: dict[str, Any]) -> None:
    """No device is made up."""
    with pytest.raises(MalformedError):
        device_of(told)


def test_the_environment_does_not_say_where_requests_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """They carry the account's identity."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_BRAKET", "AWS_ENDPOINT_URL_S3", "BRAKET_ENDPOINT"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    wire = Wire(Settings.read(NEEDED))
    clients = (wire._braket, wire._s3)
    assert all(client.meta.endpoint_url.endswith("amazonaws.com") for client in clients)


def test_talking_to_aws_needs_no_quantum_sdk() -> None:
    """The process that holds the credentials loads neither; the child that prepares does."""
    code = f"import sys; from quantum_adapters.braket import connect; connect({NEEDED}); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"qiskit", "braket", "numpy"} & set(loaded)
