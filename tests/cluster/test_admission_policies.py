"""What the API server itself refuses, by what the chart ships: real users, real RBAC, and no operator anywhere."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from support.clusterworld import serve_crds_of_our_own
from support.governed import BELL, GROUP, Governed, Person, governed, job
from testcluster import Cluster
from testcluster.processes import eventually

Json = dict[str, Any]
DIGEST = "d" * 64
CONFIDENTIAL = {"class": "confidential"}
RULES = {"classes": [{"name": "public"}, {"name": "internal"}, {"name": "confidential", "regions": ["eu", "uk"]}]}
SUBMITTER = f"{GROUP}/submitter"


class People:
    """A governed namespace, and who may do what in it."""

    def __init__(self, place: Governed) -> None:
        self.place = place
        place.policy("open", maxShots=1_000_000_000, data=RULES, approved={"providers": [{"adapter": "ibm"}]})
        place.policy("small", maxShots=1000)
        place.policy("gold", tier="production")
        place.policy("public-only", data={"classes": [{"name": "public"}]}, maxShots=1)
        self.submitter = place.person("submitter", "-edit", "edit", "-policy-user")
        self.visitor = place.person("visitor", "-edit", "-view")
        self.approver = place.person("approver", "-edit", "-approver")
        self.operator, self.agent = place.person("operator", "edit"), place.person("agent", "edit")
        place.allow(self.operator, "update", "quantumjobs/status", group=GROUP)
        place.allow(self.agent, "update", "quantumtasks/status", group=GROUP)
        place.wait_until_in_force(self.submitter, "open")


@pytest.fixture(scope="module")
def people(api_server: Cluster) -> Iterator[People]:
    """Policies of each kind, a submitter who may use them all, a visitor who may not, and an approver."""
    serve_crds_of_our_own(api_server)
    with governed(api_server) as place:
        yield People(place)


def refusal(answer: Json) -> str:
    """What the API server says of what it refuses; fails where it did not."""
    assert answer["kind"] == "Status", answer
    assert answer["code"] in (403, 422), answer
    return str(answer["message"])


def sampling(shots: int, bindings: int = 1, pubs: int = 1) -> Json:
    """A task of so many pubs, each with so many bindings."""
    rows: Json = {"parameterNames": ["a"], "parameterValues": [[0.5]] * bindings} if bindings > 1 else {}
    return {"sample": {"pubs": [{"program": "bell", "shots": shots, **rows}] * pubs}}


def estimating(**pub: Any) -> Json:
    """A task that estimates."""
    return {
        "estimate": {"pubs": [{"program": "bell", "observables": [{"terms": [{"pauli": "", "qubits": []}]}], **pub}]}
    }


# --- a job ----------------------------------------------------------------------------------------------------------

REFUSED: list[tuple[str, str, Json, tuple[str, ...]]] = [
    ("a policy that is not there", "none", {}, ("spec.policyRef.name: 'none'", "no BackendPolicy", "name one")),
    (
        "confidential data abroad",
        "open",
        {"data": {**CONFIDENTIAL, "regions": ["eu", "us"]}},
        ("spec.data.regions: us", "'open' lets confidential data go to eu, uk", "name one of these"),
    ),
    (
        "a class that is not allowed",
        "public-only",
        {"data": CONFIDENTIAL, "task": sampling(1)},
        ("spec.data.class: 'confidential'", "'public-only' allows public", "name a policy that allows it"),
    ),
    (
        "data of no stated class",
        "public-only",
        {"task": sampling(1)},
        ("spec.data.class: 'internal'", "allows public", "name a policy"),
    ),
    ("too many shots", "small", {"task": sampling(1001)}, ("1001 shots", "'small' allows 1000", "fewer shots")),
    (
        "too many shots over bindings",
        "small",
        {"task": sampling(101, 10)},
        ("1010 shots", "'small' allows 1000", "fewer shots or bindings"),
    ),
    ("too many shots over pubs", "small", {"task": sampling(501, pubs=2)}, ("1002 shots", "allows 1000", "fewer")),
    ("too many to estimate", "small", {"task": estimating(shots=1001)}, ("1001 shots", "allows 1000", "fewer shots")),
    (
        "an unapproved provider",
        "open",
        {"providers": ["ibm", "iqm"]},
        ("spec.providers: iqm", "'open' approves ibm", "name one of these"),
    ),
    ("a tier above the policy's", "open", {"tier": "pilot"}, ("spec.tier: 'pilot'", "up to 'sandbox'", "of that tier")),
    (
        "an approval at creation",
        "open",
        {"approval": {"decision": "Approved", "by": "x", "digest": DIGEST}},
        ("spec.approval", "when a job is created", "leave it out"),
    ),
]


@pytest.mark.parametrize(("policy", "spec", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_job_against_its_policy_is_refused(people: People, policy: str, spec: Json, words: tuple[str, ...]) -> None:
    """The answer names the field and its value, what is allowed, and what to do."""
    said = refusal(people.submitter.create(job("refused", policy, **spec)))
    for word in words:
        assert word in said, said


@pytest.mark.parametrize(
    ("name", "policy", "spec"),
    [
        ("at-home", "open", {"data": {**CONFIDENTIAL, "regions": ["uk"]}}),
        ("nowhere-said", "open", {"data": CONFIDENTIAL}),
        ("public-abroad", "open", {"data": {"class": "public", "regions": ["us"]}}),
        ("at-the-cap", "small", {"task": sampling(100, 10)}),
        ("many-pubs", "open", {"task": sampling(10_000_000, pubs=64)}),
        ("precise", "small", {"task": estimating(precision=0.01)}),
        ("approved-one", "open", {"providers": ["ibm"]}),
        ("golden", "gold", {"tier": "production", "task": sampling(10_000_000)}),
        ("below-gold", "gold", {"tier": "pilot"}),
    ],
)
def test_a_job_within_its_policy_is_taken(people: People, name: str, policy: str, spec: Json) -> None:
    """What the policies that it does not name would refuse makes no difference."""
    taken = people.submitter.create(job(name, policy, **spec))
    assert taken["kind"] == "QuantumJob", taken


def test_a_production_job_takes_the_verb_use(people: People) -> None:
    """Who may create jobs may not use a policy above sandbox by that alone, and may once somebody lets them."""
    said = refusal(people.visitor.create(job("precious", "gold")))
    assert "spec.policyRef.name: 'gold'" in said
    assert people.visitor.name in said
    assert "ask for the verb use" in said
    assert people.visitor.create(job("cheap", "open"))["kind"] == "QuantumJob"
    people.place.allow(people.visitor, "use", "backendpolicies", "gold", GROUP)
    assert people.visitor.create(job("precious", "gold"))["kind"] == "QuantumJob"


def test_the_namespace_limits_the_tier(people: People) -> None:
    """A job above the tier on its namespace's label is refused, and so is every one where that is no tier."""
    label = ("label", "namespace", people.place.namespace, "--overwrite")

    def submitted(name: str, policy: str) -> Json:
        return people.submitter.create(job(name, policy), dryRun="All")

    def labeled(tier: str, said: str) -> bool:
        """Whether that comes to be said of a job of production: the API server learns of a label a moment later."""
        people.place.cluster.kubectl(*label, f"{GROUP}/tier={tier}")
        return eventually(lambda: said in submitted("of-production", "gold").get("message", ""), 10)

    try:
        assert labeled("pilot", "is 'pilot'; submit the job to a namespace of that tier")
        assert submitted("of-sandbox", "open")["kind"] == "QuantumJob"
        assert labeled("gold", "is 'gold'")
        assert "is 'gold'" in refusal(submitted("of-sandbox", "open"))
        people.place.cluster.kubectl(*label, f"{GROUP}/tier=production")
        assert eventually(lambda: submitted("of-production", "gold")["kind"] == "QuantumJob", 10)
        assert submitted("of-sandbox", "open")["kind"] == "QuantumJob"
    finally:
        people.place.cluster.kubectl(*label[:3], f"{GROUP}/tier-")


