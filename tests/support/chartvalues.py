"""What a chart's values.yaml says of each value, for the tests that hold its schema and its README to that.

`python tests/support/chartvalues.py CHART` writes both: the schema's descriptions and the README's table.
"""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_KEY = re.compile(r"^( *)([A-Za-z]+):")
_TABLE = re.compile(r"(?<=<!-- values -->\n).*?(?=<!-- /values -->)", re.DOTALL)


@dataclass(frozen=True)
class Value:
    """A value that a comment describes: the keys that lead to it, what it is unless given, and the comment."""

    path: tuple[str, ...]
    default: Any
    description: str

    def row(self) -> str:
        """The value's row in the README's table."""
        return f"| `{'.'.join(self.path)}` | `{json.dumps(self.default)}` | {self.description} |"


def values(chart: Path) -> list[Value]:
    """Every value of values.yaml with a comment right above it, in order."""
    text = (chart / "values.yaml").read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    return [Value(path, _at(content, path), comment) for path, comment in _commented(text)]


def undescribed(chart: Path) -> list[str]:
    """The leaves of values.yaml that neither have a comment nor lie within a value that has one."""
    described = {value.path for value in values(chart)}
    content = yaml.safe_load((chart / "values.yaml").read_text(encoding="utf-8"))
    return [
        ".".join(path)
        for path in _leaves(content)
        if not any(path[: length + 1] in described for length in range(len(path)))
    ]


def properties(schema: dict[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """The schema of the value that `path` leads to. Raises KeyError where the schema has none."""
    for key in path:
        schema = schema["properties"][key]
    return schema


def table(chart: Path) -> str:
    """The README's table of values."""
    return "\n".join(["| value | default | |", "|---|---|---|", *(value.row() for value in values(chart)), ""])


def table_of_readme(chart: Path) -> str:
    """The table that the README has now."""
    found = _TABLE.search((chart / "README.md").read_text(encoding="utf-8"))
    return found.group() if found else ""


def write(chart: Path) -> None:
    """Bring the schema's descriptions and the README's table up to values.yaml."""
    readme, file = chart / "README.md", chart / "values.schema.json"
    readme.write_text(_TABLE.sub(lambda _: table(chart), readme.read_text(encoding="utf-8")), encoding="utf-8")
    schema = json.loads(file.read_text(encoding="utf-8"))
    for value in values(chart):
        properties(schema, value.path)["description"] = value.description
    file.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _commented(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    path: list[str] = []
    comment: list[str] = []
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            comment.append(line.lstrip("# ").rstrip())
            continue
        key = _KEY.match(line)
        if key:
            path = [*path[: len(key[1]) // 2], key[2]]
            if comment:
                yield tuple(path), " ".join(comment)
        comment = []


def _at(content: Any, path: Sequence[str]) -> Any:
    for key in path:
        content = content[key]
    return content


def _leaves(content: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(content, dict) and content:
        for key, inner in content.items():
            yield from _leaves(inner, (*path, key))
    elif path:
        yield path


if __name__ == "__main__":
    write(Path(sys.argv[1]))
