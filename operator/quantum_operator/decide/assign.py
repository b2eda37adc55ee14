"""Assigning backends across jobs: run serially, and the only place that gives out what jobs share.

It reads as a story: heads in order, candidates of each by their figures, the first that is eligible and has room.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.budget import Amount
from quantum_operator.api.figures import Figures, Question
from quantum_operator.api.ledger import QuantumLedgerStatus
from quantum_operator.api.policy import BackendPolicySpec
from quantum_operator.decide.afford import least_refused, money_word
from quantum_operator.decide.approval import asked_of, held, with_approval
from quantum_operator.decide.batching import batch_limit, batch_name
from quantum_operator.decide.candidates import CANDIDATES_KEPT, candidate_of, kept, stand_in, words
from quantum_operator.decide.fallback import waits_for
from quantum_operator.decide.figures import EPOCH, Request, Ruling, figures_of, question_of
from quantum_operator.decide.ledger import Booking
from quantum_operator.decide.observed import Asked, Assignment, Permit
from quantum_operator.decide.purse import Account, Purse
from quantum_operator.decide.ranking import rank
from quantum_operator.decide.routing import ROUND_RULES, RULES, choices, objection
from quantum_operator.decide.verdict import Verdict

Probed = tuple[str, str, str]
"""A namespace, a policy and a backend."""

_Group = tuple[str, str, str, str]
"""A namespace, a backend, and of those who share a submission to a provider their tier and the class of their data."""


@dataclass(frozen=True)
class Head:
    """A job that waits for a backend. `policy` is None while no policy of that name is there.

    `generation` is the policy's. `small`: it may share a run with others, see `batching`. `permit`: what
    somebody approved.
    """

    job_uid: str
    created: str
    priority: int
    policy_name: str
    policy: BackendPolicySpec | None
    request: Request
    small: bool = False
    generation: int = 0
    account: Account | None = None
    """Who pays; None: nobody, whatever it costs."""
    permit: Permit | None = None
    sociable: bool = False
    """Its task may be submitted to a provider with others, see `batching`."""

    @property
    def line(self) -> Hashable:
        """What it shares with those who are told the same, as long as nothing is given out."""
        request = self.request
        mappings = (tuple(sorted(one.items())) for one in (request.namespace_labels, request.tried, request.breakers))
        policy = self.policy_name, self.generation, id(self.policy), id(request.policy)
        return policy, request.namespace, request.demand, request.job, self.small, self.sociable, *mappings


@dataclass(frozen=True)
class Snapshot:
    """The world at one moment: the waiting jobs, the backends, and how many runs each has under way.

    `ledgers` are those of this month, by currency: what is spent and reserved so far.
    """

    heads: tuple[Head, ...]
    backends: tuple[QuantumBackend, ...]
    runs: Mapping[str, int] = field(default_factory=dict)
    now: datetime = EPOCH
    ledgers: Mapping[str, QuantumLedgerStatus] = field(default_factory=dict)
    probes: Mapping[Probed, int] = field(default_factory=dict)
    """How many attempts each backend that a policy's breaker has half-open may be given."""


def assign(snapshot: Snapshot) -> tuple[Assignment, ...]:
    """One assignment for every head, the highest priority first, then the oldest job."""
    rooms = _Rooms(dict(snapshot.runs), Purse(snapshot.ledgers, snapshot.now), dict(snapshot.probes))
    fields: dict[Hashable, _Field] = {}
    waiting: dict[Hashable, tuple[int, Assignment]] = {}
    assignments = []
    for head in sorted(snapshot.heads, key=lambda one: (-one.priority, one.created, one.job_uid)):
        if head.policy is None:
            assignments.append(_without_policy(head))
            continue
        line = head.line
        given, told = waiting.get((line, head.account), (-1, None))
        if told is not None and given == rooms.given:
            assignments.append(replace(told, job_uid=head.job_uid))
            continue
        if line not in fields:
            fields[line] = _field(head, head.policy, snapshot)
        assignment, chosen = _nominate(head, fields[line], rooms)
        if chosen is not None:
            booking = rooms.take(head, chosen.backend, chosen.figures)
            assignment = replace(assignment, booking=booking)
        else:
            waiting[line, head.account] = rooms.given, assignment
        assignments.append(assignment)
    batches = rooms.batches()
    return tuple(_shared(one, *batches[one.job_uid]) if one.job_uid in batches else one for one in assignments)


