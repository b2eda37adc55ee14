"""What a job asks, and the figures by which each backend is judged: on record, so that a decision can be repeated."""

from typing import Annotated, Literal

from pydantic import Field

from quantum_operator.api.budget import Amount, CapFigures, JobBudget, Obstacle
from quantum_operator.api.execution import ExecutionMode, Ppm
from quantum_operator.api.governance import Consent, Governed, SdkVersion, Terms, Tier
from quantum_operator.api.meta import ApiModel, Micros, Name, ObjectName, Timestamp
from quantum_operator.api.routing import Routing

Count = Annotated[int, Field(ge=0, le=9_007_199_254_740_991)]
Note = Annotated[str, Field(max_length=256)]


class Demand(ApiModel):
    """What the job asks of a backend; read off its programs and task when it is accepted."""

    qubits: Annotated[Count, Field(description="Of the widest program.")]
    shots: Annotated[Count, Field(description="Over all pubs and bindings; 0 where precision decides.")]
    physical: Annotated[bool, Field(description="A program names the target's own qubits.")] = False
    simulated: Annotated[
        bool, Field(description="It asks for what only a simulator gives: exact values, noise, or the memory of shots.")
    ] = False
    executed_shots: Annotated[
        Count, Field(description="Over all bindings and terms: no more shots than these are executed; 0: not known.")
    ] = 0
    mode: Annotated[ExecutionMode, Field(description="How it is to be run on a provider's device.")] = "job"
    fallback: Annotated[
        int | None,
        Field(ge=0, le=7, description="The link of the policy's spec.fallback by which the job is to go on, from 0."),
    ] = None
    simulator: Annotated[bool, Field(description="It is a fallback to a simulator.")] = False
    shadow: Annotated[
        ObjectName | None, Field(description="Of a shadow: its policy's spec.shadow.backend, where alone it may go.")
    ] = None
    free: Annotated[
        bool, Field(description="Something may have been paid for already: the backend must cost nothing.")
    ] = False
    terms: Terms = Field(default_factory=Terms)


class JobFigures(ApiModel):
    """What the choice of a backend depends on of the job itself, beside its demand."""

    seconds: Annotated[Count, Field(description="spec.activeDeadlineSeconds: how long one run may take.")] = 600
    queue_seconds: Annotated[Count | None, Field(description="spec.queueDeadlineSeconds, where it has one.")] = None
    budget_seconds: Annotated[Count | None, Field(description="spec.timeBudgetSeconds, where it has one.")] = None
    payoff_micros: Annotated[Micros | None, Field(description="spec.expectedPayoffMicros, where it has one.")] = None
    bucket: Annotated[
        int | None,
        Field(ge=0, le=99, description="Where its UID falls among the shares of spec.traffic; absent: there are none."),
    ] = None
    team: Annotated[Note, Field(description="The team that pays; empty: none.")] = ""
    budget: Annotated[JobBudget | None, Field(description="spec.budget: the most that the job may cost.")] = None
    spent_micros: Annotated[Micros, Field(description="What its attempts cost before.")] = 0


class Question(ApiModel):
    """What every candidate was asked: with the candidates' figures, all that the choice depended on."""

    policy: Annotated[Note, Field(description="The name of the BackendPolicy.")] = ""
    policy_generation: Annotated[Count, Field(description="The policy's metadata.generation at that moment.")] = 0
    namespace: Annotated[Note, Field(description="The job's namespace.")] = ""
    now: Annotated[Timestamp, Field(description="The moment.")] = ""
    routing: Routing | None = None
    drawn: Annotated[
        ObjectName | None, Field(description="The backend whose share of the policy's traffic the job falls into.")
    ] = None
    demand: Demand
    job: JobFigures = Field(default_factory=JobFigures)
    on_exceeded: Annotated[
        Literal["Fail", "Wait"], Field(description="The policy's spec.onExceeded: what a job does that fits no budget.")
    ] = "Wait"
    quantum_enabled: Annotated[bool, Field(description="The policy's spec.quantumEnabled.")] = True
    governed: Governed = Field(default_factory=Governed)


