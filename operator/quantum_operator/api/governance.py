"""Governance: who may run what, where its data may go, and what a second person has to approve.

The types of it in every resource: what a policy allows and asks approval for, what a job asks, and what is on record.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from quantum_operator.api.meta import (
    GROUP,
    ApiModel,
    Cel,
    ListMap,
    ListSet,
    Micros,
    Name,
    ObjectName,
    Sha256,
    Timestamp,
)

Tier = Literal["sandbox", "pilot", "production"]
"""Lower tiers come first: a job may be of no higher tier than its policy, its namespace and its backend."""

TIERS: tuple[Tier, ...] = ("sandbox", "pilot", "production")

TIER_LABEL = f"{GROUP}/tier"
"""Label of a namespace: the highest tier of the jobs that it may have. Without it, any."""

SUBMITTER = f"{GROUP}/submitter"
"""Annotation of a job: who created it, by the name that the API server authenticated. Written by admission alone."""

UNDER_POLICY = f"{GROUP}/under-policy"
"""Annotation of a job: its own UID and that of the policy which it named when it was created. By admission alone."""

DataClass = Literal["public", "internal", "confidential"]
Regions = Annotated[tuple[Name, ...], Field(min_length=1, max_length=8), ListSet()]
Adapters = Annotated[tuple[Name, ...], Field(min_length=1, max_length=8), ListSet()]
Consent = Literal["Approved", "ProviderNotApproved", "SdkNotApproved"]
SdkVersion = Annotated[str, Field(min_length=1, max_length=64)]
UserName = Annotated[str, Field(min_length=1, max_length=512)]
Words = Annotated[str, Field(max_length=1024)]
Shots = Annotated[int, Field(ge=0, le=9_007_199_254_740_991)]


class JobData(ApiModel):
    """What data a job has, and where they may go."""

    class_: Annotated[
        DataClass,
        Field(
            alias="class",
            description="public, internal or confidential. Counts and values of confidential jobs are in no status.",
        ),
    ] = "internal"
    regions: Annotated[
        Regions | None,
        Field(description="The regions that its programs and results may go to; absent: all that the policy allows."),
    ] = None


class DataClassRule(ApiModel):
    """A class of data that jobs may have, and where such data may go."""

    name: Annotated[DataClass, Field(description="The class: public, internal or confidential.")]
    regions: Annotated[
        Regions | None, Field(description="The regions that such data may go to; absent: wherever a backend is.")
    ] = None


class DataRules(ApiModel):
    """Which data the jobs under a policy may have."""

    classes: Annotated[
        tuple[DataClassRule, ...],
        Field(min_length=1, max_length=3, description="The classes that are allowed; jobs with any other are refused."),
        ListMap(("name",)),
    ]


class ApprovedProvider(ApiModel):
    """A provider that may be used, by its adapter."""

    cel_rules: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "!has(self.sdkVersions) || self.adapter != 'simulator'",
            "no version of a simulator is known before its run: name its image in spec.run.image of the QuantumBackend",
            field_path=".sdkVersions",
        ),
    )

    adapter: Annotated[Name, Field(description="The adapter, as in spec.adapter of a QuantumBackend.")]
    sdk_versions: Annotated[
        tuple[SdkVersion, ...] | None,
        Field(
            min_length=1,
            max_length=16,
            description="The versions of its SDK that may be used, as in status.sdkVersion of a QuantumBackend; "
            "absent: any.",
        ),
        ListSet(),
    ] = None


class Approved(ApiModel):
    """What has been approved for use, once and for all jobs."""

    providers: Annotated[
        tuple[ApprovedProvider, ...],
        Field(min_length=1, max_length=32, description="The providers that may be used; no other backend is."),
        ListMap(("adapter",)),
    ]


class ApprovalRules(ApiModel):
    """Which jobs wait until somebody else than who submitted them approves."""

    above_micros: Annotated[
        Micros | None,
        Field(description="Those that may cost more than this, in millionths of the currency's unit."),
    ] = None
    currency: Annotated[
        str,
        Field(
            min_length=3,
            max_length=3,
            pattern=r"^[A-Z]{3}$",
            description="The currency of aboveMicros, by its code of ISO 4217; a price in another one needs approval.",
        ),
    ] = "USD"
    above_shots: Annotated[Shots | None, Field(description="Those that ask for more shots than this in all.")] = None
    data_classes: Annotated[
        tuple[DataClass, ...], Field(max_length=3, description="Those with data of these classes."), ListSet()
    ] = ()
    tiers: Annotated[tuple[Tier, ...], Field(max_length=3, description="Those of these tiers."), ListSet()] = ()
    expires_seconds: Annotated[
        int,
        Field(
            ge=60,
            le=31_536_000,
            description="Attempts may begin for so many seconds after an approval; then it takes another.",
        ),
    ] = 86_400


class Approval(ApiModel):
    """A decision on a job that waits for one, by somebody who may: verb approve on quantumjobs."""

    cel_rules: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "self.decision != 'Rejected' || has(self.reason)",
            "a rejection needs a reason",
            field_path=".reason",
            reason="FieldValueRequired",
        ),
    )

    decision: Annotated[
        Literal["Approved", "Rejected"],
        Field(description="Approved lets the job go on, Rejected ends it."),
    ]
    by: Annotated[UserName, Field(description="Who decides: the name under which the API server knows them.")]
    digest: Annotated[Sha256, Field(description="What is decided on: status.approval.digest as it is at that moment.")]
    reason: Annotated[Words | None, Field(min_length=1, description="Why, for people.")] = None


class Terms(ApiModel):
    """Under what terms a job runs: what its tier is, what data it has, and where it may go."""

    tier: Annotated[Tier, Field(description="Its tier: spec.tier, or else that of its policy.")] = "sandbox"
    data_class: Annotated[DataClass, Field(description="The class of its data: spec.data.class.")] = "internal"
    regions: Annotated[Regions | None, Field(description="Where its data may go at most: spec.data.regions.")] = None
    providers: Annotated[Adapters | None, Field(description="By which adapters it may be run: spec.providers.")] = None


class Governed(ApiModel):
    """What a job's policy and namespace say of it, whichever backend it goes to."""

    namespace_tier: Annotated[
        str | None, Field(max_length=63, description="The namespace's label quantum-operator.dev/tier; absent: none.")
    ] = None
    class_allowed: Annotated[bool, Field(description="Whether the policy allows data of the job's class.")] = True
    regions: Annotated[Regions | None, Field(description="Where the policy lets such data go.")] = None