def test_who_may_not_read_a_configmap_can_not_have_it_run(people: People) -> None:
    """Or a job would show its author what they may not see. One that they may read is taken, and one more is not."""

    def program(name: str) -> Json:
        return {"name": name, "configMapKeyRef": {"name": name, "key": "k"}}

    people.place.allow(people.visitor, "get", "configmaps", "mine")
    said = refusal(people.visitor.create(job("peeks", "open", programs=[BELL, program("mine"), program("theirs")])))
    assert "spec.programs: ConfigMaps mine, theirs" in said
    assert "name those that you may read" in said
    assert people.visitor.name in said
    assert people.visitor.create(job("reads", "open", programs=[BELL, program("mine")]))["kind"] == "QuantumJob"
    several = [BELL, *(program(f"p{index}") for index in range(25))]
    assert people.submitter.create(job("reads-all", "open", programs=several))["kind"] == "QuantumJob"
    assert "at most 24" in refusal(people.visitor.create(job("reads-many", "open", programs=several)))


def test_a_policy_and_its_job_can_be_applied_at_once(people: People) -> None:
    """The API server knows a policy a moment after its creation; who applies both is at most to do so again."""
    bodies = [
        {
            "apiVersion": f"{GROUP}/v1alpha1",
            "kind": "BackendPolicy",
            "metadata": {"name": "fresh"},
            "spec": {"backends": [{"name": "any"}]},
        },
        job("fresh", "fresh"),
    ]
    listed = {"apiVersion": "v1", "kind": "List", "items": bodies}
    place = people.place
    apply = ("apply", f"--namespace={place.namespace}", "-f", "-")

    def applied() -> bool:
        return place.cluster.kubectl(*apply, input=json.dumps(listed), check=False).returncode == 0

    assert eventually(applied, 30)


