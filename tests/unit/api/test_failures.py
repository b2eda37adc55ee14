"""The table of failures: complete, documented, and the one that decisions go by."""

from typing import get_args

import pytest

from quantum_operator.api.conditions import REASONS
from quantum_operator.api.failures import (
    AGAINST_BACKEND,
    ELSEWHERE,
    ENDINGS,
    REPORTED,
    UNKNOWN,
    UNNAMED_WAIT,
    WAITS,
    FailureClass,
    class_of,
    ending,
    failures_markdown,
    waiting,
)
from quantum_operator.api.run import RunError

ROWS = [*ENDINGS.values(), *REPORTED.values(), UNKNOWN, *WAITS.values(), UNNAMED_WAIT]


def test_every_reason_is_documented() -> None:
    """A status can't say what the reference does not explain."""
    assert {row.reason for row in ROWS} <= set(REASONS)


def test_a_reason_has_one_class_and_one_reaction() -> None:
    """Whoever reads a reason knows what follows; only a run that may not start for two causes is of two classes."""
    for reason in {row.reason for row in ROWS}:
        rows = {row for row in ROWS if row.reason == reason}
        assert len({row.reaction for row in rows}) == 1
        assert len({row.kind for row in rows}) == (2 if reason == "RunNotStarted" else 1)


def test_every_class_is_used() -> None:
    """A class that nothing is of says nothing."""
    assert {row.kind for row in ROWS} == set(FailureClass)


def test_what_is_over_never_waits_and_what_waits_is_never_over() -> None:
    """The two halves have reactions of their own."""
    over = [*ENDINGS.values(), *REPORTED.values()]
    assert {row.reaction for row in over} == {"fail", "retry", "return", "elsewhere", "reroute"}
    assert {row.reaction for row in WAITS.values()} == {"wait", "hold"}


def test_every_reason_of_a_run_has_its_row() -> None:
    """And says itself: the word of an error is its reason."""
    assert set(REPORTED) == set(get_args(RunError.model_fields["reason"].annotation))
    assert all(row.reason == word for word, row in REPORTED.items())


# The whole taxonomy, word by word: a change of a reaction is a change of what people pay for, and is written twice.
TRUTH = """
OOMKilled              infrastructure  MemoryLimitExceeded  reroute
DeadlineExceeded       timeout         TimeLimitExceeded    fail
StartDeadlineExceeded  timeout         RunNotStarted        elsewhere
NotStarted             infrastructure  RunNotStarted        elsewhere
Evicted                infrastructure  RunEvicted           retry
Preempting             infrastructure  RunEvicted           retry
Terminated             infrastructure  RunEvicted           retry
NodeShutdown           infrastructure  RunEvicted           retry
EvictionByEvictionAPI  infrastructure  RunEvicted           retry
PreemptionByScheduler  infrastructure  RunEvicted           retry
DeletionByTaintManager infrastructure  RunEvicted           retry
TerminationByKubelet   infrastructure  RunEvicted           retry
DeletionByPodGC        lost            RunDeleted           retry
PodDeleted             lost            RunDeleted           retry
PodGone                lost            RunDeleted           retry
NotReached             saturated       RunAlone             return
OutcomeLost            lost            OutcomeLost          retry
Rejected               permanent       TaskRejected         reroute
Unsupported            permanent       IncompatibleTarget   reroute
CeilingExceeded        permanent       CeilingExceeded      reroute
SubmissionRefused      transient       TaskNotSubmitted     elsewhere
TaskFailed             permanent       TaskFailed           reroute
QueueTimeExceeded      timeout         QueueTimeExceeded    reroute
Cancelled              cancelled       TaskCancelled        fail
ResultUnreadable       lost            ResultUnreadable     fail
TaskLost               lost            TaskLost             fail
Withdrawn              cancelled       TaskWithdrawn        return
InvalidProgram         permanent       InvalidProgram       fail
UnsupportedConstruct   permanent       UnsupportedConstruct fail
InvalidParameters      permanent       InvalidParameters    fail
InvalidObservable      permanent       InvalidObservable    fail
InvalidTemplate        permanent       InvalidTemplate      fail
NoMeasurements         permanent       NoMeasurements       fail
MeasuredEstimate       permanent       MeasuredEstimate     fail
NoiseHasNoEffect       permanent       NoiseHasNoEffect     fail
OutcomeTooLarge        permanent       OutcomeTooLarge      fail
ProgramCrashedRunner   permanent       ProgramCrashedRunner fail
InputMismatch          permanent       InputMismatch        fail
InternalError          permanent       InternalError        fail
IncompatibleTarget     permanent       IncompatibleTarget   reroute
MemoryLimitExceeded    infrastructure  MemoryLimitExceeded  reroute
TimeLimitExceeded      timeout         TimeLimitExceeded    fail
Unschedulable          saturated       RunUnschedulable     wait
QuotaExceeded          saturated       QuotaExceeded        wait
PodRefused             infrastructure  RunRefused           wait
ImageUnavailable       infrastructure  ImageUnavailable     wait
Submitted              saturated       TaskQueued           wait
Held                   lost            TaskHeld             hold
FetchFailed            transient       FetchFailed          wait
ResultHeld             timeout         ResultHeld           hold
ProviderBusy           saturated       ProviderBusy         wait
ProviderUnavailable    transient       ProviderUnavailable  wait
CompilerUnavailable    infrastructure  CompilerUnavailable  wait
AnswerUnreadable       transient       AnswerUnreadable     wait
CredentialsRefused     transient       CredentialsRefused   wait
AnswerLost             lost            TaskSought           wait
LookupFailed           lost            TaskSought           wait
NotSubmitted           transient       TaskPending          wait
SessionOpen            lost            SessionOpen          wait
SessionSought          lost            SessionSought        wait
"""


