"""The examples, run on this machine: the right results, and what is kept of them."""

import json
import math
from typing import Any

from quantum_operator.api.envelope import sha256
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.run import Outcome
from quantum_operator.local.manifests import load
from unit.cli.conftest import EXAMPLES, Ran


def counts(job: dict[str, Any], pub: int = 0, entry: int = 0) -> dict[str, int]:
    """The counts of one register in a job's status."""
    found: dict[str, int] = job["status"]["result"]["pubs"][pub]["samples"][entry]["registers"][0]["counts"]
    return found


def test_all_examples_succeed(ran: Ran) -> None:
    """Every example succeeds, and the program says so with exit code 0."""
    assert ran.code == 0, ran.progress + ran.output
    for name in ("bell", "expectation", "ghz-noisy", "sweep"):
        assert ran.job(name)["status"]["phase"] == "Succeeded"
        assert f"default/{name} succeeded: ran on" in ran.output


def test_examples_name_no_namespace() -> None:
    """The examples can be applied in whichever namespace a person is."""
    for manifest in load([EXAMPLES]):
        resource = manifest.resource
        assert (resource.metadata.namespace if hasattr(resource, "metadata") else resource.namespace) == ""


def test_a_bell_pair_is_always_alike(ran: Ran) -> None:
    """The Bell job has 00 and 11 and nothing else, each within five standard deviations of a half."""
    found = counts(ran.job("bell"))
    assert set(found) == {"00", "11"}
    assert sum(found.values()) == 2000
    assert abs(found["00"] - 1000) < 5 * math.sqrt(2000 * 0.25)


def test_expectation_values_are_right(ran: Ran) -> None:
    """ZZ, XX and YY of a Bell pair are 1, 1 and -1, and Z of the rotated qubit is cos(theta), within error bars."""
    pair, rotated = ran.job("expectation")["status"]["result"]["pubs"]
    expected = [*(1.0, 1.0, -1.0), *(math.cos(step * math.pi / 4) for step in range(5))]
    values = [*pair["values"], *rotated["values"]]
    errors = [*pair["standardErrors"], *rotated["standardErrors"]]
    for value, error, target in zip(values, errors, expected, strict=True):
        assert abs(value - target) <= 5 * error + 1e-9
    assert all(error <= 0.021 for error in rotated["standardErrors"])


def test_noise_leaves_a_majority(ran: Ran) -> None:
    """The noisy GHZ state is mostly all alike, and not always."""
    job = ran.job("ghz-noisy")
    assert job["status"]["backend"] == "aer-noisy"
    found = counts(job)
    alike = found["00000"] + found["11111"]
    assert 0.6 * 4000 < alike < 0.98 * 4000
    assert min(found["00000"], found["11111"]) > 1000


def test_the_sweep_keeps_its_shape(ran: Ran) -> None:
    """The six bindings of the sweep come back as a 2 x 3 array, the certain ones certain."""
    job = ran.job("sweep")
    assert job["status"]["result"]["pubs"][0]["shape"] == [2, 3]
    certain = {entry: counts(job, entry=entry) for entry in (0, 2, 3, 5)}
    assert certain == {0: {"00": 1000}, 2: {"10": 1000}, 3: {"01": 1000}, 5: {"11": 1000}}


def test_every_candidate_says_why(ran: Ran) -> None:
    """The plan of a job has each backend of its policy with a verdict."""
    (step,) = ran.job("bell")["status"]["plan"]["steps"]
    assert [(one["backend"], one["verdict"]) for one in step["candidates"]] == [
        ("aer-ideal", "Chosen"),
        ("aer-noisy", "Eligible"),
    ]


def test_what_is_kept_of_a_job(ran: Ran) -> None:
    """A job's folder has the job, the whole outcome that its status refers to, a picture, the log and the events."""
    folder = ran.folder / "default" / "bell"
    names = {"job.json", "outcome.json", "plot.svg", "run-1.log", "events.jsonl", "artifacts", "runs", ".lock"}
    assert {path.name for path in folder.iterdir()} == names
    job = QuantumJob.model_validate_json((folder / "job.json").read_bytes())
    outcome = (folder / "outcome.json").read_bytes()
    assert job.status.result is not None
    assert sha256(outcome) == job.status.result.outcome_sha256
    assert Outcome.model_validate_json(outcome).seed == 7
    assert (folder / "plot.svg").read_text().startswith("<?xml")
    reasons = [json.loads(line)["reason"] for line in (folder / "events.jsonl").read_text().splitlines()]
    assert reasons == ["Assigned", "RunStarted", "Succeeded"]


def test_progress_is_one_line_an_event(ran: Ran) -> None:
    """Without a terminal the progress is plain lines on standard error, without a warning in them."""
    lines = [line for line in ran.progress.splitlines() if line.startswith("default/bell: ")]
    assert [line.split(": ")[1] for line in lines] == ["Assigned", "RunStarted", "Succeeded"]
    assert "warning" not in ran.progress
