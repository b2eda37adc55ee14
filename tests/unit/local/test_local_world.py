"""What manifests make of the laptop's world."""

from pathlib import Path

import pytest

from quantum_operator.api.backend import QuantumBackend, RunTemplate
from quantum_operator.api.conditions import REASONS, ConditionType
from quantum_operator.api.jobstatus import QuantumJobStatus
from quantum_operator.api.meta import Condition
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.circuits.simulate import RESIDENT_BYTES
from quantum_operator.decide.quantities import HEADROOM_BYTES, worker_bytes
from quantum_operator.local.ending import REMEDIES, WAITS_FOR_PEOPLE, blocked_by, has_ended, stuck
from quantum_operator.local.manifests import ConfigMap, InvalidManifestsError, Manifest
from quantum_operator.local.process import ending
from quantum_operator.local.shell import cores
from quantum_operator.local.world import assemble, built_in_backends
from quantum_operator.ports.world import Key
from quantum_operator.testing import builders


def manifests(*resources: object) -> list[Manifest]:
    """The resources as the documents of one file."""
    return [Manifest("a.yaml", number, one) for number, one in enumerate(resources, 1)]  # type: ignore[arg-type]


def status(kind: ConditionType, value: str, reason: str) -> QuantumJobStatus:
    """A status with one condition."""
    condition = Condition.model_validate(
        {"type": kind, "status": value, "reason": reason, "lastTransitionTime": builders.CREATED}
    )
    return QuantumJobStatus(conditions=(condition,))


def test_two_simulators_are_built_in() -> None:
    """An ideal simulator of 26 qubits and a noisy one of five in a line come with the package."""
    ideal, noisy = (built_in_backends()[name] for name in ("aer-ideal", "aer-noisy"))
    assert (ideal.spec.target.num_qubits, ideal.spec.simulator.noise) == (26, None)
    assert noisy.spec.target.num_qubits == 5
    pairs = {tuple(edge) for edge in noisy.spec.target.coupling_map or ()}
    assert pairs == {(a, b) for a in range(5) for b in range(5) if abs(a - b) == 1}
    assert noisy.spec.simulator.noise is not None


@pytest.mark.parametrize("backend", built_in_backends().values(), ids=lambda one: one.metadata.name)
def test_the_announced_qubits_fit_in_memory(backend: QuantumBackend) -> None:
    """A program as wide as the simulator says that it is has a state that its runs can hold.

    Its own noise makes exact values a density matrix's, with 4^n entries; without noise a state has 2^n amplitudes.
    """
    simulator, qubits = backend.spec.simulator, backend.spec.target.num_qubits
    mixed = simulator.noise is not None or simulator.method == "density_matrix"
    state = {"double": 16, "single": 8}[simulator.precision] * (4 if mixed else 2) ** qubits
    assert state <= worker_bytes(backend.spec.run.memory) - RESIDENT_BYTES


def test_backends_are_told_what_the_runner_takes() -> None:
    """What the API says of a run's memory is what it is."""
    told = RunTemplate.model_fields["memory"].description or ""
    assert f" {(HEADROOM_BYTES + RESIDENT_BYTES) // 2**20}Mi." in told


def test_every_noisy_gate_is_in_the_basis() -> None:
    """The noisy simulator's errors are on gates that its circuits have."""
    spec = built_in_backends()["aer-noisy"].spec
    assert spec.simulator.noise is not None
    assert {one.gate for one in spec.simulator.noise.gates or ()} <= set(spec.target.basis_gates or ())


def test_a_namespace_is_filled_in() -> None:
    """What names no namespace is in the given one; what names one stays there, and backends are in none."""
    config_map = ConfigMap("programs", "", {"a": "text"})
    resources = (builders.job(namespace=""), builders.policy(), config_map, builders.backend("mine"))
    world = assemble(manifests(*resources), "lab")
    assert list(world.jobs) == [Key("lab", "bell")]
    assert world.jobs[Key("lab", "bell")].metadata.namespace == "lab"
    assert list(world.policies) == [Key("team", "default")]
    assert world.config_maps == {Key("lab", "programs"): {"a": "text"}}
    assert world.backends["mine"].metadata.namespace == ""


