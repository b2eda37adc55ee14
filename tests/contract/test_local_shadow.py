"""`qjob run` on a laptop runs shadows as well, with the real runner, and says how they compare."""

import json
from pathlib import Path

from quantum_operator.testing import builders
from support.clusterworld import manifest
from unit.cli.conftest import qjob

NOISE = {"readout": [{"probMeas1Prep0Ppm": 200_000, "probMeas0Prep1Ppm": 0}]}


def test_a_noisy_shadow_differs_from_its_ideal_primary(tmp_path: Path) -> None:
    """Which does nothing to that, nor to the exit code; both are told of, and kept."""
    policy = builders.policy("ideal", shadow={"backend": "noisy", "percent": 100})
    ideal, noisy = builders.backend("ideal"), builders.backend("noisy", simulator={"noise": NOISE})
    bodies = [manifest(one, "") for one in (ideal, noisy)]
    bodies += [manifest(one, "default") for one in (policy, builders.job(execution={"seed": 7}))]
    (tmp_path / "world.json").write_text("\n---\n".join(map(json.dumps, bodies)), encoding="utf-8")
    done = qjob("run", tmp_path / "world.json", "--folder", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    primary = json.loads((tmp_path / "out/default/bell/job.json").read_text())
    shadow = json.loads((tmp_path / f"out/default/{primary['status']['shadow']}/job.json").read_text())
    assert (primary["status"]["backend"], shadow["status"]["backend"]) == ("ideal", "noisy")
    assert primary["status"]["execution"]["seed"] == 7 != shadow["status"]["execution"]["seed"]
    assert primary["status"]["input"]["sha256"] == shadow["status"]["input"]["sha256"]
    (pub,) = shadow["status"]["comparison"]["pubs"]
    assert pub["distancePpm"] > 50_000
    assert "  ResultsDiffer: 1 of 1 tests differ from the result of ideal; most so pubs[0], by a total" in done.stdout
    described = qjob("describe", primary["status"]["shadow"], "--folder", tmp_path / "out").stdout
    assert "Shadow of:" in described
    assert "with ideal: 1 of 1 tests differ at a significance of 0.01; pubs[0] by 0." in described


def test_shadows_are_for_the_operator_to_make(tmp_path: Path) -> None:
    """As the API server says where one is created by hand: it would wait for its primary for ever."""
    job = builders.job(shadowOf={"name": "another", "uid": "u"})
    (tmp_path / "job.json").write_text(json.dumps(manifest(job, "default")), encoding="utf-8")
    done = qjob("run", tmp_path / "job.json", "--folder", tmp_path / "out")
    assert done.returncode == 2, done.stdout
    assert "bell: spec.shadowOf: 'another': shadows are for the operator to make" in done.stderr
    assert not (tmp_path / "out").exists()
