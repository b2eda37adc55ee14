"""YAML from people who may be hostile, read as kubectl reads it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.api.yamltext import dumps
from quantum_operator.local.safeyaml import MAX_ALIASED, MAX_BYTES, MAX_DEPTH, UnreadableYamlError, documents
from support.work import calls_made


def read(text: str) -> Any:
    """The content of a text's only document."""
    (document,) = documents(text)
    return document.content


def problem(text: str) -> str:
    """Why a text can't be read."""
    with pytest.raises(UnreadableYamlError) as error:
        list(documents(text))
    return str(error.value)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("y", True),
        ("Yes", True),
        ("on", True),
        ("true", True),
        ("N", False),
        ("off", False),
        ("FALSE", False),
        ("yEs", "yEs"),
        ("~", None),
        ("null", None),
        ("", None),
        ("5", 5),
        ("-5", -5),
        ("+5", 5),
        ("0", 0),
        ("010", 8),
        ("0o17", 15),
        ("0x1F", 31),
        ("-0b11", -3),
        ("1_000", 1000),
        ("09", 9),
        ("18446744073709551616", 2**64),
        ("1.5", 1.5),
        (".5", 0.5),
        ("60.0", 60),
        ("1e3", 1000),
        ("-2.5E-3", -0.0025),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("1.2.3", "1.2.3"),
        ("-", None),
        (".", "."),
        ("_1", "_1"),
        ("a_b", "a_b"),
        ("'5'", "5"),
        ('"yes"', "yes"),
        ("!!str 5", "5"),
        ("! 5", "5"),
        ("|\n  5\n", "5\n"),
    ],
)
def test_words(word: str, value: object) -> None:
    """A word means what it means to kubectl, and its type is JSON's."""
    if word == "-":
        assert read("- ") == [None]
    else:
        found = read(f"a: {word}")["a"]
        assert found == value
        assert type(found) is type(value)


KEYS = st.text(max_size=80)
"""YAML ends an implicit key at 1,024 characters, and an escaped character takes up to twelve."""

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(KEYS, JSON, max_size=4), st.sampled_from([dumps, json.dumps]))
def test_reads_what_json_can_say(value: dict[str, Any], write: Any) -> None:
    """Any JSON reads back as it was, from JSON with its escapes and from YAML."""
    assert read(write(value)) == value


@given(st.text(st.sampled_from(" \n-:[]{}&*!|>'\"%@`#,?<ab1~\t\u00e9\x00"), max_size=60))
def test_never_crashes(text: str) -> None:
    """Any text at all is read or refused with an error of ours."""
    try:
        found = [document.content for document in documents(text)]
    except UnreadableYamlError as error:
        found = [str(error)]
    assert all(value is not None for value in found)


def test_documents_are_numbered() -> None:
    """Empty documents are left out, and the others keep their numbers."""
    text = "---\n---\na: 1\n---\n# nothing\n---\nb: 2\n"
    assert [(document.number, document.content) for document in documents(text)] == [(2, {"a": 1}), (4, {"b": 2})]


def test_documents_before_an_error_come_out() -> None:
    """What stands before an error is read all the same."""
    found = documents("a: 1\n---\nb: [\n")
    assert next(found).content == {"a": 1}
    with pytest.raises(UnreadableYamlError, match="line 4"):
        next(found)


def test_keys_are_text() -> None:
    """A key is text whatever it looks like, but for words that kubectl reads as true or false."""
    assert read("5: a\ntrue: b\n1.5: c\nnull: d") == {"5": "a", "true": "b", "1.5": "c", "null": "d"}
    assert read("'5': a\n'yes': b\n\"on\": c") == {"5": "a", "yes": "b", "on": "c"}


def test_aliases() -> None:
    """An alias stands for what its anchor marked, at any place after."""
    assert read("a: &x [1, &y 2]\nb: *x\nc: *y") == {"a": [1, 2], "b": [1, 2], "c": 2}


