"""The mirror: who is told of what, and what is kept."""

from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from quantum_operator.cluster.api import Api
from quantum_operator.cluster.mirror import Mirror
from quantum_operator.decide.retention import expires_in, payload_expires_in
from quantum_operator.ports.world import Key
from quantum_operator.testing import builders
from support.clusterworld import Asked
from unit.cluster.bodies import job_body, over, pod_body, run_body, terminated

BELL = Key("team", "bell")


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def mirror(asked: Asked) -> Mirror:
    mirror = Mirror()
    mirror.connect(asked)
    return mirror


def wire(resource: Any, version: int = 1) -> dict[str, Any]:
    body: dict[str, Any] = resource.model_dump(mode="json", by_alias=True, exclude_none=True)
    body["metadata"]["resourceVersion"] = str(version)
    return body


def test_a_job_that_comes_changes_or_goes_is_looked_at(mirror: Mirror, asked: Asked) -> None:
    """Each once; an echo of what is known is not news."""
    mirror.jobs.saw("ADDED", job_body(version=1))
    mirror.jobs.saw("MODIFIED", job_body(version=2))
    mirror.jobs.saw("MODIFIED", job_body(version=2))
    mirror.jobs.saw("DELETED", job_body(version=3))
    assert asked.keys == [BELL] * 3
    assert mirror.jobs.cache.get(BELL) is None


def test_a_job_that_is_over_is_not_kept(mirror: Mirror, asked: Asked) -> None:
    """It is told once, for its place is free; the operator's memory does not grow with the past."""
    body = job_body()
    mirror.jobs.saw("ADDED", body)
    mirror.jobs.saw("MODIFIED", over(body, 2))
    assert asked.keys == [BELL] * 2
    assert mirror.jobs.cache.values() == []


def test_what_belongs_to_a_job_that_is_over_is_not_kept(mirror: Mirror, asked: Asked) -> None:
    """Kubernetes still changes it afterwards; nobody is told."""
    body = job_body()
    run = run_body(body)
    mirror.jobs.saw("ADDED", body)
    mirror.runs.saw("ADDED", run)
    mirror.pods.saw("ADDED", pod_body(run))
    mirror.jobs.saw("MODIFIED", over(body, 5))
    asked.keys.clear()
    mirror.runs.saw("MODIFIED", run_body(body, version=6))
    mirror.pods.saw("MODIFIED", pod_body(run, version=7))
    assert asked.keys == []
    assert mirror.runs.cache.values() == []
    assert mirror.pods.cache.values() == []