def test_backends_are_added_to_the_built_in_ones() -> None:
    """A backend of the manifests is there beside the simulators, or in place of its namesake."""
    world = assemble(manifests(builders.backend("mine"), builders.backend("aer-ideal", qubits=3)), "lab")
    assert sorted(world.backends) == ["aer-ideal", "aer-noisy", "mine"]
    assert world.backends["aer-ideal"].spec.target.num_qubits == 3


def test_the_same_object_twice_is_an_error() -> None:
    """Two jobs that are one once the namespace is filled in are refused, with both places."""
    with pytest.raises(InvalidManifestsError) as refusal:
        assemble(manifests(builders.job(namespace=""), builders.job(namespace="lab")), "lab")
    assert str(refusal.value) == (
        "a.yaml, document 2: QuantumJob bell of namespace lab is there already, in a.yaml, document 1; "
        "give one of them another name or namespace"
    )


def test_kinds_do_not_collide() -> None:
    """A policy and a job of one name are two things."""
    world = assemble(manifests(builders.job("one"), builders.policy(name="one")), "lab")
    assert (list(world.jobs), list(world.policies)) == ([Key("team", "one")], [Key("team", "one")])


@pytest.mark.parametrize("reason", WAITS_FOR_PEOPLE)
def test_what_no_manifest_has_blocks(reason: str) -> None:
    """A job that waits for something to be created has ended here, and its condition says for what."""
    kind = ConditionType.SCHEDULED if reason == "NoBackends" else ConditionType.ACCEPTED
    found = status(kind, "False", reason)
    blocking = blocked_by(found)
    assert blocking is not None
    assert blocking.reason == reason
    assert has_ended(found)
    assert "wait" in REASONS[reason]
    assert len(REMEDIES[reason]) > 20


@pytest.mark.parametrize("reason", ["AllBackendsBusy", "OutsideSchedule"])
def test_what_passes_does_not_block(reason: str) -> None:
    """A job that waits for a backend to be free, or for its time, goes on."""
    assert not has_ended(status(ConditionType.SCHEDULED, "False", reason))
    assert not has_ended(QuantumJobStatus())


def test_a_shadow_waits_for_a_primary_that_is_here() -> None:
    """And for none that is not, or waits in vain itself; of one that is over it has yet to see so."""
    waits, over = (ConditionType.ACCEPTED, "False"), (ConditionType.COMPLETE, "True", "Succeeded")
    shadow = builders.job("shadow", shadowOf={"name": "bell", "uid": "u"})
    shadow = shadow.model_copy(update={"status": status(*waits, "AwaitingPrimary")})
    bell = builders.job("bell")
    bell = bell.model_copy(update={"metadata": bell.metadata.model_copy(update={"uid": "u"})})
    of_another = bell.model_copy(update={"metadata": bell.metadata.model_copy(update={"uid": "another"})})
    blocked, done = (
        bell.model_copy(update={"status": one}) for one in (status(*waits, "PolicyNotFound"), status(*over))
    )
    table = (([], True), ([of_another], True), ([blocked], True), ([bell], False), ([done], False))
    for others, ends in table:
        condition = stuck(shadow, [shadow, *others])
        assert (condition is not None) is ends, others
        assert condition is None or condition.reason in REMEDIES
    assert stuck(shadow.model_copy(update={"status": status(*over)}), []) is None


@pytest.mark.parametrize("value", ["True", "False"])
def test_what_is_over_has_ended(value: str) -> None:
    """A job is over when it is complete, with a result or without, and then nothing blocks it."""
    found = status(ConditionType.COMPLETE, value, "Succeeded")
    assert has_ended(found)
    assert blocked_by(found) is None


@pytest.mark.parametrize(("code", "text"), [(-9, "ended by SIGKILL"), (12, "ended with exit code 12")])
def test_endings_are_in_words(code: int, text: str) -> None:
    """How a process ended names the signal or the exit code."""
    assert text in ending(code)


def test_there_is_a_core() -> None:
    """At least one run can go on at once."""
    assert cores() >= 1


def test_the_built_in_backends_ship_with_the_package() -> None:
    """The file lies beside the module, where the wheel takes it from, and has nothing but backends."""
    from quantum_operator.local import manifests as module

    path = Path(module.__file__).with_name("backends.yaml")
    loaded = module.load([path])
    assert all(isinstance(one.resource, QuantumBackend) for one in loaded)
    assert not any(isinstance(one.resource, QuantumJob) for one in loaded)