def test_merge_keys() -> None:
    """A merge key adds what the map itself lacks, the first map before the others."""
    text = "x: &x {a: 1, b: 1}\nz: &y {b: 2, c: 2}\none: {<<: *x, b: 5}\ntwo:\n  <<: [*y, *x]\nthree: {'<<': 1}"
    assert {key: value for key, value in read(text).items() if len(key) > 1} == {
        "one": {"a": 1, "b": 5},
        "two": {"a": 1, "b": 2, "c": 2},
        "three": {"<<": 1},
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\non: [Lost]", 'line 2: the key "on" is true in the YAML of kubectl: quote it'),
        ("{a: {n: 1}}", 'line 1: the key "n" is false in the YAML of kubectl: quote it'),
        ("a: 1\nb: 2\na: 3", 'line 3: the key "a" is there twice'),
        ("{a: {b: 1, b: 2}}", 'line 1: the key "b" is there twice'),
        ("a: 1\nb: *x", 'line 2: the alias "x" stands for nothing'),
        ("a: &x [*x]", 'line 1: the alias "x" stands for nothing'),
        ("a: &x 1\nb: &x [*x]", 'line 2: the alias "x" stands for nothing'),
        ("a: &x 1\n---\nb: *x", 'line 3: the alias "x" stands for nothing'),
        ("a: !!python/object/apply:os.system [id]", "python/object"),
        ("a: !!python/name:os.system", "python/name"),
        ("a: !!int 5", "tag:yaml.org,2002:int"),
        ("a: !!binary aGk=", "tag:yaml.org,2002:binary"),
        ("a: !mine {}", "!mine"),
        ("a: .inf", '".inf" is no number that JSON can hold'),
        ("a: -.INF", '"-.INF" is no number that JSON can hold'),
        ("a: .nan", '".nan" is no number that JSON can hold'),
        ("a: 1e999", '"1e999" is no number that JSON can hold'),
        ("a: " + "9" * 10_000, "is no number that JSON can hold"),
        ("{<<: 1}", "<< takes a map, or a list of maps"),
        ("{<<: [1]}", "<< takes a map, or a list of maps"),
        ("? [a]\n: b", "a key must be text"),
        ("? {a: b}\n: c", "a key must be text"),
        ("a: &x b\n? *x\n: c", "a key must be text"),
        ("a: [1", "line 2: "),
        ("a: b: c", "line 1: mapping values are not allowed"),
        ("a: \x00", "control characters are not allowed"),
        ('{"a": "\\ud800"}', "invalid Unicode character"),
    ],
)
def test_refuses(text: str, expected: str) -> None:
    """What JSON or kubectl lacks is refused, with the line and what is wrong there."""
    assert expected in problem(text)


def test_joins_only_what_json_wrote_apart() -> None:
    """Two escapes for one character are joined in JSON, but not where their backslashes are escaped."""
    assert read('{"a": "\\ud83d\\ude00"}') == {"a": "😀"}
    assert read('{"a": "\\\\ud83d\\\\ude00"}') == {"a": "\\ud83d\\ude00"}
    assert read("a: '\\ud83d\\ude00'") == {"a": "\\ud83d\\ude00"}


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "[{b: ", "? "])
@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 20_000])
def test_refuses_depth(opening: str, depth: int) -> None:
    """Nesting beyond the limit is refused."""
    assert f"nested deeper than {MAX_DEPTH} levels" in problem(opening * depth)


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "[{b: ", "? "])
def test_refuses_depth_at_once(opening: str) -> None:
    """However deep it goes on, no more is done."""
    assert calls_made(lambda: problem(opening * 200_000)) <= 1.1 * calls_made(lambda: problem(opening * 2_000)) + 100


def test_reads_up_to_the_depth() -> None:
    """Nesting up to the limit is read."""
    assert read("[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH)


def test_refuses_an_alias_bomb() -> None:
    """Aliases of aliases that stand for a billion values are refused before they are anything."""
    lines = ["a: &a [" + "x," * 9 + "]"]
    lines += [
        f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    assert f"aliases stand for more than {MAX_ALIASED} values" in problem("\n".join(lines))


def test_refuses_a_bomb_of_merges() -> None:
    """Merge keys count as the aliases that they are."""
    lines = ["a: &a {" + ", ".join(f"k{n}: 1" for n in range(999)) + "}", *(f"b{n}: {{<<: *a}}" for n in range(20))]
    assert f"aliases stand for more than {MAX_ALIASED} values" in problem("\n".join(lines))


def test_refuses_size() -> None:
    """A text beyond the limit is refused without being parsed."""
    assert problem("é" * (MAX_BYTES // 2 + 1)) == f"the text is longer than {MAX_BYTES} bytes"


def test_reads_large_texts() -> None:
    """A text up to the limit is read."""
    assert len(read(f"a: {'x' * (MAX_BYTES - 3)}")["a"]) == MAX_BYTES - 3
