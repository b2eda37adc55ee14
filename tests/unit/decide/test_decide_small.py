"""The small pure functions: cost, quantities, sizes, times, names."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.api.backend import Price, QuantumBackend
from quantum_operator.api.jobstatus import Cost
from quantum_operator.api.meta import DNS_LABEL, DNS_SUBDOMAIN
from quantum_operator.decide.cost import MOST_MICROS, cost_of, money
from quantum_operator.decide.health import backend_status, policy_status
from quantum_operator.decide.names import artifact_name, run_name, seed_for
from quantum_operator.decide.quantities import quantity_bytes
from quantum_operator.decide.size import clip, json_bytes
from quantum_operator.decide.times import parse, stamp
from quantum_operator.testing.builders import backend, policy
from unit.decide.observations import NOW, after

JOB_NAMES = st.from_regex(re.compile(DNS_SUBDOMAIN.replace("$", r"\Z"), re.ASCII), fullmatch=True).filter(
    lambda name: len(name) <= 253
)
DIGEST = "ab" * 32


@pytest.mark.parametrize(
    ("price", "runs", "shots", "milliseconds", "micros"),
    [
        ({"perRunMicros": 300_000}, 1, 1000, 0, 300_000),
        ({"perShotMicros": 350}, 1, 1000, 0, 350_000),
        ({"perSecondMicros": 10}, 1, 0, 0, 0),
        ({"perSecondMicros": 10}, 1, 0, 1, 10),
        ({"perSecondMicros": 10}, 1, 0, 1000, 10),
        ({"perSecondMicros": 10}, 1, 0, 1001, 20),
        ({"perRunMicros": 5, "perShotMicros": 2, "perSecondMicros": 7}, 3, 10, 2500, 15 + 20 + 21),
        ({"perShotMicros": 9_000_000_000_000_000}, 1, 1_000_000, 0, MOST_MICROS),
        ({}, 1, 1000, 5000, 0),
    ],
)
def test_a_run_costs_its_parts(price: dict[str, int], runs: int, shots: int, milliseconds: int, micros: int) -> None:
    """A cost is so much a run, a shot and a started second, and never more than can be stated."""
    cost = cost_of(Price.model_validate(price), runs=runs, shots=shots, milliseconds=milliseconds)
    assert cost.micros == micros
    assert Cost.model_validate(cost.to_wire()) == cost


def test_no_price_costs_nothing() -> None:
    """A simulator of one's own is free."""
    assert cost_of(None, runs=1, shots=10**9, milliseconds=10**9) == Cost()


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "0.00 USD"),
        (1, "0.000001 USD"),
        (500_000, "0.50 USD"),
        (1_000_000, "1.00 USD"),
        (1_234_500, "1.2345 USD"),
        (12_345_678, "12.345678 USD"),
        (MOST_MICROS, "9000000000.00 USD"),
    ],
)
def test_money_is_written_exactly(micros: int, text: str) -> None:
    """Two decimals, and as many more as say something."""
    assert money(micros, "USD") == text


@pytest.mark.parametrize(
    ("quantity", "size"),
    [
        ("1", 1),
        ("0", 1),
        ("500m", 1),
        ("1500m", 2),
        ("128k", 128_000),
        ("1M", 10**6),
        ("2G", 2 * 10**9),
        ("1T", 10**12),
        ("1Ki", 1024),
        ("512Mi", 512 * 2**20),
        ("2Gi", 2**31),
        ("1Ti", 2**40),
        ("1.5Gi", 3 * 2**29),
        ("0.1Ki", 103),
    ],
)
def test_a_quantity_is_so_many_bytes(quantity: str, size: int) -> None:
    """Every suffix of the API, whole bytes rounded up, at least one."""
    assert quantity_bytes(quantity) == size


@pytest.mark.parametrize("text", ["", "Gi", "1.", ".5", "-1", "1kM", "1 Gi", "1e3", "1Gi\n", "٣"])
def test_what_is_not_a_quantity_is_refused(text: str) -> None:
    """What the API would not accept raises ValueError."""
    with pytest.raises(ValueError, match="is not a quantity"):
        quantity_bytes(text)


@given(st.from_regex(r"[0-9]{1,20}(\.[0-9]{1,9})?(m|k|M|G|T|Ki|Mi|Gi|Ti)?", fullmatch=True))
def test_every_quantity_of_the_api_has_bytes(quantity: str) -> None:
    """No quantity that the API accepts is refused or too small for a limit."""
    assert quantity_bytes(quantity) >= 1