class Figures(ApiModel):
    """What one backend was judged by. An absent figure is not known, or says nothing of this backend."""

    choice: Annotated[
        int, Field(ge=0, le=63, description="Which entry of the policy's spec.backends it is reached by, from 0.")
    ] = 0
    shared: Annotated[
        bool, Field(description="Whether it is shared with the job's namespace; where not, nothing else is said of it.")
    ] = True
    kind: Annotated[
        Literal["Hardware", "Simulator"] | None, Field(description="Whether it is a device or simulates one.")
    ] = None
    provider: Annotated[
        bool | None, Field(description="Whether a provider runs it: a device, or a simulator of the provider's.")
    ] = None
    adapter: Annotated[Name | None, Field(description="Its spec.adapter.")] = None
    tier: Annotated[Tier | None, Field(description="The highest tier of the jobs that it is fit for.")] = None
    region: Annotated[Name | None, Field(description="Where it is.")] = None
    sdk_version: Annotated[SdkVersion | None, Field(description="The version of the SDK that its agent has.")] = None
    approved: Annotated[
        Consent | None,
        Field(description="What the policy says of its provider, where it says of any."),
    ] = None
    approval: Annotated[
        Literal["Needed", "Given"] | None, Field(description="Whether somebody has to approve the plan, or has.")
    ] = None
    qubits: Annotated[Count | None, Field(description="How many qubits it has.")] = None
    max_shots: Annotated[Count | None, Field(description="How many shots it takes of a job.")] = None
    modes: Annotated[
        tuple[ExecutionMode, ...] | None, Field(max_length=3, description="Of a provider's: the modes it has.")
    ] = None
    ceiling_micros: Annotated[
        Micros | None, Field(description="What the job costs there at most, in millionths of the currency's unit.")
    ] = None
    currency: Annotated[Note | None, Field(description="The currency of its price; absent: it has none.")] = None
    memory_bytes: Annotated[Count | None, Field(description="What a run has for the simulated state.")] = None
    needed_bytes: Annotated[
        Count | None, Field(description="What the state of the widest program takes, where its method tells.")
    ] = None
    queue_length: Annotated[Count | None, Field(description="How many tasks wait in the provider's queue.")] = None
    wait_seconds: Annotated[Count | None, Field(description="How long that queue is forecast to take.")] = None
    calibration_age_seconds: Annotated[Count | None, Field(description="How long ago it was calibrated.")] = None
    fidelity_ppm: Annotated[Ppm | None, Field(description="The fidelity of a gate on two qubits.")] = None
    share: Annotated[int | None, Field(ge=0, le=100, description="Its percentage in spec.traffic.")] = None
    tried: Annotated[Note | None, Field(description="Why the job is not to go there again.")] = None
    ready: Annotated[bool | None, Field(description="Whether its Ready condition is True.")] = None
    state: Annotated[Note | None, Field(description="Where it is not ready: the message of that condition.")] = None
    breaker: Annotated[
        Literal["Open", "HalfOpen"] | None, Field(description="The state of its breaker; absent: closed, or none.")
    ] = None
    probes: Annotated[
        Count | None, Field(description="Of one that is half-open: how many attempts it may be given now.")
    ] = None
    runs: Annotated[Count | None, Field(description="How many runs it had under way.")] = None
    max_runs: Annotated[Count | None, Field(description="How many runs it takes at a time.")] = None
    place: Annotated[bool | None, Field(description="True: a run that others share had a place for the job.")] = None
    cap: CapFigures | None = None
    obstacle: Obstacle | None = None
    refused: Annotated[
        Amount | None, Field(description="What a better candidate would cost, for which there is no budget.")
    ] = None


class Candidate(ApiModel):
    """The verdict on one backend, why, and the figures that it was judged by."""

    backend: Annotated[ObjectName, Field(description="The QuantumBackend's name.")]
    verdict: Annotated[
        Literal["Chosen", "Eligible", "Rejected"],
        Field(description="Chosen; Eligible, but later in the policy's order; or Rejected."),
    ]
    reason: Annotated[str, Field(max_length=64, description="Why, in one word.")]
    message: Annotated[str, Field(max_length=2048, description="Why, for people.")] = ""
    score: Annotated[
        int | None, Field(ge=0, le=1000, description="Of one that is eligible: by the weights of spec.routing.")
    ] = None
    figures: Figures | None = None
