"""Governance: whether a job may be under its policy, and whether a backend may have it. One question a function.

The API server refuses what is against a policy when a job is created. Policies change afterwards, and may be there
without admission, so that all of it is asked again here: `objection_to` when a job is accepted, and the rules over a
backend whenever one is chosen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.figures import Figures, Question
from quantum_operator.api.governance import TIER_LABEL, TIERS, Consent, DataClass, Governed, JobData, Terms, Tier
from quantum_operator.api.policy import BackendPolicy, BackendPolicySpec
from quantum_operator.api.quantumjob import QuantumJobSpec
from quantum_operator.decide.verdict import Rule, Verdict

_RANK: dict[str, int] = {tier: rank for rank, tier in enumerate(TIERS)}


@dataclass(frozen=True)
class Objection:
    """What is against a job: a reason of the list, and a message."""

    reason: str
    message: str


def terms_of(spec: QuantumJobSpec, policy: BackendPolicySpec) -> Terms:
    """Under what terms a job runs that is under this policy."""
    data = spec.data or JobData()
    return Terms(
        tier=spec.tier or policy.tier,
        data_class=data.class_,
        regions=data.regions,
        providers=spec.providers,
    )


def is_above(tier: Tier, limit: str) -> bool:
    """Whether a job of this tier is too high for the limit; a limit that is no tier is below all of them."""
    return _RANK[tier] > _RANK.get(limit, -1)


def tier_within_policy(spec: QuantumJobSpec, policy: BackendPolicy) -> Objection | None:
    """The job's tier is no higher than its policy's."""
    if spec.tier is None or not is_above(spec.tier, policy.spec.tier):
        return None
    return Objection(
        "TierNotAllowed",
        f"spec.tier: {spec.tier!r}: BackendPolicy {policy.metadata.name!r} is for jobs up to {policy.spec.tier!r} "
        "(spec.tier); name a policy of that tier",
    )


def data_class_allowed(spec: QuantumJobSpec, policy: BackendPolicy) -> Objection | None:
    """The policy has a rule for the class of the job's data, where it has any."""
    found = (spec.data or JobData()).class_
    rules = policy.spec.data
    if rules is None or any(one.name == found for one in rules.classes):
        return None
    return Objection(
        "DataNotAllowed",
        f"spec.data.class: {found!r}: BackendPolicy {policy.metadata.name!r} allows "
        f"{', '.join(one.name for one in rules.classes)} (spec.data.classes); name a policy that allows it",
    )


def regions_allowed(spec: QuantumJobSpec, policy: BackendPolicy) -> Objection | None:
    """No region that the job names is closed to data of its class."""
    data = spec.data or JobData()
    allowed = allowed_regions(data.class_, policy.spec)
    foreign = [one for one in data.regions or () if allowed is not None and one not in allowed]
    if not foreign or allowed is None:
        return None
    return Objection(
        "RegionNotAllowed",
        f"spec.data.regions: {', '.join(foreign)}: BackendPolicy {policy.metadata.name!r} lets {data.class_} data "
        f"go to {', '.join(allowed)} (spec.data.classes); name one of these",
    )


def providers_approved(spec: QuantumJobSpec, policy: BackendPolicy) -> Objection | None:
    """Every provider that the job names is approved."""
    approved = policy.spec.approved
    known = [one.adapter for one in approved.providers] if approved is not None else list(spec.providers or ())
    others = [one for one in spec.providers or () if one not in known]
    if not others:
        return None
    return Objection(
        "ProviderNotApproved",
        f"spec.providers: {', '.join(others)}: BackendPolicy {policy.metadata.name!r} approves {', '.join(known)} "
        "(spec.approved.providers); name one of these",
    )


JOB_RULES: tuple[Callable[[QuantumJobSpec, BackendPolicy], Objection | None], ...] = (
    tier_within_policy,
    data_class_allowed,
    regions_allowed,
    providers_approved,
)


def objection_to(spec: QuantumJobSpec, policy: BackendPolicy) -> Objection | None:
    """The first rule's objection to the job being under this policy; None: it may be."""
    return next((found for rule in JOB_RULES if (found := rule(spec, policy)) is not None), None)