def _shared(assignment: Assignment, batch: str, jobs: int) -> Assignment:
    return replace(assignment, batch=batch, batch_jobs=jobs)


@dataclass(frozen=True)
class _Runner:
    """A backend of the field, its figures, and what stands against it whatever the others get."""

    backend: QuantumBackend
    figures: Figures
    verdict: Verdict | None

    @property
    def name(self) -> str:
        return self.backend.metadata.name

    @property
    def agent(self) -> str | None:
        return self.backend.spec.provider.agent if self.backend.spec.provider is not None else None


@dataclass(frozen=True)
class _Field:
    """Who may run the jobs of one line, in the policy's order, and what each was asked."""

    question: Question
    runners: tuple[_Runner, ...]
    ranked: tuple[_Runner, ...]
    """Those of them that are eligible, the best first."""


def _field(head: Head, policy: BackendPolicySpec, snapshot: Snapshot) -> _Field:
    ruling = Ruling(head.policy_name, head.generation, policy, snapshot.now)
    question = question_of(head.request, ruling).model_copy(update={"on_exceeded": policy.on_exceeded})
    runners = []
    for choice, backend in choices(policy, snapshot.backends):
        figures = figures_of(backend, head.request, ruling, choice=choice)
        runners.append(_Runner(backend, figures, objection(figures, question, RULES)))
    eligible = [one for one in runners if one.verdict is None]
    ranked = sorted(eligible, key=lambda one: rank(one.name, one.figures, question))
    return _Field(question, tuple(runners), tuple(ranked))


@dataclass
class _Rooms:
    """What this round gives out: runs of each backend, and places in those that small jobs share."""

    runs: dict[str, int]
    purse: Purse
    probes: dict[Probed, int] = field(default_factory=dict)
    given: int = 0
    """How often something was given out: until it is again, who had to wait waits on."""
    _open: dict[_Group, list[str]] = field(default_factory=dict)
    _full: list[list[str]] = field(default_factory=list)

    def figures(self, head: Head, backend: QuantumBackend, figures: Figures) -> Figures:
        """The backend's figures with what is left of it for this job."""
        shared = self._open.get(_group(head, backend), ())
        place = _may_share(head, backend) and 0 < len(shared) < batch_limit(backend)
        runs, most = self.runs.get(backend.metadata.name, 0), backend.spec.limits.max_concurrent_runs
        probes = self.probes.get((head.request.namespace, head.policy_name, backend.metadata.name))
        update = {"runs": runs, "max_runs": most, "place": place or None, "probes": probes}
        found = figures.model_copy(update=update)
        if head.account is None or head.policy is None:
            return found
        return self.purse.figures(head.account, head.policy, head.request.job.team, backend, found)

    def take(self, head: Head, backend: QuantumBackend, figures: Figures) -> Booking | None:
        """Give the job its place, and what it may cost."""
        self.given += 1
        self._place(head, backend)
        if head.account is None:
            return None
        return self.purse.take(head.account, head.request.job.team, backend, figures)

    def _place(self, head: Head, backend: QuantumBackend) -> None:
        name = backend.metadata.name
        probed = (head.request.namespace, head.policy_name, name)
        if probed in self.probes:
            self.probes[probed] -= 1
        if not _may_share(head, backend) or batch_limit(backend) == 1:
            self.runs[name] = self.runs.get(name, 0) + 1
            return
        group = _group(head, backend)
        shared = self._open.setdefault(group, [])
        if not shared:
            self.runs[name] = self.runs.get(name, 0) + 1
        shared.append(head.job_uid)
        if len(shared) == batch_limit(backend):
            self._full.append(self._open.pop(group))

    def batches(self) -> dict[str, tuple[str, int]]:
        """The name of the run that it shares, and with how many, by the UID of each job that does."""
        groups = [uids for uids in (*self._full, *self._open.values()) if len(uids) > 1]
        return {uid: (batch_name(uids), len(uids)) for uids in groups for uid in uids}


def _may_share(head: Head, backend: QuantumBackend) -> bool:
    return head.small and (backend.spec.provider is None or head.sociable)


def _group(head: Head, backend: QuantumBackend) -> _Group:
    here = head.request.namespace, backend.metadata.name
    if backend.spec.provider is None:
        return *here, "", ""
    terms = head.request.demand.terms
    return *here, terms.tier, terms.data_class


