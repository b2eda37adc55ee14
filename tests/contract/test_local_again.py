"""`qjob run`, twice over the same folder, with the real runner."""

import json
from pathlib import Path

from unit.cli.conftest import EXAMPLES, qjob


def test_running_again_is_a_new_job_with_the_same_counts(tmp_path: Path) -> None:
    """A job that is over is run anew, with another UID, and its seed gives the same counts. JSON is a List."""
    files = (EXAMPLES / "policy.yaml", EXAMPLES / "bell.yaml")
    jobs = []
    for _ in range(2):
        done = qjob("run", *files, "--folder", tmp_path / "out", "--output", "json")
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert (found["apiVersion"], found["kind"]) == ("v1", "List")
        jobs += found["items"]
    first, second = jobs
    assert first["metadata"]["uid"] != second["metadata"]["uid"]
    assert first["status"]["result"]["pubs"] == second["status"]["result"]["pubs"]
    assert len(list((tmp_path / "out/default/bell/runs").iterdir())) == 1
