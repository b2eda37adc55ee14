"""Files of manifests."""

import json
from pathlib import Path
from typing import Any

import pytest

from contract.admission_table import backend, job, policy
from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.policy import BackendPolicy
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.local.manifests import (
    MAX_CONFIG_MAP_BYTES,
    ConfigMap,
    InvalidManifestsError,
    Manifest,
    load,
    load_text,
)
from quantum_operator.local.safeyaml import MAX_BYTES


def config_map(**fields: Any) -> dict[str, Any]:
    """A ConfigMap of one program, with `fields` in place of its own."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "programs"},
        "data": {"bell.qasm": "OPENQASM 3.0;"},
        **fields,
    }


def text_of(*manifests: Any) -> str:
    """Manifests as the documents of one text."""
    return "\n---\n".join(map(json.dumps, manifests))


def errors_of(*manifests: Any) -> list[str]:
    """What is wrong with these documents of one text."""
    with pytest.raises(InvalidManifestsError) as refusal:
        load_text(text_of(*manifests), "job.yaml")
    return [str(error) for error in refusal.value.errors]


def test_loads_every_kind() -> None:
    """Each kind of resource comes out as its own type, with its place."""
    manifests = load_text(text_of(job(), policy(), backend(), config_map()), "all.yaml")
    assert [type(manifest.resource) for manifest in manifests] == [QuantumJob, BackendPolicy, QuantumBackend, ConfigMap]
    assert [(manifest.source, manifest.document) for manifest in manifests] == [("all.yaml", n) for n in (1, 2, 3, 4)]


def test_loads_a_config_map() -> None:
    """A ConfigMap has its text by key, and may be immutable."""
    metadata = {"name": "programs", "namespace": "lab"}
    (manifest,) = load_text(text_of(config_map(metadata=metadata, immutable=True)), "a")
    assert manifest == Manifest("a", 1, ConfigMap("programs", "lab", {"bell.qasm": "OPENQASM 3.0;"}))


def test_a_config_map_may_be_empty() -> None:
    """A ConfigMap without data has none."""
    (manifest,) = load_text(text_of(config_map(data=None)), "a")
    assert manifest.resource == ConfigMap("programs", "", {})


def test_nothing_gives_nothing() -> None:
    """A text without documents has no manifests."""
    assert load_text("# nothing\n---\n", "a") == []


def test_loads_files_and_folders(tmp_path: Path) -> None:
    """Files come in the given order, and those of a folder in the order of their names."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "b.yaml").write_text(text_of(policy()))
    (tmp_path / "folder" / "a.json").write_text(text_of(job()))
    (tmp_path / "folder" / "readme.md").write_text("no manifest")
    (tmp_path / "first.txt").write_bytes(b"\xef\xbb\xbf" + text_of(backend()).encode())
    manifests = load([tmp_path / "first.txt", tmp_path / "folder"])
    assert [Path(manifest.source).name for manifest in manifests] == ["first.txt", "a.json", "b.yaml"]


def test_all_errors_of_all_files_come_at_once(tmp_path: Path) -> None:
    """Every error of every file is told, each with its file and document."""
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text(text_of(job(), job(backoffLimit=-1, activeDeadlineSeconds=0)))
    second.write_text(text_of(policy(backends=[])) + "\n---\na: [")
    with pytest.raises(InvalidManifestsError) as refusal:
        load([first, second, tmp_path / "third.yaml"])
    places = [(Path(error.source).name, error.document) for error in refusal.value.errors]
    assert places == [
        ("first.yaml", 2),
        ("first.yaml", 2),
        ("second.yaml", 1),
        ("second.yaml", 2),
        ("third.yaml", None),
    ]
    assert f"{second}, document 2: line " in str(refusal.value)
    assert str(refusal.value).endswith(f"{tmp_path / 'third.yaml'}: No such file or directory")


def test_errors_are_the_api_servers() -> None:
    """An error has the API server's words behind the file and the document."""
    assert errors_of(job(), job(shots=5)) == ['job.yaml, document 2: unknown field "spec.shots"']