def test_every_word_has_its_class_its_reason_and_its_reaction() -> None:
    """And there is no other word."""
    rows = {word: (str(row.kind), row.reason, row.reaction) for word, row in (ENDINGS | REPORTED | WAITS).items()}
    written = {word: tuple(row) for word, *row in map(str.split, TRUTH.strip().splitlines())}
    assert rows == written


@pytest.mark.parametrize("word", ["", "Error", "Something new"])
def test_an_unknown_word_is_lost_or_waits(word: str) -> None:
    """Nothing is called permanent for want of knowing it."""
    assert ending(word) == UNKNOWN
    assert (UNKNOWN.kind, UNKNOWN.reaction) == (FailureClass.LOST, "retry")
    assert waiting(word) == UNNAMED_WAIT


def test_what_is_tried_again_may_end_otherwise() -> None:
    """What its program or its user ended is not, and neither is what can't be read: it was paid for."""
    failing = {row.reason for row in (ENDINGS | REPORTED).values() if row.reaction == "fail"}
    assert failing.isdisjoint({row.reason for row in ENDINGS.values() if row.kind in ("infrastructure", "transient")})
    assert {"TaskCancelled", "ResultUnreadable", "TaskLost", "TimeLimitExceeded"} <= failing


def test_what_comes_elsewhere_first_is_what_the_backend_may_be_at_fault_for() -> None:
    """And is else tried again, up to backoffLimit."""
    assert {"RunNotStarted", "TaskNotSubmitted"} == ELSEWHERE


def test_the_reference_says_what_each_reaction_is() -> None:
    """Every reaction that a row has is explained."""
    text = failures_markdown()
    assert {row.reaction for row in ROWS} <= {line.split(" | ")[0].strip("| ") for line in text.splitlines()}


# For every reason that an attempt or a job can fail with: its class (none: the program's own), and whether it counts
# against the backend where the policy has a breaker.
BLAME = """
MemoryLimitExceeded  infrastructure -
TimeLimitExceeded    timeout        -
RunNotStarted        infrastructure counts
RunEvicted           infrastructure counts
RunDeleted           lost           counts
RunLost              lost           counts
RunAlone             saturated      -
OutcomeLost          lost           counts
TaskRejected         permanent      -
IncompatibleTarget   permanent      -
CeilingExceeded      permanent      -
TaskNotSubmitted     transient      counts
TaskFailed           permanent      counts
QueueTimeExceeded    timeout        counts
TaskCancelled        cancelled      -
TaskWithdrawn        cancelled      -
ResultUnreadable     lost           counts
TaskLost             lost           counts
InvalidOutcome       none           counts
InvalidProgram       none           -
UnsupportedConstruct none           -
InvalidParameters    none           -
InvalidObservable    none           -
InvalidTemplate      none           -
NoMeasurements       none           -
MeasuredEstimate     none           -
NoiseHasNoEffect     none           -
OutcomeTooLarge      none           -
ProgramCrashedRunner none           -
InputMismatch        none           -
InternalError        none           -
"""


def test_a_reason_counts_against_its_backend_where_it_may_have_come_of_that() -> None:
    """A program's own error has no class that a policy could fall back for, and blames nobody."""
    rows = {reason: (kind, says) for reason, kind, says in map(str.split, BLAME.strip().splitlines())}
    ending_rows = [*ENDINGS.values(), *REPORTED.values(), UNKNOWN]
    assert {row.reason for row in ending_rows} | {"InvalidOutcome"} == set(rows)
    for reason, (kind, says) in rows.items():
        assert str(class_of(reason) or "none") == kind, reason
        assert (reason in AGAINST_BACKEND) == (says == "counts"), reason
