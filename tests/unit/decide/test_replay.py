"""How often one job may be replayed: by the times of its replays, whenever and in whatever order they are looked at."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.job import decide
from quantum_operator.decide.observed import Observed, StoreArtifact
from quantum_operator.decide.replay import PERIOD, Replay, needs_replays, refused_until, replays_among
from quantum_operator.decide.times import parse, stamp
from quantum_operator.testing import builders
from unit.decide.observations import NOW, placed, submitted, verdicts

START = datetime(2026, 1, 1, tzinfo=UTC)
OF = {"name": "first", "uid": "uid-of-first"}
LIMITS = st.integers(0, 5)
SECONDS = st.lists(st.integers(0, 20_000), min_size=1, max_size=40)


def at(seconds: int, uid: str = "other") -> Replay:
    """A replay that was created so many seconds after the first."""
    return Replay(stamp(START + timedelta(seconds=seconds)), uid)


def mine(seconds: int, uid: str = "mine") -> QuantumJob:
    """The replay that is judged."""
    job = builders.job("again", uid=uid, replayOf=OF)
    created = stamp(START + timedelta(seconds=seconds))
    return job.model_copy(update={"metadata": job.metadata.model_copy(update={"creation_timestamp": created})})


def allowed(times: list[int], limit: int) -> list[bool]:
    """Whether each of these replays may run; they are of one second in the order of their number."""
    every = [at(seconds, f"{index:03}") for index, seconds in enumerate(times)]
    return [refused_until(mine(seconds, f"{index:03}"), every, limit) is None for index, seconds in enumerate(times)]


@pytest.mark.parametrize(
    ("times", "limit", "expected"),
    [
        ([0], 1, [True]),
        ([0, 1], 1, [True, False]),
        ([0, 0], 1, [True, False]),
        ([0, 3599], 1, [True, False]),
        ([0, 3600], 1, [True, True]),
        ([0, 10, 20], 2, [True, True, False]),
        ([0, 10, 3600, 3605, 3610], 2, [True, True, True, False, True]),
        ([0, 1800, 3599, 3600], 1, [True, False, False, True]),
        ([5, 0], 1, [False, True]),
        ([0, 1], 0, [False, False]),
    ],
)
def test_so_many_an_hour(times: list[int], limit: int, expected: list[bool]) -> None:
    """An hour is over in its last second; one that was refused takes nobody's place."""
    assert allowed(times, limit) == expected


def test_a_refusal_says_when_the_next_one_may_be_made() -> None:
    """An hour after the first of those that count."""
    others = [at(0, "a"), at(60, "b"), at(70, "c")]
    assert refused_until(mine(100), others, 2) == "2026-01-01T01:00:00Z"
    assert refused_until(mine(100), others, 0) == ""
    assert refused_until(mine(100), others, 3) == "2026-01-01T01:00:00Z"
    assert refused_until(mine(100), others, 4) is None


@given(SECONDS, LIMITS)
def test_never_more_than_the_limit_within_any_hour(times: list[int], limit: int) -> None:
    """Wherever that hour begins."""
    ran = sorted(seconds for seconds, may in zip(times, allowed(times, limit), strict=True) if may)
    for begin in ran:
        assert sum(1 for one in ran if begin <= one < begin + PERIOD.total_seconds()) <= limit


@given(SECONDS, st.integers(1, 5))
def test_a_refused_replay_was_one_too_many(times: list[int], limit: int) -> None:
    """Nobody is refused while there is room, and the time that is said is when there is."""
    every = [at(seconds, f"{index:03}") for index, seconds in enumerate(times)]
    may = allowed(times, limit)
    for index, seconds in enumerate(times):
        until = refused_until(mine(seconds, f"{index:03}"), every, limit)
        if until is None:
            continue
        ran = [parse(one.created) for one, ran in zip(every, may, strict=True) if ran]
        created = START + timedelta(seconds=seconds)
        assert sum(1 for one in ran if created - PERIOD < one <= created) == limit
        assert created < parse(until) <= created + PERIOD


@given(SECONDS, LIMITS, st.randoms(use_true_random=False))
def test_it_does_not_matter_in_which_order_they_are_seen(times: list[int], limit: int, random: st.DataObject) -> None:
    """Nor whether those that came later are there yet."""
    every = [at(seconds, f"{index:03}") for index, seconds in enumerate(times)]
    shuffled = list(every)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for index, seconds in enumerate(times):
        job = mine(seconds, f"{index:03}")
        earlier = [one for one in every if one < Replay(job.metadata.creation_timestamp, job.metadata.uid)]
        assert refused_until(job, shuffled, limit) == refused_until(job, earlier, limit)


@pytest.mark.parametrize(
    ("job", "needed"),
    [
        (builders.job(), False),
        (builders.job(replayOf=OF), True),
        (placed(replayOf=OF).job, False),
        (placed().job, False),
    ],
)
def test_replays_are_counted_until_the_job_is_accepted(job: QuantumJob, needed: bool) -> None:
    """What was accepted stays so."""
    assert needs_replays(job) == needed


def test_only_replays_of_the_very_job_count() -> None:
    """Not of a namesake, and not of another namespace."""
    jobs = [
        builders.job("plain"),
        builders.job("this", replayOf=OF),
        builders.job("namesake", replayOf={**OF, "uid": "another"}),
        builders.job("far", namespace="far", replayOf=OF),
    ]
    assert [one.uid for one in replays_among(jobs, "team", "uid-of-first")] == ["uid-of-team-this"]


def over(limit: int, others: int) -> Observed:
    """A new replay, under a policy with this limit, after so many others."""
    replays = tuple(at(index, f"a{index}") for index in range(others))
    observed = replace(submitted(), job=mine(1000), replays=replays, now=NOW)
    return replace(observed, policy=builders.policy(maxReplaysPerHour=limit))


def test_a_job_over_the_limit_is_refused_and_says_so() -> None:
    """It is over at once: nothing is stored, no backend is asked for."""
    decision = decide(over(3, 3))
    assert verdicts(decision.status) == {"Accepted": "False/TooManyReplays", "Complete": "False/TooManyReplays"}
    assert not any(isinstance(one, StoreArtifact) for one in decision.before)
    (message,) = {one.message for one in decision.status.conditions}
    assert message == (
        "spec.replayOf: 'first': BackendPolicy 'default' allows 3 replays of a job within an hour "
        "(spec.maxReplaysPerHour); replay it again after 2026-01-01T01:00:00Z"
    )


def test_a_job_within_the_limit_is_placed() -> None:
    """As any other is."""
    assert "TooManyReplays" not in str(decide(over(4, 3)).status)


def test_where_none_is_allowed_no_time_is_promised() -> None:
    """A limit of 0 forbids replays."""
    message = decide(over(0, 0)).status.conditions[0].message
    assert message.endswith("allows 0 replays of a job within an hour (spec.maxReplaysPerHour)")


def test_a_replay_waits_for_its_policy_as_any_job_does() -> None:
    """The limit is the policy's."""
    assert verdicts(decide(replace(over(0, 0), policy=None)).status) == {"Accepted": "False/PolicyNotFound"}