@pytest.mark.parametrize("content", [5, "text", ["a"]])
def test_a_document_is_a_map(content: object) -> None:
    """A document that is no map is refused."""
    (error,) = errors_of(content)
    assert error == "job.yaml, document 1: a manifest is a map with apiVersion, kind and metadata"


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        (
            {"apiVersion": "apps/v1", "kind": "Deployment"},
            'kind "Deployment" of apiVersion "apps/v1" is not known: only QuantumJob, BackendPolicy, QuantumBackend '
            "and ConfigMap are read here; give the rest to kubectl",
        ),
        ({}, "kind null of apiVersion null is not known"),
        ({"kind": ["QuantumJob"] * 99}, "is not known"),
        ({"kind": "QuantumJob"}, "apiVersion null has no QuantumJob: write apiVersion: quantum-operator.dev/v1alpha1"),
        ({"apiVersion": "v2", "kind": "ConfigMap"}, 'apiVersion "v2" has no ConfigMap: write apiVersion: v1'),
    ],
)
def test_unknown_kinds_are_refused_by_name(manifest: dict[str, Any], expected: str) -> None:
    """A kind that is not read here is named, with what to do."""
    (error,) = errors_of(manifest)
    assert expected in error
    assert len(error) < 400


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"metadata": {}}, "metadata.name: Required value"),
        ({"metadata": {"name": "A"}}, "a lowercase RFC 1123 subdomain"),
        ({"metadata": {"name": "a", "nmae": "b"}}, 'unknown field "metadata.nmae"'),
        ({"binaryData": {}}, 'unknown field "binaryData"'),
        ({"data": []}, ""),
        ({"data": ["a"]}, "data must be a map of text"),
        ({"data": {"a": 5}}, "data[a] must be text: in YAML, write it in quotes"),
        ({"data": {"a/b": "c"}}, 'data[a/b]: Invalid value: "a/b": a key has 1 to 253 letters'),
        ({"data": {"a" * 254: "c"}}, "a key has 1 to 253 letters"),
        ({"data": {"a": "é" * (MAX_CONFIG_MAP_BYTES // 2)}}, "data: Too long: may not be more than 1048576 bytes"),
    ],
)
def test_bad_config_maps_are_refused(fields: dict[str, Any], expected: str) -> None:
    """A ConfigMap that a cluster would not take, or that has no text, is refused."""
    if expected:
        (error,) = errors_of(config_map(**fields))
        assert expected in error
    else:
        assert load_text(text_of(config_map(**fields)), "a")


def test_an_object_too_large_is_refused() -> None:
    """An object beyond what a cluster stores is refused, with its size and what to do."""
    programs = [{"name": f"p{n}", "qasm3": "/" * 262_144} for n in range(6)]
    (error,) = errors_of(job(programs=programs))
    assert "at most 1500000 are allowed: put programs into ConfigMaps" in error


def test_the_same_resource_twice_is_refused() -> None:
    """Two resources of one kind, namespace and name are refused, with the place of the first."""
    other = job(lambda manifest: manifest["metadata"].update(namespace="other"))
    assert errors_of(job(), policy(), other, job()) == [
        "job.yaml, document 4: QuantumJob bell is there already, in job.yaml, document 1"
    ]


def test_a_file_too_large_is_refused(tmp_path: Path) -> None:
    """A file beyond the limit is refused, and no more of it is read than tells so."""
    path = tmp_path / "large.yaml"
    path.write_text("#" * (MAX_BYTES * 2))
    with pytest.raises(InvalidManifestsError, match=f"the text is longer than {MAX_BYTES} bytes"):
        load([path])


def test_a_file_of_other_bytes_is_refused(tmp_path: Path) -> None:
    """A file that is no text is refused with the place of the first bad byte."""
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"a: \xff")
    with pytest.raises(InvalidManifestsError, match="not UTF-8: invalid start byte at byte 3"):
        load([path])


def test_a_bomb_is_refused() -> None:
    """A document nested 5,000 deep is refused by its line, and those before it are checked."""
    text = f"{text_of(job(backoffLimit=-1))}\n---\nspec: {'[' * 5000}"
    with pytest.raises(InvalidManifestsError) as refusal:
        load_text(text, "a")
    assert [error.document for error in refusal.value.errors] == [1, 2]
    assert str(refusal.value.errors[1]) == "a, document 2: line 3: nested deeper than 100 levels"
