"""`qjob run` of the examples, and of one of them again, with the real runner."""

import json
from pathlib import Path

from unit.cli.conftest import EXAMPLES, qjob


def test_running_again_is_a_new_job_with_the_same_counts(tmp_path: Path) -> None:
    """A job that is over is run anew, with another UID, and its seed gives the same counts. JSON is a List."""
    examples = qjob("run", EXAMPLES, "--folder", tmp_path / "out", "--output", "json")
    assert examples.returncode == 0, examples.stderr
    assert "warning" not in examples.stderr
    jobs = {one["metadata"]["name"]: one for one in json.loads(examples.stdout)["items"]}
    assert sorted(jobs) == ["bell", "expectation", "ghz-noisy", "sweep"]
    assert {one["status"]["phase"] for one in jobs.values()} == {"Succeeded"}
    again = qjob(
        "run", EXAMPLES / "00-policy.yaml", EXAMPLES / "bell.yaml", "--folder", tmp_path / "out", "--output", "json"
    )
    assert again.returncode == 0, again.stderr
    found = json.loads(again.stdout)
    (second,) = found["items"]
    assert (found["apiVersion"], found["kind"]) == ("v1", "List")
    assert second["metadata"]["uid"] != jobs["bell"]["metadata"]["uid"]
    assert second["status"]["result"]["pubs"] == jobs["bell"]["status"]["result"]["pubs"]
    assert len(list((tmp_path / "out/default/bell/runs").iterdir())) == 1
