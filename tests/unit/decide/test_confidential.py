"""The results of a confidential job are in its artifact alone."""

import json

import pytest

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.result import summarize
from quantum_operator.decide.size import STATUS_BYTES
from quantum_operator.testing.builders import estimate_job, job
from unit.decide.test_decide_result import estimated, outcome_of, register, sampled

CONFIDENTIAL = {"class": "confidential"}
SAMPLED = sampled(register({"00": 987_654, "11": 13}))
ESTIMATED = estimated([0.987654], [0.0013])


@pytest.mark.parametrize(
    ("one", "pub"),
    [(job(data=CONFIDENTIAL), SAMPLED), (estimate_job(data=CONFIDENTIAL), ESTIMATED)],
    ids=["counts", "values"],
)
def test_no_count_and_no_value_of_a_confidential_job_is_in_its_status(one: QuantumJob, pub: dict[str, object]) -> None:
    """The status has the digest, and the name of the artifact with everything."""
    outcome, data = outcome_of(pub)
    result, execution = summarize(one, outcome, data, STATUS_BYTES)
    text = json.dumps([result.to_wire(), execution.to_wire()])
    assert "987654" not in text
    assert "13" not in json.dumps(result.model_copy(update={"outcome": None, "outcome_sha256": "0" * 64}).to_wire())
    assert result.pubs == ()
    assert result.truncated
    assert result.outcome is not None
    assert result.outcome.sha256 == result.outcome_sha256
    assert b"987654" in data


@pytest.mark.parametrize("kind", ["public", "internal", None])
def test_those_of_other_jobs_are_in_the_status(kind: str | None) -> None:
    """It is the class that keeps them out."""
    outcome, data = outcome_of(SAMPLED)
    one = job(data={"class": kind}) if kind is not None else job()
    result, _ = summarize(one, outcome, data, STATUS_BYTES)
    assert not result.truncated
    assert result.outcome is None
    assert result.pubs[0].samples is not None
    assert result.pubs[0].samples[0].registers[0].counts == {"00": 987_654, "11": 13}
