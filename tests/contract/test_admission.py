"""What the real API server admits, and that `validate` says the same without one."""

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from contract.admission_table import ACCEPTED, REFUSED, Json, Row, job, nested
from quantum_operator.api.admission.fielderror import FieldError
from quantum_operator.api.generate import files
from quantum_operator.api.jobstatus import ArtifactRef, Cost, QuantumJobStatus
from quantum_operator.api.meta import API_VERSION, Condition
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.render import RESOURCES, custom_resource_definitions, schema_hash
from quantum_operator.api.validate import InvalidResourceError, validate
from support.clusterworld import serve_crds
from testcluster.cluster import Cluster
from unit.api.strategies import damaged

STATUS = QuantumJobStatus(
    observed_generation=1,
    phase="Succeeded",
    conditions=(
        Condition(type="Complete", status="True", reason="Succeeded", last_transition_time="2026-01-01T00:00:00Z"),
    ),
    backend="aer",
    shots=1000,
    cost=Cost(),
    start_time="2026-01-01T00:00:00Z",
    input=ArtifactRef(name="bell", sha256="0" * 64, bytes=10),
)
Post = Callable[[Json], tuple[int, Json]]
PLURALS = {model.__name__: (model.plural, model.namespaced) for model in RESOURCES}


def ids(row: Row) -> str:
    return row.name.replace(" ", "-")


@pytest.fixture(scope="module")
def crds(api_server: Cluster) -> Cluster:
    """A cluster that serves our resources."""
    serve_crds(api_server)
    return api_server


@pytest.fixture(scope="module")
def post(crds: Cluster) -> Iterator[Post]:
    """Creates an object as `kubectl apply` does, for show: returns the status code and the answer."""
    path = f"{crds.programs}{os.pathsep}{os.environ['PATH']}"
    kubectl = shutil.which("kubectl", path=path)
    assert kubectl
    environment = {**os.environ, "KUBECONFIG": str(crds.kubeconfig)}
    with subprocess.Popen([kubectl, "proxy", "--port=0"], env=environment, stdout=subprocess.PIPE, text=True) as proxy:
        assert proxy.stdout
        address = proxy.stdout.readline().split()[-1]

        def create(manifest: Json) -> tuple[int, Json]:
            plural, namespaced = PLURALS[manifest["kind"]]
            place = f"namespaces/default/{plural}" if namespaced else plural
            url = f"http://{address}/apis/{API_VERSION}/{place}?dryRun=All&fieldValidation=Strict"
            return answer(url, manifest)

        yield create
        proxy.terminate()


def answer(url: str, manifest: Json) -> tuple[int, Json]:
    body = encode(manifest).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


class _Token(str):
    """A piece of JSON text, as it is."""


def encode(value: Any) -> str:
    """JSON, of any depth."""
    text: list[str] = []
    waiting = [value]
    while waiting:
        match waiting.pop():
            case _Token() as token:
                text.append(token)
            case dict() as entries:
                parts: list[Any] = [_Token("{")]
                for index, (key, child) in enumerate(entries.items()):
                    parts += [_Token(f"{',' if index else ''}{json.dumps(key)}:"), child]
                waiting += reversed([*parts, _Token("}")])
            case list() as items:
                parts = [_Token("[")]
                for index, child in enumerate(items):
                    parts += [_Token("," if index else ""), child]
                waiting += reversed([*parts, _Token("]")])
            case scalar:
                text.append(json.dumps(scalar))
    return "".join(text)


@pytest.mark.parametrize("row", ACCEPTED, ids=ids)
def test_both_accept_and_default_alike(post: Post, row: Row) -> None:
    """What the API server accepts `validate` accepts too, and both fill in the same defaults."""
    code, stored = post(row.manifest)
    assert code == 201, stored["message"]
    assert validate(row.manifest).to_wire()["spec"] == stored["spec"]
    assert "status" not in stored


@pytest.mark.parametrize("row", REFUSED, ids=ids)
def test_both_refuse_in_the_same_words(post: Post, row: Row) -> None:
    """What the API server refuses `validate` refuses too, with the same fields and the same text."""
    code, status = post(row.manifest)
    with pytest.raises(InvalidResourceError) as refusal:
        validate(row.manifest)
    assert row.refused
    assert row.refused in str(refusal.value)
    compare(refusal.value.errors, code, status)