@given(st.text(max_size=300), st.integers(40, 400))
def test_clipped_text_fits(text: str, limit: int) -> None:
    """Whatever the text, what is left of it fits, and text that fits is left alone."""
    clipped = clip(text, limit)
    assert json_bytes(clipped) <= limit
    assert clipped == text or clipped.endswith("…")
    assert (clipped == text) == (json_bytes(text) <= limit)
    assert clipped == text or json_bytes(clipped) > limit - 12


def test_a_lone_surrogate_is_replaced() -> None:
    """Text that can't be encoded can after clipping."""
    clip("\ud800").encode()


def test_sizes_are_of_compact_json_in_utf8() -> None:
    """Two bytes for é, no spaces, escapes counted."""
    assert json_bytes({"a": ["é", 1], "b": "\n"}) == len('{"a":["é",1],"b":"\\n"}'.encode())


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 1)))
def test_a_timestamp_names_its_moment(moment: datetime) -> None:
    """A stamp reads back as the same whole second."""
    assert parse(stamp(moment)) == moment.replace(microsecond=0)


def test_stamps_are_utc() -> None:
    """A moment in another zone is stamped in UTC."""
    assert stamp(datetime(2026, 1, 1, 2, 0, tzinfo=timezone(timedelta(hours=2)))) == "2026-01-01T00:00:00Z"


@given(JOB_NAMES, st.uuids(), st.integers(1, 1000))
def test_names_are_labels(name: str, uid: object, number: int) -> None:
    """Whatever valid name a job has, its runs and artifacts have names that are valid labels."""
    for child in (run_name(name, str(uid), number), artifact_name(name, str(uid), DIGEST)):
        assert len(child) <= 63
        assert re.fullmatch(DNS_LABEL, child)


@given(JOB_NAMES, st.uuids(), st.uuids(), st.integers(1, 11), st.integers(1, 11))
def test_names_are_told_apart(name: str, first: object, second: object, one: int, other: int) -> None:
    """Names repeat for the same UID and number and for nothing else."""
    same = (first, one) == (second, other)
    assert (run_name(name, str(first), one) == run_name(name, str(second), other)) == same
    assert (artifact_name(name, str(first), DIGEST) == artifact_name(name, str(second), DIGEST)) == (first == second)


@pytest.mark.parametrize(
    ("job", "start"),
    [("bell", "bell-"), ("a.b.c", "a-b-c-"), ("x" * 253, "x" * 40), ("a" * 50 + "." + "b" * 9, "a" * 50 + "-")],
)
def test_names_begin_as_the_job_does(job: str, start: str) -> None:
    """People can tell whose run it is."""
    assert run_name(job, "uid", 1).startswith(start)


def test_a_run_and_an_artifact_never_share_a_name() -> None:
    """A digest that looks like a number does not collide with an attempt."""
    assert artifact_name("bell", "uid", "1" * 64) != run_name("bell", "uid", 1)


@given(st.text(max_size=64))
def test_a_seed_fits_every_json_reader(uid: str) -> None:
    """A derived seed repeats, and is below 2**53."""
    assert 0 <= seed_for(uid) < 2**53
    assert seed_for(uid) == seed_for(uid)


def test_seeds_differ_by_uid() -> None:
    """Two jobs have two seeds."""
    assert len({seed_for(str(number)) for number in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("names", "status", "reason", "message"),
    [
        ((), "False", "NoMatchingBackend", "reaches 0 backends"),
        (("simulator",), "True", "Ready", "reaches 1 backend"),
        (("simulator", "second", "foreign"), "True", "Ready", "reaches 2 backends"),
    ],
)
def test_a_policy_is_ready_when_it_reaches_a_backend(
    names: tuple[str, ...], status: str, reason: str, message: str
) -> None:
    """The policy's status counts the backends that its choices match."""
    reached = policy_status(policy("simulator", "second"), [backend(name) for name in names], NOW)
    assert (reached.conditions[0].status, reached.conditions[0].reason) == (status, reason)
    assert reached.conditions[0].message == message


def test_a_policy_is_not_written_for_a_backend_that_it_does_not_reach() -> None:
    """Backends that come and go outside a policy's reach leave its status as it is."""
    one = policy()
    status = policy_status(one, [backend()], NOW)
    again = policy_status(one.model_copy(update={"status": status}), [backend(), backend("foreign")], after(60))
    assert again == status


@pytest.mark.parametrize("before", [backend(ready=None), backend(ready=False), backend(ready=True)])
def test_a_simulator_is_ready(before: QuantumBackend) -> None:
    """A simulator is ready as soon as it is there, and stays so without another write."""
    status = backend_status(before, NOW)
    assert [(one.type, one.status) for one in status.conditions] == [("Ready", "True")]
    assert backend_status(before.model_copy(update={"status": status}), after(60)) == status