class ApprovalStatus(ApiModel):
    """What is to be approved, in plain figures and as a digest, and what was decided."""

    digest: Annotated[
        Sha256, Field(description="Of the job as accepted, the policy, the backend and the most that it may cost.")
    ]
    policy: Annotated[ObjectName, Field(description="The BackendPolicy's name.")]
    policy_uid: Annotated[str, Field(max_length=64, description="The policy's UID.")]
    policy_generation: Annotated[Shots, Field(description="The policy's metadata.generation.")]
    backend: Annotated[ObjectName, Field(description="The QuantumBackend that the job would run on.")]
    ceiling_micros: Annotated[
        Micros | None,
        Field(description="What the job costs there at most, in millionths of the currency's unit; absent: no bound."),
    ] = None
    currency: Annotated[str, Field(max_length=3, description="The currency, by its code of ISO 4217.")] = "USD"
    shots: Annotated[Shots, Field(description="How many shots it asks for in all; 0 where precision decides.")] = 0
    terms: Terms = Field(default_factory=Terms)
    because: Annotated[
        tuple[Annotated[str, Field(max_length=256)], ...],
        Field(max_length=8, description="What of the policy's spec.approval asks for it."),
    ] = ()
    asked_time: Annotated[Timestamp, Field(description="Since when it waits to be approved.")]
    by: Annotated[UserName | None, Field(description="Who approved it; absent: nobody yet.")] = None
    decided_time: Annotated[
        Timestamp | None, Field(description="When the operator saw the approval; it expires from then on.")
    ] = None
