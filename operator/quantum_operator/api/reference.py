"""The reference of the API in Markdown, written from the rendered schemas."""

from collections.abc import Iterator

from quantum_operator.api.constraints import LIST_MAP_KEYS, LIST_TYPE
from quantum_operator.api.schema import RULES, Schema, walk

_HEADER = """\
# API reference

Generated from the types in `operator/quantum_operator/api` by `make generate`; not to be edited.

`[]` stands for every item of a list, `{}` for every value of a map. A field that is neither required nor has a default
may be absent. The API server enforces every limit and rule given here, and `qjob validate` enforces the same ones
without a cluster.
"""
_TABLE = "| Field | Type | Default | Limits | Description |\n|---|---|---|---|---|\n"


def markdown(definitions: list[Schema]) -> str:
    """The reference of all these CustomResourceDefinitions."""
    return "\n".join([_HEADER, *(_resource(definition["spec"]) for definition in definitions)])


def _resource(spec: Schema) -> str:
    names = spec["names"]
    version = spec["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]
    commands = ", ".join(f"`{name}`" for name in (names["plural"], names["singular"], *names["shortNames"]))
    lines = [
        f"## {names['kind']}\n",
        f"{schema['description']}\n",
        f"`apiVersion: {spec['group']}/{version['name']}`, {spec['scope'].lower()}. For kubectl: {commands}.\n",
    ]
    for part in ("spec", "status"):
        lines += [f"### {names['kind']} {part}\n", _part(part, schema["properties"][part])]
    return "\n".join(lines)


def _part(name: str, schema: Schema) -> str:
    text = f"{schema['description']}\n\n{_TABLE}{''.join(_rows(name, schema))}"
    rules = [
        f"- `{path or name}{rule.get('fieldPath', '')}`: {rule['message']}.\n"
        for path, part in walk(schema, name)
        for rule in part.get(RULES, ())
    ]
    return text + (f"\nRules:\n\n{''.join(rules)}" if rules else "")


def _rows(path: str, schema: Schema) -> Iterator[str]:
    required = schema.get("required", ())
    for name, child in schema.get("properties", {}).items():
        default = "required" if name in required else _code(child["default"]) if "default" in child else ""
        yield from _row(f"{path}.{name}", child, default)
    for keyword, suffix in (("items", "[]"), ("additionalProperties", "{}")):
        if keyword in schema:
            yield from _row(f"{path}{suffix}", schema[keyword], "")


def _row(path: str, schema: Schema, default: str) -> Iterator[str]:
    cells = (f"`{path}`", schema["type"], default, "; ".join(_limits(schema)), schema.get("description", ""))
    yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"
    yield from _rows(path, schema)


def _limits(schema: Schema) -> Iterator[str]:
    if "enum" in schema:
        yield "one of " + ", ".join(f"`{value}`" for value in schema["enum"])
    for least, most, unit in (
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " items"),
        ("minProperties", "maxProperties", " entries"),
    ):
        bounds = schema.get(least), schema.get(most)
        if bounds != (None, None):
            yield _range(*bounds) + unit
    if "pattern" in schema:
        yield f"matches `{schema['pattern']}`"
    if "format" in schema:
        yield f"a {schema['format']}"
    if schema.get(LIST_TYPE) == "map":
        yield f"told apart by {' and '.join(f'`{key}`' for key in schema[LIST_MAP_KEYS])}"
    if schema.get(LIST_TYPE) == "set":
        yield "no duplicates"


def _range(least: float | None, most: float | None) -> str:
    if most is None:
        return f"at least {least:,}"
    return f"at most {most:,}" if least is None else f"{least:,} to {most:,}"


def _code(value: object) -> str:
    return f"`{value}`" if isinstance(value, str) else f"`{str(value).lower() if isinstance(value, bool) else value}`"
