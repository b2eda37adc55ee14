"""Every rule of governance by itself, for a job and over a backend, and what holds of all of them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.conditions import CANDIDATE_REASONS, REASONS
from quantum_operator.api.figures import Demand
from quantum_operator.api.governance import TIER_LABEL, TIERS, Terms, Tier
from quantum_operator.api.policy import BackendPolicy
from quantum_operator.decide.accept import accept
from quantum_operator.decide.assign import Head, Snapshot, assign
from quantum_operator.decide.claim import spec_digest
from quantum_operator.decide.complaint import Complaint
from quantum_operator.decide.figures import Request, figures_of, question_of
from quantum_operator.decide.governance import (
    GOVERNANCE,
    JOB_RULES,
    Objection,
    class_is_allowed,
    data_class_allowed,
    is_above,
    objection_to,
    provider_is_approved,
    provider_is_asked_for,
    providers_approved,
    region_is_allowed,
    regions_allowed,
    sdk_is_approved,
    terms_of,
    tier_fits_backend,
    tier_fits_namespace,
    tier_within_policy,
)
from quantum_operator.decide.observed import Assignment
from quantum_operator.decide.routing import judge
from quantum_operator.decide.verdict import Rule
from quantum_operator.testing.builders import backend, job, policy
from unit.decide.observations import submitted

Json = dict[str, Any]
JobRule = Callable[..., Objection | None]
QPU: Json = {"adapter": "ibm", "provider": {"agent": "ibm", "device": "qpu"}, "price": {"perSecondMicros": 1}}
AT_HOME = {"classes": [{"name": "public"}, {"name": "confidential", "regions": ["eu"]}]}
IBM = {"providers": [{"adapter": "ibm"}]}
IBM_1 = {"providers": [{"adapter": "ibm", "sdkVersions": ["1.0", "1.1"]}]}
CONFIDENTIAL = {"class": "confidential"}


def qpu(sdk: str | None = None, **spec: Any) -> QuantumBackend:
    """A provider's device, whose agent has this SDK."""
    one = backend("qpu", **{**QPU, **spec})
    return one.model_copy(update={"status": one.status.model_copy(update={"sdk_version": sdk})})


def asking(under: Json | None = None, labels: Json | None = None, **spec: Any) -> Request:
    """A job with these fields, under a policy with those, in a namespace with these labels."""
    rules = policy(**(under or {})).spec
    terms = terms_of(job(**spec).spec, rules)
    return Request(Demand(qubits=2, shots=10, terms=terms), "team", labels or {}, policy=rules)


def labelled(tier: str) -> Json:
    """The label of a namespace of this tier."""
    return {TIER_LABEL: tier}


# --- a job under a policy -------------------------------------------------------------------------------------------

OF_JOBS: list[tuple[str, JobRule, Json, Json, str]] = [
    ("no tier", tier_within_policy, {}, {"tier": "pilot"}, ""),
    ("the policy's tier", tier_within_policy, {"tier": "pilot"}, {"tier": "pilot"}, ""),
    ("a lower tier", tier_within_policy, {"tier": "sandbox"}, {"tier": "pilot"}, ""),
    ("a higher tier", tier_within_policy, {"tier": "production"}, {"tier": "pilot"}, "TierNotAllowed"),
    ("of a policy without a tier", tier_within_policy, {"tier": "pilot"}, {}, "TierNotAllowed"),
    ("no rules for data", data_class_allowed, {"data": CONFIDENTIAL}, {}, ""),
    ("a class that is allowed", data_class_allowed, {"data": CONFIDENTIAL}, {"data": AT_HOME}, ""),
    ("a class that is not", data_class_allowed, {"data": {"class": "internal"}}, {"data": AT_HOME}, "DataNotAllowed"),
    ("whoever does not say is internal", data_class_allowed, {}, {"data": AT_HOME}, "DataNotAllowed"),
    ("no regions named", regions_allowed, {"data": CONFIDENTIAL}, {"data": AT_HOME}, ""),
    ("at home", regions_allowed, {"data": {**CONFIDENTIAL, "regions": ["eu"]}}, {"data": AT_HOME}, ""),
    ("abroad", regions_allowed, {"data": {**CONFIDENTIAL, "regions": ["us"]}}, {"data": AT_HOME}, "RegionNotAllowed"),
    (
        "abroad as well",
        regions_allowed,
        {"data": {**CONFIDENTIAL, "regions": ["eu", "us"]}},
        {"data": AT_HOME},
        "RegionNotAllowed",
    ),
    ("public abroad", regions_allowed, {"data": {"class": "public", "regions": ["us"]}}, {"data": AT_HOME}, ""),
    ("nothing is said of regions", regions_allowed, {"data": {"regions": ["us"]}}, {}, ""),
    ("no provider named", providers_approved, {}, {"approved": IBM}, ""),
    ("an approved one", providers_approved, {"providers": ["ibm"]}, {"approved": IBM}, ""),
    ("another one", providers_approved, {"providers": ["ibm", "iqm"]}, {"approved": IBM}, "ProviderNotApproved"),
    ("any, where none is approved", providers_approved, {"providers": ["iqm"]}, {}, ""),
]


