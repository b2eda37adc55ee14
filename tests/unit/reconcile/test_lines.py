"""Lines of those who wait for the same."""

from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.reconcile.lines import Lines

MOVES = st.lists(st.tuples(st.booleans(), st.sampled_from("ab"), st.integers(0, 9)), max_size=40)


@given(MOVES, st.integers(0, 4))
def test_in_front_are_those_of_the_smallest_places(moves: list[tuple[bool, str, int]], count: int) -> None:
    """Whoever came and went before."""
    lines: Lines[str] = Lines()
    there: dict[str, set[int]] = {"a": set(), "b": set()}
    for comes, line, place in moves:
        if comes and place not in there[line]:
            lines.add(line, (place,), f"{line}{place}")
            there[line].add(place)
        elif not comes:
            lines.remove(line, (place,))
            there[line].discard(place)
    assert lines.front(count) == {f"{line}{place}" for line in there for place in sorted(there[line])[:count]}
    assert {line: lines.length(line) for line in "abc"} == {line: len(there.get(line, ())) for line in "abc"}


def test_a_line_that_all_have_left_is_forgotten() -> None:
    """There may be many over time."""
    lines: Lines[str] = Lines()
    lines.add("a", (1,), "one")
    lines.remove("a", (1,))
    assert vars(lines) == vars(Lines())
