"""The conditions of every status and the one list of their reasons: what each means, and what to do.

Conditions are the truth that `kubectl wait` and other machines read. A reason is named here or it does not exist; the
reference in docs/reference/reasons.md is generated from this module.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum


class ConditionType(StrEnum):
    """The conditions, each with the question that it answers."""

    ACCEPTED = "Accepted"
    """Is the job valid, and are the things it refers to there?"""
    SCHEDULED = "Scheduled"
    """Has a backend been chosen?"""
    RUNNING = "Running"
    """Is the run of the latest attempt under way?"""
    SUSPENDED = "Suspended"
    """Is the job paused by its user? Absent until it was for the first time."""
    COMPLETE = "Complete"
    """Is the job over: True with a result, False without one. Absent until then. Terminal."""
    READY = "Ready"
    """Can this policy or backend be used?"""


REASONS: dict[str, str] = {
    "Accepted": "The job is valid; its programs are copied and can no longer change.",
    "PolicyNotFound": "No BackendPolicy of that name is in the namespace. The job waits: create the policy.",
    "ConfigMapNotFound": "A ConfigMap or key that a program names is missing. The job waits: create it.",
    "ProgramTooLarge": "A program is over 262,144 bytes. Shorten it or split it into several programs.",
    "InputTooLarge": "The programs and the task are together over 1,000,000 bytes. Split the job.",
    "UnknownProgram": "A pub names a program that the job does not have.",
    "InvalidProgram": "A program can't be parsed, or is refused as hostile; the message has the line.",
    "UnsupportedConstruct": "A program uses a part of OpenQASM that can't be run; the message has the line.",
    "InvalidParameters": "Names, values or shapes of parameters do not match the program.",
    "InvalidObservable": "An observable does not fit its program.",
    "InvalidTemplate": "No such template, or a parameter is out of its bounds.",
    "NoMeasurements": "`sample` was asked of a program that measures nothing. Add measurements, or use `estimate`.",
    "MeasuredEstimate": "`estimate` was asked of a program that measures. Remove the measurements.",
    "NoEligibleBackend": "Every backend of the policy refuses the job for what it is; the plan has each one's reason.",
    "OverPolicyLimit": "The job asks for more shots than its policy allows.",
    "TooManyReplays": "The job that this one repeats is replayed more often than its policy allows. Replay it later.",
    "NoBackends": "The policy's choices match no backend. The job waits: create a backend or change the policy.",
    "NoReadyBackend": "Backends that could run the job are not ready. The job waits for one.",
    "AllBackendsBusy": "Backends that could run the job are at their limit of concurrent runs. The job waits.",
    "Assigned": "A backend has been chosen; the plan has the verdict on every other.",
    "RunPending": "The run is created and waits to start; the message has what Kubernetes says of it.",
    "RunUnschedulable": "No node has room for the run, or fits it; the message is the scheduler's. It waits.",
    "ImageUnavailable": "The run's image can't be pulled. Correct the image or its pull secret; the run waits.",
    "QuotaExceeded": "The namespace's ResourceQuota has no room for the run. It waits until there is.",
    "RunRefused": "Kubernetes refuses to create the run (quota, LimitRange, admission). It is tried again.",
    "RunStarted": "The run is executing.",
    "RunFinished": "The run is over.",
    "Suspended": "spec.suspend is true: no run is under way, and none is started until it is false.",
    "Resumed": "spec.suspend is false again: the job goes on, with a new run if one was stopped.",
    "Cancelled": "spec.cancel is true: the job is over, and its run was stopped if it had one.",
    "OutsideSchedule": "spec.schedule does not let the job start yet; the message says when.",
    "RunLost": "The run vanished or failed without an outcome. It is tried again, up to backoffLimit.",
    "RunEvicted": "The run's pod was evicted or preempted. It is tried again, up to backoffLimit.",
    "RunDeleted": "The run's pod was deleted before its outcome was read. It is tried again, up to backoffLimit.",
    "RunNotStarted": "The run did not start in time; the message says why. It is tried again, up to backoffLimit.",
    "TaskQueued": "The provider has the task in its queue. Its QuantumTask has the place.",
    "TaskPending": "The task waits to be submitted; the message says what for.",
    "TaskSought": "The provider's answer to the submission was lost. It is looked up, and not submitted twice.",
    "SessionSought": "The answer to a session's opening was lost. It is looked for, and used or closed if it is there.",
    "SessionOpen": "The provider does not confirm that a session is closed. It is asked again; its time is limited.",
    "ProviderBusy": "The provider asks for patience, or can't be reached. Nothing was submitted; it is tried again.",
    "TaskHeld": "Nobody can say what the provider made of the task. It is not submitted again; a person decides.",
    "TaskRejected": "The provider refuses the task for what it is; the message is the provider's. Nothing was paid.",
    "TaskNotSubmitted": "The provider took the task in none of the tries. It is tried again, up to backoffLimit.",
    "TaskFailed": "The provider has the task as failed. It is tried elsewhere only where it surely cost nothing.",
    "TaskCancelled": "The task was cancelled at the provider, and not by the job.",
    "TaskLost": "The QuantumTask is gone, and what became of it is not known. It is not tried again.",
    "CeilingExceeded": "The task would cost more than its ceiling, and was not submitted.",
    "CredentialsRefused": "The provider refuses the agent's credentials. Renew the account's Secret.",
    "ProviderUnavailable": "The provider does not answer. Nothing is lost; it is asked again.",
    "AnswerUnreadable": "What the provider says of the task can't be read. It is asked again, and not submitted again.",
    "QueueTimeExceeded": "The task waited in the provider's queue for longer than it may, and was cancelled.",
    "ResultUnreadable": "The provider's results are not those of the task. What it cost was paid.",
    "RunAlone": "The run that it shared with other jobs did not bring it to an end. It is run alone.",
    "OutcomeLost": "The run's outcome is cut or damaged. It is tried again, up to backoffLimit.",
    "BackoffLimitExceeded": "Every attempt was lost to the infrastructure. See the attempts for the cause of each.",
    "Succeeded": "The result is in status.result.",
    "AlreadyDone": "The result is that of the job in status.resultOf, under the same idempotencyKey. Nothing was paid.",
    "KeyInUse": "Another job under the same idempotencyKey is under way. The job waits for its result.",
    "KeyOfAnotherSpec": "The idempotencyKey was used for another spec in the namespace. Give the job another key.",
    "PaidWithoutResult": "A job under the same idempotencyKey paid and left no result. Another key pays again.",
    "IncompatibleTarget": "The program does not fit the backend's target. Choose another backend or recompile.",
    "NoiseHasNoEffect": "The noise model touches no gate of the compiled circuit. Name gates that it uses.",
    "OutcomeTooLarge": "The outcome is larger than a run can hand over. Ask for fewer shots, bindings or no memory.",
    "TimeLimitExceeded": "The run took longer than activeDeadlineSeconds. Raise it or make the program smaller.",
    "MemoryLimitExceeded": "The run needed more memory than its backend gives. Use fewer qubits or a larger backend.",
    "ProgramCrashedRunner": "The program crashed the run. It is not tried again; report it if it is valid.",
    "InputMismatch": "The run's input is not the one that was accepted. Somebody changed it.",
    "InternalError": "A fault of quantum-operator; please report it with `qjob describe`.",
    "InvalidOutcome": "The run's outcome can't be read or belongs to another run.",
    "Ready": "It can be used.",
    "AdapterMismatch": "The backend names an agent of another adapter. Correct spec.adapter or spec.provider.agent.",
    "NoAgent": "A provider's device is driven by an agent, which works in a cluster and not on a laptop.",
    "NoSuchDevice": "The agent's account has no such device. Correct spec.provider.device, or the account.",
    "TargetMismatch": "The device has fewer qubits than spec.target says.",
    "DeviceOffline": "The provider has the device as not available now.",
    "NoMatchingBackend": "None of the policy's choices matches a backend.",
}
"""What each reason means, by name."""

CANDIDATE_REASONS: dict[str, str] = {
    "Chosen": "The job runs here.",
    "Eligible": "It could have run the job, but comes later in the policy's order.",
    "NotShared": "It is not shared with the job's namespace (its spec.namespaces).",
    "TooFewQubits": "The job's widest program needs more qubits than it has.",
    "TooManyShots": "The job asks for more shots than it takes of one job (its spec.limits.maxShots).",
    "SimulatorOnly": "The job asks for exact values, noise or the memory of shots, and this is a provider's device.",
    "ModeNotOffered": "Its provider has not the mode that the job asks for (spec.execution.mode).",
    "NoCeiling": "What a task could cost at most can't be said: the job asks for a precision. Give it shots.",
    "TriedBefore": "An attempt of the job failed there; the message says why.",
    "NotReady": "Its Ready condition is not True; the message is that condition's.",
    "Busy": "It has as many runs under way as it takes (its spec.limits.maxConcurrentRuns).",
}
"""What the verdict on one backend means, by its reason in the plan's candidates."""


def reasons_markdown() -> str:
    """The reference of all reasons, docs/reference/reasons.md."""
    return f"""# Reasons

Generated from `operator/quantum_operator/api/conditions.py` by `make generate`; not to be edited.

## Of conditions

The `reason` of every condition in a status, and of every event.

{_listed(REASONS)}
## Of candidates

The `reason` of every backend in `status.plan.steps[].candidates`.

{_listed(CANDIDATE_REASONS)}"""


def _listed(reasons: dict[str, str]) -> str:
    return table(("Reason", "Meaning"), [(f"`{name}`", meaning) for name, meaning in reasons.items()])


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines).replace("| --- ", "|---").replace("---| ", "---|")