# --- who submitted it, and who approves it ---------------------------------------------------------------------------


def test_the_submitter_is_who_it_was(people: People) -> None:
    """Whatever is written there, at creation or later."""
    forged = {SUBMITTER: "somebody-else", f"{GROUP}/under-policy": "forged"}
    made = people.submitter.create(job("forged", "open", annotations=forged))
    assert made["metadata"]["annotations"][SUBMITTER] == people.submitter.name
    assert made["metadata"]["annotations"][f"{GROUP}/under-policy"] not in ("", "forged")
    for change in ("somebody-else", None):
        said = refusal(people.submitter.patch("forged", {"metadata": {"annotations": {SUBMITTER: change}}}))
        assert "stays on record" in said
    harmless = {"metadata": {"annotations": {"note": "x"}}, "spec": {"priority": 1}}
    assert people.submitter.patch("forged", harmless)["spec"]["priority"] == 1
    unknown = job("unknown", "none", annotations={f"{GROUP}/under-policy": "forged"})
    assert "no BackendPolicy" in refusal(people.submitter.create(unknown))


def test_shadows_are_for_the_operator_to_make(people: People) -> None:
    """Of one that it makes under any policy, who submitted its primary is on record; of its other jobs, it is."""
    forged, of = {SUBMITTER: "ada"}, {"name": "bell", "uid": "u"}
    shadow = job("shadow", "gold", shadowOf=of, annotations=forged)
    said = refusal(people.submitter.create(shadow))
    assert "spec.shadowOf: 'bell': shadows are for the operator to make" in said
    assert people.submitter.name in said
    assert "leave it out" in said
    made = people.operator.create(shadow)
    assert made["kind"] == "QuantumJob", made
    assert made["metadata"]["annotations"][SUBMITTER] == "ada"
    assert made["metadata"]["annotations"][f"{GROUP}/under-policy"]
    other = people.operator.create(job("not-a-shadow", "open", annotations=forged))
    assert other["metadata"]["annotations"][SUBMITTER] == people.operator.name
    assert "ask for the verb use" in refusal(people.operator.create(job("not-a-shadow-either", "gold")))
    assert "is immutable" in refusal(people.submitter.patch("not-a-shadow", {"spec": {"shadowOf": of}}))


def test_a_shadow_that_nobody_submitted_is_approved_by_nobody(people: People) -> None:
    """Its primary is from before there were rules: its author may be anybody, and the operator did not submit it."""
    for name, annotations in (("of-nobody", {SUBMITTER: ""}), ("of-nobody-either", {})):
        shadow = job(name, "open", shadowOf={"name": "bell", "uid": "u"}, annotations=annotations)
        asking(people, name, people.operator, shadow)
        assert "who submitted the job is not on record" in refusal(people.approver.decide(name))


def asking(people: People, name: str, by: Person, body: Json | None = None) -> None:
    """A job that somebody submitted, and that asks for approval."""
    made = by.create(body or job(name, "open"))
    assert made["kind"] == "QuantumJob", made
    asked = {
        "digest": DIGEST,
        "policy": "open",
        "policyUid": "u",
        "policyGeneration": 1,
        "backend": "any",
        "askedTime": "2026-01-01T00:00:00Z",
    }
    place = people.place
    given = ("--subresource=status", "--type=merge", f"--patch={json.dumps({'status': {'approval': asked}})}")
    place.cluster.kubectl("patch", "quantumjob", name, f"--namespace={place.namespace}", *given)


def test_nobody_approves_their_own_job(people: People) -> None:
    """Not even who has the verb approve; somebody else who has it does."""
    asking(people, "own", people.approver)
    assert "submitted job 'own', and can't approve it" in refusal(people.approver.decide("own"))


def test_it_takes_the_verb_approve(people: People) -> None:
    """Who may change jobs may not approve them by that alone."""
    asking(people, "theirs", people.submitter)
    assert "may not decide on job 'theirs'; it takes the verb approve" in refusal(people.visitor.decide("theirs"))