@pytest.mark.parametrize(("rule", "spec", "under", "reason"), [row[1:] for row in OF_JOBS], ids=[r[0] for r in OF_JOBS])
def test_a_job_may_be_under_a_policy_or_not(rule: JobRule, spec: Json, under: Json, reason: str) -> None:
    """Each rule on both sides; an objection names the field, the policy and a remedy, and is the one that is made."""
    one, its = job(**spec), policy(name="strict", **under)
    objection = rule(one.spec, its)
    assert (objection.reason if objection else "") == reason
    if objection is not None:
        assert objection == objection_to(one.spec, its)
        assert objection.message.startswith("spec.")
        assert "BackendPolicy 'strict'" in objection.message
        assert "; name " in objection.message
        assert objection.reason in REASONS


def test_the_first_objection_to_a_job_is_made() -> None:
    """Tier, class, regions and providers, in this order."""
    wrong: list[Json] = [{"tier": "production"}, {"data": {"class": "internal"}}, {"providers": ["iqm"]}]
    strict = policy(data=AT_HOME, approved=IBM)
    told = []
    for first in range(len(wrong)):
        spec = {key: value for part in wrong[first:] for key, value in part.items()}
        objection = objection_to(job(**{"data": {"class": "public"}, **spec}).spec, strict)
        assert objection is not None
        told.append(objection.reason)
    assert told == ["TierNotAllowed", "DataNotAllowed", "ProviderNotApproved"]


def test_what_a_rule_objects_to_is_not_accepted() -> None:
    """With the rule's own words, and before anything is asked of programs."""
    for _, _, spec, under, reason in OF_JOBS:
        found = accept(replace(submitted(**spec), policy=policy(**under)))
        assert isinstance(found, Complaint) == bool(reason)
        if isinstance(found, Complaint):
            assert found.reason == reason
            assert not found.waits
            assert REASONS[found.reason]


# --- a backend for a job --------------------------------------------------------------------------------------------

