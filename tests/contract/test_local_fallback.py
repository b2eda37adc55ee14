"""`qjob run` on a laptop honors what the policy says of fallbacks and of its QPUs, with the real runner."""

import json
from pathlib import Path
from typing import Any

from quantum_operator.testing import builders
from support.clusterworld import manifest
from unit.cli.conftest import qjob


def run(folder: Path, *backends: Any, **policy: Any) -> dict[str, Any]:
    """The one job of these manifests, as it ended."""
    job = builders.job("bell", execution={"seed": 7})
    bodies = [manifest(one, "") for one in backends]
    bodies += [manifest(builders.policy(**policy), "default"), manifest(job, "default")]
    file = folder / "world.json"
    file.write_text("\n---\n".join(map(json.dumps, bodies)), encoding="utf-8")
    done = qjob("run", file, "--folder", folder / "out", "--output", "json")
    assert done.stdout, done.stderr
    (found,) = json.loads(done.stdout)["items"]
    return dict(found)


def test_a_job_that_its_backend_is_too_small_for_falls_back_to_a_simulator(tmp_path: Path) -> None:
    """The result says so, and why."""
    link = {"causes": ["NoEligibleBackend"], "to": "Simulator", "backends": [{"name": "large"}]}
    small, large = builders.backend("small", qubits=1), builders.backend("large", qubits=5)
    job = run(tmp_path, small, large, backends=[{"name": "small"}], fallback=[link])
    assert job["status"]["phase"] == "Succeeded"
    told = job["status"]["result"]["fallback"]
    assert (told["kind"], told["to"], told["class"]) == ("Simulator", "large", "NoEligibleBackend")


def test_with_all_qpus_off_a_job_for_a_device_is_simulated(tmp_path: Path) -> None:
    """No device is asked, and the result says what it stands for."""
    provider = {"agent": "agents", "device": "qpu"}
    device = builders.backend("qpu", adapter="ibm", provider=provider, price={"perRunMicros": 1})
    backends = [{"name": "qpu"}, {"name": "aer"}]
    job = run(tmp_path, device, builders.backend("aer", qubits=5), backends=backends, quantumEnabled=False)
    assert job["status"]["phase"] == "Succeeded"
    told = job["status"]["result"]["fallback"]
    assert (told["from"], told["to"], told["class"]) == ("qpu", "aer", "QuantumDisabled")
    described = qjob("describe", "bell", "--folder", tmp_path / "out")
    assert "Fallback:" in described.stdout
    assert "Simulator, from qpu: QuantumDisabled" in described.stdout