def _without_policy(head: Head) -> Assignment:
    message = f"no BackendPolicy {head.policy_name!r} in namespace {head.request.namespace!r}; create it"
    asked = head.request
    return Assignment(
        head.job_uid,
        asked.demand,
        "Waiting",
        "PolicyNotFound",
        message,
        tried=asked.tried,
        bucket=asked.job.bucket,
        permit=head.permit,
    )


def _nominate(head: Head, field: _Field, rooms: _Rooms) -> tuple[Assignment, _Runner | None]:
    """The word on one job, and the backend that it gets."""
    judged: dict[str, _Runner] = {}
    chosen, refused = None, None
    shown = {one.name for one in field.runners[:CANDIDATES_KEPT]} | ({head.permit.backend} if head.permit else set())
    for runner in field.ranked:
        if chosen is None or runner.name in shown:
            judged[runner.name] = one = _judged(head, runner, field.question, rooms, refused)
            refused = least_refused(refused, one.figures, one.verdict)
            chosen = one if chosen is None and one.verdict is None else chosen
    waits = held([(one.name, one.figures, one.verdict) for one in judged.values()])
    asks = _asks(head, judged[waits], field.question) if waits is not None else None
    chosen = chosen if asks is None else None
    name = chosen.name if chosen is not None else ""
    shown = {*shown, name} if chosen is not None else {one.name for one in field.runners}
    every = [judged.get(one.name, one) for one in field.runners if one.name in shown]
    told = every[: CANDIDATES_KEPT + 1]
    candidates = kept([candidate_of(one.name, one.figures, one.verdict, field.question, name) for one in told])
    verdict, reason, message = _word(field.question, name, every)
    if asks is not None:
        verdict, reason = "Waiting", "AwaitingApproval"
        message = f"waits for approval to run on {asks.backend}: {'; '.join(asks.because)}"
    assignment = Assignment(
        head.job_uid,
        head.request.demand,
        verdict,
        reason,
        message,
        backend=name,
        agent=chosen.agent if chosen is not None else None,
        candidates=words(candidates),
        figures=tuple(one.figures for one in candidates if one.figures is not None),
        candidates_total=len(field.runners),
        tried=head.request.tried,
        bucket=head.request.job.bucket,
        question=field.question,
        asks=asks,
        permit=head.permit,
    )
    return assignment, chosen


def _judged(head: Head, runner: _Runner, question: Question, rooms: _Rooms, refused: Amount | None) -> _Runner:
    """An eligible one with what this round has left of it, and what stands against it then."""
    figures = rooms.figures(head, runner.backend, runner.figures).model_copy(update={"refused": refused})
    rules = head.policy.approval if head.policy is not None else None
    figures = with_approval(figures, runner.backend, rules, question, head.permit)
    return _Runner(runner.backend, figures, objection(figures, question, ROUND_RULES))


def _asks(head: Head, runner: _Runner, question: Question) -> Asked:
    rules = head.policy.approval if head.policy is not None else None
    return asked_of(runner.backend, rules, question, runner.figures)


def _word(
    question: Question, chosen: str, judged: list[_Runner]
) -> tuple[Literal["Assigned", "Waiting", "Impossible"], str, str]:
    """The verdict on the job as a whole, its reason and its message."""
    policy, drawn = question.policy, question.drawn
    if chosen:
        told = f", {stand_in(drawn)}" if drawn not in (None, chosen) else ""
        return "Assigned", "Assigned", f"assigned to {chosen} by policy {policy}{told}"
    if not judged:
        message = f"policy {policy} matches no QuantumBackend; create one, or change spec.backends"
        return "Waiting", "NoBackends", message
    objections = [(one.name, one.verdict) for one in judged if one.verdict is not None]
    told = "; ".join(f"{name}: {verdict.message}" for name, verdict in objections[:CANDIDATES_KEPT])
    if not any(verdict.passing for _, verdict in objections):
        reason = money_word([one for _, one in objections], passing=False) or "NoEligibleBackend"
        return "Impossible", reason, f"no backend of policy {policy} can run this: {told}"
    waits = waits_for({verdict.reason for _, verdict in objections if verdict.passing})
    if waits == "NoReadyBackend":
        waits = money_word([one for _, one in objections], passing=True) or waits
    return "Waiting", waits, told