OF_BACKENDS: list[tuple[str, Rule, QuantumBackend, str]] = [
    ("no label", tier_fits_namespace, backend(), asking({"tier": "production"}), ""),
    ("as high", tier_fits_namespace, backend(), asking({"tier": "pilot"}, labelled("pilot")), ""),
    ("lower", tier_fits_namespace, backend(), asking({"tier": "pilot"}, labelled("production")), ""),
    ("higher", tier_fits_namespace, backend(), asking({"tier": "pilot"}, labelled("sandbox")), "TierNotAllowed"),
    ("no such tier", tier_fits_namespace, backend(), asking({}, labelled("Pilot")), "TierNotAllowed"),
    (
        "the job's own tier",
        tier_fits_namespace,
        backend(),
        asking({"tier": "production"}, labelled("sandbox"), tier="sandbox"),
        "",
    ),
    ("fit for all", tier_fits_backend, backend(), asking({"tier": "production"}), ""),
    ("fit for this", tier_fits_backend, backend(tier="pilot"), asking({"tier": "pilot"}), ""),
    ("unfit", tier_fits_backend, backend(tier="pilot"), asking({"tier": "production"}), "TierNotAllowed"),
    ("no rules", class_is_allowed, backend(), asking(data=CONFIDENTIAL), ""),
    ("allowed", class_is_allowed, backend(), asking({"data": AT_HOME}, data=CONFIDENTIAL), ""),
    ("not allowed", class_is_allowed, backend(), asking({"data": AT_HOME}), "DataNotAllowed"),
    ("nobody asks", region_is_allowed, qpu(), asking(data=CONFIDENTIAL), ""),
    ("at home", region_is_allowed, qpu(region="eu"), asking({"data": AT_HOME}, data=CONFIDENTIAL), ""),
    ("abroad", region_is_allowed, qpu(region="us"), asking({"data": AT_HOME}, data=CONFIDENTIAL), "RegionNotAllowed"),
    ("nowhere", region_is_allowed, qpu(), asking({"data": AT_HOME}, data=CONFIDENTIAL), "RegionNotAllowed"),
    ("the cluster", region_is_allowed, backend(), asking({"data": AT_HOME}, data=CONFIDENTIAL), ""),
    (
        "a simulator abroad",
        region_is_allowed,
        backend(region="us"),
        asking({"data": AT_HOME}, data=CONFIDENTIAL),
        "RegionNotAllowed",
    ),
    ("public abroad", region_is_allowed, qpu(region="us"), asking({"data": AT_HOME}, data={"class": "public"}), ""),
    ("as the job wants", region_is_allowed, qpu(region="us"), asking(data={"regions": ["us"]}), ""),
    ("not as it wants", region_is_allowed, qpu(region="eu"), asking(data={"regions": ["us"]}), "RegionNotAllowed"),
    ("any provider", provider_is_asked_for, qpu(), asking(), ""),
    ("this provider", provider_is_asked_for, qpu(), asking(providers=["ibm"]), ""),
    ("another provider", provider_is_asked_for, qpu(), asking(providers=["iqm"]), "ProviderNotAsked"),
    ("all approved", provider_is_approved, qpu(), asking(), ""),
    ("approved", provider_is_approved, qpu(), asking({"approved": IBM}), ""),
    ("not approved", provider_is_approved, backend(), asking({"approved": IBM}), "ProviderNotApproved"),
    ("any SDK", sdk_is_approved, qpu("9.9"), asking({"approved": IBM}), ""),
    ("an approved SDK", sdk_is_approved, qpu("1.1"), asking({"approved": IBM_1}), ""),
    ("another SDK", sdk_is_approved, qpu("1.2"), asking({"approved": IBM_1}), "SdkNotApproved"),
    ("an unknown SDK", sdk_is_approved, qpu(), asking({"approved": IBM_1}), "SdkNotApproved"),
    ("the SDK of another", sdk_is_approved, backend(), asking({"approved": IBM_1}), ""),
]


@pytest.mark.parametrize(
    ("rule", "have", "asked", "reason"), [row[1:] for row in OF_BACKENDS], ids=[row[0] for row in OF_BACKENDS]
)
def test_a_backend_may_have_a_job_or_not(rule: Rule, have: QuantumBackend, asked: Request, reason: str) -> None:
    """Each rule on both sides. Only what an agent has not said yet may be otherwise later."""
    objection = rule(figures_of(have, asked), question_of(asked))
    assert (objection.reason if objection else "") == reason
    if objection is not None:
        assert objection.reason in CANDIDATE_REASONS
        assert objection.passing == (reason == "SdkNotApproved" and have.status.sdk_version is None)


def test_every_rule_is_tried_on_both_sides() -> None:
    """No rule is in force that the tables leave out."""
    for rules, table in ((JOB_RULES, OF_JOBS), (GOVERNANCE, OF_BACKENDS)):
        tried = {(row[1], bool(row[-1])) for row in table}
        assert tried == {(rule, objects) for rule in rules for objects in (True, False)}


def objections() -> Iterator[Assignment]:
    """What becomes of a job whose only backend is objected to, for each row that objects."""
    for _, _, have, asked, reason in OF_BACKENDS:
        if reason:
            assert asked.policy is not None
            rules = asked.policy.model_copy(update={"backends": policy(have.metadata.name).spec.backends})
            head = Head("a", "2026", 0, "default", rules, replace(asked, policy=rules))
            yield from assign(Snapshot((head,), (have,)))


