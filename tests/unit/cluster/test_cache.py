"""The cache never goes back in time."""

import logging
from typing import Any

import pytest

from quantum_operator.cluster.cache import Cache, key_of
from quantum_operator.ports.world import Key

KEY = Key("team", "one")


def body(version: str, *, name: str = "one", uid: str = "u1", value: Any = 1, group: str = "a") -> dict[str, Any]:
    metadata = {"namespace": "team", "name": name, "uid": uid, "resourceVersion": version}
    return {"metadata": metadata, "value": value, "group": group}


def parse(found: dict[str, Any]) -> tuple[int, str] | None:
    if found["value"] is None:
        return None
    return int(found["value"]), found["group"]


@pytest.fixture
def cache() -> Cache[tuple[int, str]]:
    return Cache("Thing", parse, lambda value: value[1])


def test_a_later_version_replaces_an_earlier_one(cache: Cache[tuple[int, str]]) -> None:
    """News is what has a later version, also where that has a digit more."""
    assert cache.put(body("9"))
    assert cache.put(body("10", value=2))
    assert cache.get(KEY) == (2, "a")


@pytest.mark.parametrize("version", ["9", "10"])
def test_an_earlier_or_equal_version_is_no_news(cache: Cache[tuple[int, str]], version: str) -> None:
    """An echo of a write, or an event that comes late, changes nothing."""
    cache.put(body("10"))
    assert not cache.put(body(version, value=2))
    assert cache.get(KEY) == (1, "a")


def test_what_came_last_wins_where_versions_do_not_compare(cache: Cache[tuple[int, str]]) -> None:
    """A version that is no number says only that something changed."""
    cache.put(body("x9"))
    assert cache.put(body("x1", value=2))
    assert not cache.put(body("x1", value=3))
    assert cache.get(KEY) == (2, "a")


def test_an_object_leaves_its_group_when_it_changes_to_another(cache: Cache[tuple[int, str]]) -> None:
    """Groups hold what is in them now."""
    cache.put(body("1", group="a"))
    cache.put(body("2", group="b"))
    assert cache.group("a") == []
    assert cache.group("b") == [(1, "b")]
    assert cache.values() == [(1, "b")]


def test_a_group_has_as_many_as_belong_to_it(cache: Cache[tuple[int, str]]) -> None:
    """One, several, and after all of them none."""
    for number in range(3):
        cache.put(body("1", name=f"thing-{number}", uid=f"u{number}", value=number))
    assert cache.group("a") == [(0, "a"), (1, "a"), (2, "a")]
    cache.remove(body("2", name="thing-0", uid="u0"))
    cache.put(body("2", name="thing-1", uid="u1", value=None))
    assert cache.group("a") == cache.values() == [(2, "a")]
    cache.remove(body("2", name="thing-2", uid="u2"))
    assert cache.group("a") == cache.values() == []
    assert not cache.is_empty


def test_metadata_tell_what_is_news(cache: Cache[tuple[int, str]]) -> None:
    """Whatever was seen of it before, also where that has no value."""
    assert cache.is_empty
    cache.put(body("5", value=None))
    assert not cache.is_empty
    assert [cache.is_news({"metadata": body(version)["metadata"]}) for version in ("4", "5", "6")] == [
        False,
        False,
        True,
    ]
    assert cache.is_news({"metadata": body("1", name="other")["metadata"]})


def test_an_object_without_a_value_is_remembered_by_its_version(cache: Cache[tuple[int, str]]) -> None:
    """What is over stays over when an earlier event arrives after it."""
    cache.put(body("1"))
    assert cache.put(body("3", value=None))
    assert not cache.put(body("2"))
    assert cache.get(KEY) is None
    assert cache.is_hollow("u1")
    assert cache.values() == []


def test_a_malformed_object_is_logged_and_has_no_value(
    cache: Cache[tuple[int, str]], caplog: pytest.LogCaptureFixture
) -> None:
    """It harms nothing, and is read again when it changes."""
    with caplog.at_level(logging.WARNING):
        assert cache.put(body("1", value="broken"))
    assert "Thing team/one is ignored until it changes" in caplog.text
    assert cache.put(body("2", value="7"))
    assert cache.get(KEY) == (7, "a")
    assert not cache.is_hollow("u1")


