"""What decisions are made of: everything that was observed, frozen, and everything that may follow."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from quantum_operator.api.backend import QuantumBackend, RunTemplate
from quantum_operator.api.claim import Claim
from quantum_operator.api.execution import ExecutionMode
from quantum_operator.api.figures import Candidate, Demand, Figures, Question
from quantum_operator.api.jobstatus import ArtifactRef, QuantumJobStatus
from quantum_operator.api.policy import BackendPolicy
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import TaskCeiling, TaskJob
from quantum_operator.api.run import RunSpec
from quantum_operator.api.sharedtask import TaskGroup
from quantum_operator.decide.ledger import Booking, Settlement
from quantum_operator.decide.replay import Replay


@dataclass(frozen=True)
class Charge:
    """What a task cost, in millionths of the currency's unit; not `exact`: that is the most it can be."""

    micros: int
    currency: str
    exact: bool = True


@dataclass(frozen=True)
class RunObserved:
    """A run or a task as it was seen. `outcome` is there when it finished and left one that passed its digest.

    `failure` is the platform's word for why a finished run left no outcome (OOMKilled, Evicted, …), or why a pending
    one does not start: see `api.failures`. Of a task, `claimed` says that the provider may have it, `submitted` that it
    has, `cancelling` that it is to be cancelled, and `charge` what it cost once it is over; `at_most` is the most that
    one may have cost that is held, for nobody can tell what became of it.
    """

    name: str
    uid: str
    state: Literal["Pending", "Running", "Finished"]
    message: str = ""
    outcome: bytes | None = None
    failure: str = ""
    claimed: bool = False
    charge: Charge | None = None
    submitted_time: str | None = None
    start_time: str | None = None
    submitted: bool = False
    cancelling: bool = False
    at_most: Charge | None = None


@dataclass(frozen=True)
class Permit:
    """What somebody approved: a backend, under a state of the policy, for at most so much; None: whatever it costs."""

    backend: str
    policy_generation: int
    ceiling_micros: int | None
    currency: str


@dataclass(frozen=True)
class Asked:
    """A plan that somebody has to approve, and what of the policy says so."""

    backend: str
    ceiling_micros: int | None
    currency: str
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Assignment:
    """What the scheduler says of one job: a backend, to wait, or that no backend can ever take it.

    `batch` is the run that it shares with others that were assigned beside it, or the group of tasks that may be
    submitted together, of which there are `batch_jobs`; `asks` what somebody has to approve
    first, and `booking` what is reserved for the attempt that has its name; None: it is free. It answers the job of
    this UID with this demand and permit that has tried these backends, and no other. The figures of each candidate, and
    the question, are no part of the word: they change all the time, and whoever waits is told nothing new by them.
    """

    job_uid: str
    demand: Demand
    verdict: Literal["Assigned", "Waiting", "Impossible"]
    reason: str
    message: str
    backend: str = ""
    agent: str | None = None
    batch: str | None = None
    batch_jobs: int | None = None
    candidates: tuple[Candidate, ...] = ()
    candidates_total: int = 0
    tried: Mapping[str, str] = field(default_factory=dict)
    asks: Asked | None = None
    permit: Permit | None = None
    booking: Booking | None = None
    bucket: int | None = None
    figures: tuple[Figures, ...] = field(default=(), compare=False)
    question: Question | None = field(default=None, compare=False)


@dataclass(frozen=True)
class SeenClaim:
    """A claim as it was read, and the version that must still be there to replace it."""

    claim: Claim
    version: str


@dataclass(frozen=True)
class Primary:
    """The job that one is the shadow of, its accepted input, and the whole of its outcome: None where not read."""

    job: QuantumJob
    accepted: bytes | None = None
    outcome: bytes | None = None


