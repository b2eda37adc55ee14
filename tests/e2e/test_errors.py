"""What users get wrong, and what is meant to do harm: each is refused in words that help, and harms nobody else.

A refusal at `kubectl create`, or in the condition Accepted=False, names the field, the value and the remedy. Programs
that never end, and runs that need too much, are in test_failures; outcomes too long for a pod's termination message
in test_bench_circuits.
"""

import json
from collections.abc import Callable

import pytest

from support.installation import Installation, condition, job
from support.wrongjobs import BELL, BY_ITS_RUN, BY_THE_API_SERVER, BY_THE_OPERATOR, CONFIG_MAP, SAMPLE, Wrong, program
from testcluster.processes import eventually

SECONDS = 30.0
SECONDS_OF_RUNS = 300.0
BOMB = "\n".join(
    ["kind: QuantumJob", "a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10))]
)
LONGEST_ANSWER = 4000


@pytest.mark.parametrize("wrong", BY_THE_API_SERVER, ids=lambda wrong: wrong.name)
def test_the_api_server_refuses(installation: Installation, home: str, wrong: Wrong) -> None:
    """Before anything is stored, and before the operator hears of it."""
    done = installation.create(home, wrong.manifest, check=False)
    assert done.returncode != 0
    assert [part for part in wrong.says if part not in done.stderr] == [], done.stderr[:LONGEST_ANSWER]
    assert len(done.stderr) < LONGEST_ANSWER
    assert installation.get("quantumjobs", home) == []


def test_a_yaml_bomb_is_refused(installation: Installation, home: str) -> None:
    """A billion values in a few lines of YAML: kubectl expands none of it."""
    done = installation.cluster.kubectl("create", f"--namespace={home}", "-f", "-", input=BOMB, check=False)
    assert done.returncode != 0
    assert "excessive aliasing" in done.stderr


def test_the_operator_refuses(installation: Installation, home: str) -> None:
    """In a condition, within seconds, all of them at once and without a run; a good job completes after all."""
    restarts = installation.restarts()
    installation.create(home, CONFIG_MAP)
    submit(installation, home, BY_THE_OPERATOR)
    assert eventually(all_answered(installation, home, BY_THE_OPERATOR), SECONDS), told(installation, home)
    assert mistold(installation, home, BY_THE_OPERATOR) == []
    assert owners_of_runs(installation, home) == set()
    installation.run_bell(home)
    assert owners_of_runs(installation, home) == {"bell"}
    assert installation.restarts() == restarts


def test_a_run_refuses(installation: Installation, home: str) -> None:
    """What only parsing finds is found in one run each, and is told as if it had been found at once."""
    restarts = installation.restarts()
    submit(installation, home, BY_ITS_RUN)
    assert eventually(all_answered(installation, home, BY_ITS_RUN), SECONDS_OF_RUNS), told(installation, home)
    assert mistold(installation, home, BY_ITS_RUN) == []
    for one in installation.get("quantumjobs", home):
        (step,) = one["status"]["plan"]["steps"]
        assert [attempt["state"] for attempt in step["attempts"]] == ["Failed"]
    installation.run_bell(home)
    assert installation.restarts() == restarts


def test_a_field_nested_five_thousand_deep_never_reaches_the_operator(installation: Installation, home: str) -> None:
    """Where the client lets it pass, the API server prunes it: no field of ours keeps what it does not know."""
    restarts = installation.restarts()
    body = json.dumps(job("deep", programs=program(qasm3=BELL), task=SAMPLE, extra="EXTRA"))
    nested = body.replace('"EXTRA"', "[" * 5000 + "]" * 5000)
    place = (f"--namespace={home}", "--validate=ignore")
    installation.cluster.kubectl("create", *place, "-f", "-", input=nested)
    installation.wait(home, "deep", seconds=60)
    (done,) = installation.get("quantumjobs", home)
    assert "extra" not in done["spec"]
    assert condition(done, "Complete")[:2] == ("True", "Succeeded")
    assert installation.restarts() == restarts


def submit(installation: Installation, home: str, wrongs: tuple[Wrong, ...]) -> None:
    """Create all of them."""
    for one in wrongs:
        installation.create(home, one.manifest)


def told(installation: Installation, home: str) -> dict[str, tuple[str, str, str]]:
    """What every job says of its acceptance, by name."""
    return {one["metadata"]["name"]: condition(one, "Accepted") for one in installation.get("quantumjobs", home)}


def all_answered(installation: Installation, home: str, wrongs: tuple[Wrong, ...]) -> Callable[[], bool]:
    """A question: has every one of them been refused?"""
    return lambda: (
        {name for name, said in told(installation, home).items() if said[0] == "False"} == {one.name for one in wrongs}
    )


def mistold(installation: Installation, home: str, wrongs: tuple[Wrong, ...]) -> list[str]:
    """The refusals that have another reason or ending than the table, or that leave out a part of the message."""
    jobs = {one["metadata"]["name"]: one for one in installation.get("quantumjobs", home)}
    found = []
    for one in wrongs:
        _, reason, message = condition(jobs[one.name], "Accepted")
        ending = condition(jobs[one.name], "Complete")[:2]
        as_said = (reason, ending) == (one.reason, ("", "") if one.then == "waits" else ("False", one.reason))
        if not as_said or any(part not in message for part in one.says):
            found.append(f"{one.name}: {reason}, {ending}: {message}")
    return found


def owners_of_runs(installation: Installation, home: str) -> set[str]:
    """The QuantumJobs that have a run."""
    return {run["metadata"]["ownerReferences"][0]["name"] for run in installation.get("jobs", home)}
