"""What is kept: under each name the last, and no more than there is room for."""

from quantum_operator.ports.kept import Kept


def test_each_name_has_its_own() -> None:
    """Until it is forgotten."""
    kept = Kept(100)
    kept.put("a", b"one")
    kept.put("b", b"two")
    kept.put("a", b"three")
    kept.forget("b")
    kept.forget("b")
    assert [kept.get(uid) for uid in ("a", "b", "c")] == [b"three", b"", b""]


def test_what_came_first_goes_first() -> None:
    """What is put again came last; what there is no room for at all is not kept."""
    kept = Kept(10)
    kept.put("a", bytes(4))
    kept.put("b", bytes(4))
    kept.put("a", bytes(5))
    kept.put("c", bytes(3))
    assert [len(kept.get(uid)) for uid in "abc"] == [5, 0, 3]
    kept.put("a", bytes(11))
    assert [len(kept.get(uid)) for uid in "ac"] == [0, 3]
    kept.put("e", bytes(10))
    assert [len(kept.get(uid)) for uid in "ce"] == [0, 10]
