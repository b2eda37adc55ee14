"""What is read of a backend: its figures."""

from dataclasses import replace
from typing import Any

import pytest

from quantum_operator.api.backend import QuantumBackend, Simulator
from quantum_operator.api.figures import Demand, Figures
from quantum_operator.decide.figures import Request, Ruling, figures_of, is_qpu, job_figures
from quantum_operator.decide.memory import needed_bytes, state_bytes
from quantum_operator.testing.builders import backend, job, policy
from unit.decide.observations import NOW

GIB = 2**30
PROVIDER = {"agent": "agents", "device": "qpu"}
PRICE = {"perShotMicros": 7, "perSecondMicros": 100, "currency": "EUR"}
REQUEST = Request(Demand(qubits=26, shots=1000, executed_shots=2000), "team", {}, job=job_figures(job()))


def seen(one: QuantumBackend, **status: Any) -> Figures:
    """The figures of a backend with this status, now."""
    update = {"status": one.status.model_copy(update=status)}
    return figures_of(one.model_copy(update=update), REQUEST, Ruling(now=NOW))


@pytest.mark.parametrize(
    ("method", "precision", "qubits", "needed"),
    [
        ("statevector", "double", 26, GIB),
        ("statevector", "single", 26, GIB // 2),
        ("statevector", "double", 30, 16 * GIB),
        ("statevector", "double", 0, 16),
        ("statevector", "double", 10_000, 16 * 2**48),
        ("density_matrix", "double", 13, GIB),
        ("density_matrix", "single", 14, 2 * GIB),
        ("automatic", "double", 100, None),
        ("stabilizer", "double", 100, None),
        ("matrix_product_state", "double", 100, None),
    ],
)
def test_a_state_takes_what_its_amplitudes_do(method: str, precision: str, qubits: int, needed: int | None) -> None:
    """16 bytes, or 8, for each of 2^n amplitudes, or 4^n; where the circuit decides, nobody knows before."""
    assert needed_bytes(Simulator.model_validate({"method": method, "precision": precision}), qubits) == needed


def test_a_gpus_memory_is_not_the_runs() -> None:
    """The state is on the GPU, of which the run's memory says nothing."""
    assert needed_bytes(Simulator(method="statevector", device="GPU"), 30) is None


def test_a_run_keeps_some_of_its_memory_for_itself() -> None:
    """The runner takes 352Mi, and there is never less than nothing."""
    assert state_bytes("2Gi") == 2 * GIB - 352 * 2**20
    assert state_bytes("100Mi") == 0


@pytest.mark.parametrize(("memory", "fits"), [("1Gi", False), ("1375Mi", False), ("1376Mi", True), ("2Gi", True)])
def test_a_backend_says_what_a_state_needs_and_has(memory: str, fits: bool) -> None:
    """26 qubits are a gibibyte, beside the runner itself."""
    figures = seen(backend(qubits=30, simulator={"method": "statevector"}, run={"memory": memory}))
    assert figures.needed_bytes == GIB
    assert figures.memory_bytes is not None
    assert (figures.needed_bytes <= figures.memory_bytes) == fits


@pytest.mark.parametrize(
    ("spec", "kind", "provider"),
    [
        ({}, "Simulator", False),
        ({"adapter": "ibm", "provider": PROVIDER, "price": PRICE}, "Hardware", True),
        ({"adapter": "ibm", "provider": {**PROVIDER, "kind": "Simulator"}, "price": PRICE}, "Simulator", True),
    ],
)
def test_a_backend_is_hardware_or_a_simulator(spec: dict[str, Any], kind: str, provider: bool) -> None:
    """A provider's simulator is one, and still the provider's."""
    one = backend(**spec)
    assert (is_qpu(one), seen(one).kind, seen(one).provider) == (kind == "Hardware", kind, provider)


def test_the_queue_is_forecast_by_its_length() -> None:
    """So many tasks of so many seconds; unknown where nobody counts; none before a simulator of the cluster."""
    device = {"adapter": "ibm", "provider": {**PROVIDER, "expectedTaskSeconds": 20}, "price": PRICE}
    assert (seen(backend(**device), queue_length=6).wait_seconds, seen(backend(**device)).wait_seconds) == (120, None)
    assert seen(backend()).wait_seconds == 0


@pytest.mark.parametrize(
    ("calibrated", "age"),
    [
        ("2026-01-01T11:59:59Z", 1),
        ("2026-01-01T12:00:00Z", 0),
        ("2027-01-01T00:00:00Z", 0),
        (None, None),
        ("yesterday", None),
        ("2026-01-01T00:00:00", None),
    ],
)
def test_a_calibration_has_an_age(calibrated: str | None, age: int | None) -> None:
    """In seconds; a clock that is ahead makes no negative one, and what is no time is not known."""
    assert NOW.isoformat() == "2026-01-01T12:00:00+00:00"
    assert seen(backend(), calibration_time=calibrated).calibration_age_seconds == age


def test_what_a_job_costs_at_most_is_known_before() -> None:
    """By its executed shots and the longest that a task, or a run, may take; a simulator without a price is free."""
    device = backend(adapter="ibm", provider=PROVIDER, price=PRICE, limits={"maxTaskSeconds": 10})
    assert (seen(device).ceiling_micros, seen(device).currency) == (2000 * 7 + 10 * 100, "EUR")
    assert seen(backend(price=PRICE)).ceiling_micros == 2000 * 7 + 600 * 100
    assert (seen(backend()).ceiling_micros, seen(backend()).currency) == (0, None)
    unknown = replace(REQUEST, demand=Demand(qubits=1, shots=0))
    assert figures_of(device, unknown).ceiling_micros is None


def test_fidelity_is_declared_or_exact() -> None:
    """A simulator without noise is exact; of anything else somebody has to say it."""
    noisy = {"noise": {"gates": [{"gate": "cx", "depolarizingPpm": 1}]}}
    device = {"adapter": "ibm", "provider": PROVIDER, "price": PRICE}
    assert seen(backend()).fidelity_ppm == 1_000_000
    assert seen(backend(simulator=noisy)).fidelity_ppm is None
    assert seen(backend(**device)).fidelity_ppm is None
    assert seen(backend(**device, fidelityPpm=995_000)).fidelity_ppm == 995_000


def test_what_is_not_shared_tells_nothing() -> None:
    """Not one figure beside that: they would go on record in somebody else's namespace."""
    secret = backend(namespaces={"from": "Selector", "selector": {"matchLabels": {"tier": "gold"}}}, ready=False)
    assert seen(secret).to_wire() == {"choice": 0, "shared": False}


def test_a_share_is_that_of_the_policy() -> None:
    """Of the backend's own name."""
    spec = policy("a", "b", traffic=[{"backend": "a", "percent": 5}]).spec
    assert [figures_of(backend(name), REQUEST, Ruling(spec=spec)).share for name in "ab"] == [5, None]
