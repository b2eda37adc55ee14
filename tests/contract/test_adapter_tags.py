"""Tags as the providers take them, whatever users write."""

from hypothesis import example, given
from hypothesis import strategies as st

from quantum_adapters.braket import tags as braket
from quantum_adapters.ibm import tags as ibm

TAGS = st.dictionaries(st.from_regex(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", fullmatch=True), st.text())


@given(TAGS, st.integers(0, 20))
@example({"k" * 63: "v" * 256, "l": "v" * 256}, 7)
def test_ibm_takes_every_tag(tags: dict[str, str], most: int) -> None:
    """At most so many, in order, of at most 86 characters on one line, and none that could be a token."""
    found = ibm.labels(tags, most)
    assert len(found) == min(len(tags), most)
    for text, key in zip(found, tags, strict=False):
        assert len(text) <= ibm.MAX_CHARACTERS
        assert text.startswith(f"{key}=")
        assert text.isprintable()


def test_ibm_s_long_tags_stay_apart() -> None:
    """Two that begin alike end with digests of their own, the same each time."""
    one, two = (ibm.labels({"note": "long " * 40 + end}, 1) for end in "ab")
    assert one != two
    assert one == ibm.labels({"note": "long " * 40 + "a"}, 1)
    assert ibm.labels({"team": "b", "empty": ""}, 7) == ["team=b", "empty="]


@given(TAGS, st.integers(0, 50))
def test_aws_takes_every_tag(tags: dict[str, str], most: int) -> None:
    """At most so many, within AWS's lengths and characters; what it takes is not changed."""
    found = braket.labels(tags, most)
    assert list(found) == list(tags)[:most]
    for key, value in found.items():
        assert len(value) <= braket.MAX_VALUE
        assert all(c.isalnum() or c.isspace() or c in "_.:/=+-@" for c in value)
        if all(c.isalnum() or c in " _.:/=+-@" for c in tags[key]):
            assert value == tags[key][: braket.MAX_VALUE]
    assert braket.labels({"note": "a, b\n"}, 1) == {"note": "a_ b_"}
