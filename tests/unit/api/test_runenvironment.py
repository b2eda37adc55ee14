"""How a RunSpec reaches its run, up to the largest that a backend can make."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from quantum_operator.api.render import schemas
from quantum_operator.api.run import Outcome, RunSpec
from quantum_operator.api.runenvironment import PIECE, VARIABLE, from_environment, to_environment
from support.runs import spec

LONGEST_STRING = 32 * 4096
"""Linux's MAX_ARG_STRLEN, where a page has 4 KiB: NAME=value with its final zero."""

ALL_OF_IT = 1024 * 1024
"""What arguments and environment may take together on macOS; Linux takes more."""


def largest(schema: dict[str, Any]) -> Any:
    """The value of this schema whose JSON is longest."""
    match schema["type"]:
        case "object":
            return {name: largest(child) for name, child in schema["properties"].items()}
        case "array":
            return [largest(schema["items"])] * schema["maxItems"]
        case "string":
            return max(schema.get("enum", ["a" * schema.get("maxLength", 0)]), key=len)
        case "integer":
            return schema["maximum"]
    raise AssertionError(f"nothing is known of the length of {schema}")


@pytest.fixture(scope="module")
def huge() -> RunSpec:
    """The RunSpec of the largest backend that the API server takes."""
    backend = schemas()["QuantumBackend"]["properties"]["spec"]["properties"]
    made = spec(target=largest(backend["target"]), simulator=largest(backend["simulator"]))
    names = {"run": "r" * 253, "backend": "b" * 253, "seed": 9_007_199_254_740_991}
    return RunSpec.model_validate({**made.to_wire(), **names})


def test_a_usual_run_has_one_variable() -> None:
    """Its name is the one that the runner documents, and its text is JSON."""
    (variable,) = to_environment(spec()).items()
    assert variable[0] == VARIABLE
    assert json.loads(variable[1]) == spec().to_wire()


def test_no_variable_is_longer_than_linux_takes(huge: RunSpec) -> None:
    """The largest RunSpec would not fit in one string: it comes in several that do, and they are few enough."""
    variables = to_environment(huge)
    assert sum(map(len, variables.values())) > LONGEST_STRING
    assert all(len(f"{name}={value}") < LONGEST_STRING for name, value in variables.items())
    assert sum(len(f"{name}={value}") for name, value in variables.items()) < ALL_OF_IT


def test_nothing_in_it_is_expanded_or_not_ascii(huge: RunSpec) -> None:
    """Kubernetes expands $(NAME) in a variable, and a piece is counted in characters."""
    text = "".join(to_environment(huge).values())
    assert text.isascii()
    assert "$" not in text


@pytest.mark.parametrize("piece", [1000, PIECE, 10**9])
def test_what_goes_in_comes_out(huge: RunSpec, piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In however many pieces, and whatever else is in the environment."""
    monkeypatch.setattr("quantum_operator.api.runenvironment.PIECE", piece)
    variables = to_environment(huge)
    assert from_environment({"PATH": "/bin", **variables, f"{VARIABLE}_TOO": "x"}) == huge


@pytest.mark.parametrize("variables", [{}, {VARIABLE: ""}, {VARIABLE: "{"}, {f"{VARIABLE}_2": "{}"}])
def test_an_environment_without_one_is_refused(variables: dict[str, str]) -> None:
    """As anything else is that is no RunSpec."""
    with pytest.raises(ValidationError):
        from_environment(variables)


def test_a_process_gets_the_largest(huge: RunSpec, tmp_path: Path) -> None:
    """The operating system passes it on, and the runner reads it: it names the run, and the input that was another."""
    (tmp_path / "input").write_text("{}", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "quantum_operator.runner", "--input", tmp_path / "input", "--termination", "outcome"],
        cwd=tmp_path,
        env=to_environment(huge),
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 12, done.stderr
    outcome = Outcome.model_validate_json((tmp_path / "outcome").read_bytes())
    assert outcome.run == huge.run
    assert outcome.error is not None
    assert outcome.error.reason == "InputMismatch"