@dataclass(frozen=True)
class Observed:
    """Everything that one decision about one job may depend on.

    `sources` has the text of each program that comes from a ConfigMap (None: missing), and is only read before the
    job is accepted. `run` is the run of the latest attempt, and `backend` that attempt's backend. `refusal` is what
    the cluster said when it last refused to create that run. `claim` is that of the job's key, where
    `claim.needs_claim`; `holder` is the job that holds it, where that is another one. `replays` are those of the job
    that this one repeats, where `replay.needs_replays`; `accepted` is the job's input, where `change.needs_input`;
    `primary` is the job that this one is the shadow of, where `shadowing.needs_primary`. `free_places` tells of a job
    whose task is held whether its policy leads to something that costs nothing.
    """

    now: datetime
    job: QuantumJob
    policy: BackendPolicy | None = None
    sources: Mapping[str, str | None] = field(default_factory=dict)
    assignment: Assignment | None = None
    run: RunObserved | None = None
    backend: QuantumBackend | None = None
    refusal: str = ""
    claim: SeenClaim | None = None
    holder: QuantumJob | None = None
    replays: tuple[Replay, ...] = ()
    accepted: bytes | None = None
    earlier: tuple[QuantumJob, ...] = ()
    primary: Primary | None = None
    free_places: bool = False


@dataclass(frozen=True)
class PutClaim:
    """Write a claim before the status that goes with it, in place of the version that was read; None: of none."""

    claim: Claim
    version: str | None


@dataclass(frozen=True)
class Settle:
    """Have an attempt settled before the status that ends it is written.

    With `fence` nobody saw a task of it: first its name is taken by one that is cancelled, so that none is created.
    """

    settlement: Settlement
    fence: "FenceTask | None" = None


@dataclass(frozen=True)
class CreateShadow:
    """Create the shadow of a job before the status that ends it is written: a no-op when it is there already."""

    shadow: QuantumJob


@dataclass(frozen=True)
class StoreArtifact:
    """Keep bytes under their digest, before the status that refers to them is written."""

    ref: ArtifactRef
    data: bytes


@dataclass(frozen=True)
class Nominate:
    """Ask the scheduler for a backend, which is none of `tried`; each of those has why.

    `small`: the run may be one that others share. `bucket`: where the job falls in the policy's traffic. `permit`: what
    somebody approved.
    """

    demand: Demand
    tried: Mapping[str, str] = field(default_factory=dict)
    small: bool = False
    bucket: int | None = None
    permit: Permit | None = None


@dataclass(frozen=True)
class StartRun:
    """Create the run of an attempt that is on record; a no-op when it is there already.

    With `batch` it is a part of that run, which is created once all of its jobs have that on record.
    """

    spec: RunSpec
    input: ArtifactRef
    template: RunTemplate
    batch: str | None = None


@dataclass(frozen=True)
class StopRun:
    """End a run that may be under way; a no-op when no run of that UID is there."""

    name: str
    uid: str


@dataclass(frozen=True)
class StartTask:
    """Create the task of an attempt that is on record; a no-op when it is there already.

    With `cancel` it never reaches the provider: so that nobody else can create it, who still wants to.
    """

    name: str
    agent: str
    backend: str
    device: str
    input: ArtifactRef
    seed: int
    token: str
    ceiling: TaskCeiling
    queue_seconds: int
    cancel: bool = False
    mode: ExecutionMode = "job"
    correlation_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    fetch_seconds: int = 86_400
    group: TaskGroup | None = None


@dataclass(frozen=True)
class FenceTask:
    """Take a task's name by one that never reaches the provider, so that nobody creates it who still wants to."""

    job: TaskJob
    name: str
    agent: str
    backend: str
    device: str
    token: str
    ceiling: TaskCeiling


@dataclass(frozen=True)
class StopTask:
    """Have a task cancelled; a no-op when no task of that UID is there."""

    name: str
    agent: str
    uid: str


@dataclass(frozen=True)
class Tell:
    """Tell people what happened, as an event on the job."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


Preparation = StoreArtifact | PutClaim | Settle | CreateShadow
Action = StoreArtifact | Nominate | StartRun | StopRun | StartTask | StopTask | Tell


@dataclass(frozen=True)
class Decision:
    """What follows: `before` the status is written, the status itself, and what comes `after`.

    `look_again` is in seconds; None means that the next event decides.
    """

    status: QuantumJobStatus
    before: tuple[Preparation, ...] = ()
    after: tuple[Action, ...] = ()
    look_again: float | None = None