def compare(errors: tuple[FieldError, ...], code: int, status: Json) -> None:
    """Our errors against the API server's answer."""
    if code == HTTPStatus.UNPROCESSABLE_ENTITY:
        causes = [(cause["reason"], cause["field"], cause["message"]) for cause in status["details"]["causes"]]
        assert sorted((error.reason, error.field, error.message) for error in errors) == sorted(causes)
    elif errors[0].reason == "UnknownField":
        texts = ", ".join(error.message for error in errors)
        assert status["message"].endswith(f"strict decoding error: {texts}")
    else:
        # Metadata of a wrong type: Go names its own structs there, we name the field.
        assert (code, errors[0].reason) == (HTTPStatus.BAD_REQUEST, "Malformed")


@given(damaged("spec"))
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_say_the_same_of_damage(post: Post, manifest: Json) -> None:
    """Of a manifest with any JSON in any one place of its spec, the API server and `validate` say the same."""
    code, answer = post(manifest)
    try:
        resource = validate(manifest)
    except InvalidResourceError as refusal:
        assert code in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}
        compare(refusal.errors, code, answer)
    else:
        assert (code, answer["spec"]) == (HTTPStatus.CREATED, resource.to_wire()["spec"])


def test_kubectl_says_the_same(crds: Cluster) -> None:
    """People see the same line from `kubectl apply` as from `validate`."""
    manifest = job(backoffLimit=11)
    with pytest.raises(InvalidResourceError) as refusal:
        validate(manifest)
    applied = crds.kubectl("apply", "-n", "default", "-f", "-", input=json.dumps(manifest), check=False)
    assert applied.stderr.strip() == f'The QuantumJob "bell" is invalid: {refusal.value.errors[0]}'


def test_crds_are_sound(crds: Cluster) -> None:
    """The API server establishes every CRD, finds its schema structural, and keeps its hash."""
    for plural, _ in PLURALS.values():
        crd = json.loads(crds.kubectl("get", f"crd/{plural}.quantum-operator.dev", "-o", "json").stdout)
        conditions = {condition["type"]: condition["status"] for condition in crd["status"]["conditions"]}
        assert conditions == {"NamesAccepted": "True", "Established": "True"}
        assert crd["metadata"]["annotations"]["quantum-operator.dev/schema-hash"] == schema_hash()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("quantumjobs.spec.task.sample.pubs.shots", "Shots for each binding."),
        ("quantumjobs.status.plan", "How the job is carried out"),
        ("bpol.spec", "backends\t<[]Object> -required-"),
        ("qbackend.spec.namespaces.from", "ENUM:\n    All\n    Selector"),
    ],
)
def test_kubectl_explains(crds: Cluster, path: str, text: str) -> None:
    """`kubectl explain` has our descriptions, also by short names."""
    assert text in crds.kubectl("explain", path).stdout


@pytest.fixture
def stored(crds: Cluster, namespace: str) -> Json:
    """A job that the API server stores."""
    created = crds.kubectl("create", "-n", namespace, "-f", "-", "-o", "json", input=json.dumps(job()))
    result: Json = json.loads(created.stdout)
    return result


def test_printer_columns(crds: Cluster, stored: Json) -> None:
    """`kubectl get` shows the columns of each kind, and all kinds answer to `quantum`."""
    namespace = stored["metadata"]["namespace"]
    tables = crds.kubectl("get", "quantum", "-n", namespace, "-o", "wide").stdout.split("\n\n")
    (jobs,) = (one for one in tables if "quantumjob.quantum-operator.dev/bell" in one)
    header = next(line for line in jobs.splitlines() if line)
    assert header.split() == ["NAME", "PHASE", "BACKEND", "SHOTS", "COST", "REASON", "FALLBACK", "AGREES", "AGE"]


