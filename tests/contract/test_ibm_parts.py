"""IBM Quantum without its service: settings, circuits and results, and what is told of a device."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, qpy
from qiskit.circuit import Clbit, Parameter
from qiskit_aer.primitives import SamplerV2
from qiskit_ibm_runtime.json import RuntimeDecoder, RuntimeEncoder

from quantum_adapters.ibm import connect
from quantum_adapters.ibm.circuits import counts_of, params_of, payload_of
from quantum_adapters.ibm.devices import device_of, make_of
from quantum_adapters.ibm.settings import Settings
from quantum_operator.ports.adapter import Circuits, Device, MalformedError, Prepared, RejectedError, UnsupportedError

DEVICE = Device("line", 3, ("x", "cz", "measure", "if_else"), ((0, 1), (1, 2)), ready=True, max_shots=100)
NEEDED = {"token": "key", "instance": "crn:v1:bluemix:public:quantum-computing:us-east:a/1:2::"}


def prepared(*circuits: QuantumCircuit, shots: tuple[int, ...] = (), device: Device = DEVICE) -> bytes:
    stream = io.BytesIO()
    qpy.dump(list(circuits), stream)
    return payload_of(Circuits(device, stream.getvalue(), shots or (10,) * len(circuits)), 5)


def executed(payload: bytes) -> dict[str, int]:
    """The counts of the one circuit of a job's parameters, executed as the service does."""
    ((circuit, _, shots),) = json.loads(payload, cls=RuntimeDecoder)["pubs"]
    result = SamplerV2(seed=1).run([(circuit, None, shots)]).result()
    (register,) = counts_of(json.dumps(result, cls=RuntimeEncoder))
    return register.counts


def two_registers() -> QuantumCircuit:
    circuit = QuantumCircuit(QuantumRegister(3), ClassicalRegister(1, "secret_name"), ClassicalRegister(2, "a"))
    circuit.x(0)
    circuit.measure([0, 1, 2], [0, 1, 2])
    return circuit


def loose_bits() -> QuantumCircuit:
    circuit = QuantumCircuit(QuantumRegister(3), [Clbit(), Clbit()], ClassicalRegister(1, "a"))
    circuit.x(0)
    circuit.measure([0, 1, 2], [0, 1, 2])
    return circuit


def overlapping() -> QuantumCircuit:
    bits = [Clbit(), Clbit(), Clbit()]
    registers = ClassicalRegister(name="b", bits=bits[1:]), ClassicalRegister(name="a", bits=bits[:2])
    circuit = QuantumCircuit(QuantumRegister(3), bits, *registers)
    circuit.x(0)
    circuit.measure([0, 1, 2], [0, 1, 2])
    return circuit


def conditional() -> QuantumCircuit:
    """Flips qubit 0, and qubit 2 if it was."""
    first, second = ClassicalRegister(1, "first"), ClassicalRegister(2, "second")
    circuit = QuantumCircuit(QuantumRegister(3), first, second)
    circuit.x(0)
    circuit.measure(0, 0)
    with circuit.if_test((first, 1)):
        circuit.x(2)
    circuit.measure([1, 2], [1, 2])
    return circuit


@pytest.mark.parametrize(
    ("build", "wanted"),
    [(two_registers, "001"), (loose_bits, "001"), (overlapping, "001"), (conditional, "101")],
)
def test_counts_are_over_all_bits_whatever_the_registers(build: Callable[[], QuantumCircuit], wanted: str) -> None:
    """Registers of several names, none, shared bits or conditions: a bit's place in the circuit is its place."""
    assert executed(prepared(build())) == {wanted: 10}


def test_no_name_of_the_user_leaves() -> None:
    """Names of circuits and registers are ours."""
    circuit = two_registers()
    circuit.name, circuit.metadata = "the-client", {"client": "secret"}
    ((sent, _, _),) = json.loads(prepared(circuit), cls=RuntimeDecoder)["pubs"]
    assert (sent.name, sent.metadata, [register.name for register in sent.cregs]) == (
        "circuit-0",
        {},
        ["part0", "part1"],
    )


def test_a_condition_on_overlapping_registers_is_refused() -> None:
    """Such a circuit can't have its registers renamed."""
    circuit = overlapping()
    with circuit.if_test((circuit.cregs[0], 1)):
        circuit.x(2)
    with pytest.raises(UnsupportedError, match="overlap"):
        prepared(circuit)


def build(change: Callable[[QuantumCircuit], Any], qubits: int = 3, bits: int = 1) -> QuantumCircuit:
    circuit = QuantumCircuit(qubits, bits)
    change(circuit)
    return circuit


def inner_gate(circuit: QuantumCircuit) -> None:
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.cz(2, 1)


@pytest.mark.parametrize(
    ("circuit", "why"),
    [
        (build(lambda c: c.h(0)), "line has no h"),
        (build(lambda c: c.cz(1, 0)), "no cz on qubits 1, 0"),
        (build(inner_gate), "no cz on qubits 2, 1"),
        (build(lambda c: c.x(0), qubits=4), "4 qubits; line has 3"),
        (build(lambda c: c.rx(Parameter("a"), 0)), "1 parameters have no value"),
        (build(lambda c: c.x(0), bits=0), "measures nothing"),
    ],
)
def test_what_the_device_has_not_is_refused(circuit: QuantumCircuit, why: str) -> None:
    """The reason names the instruction and where it is, also within a condition."""
    with pytest.raises(UnsupportedError, match=why):
        prepared(circuit)