def test_an_objection_keeps_the_job_off_the_backend() -> None:
    """What a rule objects to is never assigned, and the job hears the reason."""
    expected = [row[-1] for row in OF_BACKENDS if row[-1]]
    assert [one.candidates[0].reason for one in objections()] == expected
    assert {one.backend for one in objections()} == {""}


# --- all of them ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tier", "limit"), list(product(TIERS, TIERS)))
def test_tiers_have_an_order(tier: Tier, limit: Tier) -> None:
    """Sandbox is lowest and production highest."""
    assert is_above(tier, limit) == (TIERS.index(tier) > TIERS.index(limit))


REGIONS = st.one_of(st.none(), st.lists(st.sampled_from(["eu", "us", "uk"]), min_size=1, unique=True))
CLASSES = st.sampled_from(["public", "internal", "confidential"])
POLICIES = st.builds(
    lambda tier, classes, adapters: policy(
        tier=tier,
        **({"data": {"classes": [_rule(*one) for one in classes]}} if classes else {}),
        **({"approved": {"providers": [{"adapter": one} for one in adapters]}} if adapters else {}),
    ),
    st.sampled_from(TIERS),
    st.lists(st.tuples(CLASSES, REGIONS), unique_by=lambda one: one[0]),
    st.lists(st.sampled_from(["ibm", "iqm", "simulator"]), unique=True),
)
SPECS = st.builds(
    lambda tier, kind, regions, adapters: (
        job(
            **({"tier": tier} if tier else {}),
            data={"class": kind, **({"regions": regions} if regions else {})},
            **({"providers": adapters} if adapters else {}),
        ).spec
    ),
    st.sampled_from([None, *TIERS]),
    CLASSES,
    REGIONS,
    st.lists(st.sampled_from(["ibm", "iqm", "simulator"]), unique=True),
)
BACKENDS = st.builds(
    lambda on_cluster, region, tier: (backend if on_cluster else qpu)(
        **({"region": region} if region else {}), **({"tier": tier} if tier else {})
    ),
    st.booleans(),
    st.sampled_from([None, "eu", "us", "uk"]),
    st.sampled_from([None, *TIERS]),
)
LABELS = st.sampled_from([{}, *({TIER_LABEL: tier} for tier in (*TIERS, "gold"))])


def _rule(name: str, regions: list[str] | None) -> Json:
    return {"name": name} if regions is None else {"name": name, "regions": regions}


@given(SPECS, POLICIES, BACKENDS, LABELS)
def test_where_a_job_is_let_go_its_data_may_be(
    spec: Any, under: BackendPolicy, have: QuantumBackend, labels: Any
) -> None:
    """Whatever is written: a backend that may have the job is in a region, of a tier and a provider that all allow."""
    terms = terms_of(spec, under.spec)
    request = Request(Demand(qubits=2, shots=10, terms=terms), "team", labels, policy=under.spec)
    if objection_to(spec, under) is not None or judge(have, request) is not None:
        return
    if have.spec.region is not None:
        assert terms.regions is None or have.spec.region in terms.regions
        rules = {one.name: one.regions for one in under.spec.data.classes} if under.spec.data else {}
        assert have.spec.region in (rules.get(terms.data_class) or (have.spec.region,))
        assert not rules or terms.data_class in rules
    limits = [under.spec.tier, have.spec.tier or "production", labels.get(TIER_LABEL, "production")]
    assert all(TIERS.index(terms.tier) <= TIERS.index(one) for one in limits)
    assert spec.providers is None or have.spec.adapter in spec.providers


def test_a_job_takes_the_tier_of_its_policy() -> None:
    """Unless it names one of its own."""
    assert terms_of(job().spec, policy(tier="pilot").spec) == Terms(tier="pilot")
    assert terms_of(job(tier="sandbox").spec, policy(tier="pilot").spec).tier == "sandbox"


@pytest.mark.parametrize("field", [{"tier": "sandbox"}, {"data": CONFIDENTIAL}, {"providers": ["ibm"]}], ids=str)
def test_a_result_is_not_shared_across_terms(field: Json) -> None:
    """Under one idempotencyKey a job with other terms is another job: its result may be for other eyes."""
    assert spec_digest(job(**field), "0" * 64) != spec_digest(job(), "0" * 64)