def governed(terms: Terms, policy: BackendPolicySpec | None, namespace_labels: Mapping[str, str]) -> Governed:
    """What policy and namespace say of a job under these terms. No policy: nothing."""
    classes = policy.data.classes if policy is not None and policy.data is not None else None
    return Governed(
        namespace_tier=namespace_labels.get(TIER_LABEL),
        class_allowed=classes is None or any(one.name == terms.data_class for one in classes),
        regions=allowed_regions(terms.data_class, policy) if policy is not None else None,
    )


def consent(backend: QuantumBackend, policy: BackendPolicySpec | None) -> Consent | None:
    """What the policy says of the backend's provider; None where it says nothing of any."""
    if policy is None or policy.approved is None:
        return None
    found = next((one for one in policy.approved.providers if one.adapter == backend.spec.adapter), None)
    if found is None:
        return "ProviderNotApproved"
    versions = found.sdk_versions
    return "Approved" if versions is None or backend.status.sdk_version in versions else "SdkNotApproved"


def tier_fits_namespace(figures: Figures, question: Question) -> Verdict | None:  # noqa: ARG001 - a rule's signature
    """The job's tier is no higher than that of its namespace, where that has one."""
    tier, limit = question.demand.terms.tier, question.governed.namespace_tier
    if limit is None or not is_above(tier, limit):
        return None
    return Verdict("TierNotAllowed", f"the job's tier is {tier}, the label {TIER_LABEL} of its namespace is {limit}")


def tier_fits_backend(figures: Figures, question: Question) -> Verdict | None:
    """The backend is fit for jobs of this tier."""
    tier, limit = question.demand.terms.tier, figures.tier
    if limit is None or not is_above(tier, limit):
        return None
    return Verdict("TierNotAllowed", f"is fit for jobs up to {limit} (spec.tier), this one's tier is {tier}")


def class_is_allowed(figures: Figures, question: Question) -> Verdict | None:  # noqa: ARG001 - a rule's signature
    """The policy allows data of the job's class."""
    if question.governed.class_allowed:
        return None
    return Verdict(
        "DataNotAllowed", f"the policy allows no {question.demand.terms.data_class} data (spec.data.classes)"
    )


def region_is_allowed(figures: Figures, question: Question) -> Verdict | None:
    """The backend is in a region that both the policy and the job let the data go to."""
    region, terms = figures.region, question.demand.terms
    if figures.kind is None or (region is None and figures.kind == "Simulator"):
        return None
    for whose, regions in (("policy", question.governed.regions), ("job", terms.regions)):
        if regions is None or region in regions:
            continue
        where = f"is in {region}" if region is not None else "says no region (spec.region)"
        return Verdict(
            "RegionNotAllowed", f"{where}; the {whose} lets {terms.data_class} data go to {', '.join(regions)}"
        )
    return None


def provider_is_asked_for(figures: Figures, question: Question) -> Verdict | None:
    """The job takes the backend's provider."""
    adapter, asked = figures.adapter, question.demand.terms.providers
    if asked is None or adapter is None or adapter in asked:
        return None
    return Verdict("ProviderNotAsked", f"its adapter is {adapter}, the job asks for {', '.join(asked)}")


def provider_is_approved(figures: Figures, question: Question) -> Verdict | None:  # noqa: ARG001 - a rule's signature
    """The policy approves the backend's provider."""
    if figures.approved != "ProviderNotApproved":
        return None
    return Verdict("ProviderNotApproved", f"the policy does not approve adapter {figures.adapter} (spec.approved)")


def sdk_is_approved(figures: Figures, question: Question) -> Verdict | None:  # noqa: ARG001 - a rule's signature
    """The policy approves the version of the SDK that the backend's agent says it has."""
    if figures.approved != "SdkNotApproved":
        return None
    found = figures.sdk_version
    has = f"its agent has SDK {found}, which" if found is not None else "its agent has not said which SDK it has:"
    return Verdict("SdkNotApproved", f"{has} the policy does not approve (spec.approved)", passing=found is None)


GOVERNANCE: tuple[Rule, ...] = (
    tier_fits_namespace,
    tier_fits_backend,
    class_is_allowed,
    region_is_allowed,
    provider_is_asked_for,
    provider_is_approved,
    sdk_is_approved,
)
"""In this order, before what a backend can do."""


def allowed_regions(data_class: DataClass, policy: BackendPolicySpec) -> tuple[str, ...] | None:
    """Where the policy lets data of this class go; None: anywhere."""
    classes = policy.data.classes if policy.data is not None else ()
    return next((one.regions for one in classes if one.name == data_class), None)