@pytest.mark.parametrize(("number", "shots"), [(1, (1, 1)), (1, (0,)), (1, (101,)), (6, (1,) * 6)])
def test_numbers_that_do_not_fit_are_refused(number: int, shots: tuple[int, ...]) -> None:
    """Shots for other circuits, none or too many, and too many circuits."""
    with pytest.raises(UnsupportedError):
        prepared(*[build(lambda c: c.x(0))] * number, shots=shots)


@pytest.mark.parametrize(
    "result",
    [
        "",
        "[]",
        '{"__type__": "PrimitiveResult"}',
        json.dumps(SamplerV2().run([conditional()]).result(), cls=RuntimeEncoder),
        json.dumps(SamplerV2().run([(two_registers(), None, 1)]).result()[0], cls=RuntimeEncoder),
    ],
)
def test_a_result_that_is_not_ours_is_malformed(result: str) -> None:
    """No JSON, another document, or registers that we did not name."""
    with pytest.raises(MalformedError):
        counts_of(result)


def test_a_result_that_is_partly_ours_is_read_in_part() -> None:
    """The circuits of one job keep nobody from those of another that was submitted with it."""
    ours = json.loads(prepared(two_registers()), cls=RuntimeDecoder)["pubs"][0]
    result = SamplerV2(seed=1).run([ours, (conditional(), None, 9)]).result()
    mine, other = counts_of(json.dumps(result, cls=RuntimeEncoder))
    assert sum(mine.counts.values()) == 10
    assert other.counts == {}


CONFIGURATION = {
    "n_qubits": 3,
    "basis_gates": ["x", "cz", "rz", "rx", "rzz"],
    "supported_instructions": ["x", "measure", "if_else", "play"],
    "coupling_map": [[0, 1], [1, 0], [1, 2], [2, 1]],
    "max_shots": 1000,
}
WORKING = {"name": "operational", "value": 1}
BROKEN = {"name": "operational", "value": 0}
ACTIVE = {"operational": True, "status_msg": "active", "pending_jobs": 4}


def told(properties: dict[str, Any], **status: Any) -> Device:
    return device_of("it", make_of(json.loads(json.dumps(CONFIGURATION)), properties), ACTIVE | status)


def test_a_device_has_its_instructions_but_no_fractional_gates() -> None:
    """Gates, measurement and control flow; what only other access than ours can use is left out."""
    assert told({}).basis_gates == ("cz", "rz", "x", "if_else", "measure")


def test_couplings_out_of_order_are_left_out() -> None:
    """Of a gate that is not operational on its qubits, or a qubit that is not."""
    gate = {"qubits": [0, 1], "gate": "cz", "parameters": [BROKEN]}
    assert told({"gates": [gate]}).coupling == ((1, 0), (1, 2), (2, 1))
    assert told({"qubits": [[WORKING], [WORKING], [BROKEN]]}).coupling == ((0, 1), (1, 0))


def test_the_time_of_calibration_has_a_zone() -> None:
    """Its own, or else that of Greenwich."""
    assert str(told({"last_update_date": "2026-05-27T15:27:23-03:00"}).calibrated) == "2026-05-27 15:27:23-03:00"
    assert str(told({"last_update_date": "2026-05-27T15:27:23"}).calibrated) == "2026-05-27 15:27:23+00:00"
    assert told({}).calibrated is None


@pytest.mark.parametrize("status", [{"operational": False}, {"status_msg": "internal"}, {"status_msg": None}])
def test_a_device_that_is_not_active_is_not_ready(status: dict[str, Any]) -> None:
    """IBM takes jobs for a device under maintenance, and keeps them."""
    assert told({}).ready
    assert not told({}, **status).ready


@pytest.mark.parametrize("broken", [{}, {**CONFIGURATION, "coupling_map": 3}, {**CONFIGURATION, "max_shots": "many"}])
def test_a_device_that_can_not_be_read_is_malformed(broken: dict[str, Any]) -> None:
    """A description without what is needed."""
    with pytest.raises(MalformedError):
        make_of(broken, {})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"token": ""}, "missing: token"),
        ({"instance": "my-instance"}, "begins with crn:"),
        ({"channel": "ibm_quantum"}, "channel"),
        ({"tokens": "s3cr3t"}, "unknown settings tokens"),
        ({"timeoutSeconds": "s3cr3t"}, "timeoutSeconds must be a number above 0"),
        ({"priceMicrosPerSecond": "-1"}, "priceMicrosPerSecond must be a number above 0"),
    ],
)
def test_settings_that_are_wrong_are_told_by_name(change: dict[str, str], why: str) -> None:
    """And never by value, which may be a secret in the wrong place."""
    with pytest.raises(ValueError, match=why) as raised:
        Settings.read(NEEDED | change)
    assert "s3cr3t" not in str(raised.value)


def test_settings_do_not_show_the_key() -> None:
    """Not where they are printed."""
    assert "key" not in repr(Settings.read(NEEDED)).replace("keyword", "")


def test_an_account_may_submit_five_times_a_minute_unless_it_says_otherwise() -> None:
    """Five is IBM's limit for a user; an account may have another."""
    assert connect(NEEDED).capabilities().submissions_per_minute == 5
    assert connect(NEEDED | {"submissionsPerMinute": "60"}).capabilities().submissions_per_minute == 60
    assert connect(NEEDED | {"submissionsPerMinute": "0.5"}).capabilities().submissions_per_minute == 1


@pytest.mark.parametrize("payload", [b"", b"\xff", b"[]", b"[" * 100_000, b'"pubs"'], ids=range(5))
def test_nothing_is_sent_that_is_no_job(payload: bytes) -> None:
    """Who prepared it read programs that may be hostile."""
    with pytest.raises(RejectedError, match="no parameters"):
        params_of(Prepared("ibm_fez", payload, (7,)))
