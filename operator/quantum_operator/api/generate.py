"""Writes what is generated from the API's types: `python -m quantum_operator.api.generate [REPOSITORY]`."""

import sys
from pathlib import Path

from quantum_operator.api.conditions import reasons_markdown
from quantum_operator.api.failures import failures_markdown
from quantum_operator.api.reference import markdown
from quantum_operator.api.render import custom_resource_definitions
from quantum_operator.api.schema import Schema
from quantum_operator.api.yamltext import dumps

_COMMENT = "# Generated from the types in operator/quantum_operator/api by `make generate`; not to be edited.\n"
_CHART = "charts/quantum-operator-crds/templates"


def files() -> dict[str, str]:
    """Every generated file: its path in the repository, and its text."""
    definitions = custom_resource_definitions()
    generated = {
        "docs/reference/api.md": markdown(definitions),
        "docs/reference/reasons.md": reasons_markdown(),
        "docs/reference/failures.md": failures_markdown(),
    }
    for definition in definitions:
        name = f"{definition['spec']['names']['plural']}.yaml"
        generated[f"crds/{name}"] = _COMMENT + dumps(definition)
        generated[f"{_CHART}/{name}"] = _COMMENT + template(definition)
    return generated


def template(definition: Schema) -> str:
    """A CRD as a Helm template, kept when the chart goes: a deleted CRD takes every object of its kind along."""
    metadata = definition["metadata"]
    annotations = {**metadata["annotations"], "helm.sh/resource-policy": "keep"}
    text = dumps({**definition, "metadata": {**metadata, "annotations": annotations}})
    return text.replace("{{", '{{ "{{" }}')


def main(arguments: list[str]) -> int:
    """Write every file below the given repository (or this folder); returns the exit status."""
    root = Path(arguments[0]) if arguments else Path.cwd()
    for name, text in files().items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