def test_nobody_approves_in_the_name_of_another(people: People) -> None:
    """The name is that which the API server authenticated."""
    asking(people, "in-the-name-of", people.submitter)
    said = refusal(people.approver.decide("in-the-name-of", by="the-director"))
    assert "spec.approval.by: 'the-director'" in said
    assert people.approver.name in said


def test_what_is_approved_is_what_is_asked(people: People) -> None:
    """A digest that is not the job's is refused, and so is a rejection without a reason."""
    asking(people, "of-another-plan", people.submitter)
    said = refusal(people.approver.decide("of-another-plan", digest="e" * 64))
    assert f"the job asks for approval of '{DIGEST}'" in said
    assert "a rejection needs a reason" in refusal(people.approver.decide("of-another-plan", "Rejected"))


def test_a_second_person_approves(people: People) -> None:
    """Under their own name, which stays: who may not approve can neither change nor remove it."""
    asking(people, "approved", people.submitter)
    assert people.approver.decide("approved")["spec"]["approval"]["by"] == people.approver.name
    for change in (None, {"reason": "x"}):
        said = refusal(people.submitter.patch("approved", {"spec": {"approval": change}}))
        assert "it takes the verb approve" in said
    assert people.submitter.patch("approved", {"spec": {"cancel": True}})["spec"]["cancel"] is True


# --- what runs are made of ------------------------------------------------------------------------------------------

POD: Json = {"containers": [{"name": "run", "image": "x"}], "restartPolicy": "Never"}
MARK = {f"{GROUP}/job-uid": "11111111-1111-1111-1111-111111111111"}
OWNER = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "QuantumJob", "name": "forged", "uid": "u", "controller": True}


def batch_job(name: str, labels: Json | None = None, of_pods: Json | None = None, **metadata: Any) -> Json:
    """A batch/v1 Job."""
    template = {"metadata": {"labels": of_pods or {}}, "spec": POD}
    given = {"name": name, "labels": labels or {}, **metadata}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": given, "spec": {"template": template}}


def config_map(name: str, **metadata: Any) -> Json:
    """A ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": {}}


LOOKALIKES: list[tuple[str, Json, str, str]] = [
    ("a Job", batch_job("forged", MARK), "jobs", "batch/v1"),
    ("a Job whose pods are", batch_job("forged", of_pods=MARK), "jobs", "batch/v1"),
    ("a Job of ours", batch_job("forged", ownerReferences=[OWNER]), "jobs", "batch/v1"),
    ("a shared run", batch_job(f"batch-{'0' * 32}"), "jobs", "batch/v1"),
    (
        "a pod",
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "forged", "labels": MARK}, "spec": POD},
        "pods",
        "v1",
    ),
    ("an artifact", config_map("forged", labels=MARK), "configmaps", "v1"),
    ("an artifact of ours", config_map("forged", ownerReferences=[OWNER]), "configmaps", "v1"),
    ("a claim", config_map("quantum-claim-x"), "configmaps", "v1"),
]


@pytest.mark.parametrize(("body", "plural", "group"), [r[1:] for r in LOOKALIKES], ids=[r[0] for r in LOOKALIKES])
def test_what_looks_like_ours_is_refused(people: People, body: Json, plural: str, group: str) -> None:
    """Who may create Jobs, pods and ConfigMaps may not create those of a run; whoever writes its status may."""
    said = refusal(people.submitter.create(body, plural, group))
    assert "are for the operator and its agents to write" in said
    assert people.submitter.name in said
    assert people.operator.create(body, plural, group, dryRun="All")["kind"] == body["kind"]
    if plural == "configmaps":
        assert people.agent.create(body, plural, group, dryRun="All")["kind"] == body["kind"]


def test_other_objects_are_their_owners_business(people: People) -> None:
    """What has none of our marks is created and changed as ever, and nothing of it becomes one of ours later."""
    plain = batch_job("plain", {"app": "x"}, {"app": "x"})
    assert people.submitter.create(plain, "jobs", "batch/v1")["kind"] == "Job"
    assert people.submitter.create(config_map("plain", labels={"app": "x"}), "configmaps", "v1")["kind"] == "ConfigMap"
    place = people.place
    label = ("label", "configmap", "plain", f"--namespace={place.namespace}", "--overwrite")
    place.cluster.kubectl(*label, "app=y", user=people.submitter.name)
    forged = place.cluster.kubectl(*label, f"{GROUP}/job-uid=u", user=people.submitter.name, check=False)
    assert "are for the operator and its agents to write" in forged.stderr