@pytest.mark.parametrize(
    "patch",
    [
        {"backoffLimit": 5},
        {"programs": [{"name": "bell", "qasm3": "OPENQASM 3.0;"}]},
        {"execution": {"seed": 1}},
        {"activeDeadlineSeconds": 5},
        {"schedule": {"notBefore": "2027-01-01T00:00:00Z"}},
        {"idempotencyKey": "another"},
        {"correlationId": "another"},
        {"tags": {"team": "another"}},
        {"replayOf": {"name": "another", "uid": "u"}},
        {"retry": {"onFailure": [{"reasons": ["TimeLimitExceeded"], "shots": 1}]}},
        {"queueDeadlineSeconds": 60},
        {"timeBudgetSeconds": 60},
        {"expectedOutput": {"pubs": [{"shape": []}]}},
        {"task": {"sample": {"pubs": [{"program": "bell", "shots": 5}]}}},
        {"policyRef": None, "execution": {"noise": {"readout": [{"probMeas1Prep0Ppm": 1, "probMeas0Prep1Ppm": 1}]}}},
    ],
)
def test_a_spec_is_immutable(crds: Cluster, stored: Json, patch: Json) -> None:
    """No part of a stored job's spec can be changed, added to or taken away."""
    namespace = stored["metadata"]["namespace"]
    change = ("patch", "qjob/bell", "-n", namespace, "--type=merge", "-p", json.dumps({"spec": patch}))
    done = crds.kubectl(*change, check=False)
    assert done.returncode != 0
    problem = "a QuantumJob's spec is immutable but for suspend, cancel, approval, priority, ttlSecondsAfterFinished"
    assert f"spec: Forbidden: {problem}" in done.stderr


def test_a_job_can_be_paused_and_cancelled_but_not_brought_back(crds: Cluster, stored: Json) -> None:
    """suspend, priority and the time that a job stays change at will, cancel only once."""
    namespace = stored["metadata"]["namespace"]

    def change(**spec: Any) -> Any:
        patch = ("patch", "qjob/bell", "-n", namespace, "--type=merge", "-p", json.dumps({"spec": spec}))
        return crds.kubectl(*patch, check=False)

    free: list[Json] = [{"suspend": True}, {"priority": 7}, {"suspend": False}, {"cancel": True}, {"priority": 0}]
    free += [{"ttlSecondsAfterFinished": 5}, {"ttlSecondsAfterFinished": 7}, {"ttlSecondsAfterFinished": None}]
    for spec in free:
        assert change(**spec).returncode == 0
    assert "a cancelled QuantumJob stays so: create another one" in change(cancel=False).stderr


def test_metadata_can_change(crds: Cluster, stored: Json) -> None:
    """Labels of a stored job can be changed, and applying the very same spec again is no change."""
    namespace = stored["metadata"]["namespace"]
    crds.kubectl("label", "qjob/bell", "-n", namespace, "team=qc")
    crds.kubectl("replace", "-n", namespace, "-f", "-", input=json.dumps(job()))


@pytest.mark.parametrize("make", [lambda inner: [inner], lambda inner: {"a": inner}], ids=["lists", "maps"])
def test_a_bomb_is_not_stored(crds: Cluster, namespace: str, post: Post, make: Callable[[Any], Any]) -> None:
    """5,000 nested values are pruned when unknown fields are let pass, so nothing deep is ever stored."""
    bomb = encode(job(bomb=nested(5000, make)))
    crds.kubectl("create", "-n", namespace, "--validate=ignore", "-f", "-", input=bomb)
    found = json.loads(crds.kubectl("get", "qjob/bell", "-n", namespace, "-o", "json").stdout)
    assert "bomb" not in found["spec"]


def test_a_full_status_is_accepted(crds: Cluster, stored: Json) -> None:
    """The status that our types write is stored as it is written, and a status of other types is refused."""
    place = ("qjob/bell", "-n", stored["metadata"]["namespace"], "--subresource=status", "--type=merge")
    crds.kubectl("patch", *place, "-p", json.dumps({"status": STATUS.to_wire()}))
    found = json.loads(crds.kubectl("get", *place[:3], "-o", "json").stdout)
    assert QuantumJob.model_validate(found).status == STATUS
    assert crds.kubectl("patch", *place, "-p", '{"status": {"phase": "Done"}}', check=False).returncode != 0


def test_helm_renders_the_very_crds(crds: Cluster, tmp_path: Path) -> None:
    """What Helm makes of the chart's templates is the CRDs, kept on uninstall."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: crds\nversion: 0.0.0\n")
    for name, text in files().items():
        if name.startswith("charts/"):
            (tmp_path / "templates" / Path(name).name).write_text(text)
    rendered = [document for document in yaml.safe_load_all(crds.helm("template", str(tmp_path)).stdout) if document]
    for definition in rendered:
        assert definition["metadata"]["annotations"].pop("helm.sh/resource-policy") == "keep"
    definitions = custom_resource_definitions()
    assert sorted(rendered, key=by_name) == sorted(definitions, key=by_name)


def by_name(definition: Json) -> str:
    name: str = definition["metadata"]["name"]
    return name
