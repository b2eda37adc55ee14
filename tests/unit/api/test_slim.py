"""What is kept in great numbers takes less memory, and is the same as before in every other way."""

import gc
import weakref
from itertools import permutations
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from quantum_operator.api.meta import Condition
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.slim import slim
from quantum_operator.testing import builders


class Holder(BaseModel):
    """A part of something."""

    value: Any


class Open(Holder):
    """One that takes fields that it does not know."""

    model_config = ConfigDict(extra="allow")


class Stateful(Holder):
    """One with a status, and no metadata."""

    status: Holder


def parsed() -> QuantumJob:
    return QuantumJob.model_validate(builders.job().to_wire())


def test_what_is_slimmed_is_the_same() -> None:
    """With every field, and the same on the wire."""
    job = slim(parsed())
    assert job == parsed()
    assert job.to_wire() == parsed().to_wire()
    assert job.spec.model_fields_set == parsed().spec.model_fields_set


def test_equal_parts_are_there_once() -> None:
    """The names of the given fields, and short strings."""
    one, other = slim(parsed()), slim(parsed())
    assert one.spec.model_fields_set is other.spec.model_fields_set
    assert one.metadata.uid is other.metadata.uid
    assert one.spec.programs[0].model_fields_set is other.spec.programs[0].model_fields_set


def test_a_copy_changes_nothing_that_is_shared() -> None:
    """Its own fields are its own."""
    one, other = slim(parsed()), slim(parsed())
    before = set(other.spec.model_fields_set)
    changed = one.spec.model_copy(update={"correlation_id": "order-7"})
    assert changed.model_fields_set > before
    assert other.spec.model_fields_set == before


def test_what_is_no_resource_stays_as_it_is() -> None:
    """None among them."""
    assert [slim(one) for one in (None, 5, "x" * 100, ("a", 1), b"")] == [None, 5, "x" * 100, ("a", 1), b""]


def test_equal_parts_of_different_jobs_are_one() -> None:
    """What is in their metadata and status is their own."""
    one, other = (slim(QuantumJob.model_validate(builders.job(name).to_wire())) for name in ("one", "other"))
    assert one.spec is other.spec
    assert one.metadata is not other.metadata
    assert one.status is not other.status
    assert (one.metadata.name, other.metadata.name) == ("one", "other")


def test_what_only_has_a_field_of_that_name_is_shared() -> None:
    """A condition's status is not a resource's."""
    said = {
        "type": "Ready",
        "status": "True",
        "reason": "Up",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    assert slim(Condition.model_validate(said)) is slim(Condition.model_validate(said))


@pytest.mark.parametrize(
    "pair", list(permutations([1, 1.0, True, "1", None, (1,), (1.0,), 0.0, -0.0, {"a": 1}, {"b": 1}, {}, ()], 2))
)
def test_what_is_not_the_same_is_not_shared(pair: tuple[object, object]) -> None:
    """Even where Python calls it equal."""
    one, other = (slim(Holder(value=value)) for value in pair)
    assert one is not other
    assert (repr(one.value), repr(other.value)) == (repr(pair[0]), repr(pair[1]))
    assert slim(Holder(value=pair[0])) is one


def test_a_part_with_a_status_of_its_own_is_not_another() -> None:
    """Whatever else is equal."""
    one, other = (slim(Stateful(value=1, status=Holder(value=value))) for value in (1, 2))
    assert (one.status.value, other.status.value) == (1, 2)


def test_what_may_change_is_not_shared() -> None:
    """A list, or what has more than its fields."""
    for part in ([1], (1, [1]), {"a": [1]}, {"a": {"b": {1}}}):
        one, other = slim(Holder(value=part)), slim(Holder(value=part))
        assert one is not other
    assert slim(Open(value=1, more=2)) is not slim(Open(value=1, more=2))


def test_nothing_is_kept_that_nobody_has() -> None:
    """What is shared goes with the last that has it."""
    there = weakref.ref(slim(Holder(value="what nobody else has")))
    gc.collect()
    assert there() is None
