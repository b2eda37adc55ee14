"""The script of `helm test`, with an API server of dicts."""

import importlib.util
from email.message import Message
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.error import HTTPError

import pytest

from quantum_operator.api.validate import validate

SCRIPT = Path(__file__).parents[3] / "charts/quantum-operator/files/helm_test.py"
JOBS = "/apis/quantum-operator.dev/v1alpha1/namespaces/lab/quantumjobs"
POLICIES = "/apis/quantum-operator.dev/v1alpha1/namespaces/lab/backendpolicies"


class Api:
    """Keeps objects by path; a job has `conditions` as soon as it is there."""

    def __init__(self, conditions: list[dict[str, str]], refuses: str = "", times: int = 1000) -> None:
        self.conditions = conditions
        self.times = times
        self.refuses = refuses
        self.objects: dict[str, Any] = {}
        self.created: list[dict[str, Any]] = []

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """As the script's `request`."""
        if path == self.refuses and method == "POST" and self.times > 0:
            self.times -= 1
            raise error(403, path)
        if method == "POST":
            assert body is not None
            self.objects[f"{path}/{body['metadata']['name']}"] = body
            self.created.append(body)
            return body
        if path not in self.objects:
            raise error(404, path)
        found = self.objects.pop(path) if method == "DELETE" else self.objects[path]
        return {**found, "status": {"conditions": self.conditions}}


def error(code: int, path: str) -> HTTPError:
    """An answer of the API server that is none."""
    return HTTPError(path, code, "refused", Message(), BytesIO(b"in the server's words"))


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, with the environment of its pod and a clock that is always past due the second time."""
    spec = importlib.util.spec_from_file_location("helm_test", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, value in {"NAME": "q-test", "NAMESPACE": "lab", "BACKEND": "aer-ideal", "TIMEOUT_SECONDS": "9"}.items():
        monkeypatch.setenv(name, value)
    ticks = iter(range(0, 1000, 5))
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(ticks)))
    monkeypatch.setattr(module.time, "sleep", lambda seconds: None)
    return module


def run(script: ModuleType, monkeypatch: pytest.MonkeyPatch, api: Api) -> int:
    """The script's exit status against `api`."""
    monkeypatch.setattr(script, "request", api.request)
    status: int = script.main()
    return status


@pytest.mark.parametrize(("times", "expected"), [(4, 0), (5, 1)])
def test_a_policy_that_the_api_server_has_not_seen_yet_is_waited_for(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, times: int, expected: int
) -> None:
    """A job that is refused right after its policy was created is created again, for seconds and not for ever."""
    done = [{"type": "Complete", "status": "True", "reason": "Because"}]
    assert run(script, monkeypatch, Api(done, refuses=JOBS, times=times)) == expected


@pytest.mark.parametrize(("status", "expected"), [("True", 0), ("False", 1)])
def test_it_ends_as_the_job_ends(
    script: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    status: str,
    expected: int,
) -> None:
    """A job that is over with a result passes, one that is over without fails, and the reason is printed."""
    api = Api([{"type": "Complete", "status": status, "reason": "Because", "message": "of this"}])
    assert run(script, monkeypatch, api) == expected
    assert f"Complete is {status}: Because: of this" in capsys.readouterr().out
    assert api.objects == {}


def test_a_job_that_never_ends_fails(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After its time the script says what the job's conditions are, fails, and leaves nothing behind."""
    api = Api([{"type": "Accepted", "status": "True", "reason": "Accepted"}])
    assert run(script, monkeypatch, api) == 1
    assert '"Accepted"' in capsys.readouterr().err
    assert api.objects == {}


def test_a_refusal_is_told_and_cleaned_up(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the job is refused the server's words are printed, and the policy goes again."""
    api = Api([], refuses=JOBS)
    assert run(script, monkeypatch, api) == 1
    assert "answered 403" in capsys.readouterr().err
    assert api.objects == {}


def test_leftovers_are_replaced(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed test left is deleted before the new objects are made."""
    api = Api([{"type": "Complete", "status": "True", "reason": "Succeeded"}])
    api.objects = {f"{JOBS}/q-test": {}, f"{POLICIES}/q-test": {}}
    assert run(script, monkeypatch, api) == 0
    assert len(api.created) == 2
    assert api.objects == {}


def test_its_manifests_are_valid(script: ModuleType) -> None:
    """The API server would take both objects, and the job names its own policy and the given backend."""
    policy, job = (validate(manifest) for manifest in script.manifests("q-test", "aer-noisy"))
    assert policy.to_wire()["spec"]["backends"] == [{"name": "aer-noisy"}]  # type: ignore[index]
    assert job.to_wire()["spec"]["policyRef"] == {"name": policy.metadata.name}  # type: ignore[index]