def test_a_job_that_is_to_be_deleted_leaves_a_husk(mirror: Mirror, asked: Asked) -> None:
    """Enough to delete it by, and nothing of its programs or its result; its runs are not kept either."""
    body = wire(builders.job(ttlSecondsAfterFinished=60))
    body["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "all of it"}
    mirror.jobs.saw("ADDED", body)
    ended = over(body, 2)
    ended["status"] |= {"completionTime": "2026-01-01T00:00:00Z", "result": {"outcomeSha256": "0" * 64}}
    mirror.jobs.saw("MODIFIED", ended)
    run = run_body(body)
    mirror.runs.saw("ADDED", run)
    mirror.pods.saw("ADDED", pod_body(run))
    husk = mirror.jobs.cache.get(BELL)
    assert husk is not None
    assert (husk.metadata.uid, husk.metadata.resource_version) == ("uid-of-team-bell", "2")
    assert expires_in(husk, datetime(2026, 1, 1, tzinfo=UTC)) == 60
    assert (husk.spec.programs, husk.status.result, husk.metadata.annotations) == ((), None, {})
    assert mirror.runs.cache.values() == mirror.pods.cache.values() == []
    later = Asked()
    mirror.connect(later)
    assert later.keys == [BELL]
    mirror.jobs.saw("DELETED", ended)
    assert mirror.jobs.cache.values() == []


def test_a_job_whose_payload_is_to_go_leaves_a_husk_until_it_is_gone(mirror: Mirror) -> None:
    """Enough to know when; what it consists of is read when its time has come."""
    body = wire(builders.job(retention={"payloadSeconds": 60}))
    mirror.jobs.saw("ADDED", body)
    ended = over(body, 2)
    ended["status"] |= {"completionTime": "2026-01-01T00:00:00Z"}
    mirror.jobs.saw("MODIFIED", ended)
    husk = mirror.jobs.cache.get(BELL)
    assert husk is not None
    assert payload_expires_in(husk, datetime(2026, 1, 1, tzinfo=UTC)) == 60
    removed = over(body, 3)
    removed["status"] |= {"completionTime": "2026-01-01T00:00:00Z", "payloadRemovedTime": "2026-01-01T00:01:00Z"}
    mirror.jobs.saw("MODIFIED", removed)
    assert mirror.jobs.cache.values() == []


def test_a_run_or_a_pod_that_changes_has_its_job_looked_at(mirror: Mirror, asked: Asked) -> None:
    """By the UID on its label; also when it goes."""
    body = job_body()
    run = run_body(body)
    mirror.jobs.saw("ADDED", body)
    asked.keys.clear()
    mirror.runs.saw("ADDED", run)
    mirror.pods.saw("ADDED", pod_body(run))
    mirror.pods.saw("MODIFIED", pod_body(run, version=2, state=terminated("{}")))
    mirror.pods.saw("DELETED", pod_body(run, version=3))
    mirror.runs.saw("DELETED", run_body(body, version=4))
    assert asked.keys == [BELL] * 5


def test_a_run_of_a_job_that_nobody_knows_tells_nobody(mirror: Mirror, asked: Asked) -> None:
    """A label can be forged, and a job's event may come later: then it is looked at anyway."""
    run = run_body(job_body(uid="unknown"))
    mirror.runs.saw("ADDED", run)
    mirror.pods.saw("ADDED", pod_body(run))
    assert asked.keys == []


def test_pods_are_found_by_the_run_that_controls_them(mirror: Mirror) -> None:
    """And by nothing else."""
    run = run_body(job_body())
    mirror.pods.saw("ADDED", pod_body(run, "one"))
    mirror.pods.saw("ADDED", pod_body(run_body(job_body(), "bell-2"), "two"))
    assert [pod.name for pod in mirror.pods.cache.group("uid-of-bell-1")] == ["one"]


def test_a_policy_or_a_backend_that_changes_is_told_once(mirror: Mirror, asked: Asked) -> None:
    """Waiting jobs may be placed now."""
    mirror.policies.saw("ADDED", wire(builders.policy()))
    mirror.backends.saw("ADDED", wire(builders.backend()))
    mirror.backends.saw(None, wire(builders.backend()))
    assert asked.ground == 2
    assert asked.keys == []


def test_who_comes_later_is_told_of_what_is_there() -> None:
    """Of jobs that are not over, and of backends and policies only where there are some."""
    mirror, asked = Mirror(), Asked()
    mirror.jobs.saw("ADDED", job_body())
    mirror.connect(asked)
    assert (len(asked.keys), asked.ground) == (1, 0)
    mirror.backends.saw("ADDED", wire(builders.backend()))
    mirror.connect(asked)
    assert (len(asked.keys), asked.ground) == (2, 2)


def test_a_malformed_object_harms_nobody(mirror: Mirror, asked: Asked) -> None:
    """An object that our types refuse is as if it were not there, and the others are as they were."""
    mirror.jobs.saw("ADDED", job_body("other"))
    mirror.jobs.saw("ADDED", job_body(spec={"programs": 7}))
    mirror.policies.saw("ADDED", {"metadata": {"name": "p", "namespace": "team"}, "spec": None})
    mirror.runs.saw("ADDED", {"metadata": {"name": "r", "namespace": "team", "uid": 5, "labels": 3}})
    mirror.pods.saw("ADDED", {"metadata": {"name": "p"}, "status": {"containerStatuses": [1]}})
    assert mirror.jobs.cache.get(BELL) is None
    assert mirror.jobs.cache.get(Key("team", "other")) is not None
    assert mirror.policies.cache.values() == []
    assert mirror.runs.cache.values() == []
    assert mirror.pods.cache.values() == []


def test_nobody_need_be_told() -> None:
    """Before the loop is there, what is seen is kept."""
    mirror = Mirror()
    body = job_body()
    mirror.jobs.saw(None, body)
    mirror.runs.saw(None, run_body(body))
    mirror.policies.saw(None, wire(builders.policy()))
    assert mirror.jobs.cache.get(BELL) is not None


class Served:
    """Runs as an API server lists them, two pages of them, and what it was asked."""

    def __init__(self, *pages: list[dict[str, Any]]) -> None:
        self.pages = pages
        self.asked: list[httpx2.Request] = []
        self.api = Api(httpx2.AsyncClient(base_url="https://cluster", transport=httpx2.MockTransport(self._answer)))

    def whole(self) -> list[str]:
        """What was read with more than its metadata: names, or page: and its number."""
        asked = [one for one in self.asked if "PartialObjectMetadataList" not in one.headers["Accept"]]
        params = [one.url.params for one in asked]
        return [one.get("fieldSelector", "").removeprefix("metadata.name=") or _page(one) for one in params]

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        params = request.url.params
        number = int(params.get("continue", "0"))
        items: list[dict[str, Any]] | None = self.pages[number]
        if "fieldSelector" in params:
            everything = [one for page in self.pages for one in page]
            items = [one for one in everything if f"metadata.name={one['metadata']['name']}" == params["fieldSelector"]]
        elif "PartialObjectMetadataList" in request.headers["Accept"]:
            items = [{"metadata": one["metadata"]} for one in items] or None
        last = number + 1 == len(self.pages)
        meta = {"resourceVersion": "9"} | ({} if last else {"continue": str(number + 1)})
        return httpx2.Response(200, json={"metadata": meta, "items": items})


def _page(params: httpx2.QueryParams) -> str:
    return f"page:{params.get('continue', '0')}"


async def test_a_long_list_is_read_in_pages() -> None:
    """All of it, by the label that marks what is ours; whole where nothing was seen yet."""
    body, mirror = job_body(), Mirror()
    served = Served([run_body(body, "a")], [run_body(body, "b")])
    await mirror.runs.read(served.api, "team")
    assert sorted(run.name for run in mirror.runs.cache.values()) == ["a", "b"]
    assert {request.url.params["labelSelector"] for request in served.asked} == {"quantum-operator.dev/job-uid"}
    assert {request.url.path for request in served.asked} == {"/apis/batch/v1/namespaces/team/jobs"}
    assert served.whole() == ["page:0", "page:1"]


async def test_a_namespace_without_any_is_read_after_one_that_has_some() -> None:
    """An API server's list of metadata that there are none of has null in it."""
    body, mirror = job_body(), Mirror()
    for namespace, served in (("team", Served([run_body(body, "a")])), ("agents", Served([]))):
        await mirror.runs.read(served.api, namespace)
    assert [run.name for run in mirror.runs.cache.values()] == ["a"]


async def test_of_what_was_seen_only_the_metadata_are_read_anew() -> None:
    """What has changed meanwhile is read as well, and what is in none of the pages is gone."""
    body, mirror = job_body(), Mirror()
    for name in ("a", "b", "gone"):
        mirror.runs.saw(None, run_body(body, name))
    served = Served([run_body(body, "a")], [run_body(body, "b", version=8), run_body(body, "new")])
    await mirror.runs.read(served.api, "team")
    assert sorted(run.name for run in mirror.runs.cache.values()) == ["a", "b", "new"]
    assert served.whole() == ["b", "new"]
    served.asked.clear()
    await mirror.runs.read(served.api, "team")
    assert served.whole() == []


async def test_a_page_of_which_much_has_changed_is_read_whole() -> None:
    """In one request instead of many."""
    body, mirror = job_body(), Mirror()
    mirror.runs.saw(None, run_body(body, "known"))
    names = [f"run-{number}" for number in range(20)]
    served = Served([run_body(body, "known")], [run_body(body, name) for name in names])
    await mirror.runs.read(served.api, "team")
    assert {run.name for run in mirror.runs.cache.values()} == {"known", *names}
    assert served.whole() == ["page:1"]


@pytest.mark.parametrize(
    ("namespaces", "paths"),
    [
        ([], {"/api/v1/pods", "/apis/batch/v1/jobs"}),
        (["a", "b"], {"/api/v1/namespaces/a/pods", "/api/v1/namespaces/b/pods"}),
    ],
)
async def test_only_the_watched_namespaces_are_read(namespaces: list[str], paths: set[str]) -> None:
    """All of them where none is named; backends have no namespace."""
    asked: set[str] = set()

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.add(request.url.path)
        return httpx2.Response(200, json={"metadata": {"resourceVersion": "1"}, "items": []})

    client = httpx2.AsyncClient(base_url="https://cluster", transport=httpx2.MockTransport(answer))
    await Mirror().read(Api(client), namespaces)
    assert paths <= asked
    assert "/apis/quantum-operator.dev/v1alpha1/quantumbackends" in asked
    assert len(asked) == 1 + 5 * max(1, len(namespaces))