def test_a_malformed_object_that_is_deleted_is_forgotten(cache: Cache[tuple[int, str]]) -> None:
    """Nothing of it stays."""
    cache.put(body("1", value="broken"))
    assert cache.remove(body("2"))
    assert not cache.is_hollow("u1")


def test_a_deletion_of_an_earlier_namesake_is_no_news(cache: Cache[tuple[int, str]]) -> None:
    """An object made anew under the same name is not taken for the deleted one."""
    cache.put(body("5", uid="u2"))
    assert not cache.remove(body("4", uid="u1"))
    assert cache.get(KEY) == (1, "a")
    assert cache.remove(body("6", uid="u2"))
    assert cache.get(KEY) is None


def test_a_deletion_of_what_was_never_seen_is_no_news(cache: Cache[tuple[int, str]]) -> None:
    """There is nothing to forget."""
    assert not cache.remove(body("1"))


def test_the_answer_to_a_write_does_not_bring_back_what_is_gone(cache: Cache[tuple[int, str]]) -> None:
    """A deletion seen before the answer to an earlier write arrived is the later news."""
    cache.put(body("1"))
    cache.remove(body("3"))
    assert not cache.update(body("2"))
    assert cache.get(KEY) is None


def test_the_answer_to_a_write_is_seen_at_once(cache: Cache[tuple[int, str]]) -> None:
    """No watch is needed to see one's own write; a namesake's is none of it."""
    cache.put(body("1"))
    assert cache.update(body("2", value=2))
    assert not cache.update(body("3", uid="u2", value=3))
    assert cache.get(KEY) == (2, "a")


def test_a_live_read_that_finds_nothing_removes_that_object_only(cache: Cache[tuple[int, str]]) -> None:
    """The UID that was looked for is gone; another one of the same name is not."""
    cache.put(body("1"))
    cache.discard(KEY, "u0")
    assert cache.get(KEY) == (1, "a")
    cache.discard(KEY, "u1")
    assert cache.get(KEY) is None


def test_a_list_drops_what_it_lacks_unless_that_came_later(cache: Cache[tuple[int, str]]) -> None:
    """What a watch missed is seen in a list; what is younger than the list is not missing from it."""
    cache.put(body("1", name="gone"))
    cache.put(body("2", name="there", uid="u2"))
    cache.put(body("9", name="young", uid="u3"))
    gone = cache.missing("team", {Key("team", "there")}, "5")
    assert gone == [(Key("team", "gone"), (1, "a"))]
    assert cache.get(Key("team", "there")) is not None
    assert cache.get(Key("team", "young")) is not None


def test_a_list_of_one_namespace_says_nothing_of_another(cache: Cache[tuple[int, str]]) -> None:
    """Only what should be in the list can be missing from it."""
    cache.put(body("1"))
    assert cache.missing("elsewhere", [], "5") == []
    assert cache.missing("", [], "5") == [(KEY, (1, "a"))]


def test_a_cluster_scoped_object_has_no_namespace() -> None:
    """Its key has its name alone."""
    assert key_of({"metadata": {"name": "aer"}}) == Key("", "aer")
    assert key_of({}) == Key("", "")


def test_objects_are_counted_as_what_they_are_now() -> None:
    """Whatever they were before; what is gone, has no value or counts as nothing is left out."""
    cache = Cache("Thing", parse, tally=lambda value: value[1])
    for number, group in enumerate(["a", "b", "a", ""]):
        cache.put(body("1", name=f"thing-{number}", uid=f"u{number}", group=group))
    assert {name: len(there) for name, there in cache.tallies.items()} == {"a": 2, "b": 1}
    cache.put(body("2", name="thing-0", uid="u0", group="c"))
    cache.put(body("2", name="thing-1", uid="u1", value=None))
    cache.remove(body("2", name="thing-2", uid="u2", group="a"))
    assert cache.tallies == {"c": {Key("team", "thing-0"): (1, "c")}}
