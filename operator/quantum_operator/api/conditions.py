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
    APPROVED = "Approved"
    """Has somebody approved the plan? Absent where nobody had to."""
    RUNNING = "Running"
    """Is the run of the latest attempt under way?"""
    SUSPENDED = "Suspended"
    """Is the job paused by its user? Absent until it was for the first time."""
    COMPLETE = "Complete"
    """Is the job over: True with a result, False without one. Absent until then. Terminal."""
    AGREES = "Agrees"
    """Of a shadow: is its result that of its primary, but for chance? Unknown: the two can't be compared."""
    READY = "Ready"
    """Can this policy or backend be used?"""
    WITHIN_BUDGET = "WithinBudget"
    """Is less of every budget of this policy used than it warns at? Absent where it has none."""
    QUANTUM_ENABLED = "QuantumEnabled"
    """Of a policy: may anything be submitted to a QPU? False: nothing is any more. Absent until it was turned off."""
    BREAKERS_CLOSED = "BreakersClosed"
    """Of a policy with a breaker: does every backend get jobs?"""


REASONS: dict[str, str] = {
    "Accepted": "The job is valid; its programs are copied and can no longer change.",
    "PolicyNotFound": "No BackendPolicy of that name is in the namespace. The job waits: create the policy.",
    "ProfileNotFound": "The job's policy has no profile of that name. The job waits: name another, or add it there.",
    "ConfigMapNotFound": "A ConfigMap or key that a program names is missing. The job waits: create it.",
    "ProgramTooLarge": "A program is over 262,144 bytes. Shorten it or split it into several programs.",
    "InputTooLarge": "The programs and the task are together over 1,000,000 bytes. Split the job.",
    "UnknownProgram": "A pub names a program that the job does not have.",
    "InvalidProgram": "A program can't be parsed, or is refused as hostile; the message has the line.",
    "UnsupportedConstruct": "A program uses a part of OpenQASM that can't be run; the message has the line.",
    "InvalidParameters": "Names, values or shapes of parameters do not match the program.",
    "InvalidObservable": "An observable does not fit its program.",
    "UnexpectedOutput": "A pub does not give what spec.expectedOutput says. Correct one of the two.",
    "InvalidTemplate": "No such template, or a parameter is out of its bounds.",
    "NoMeasurements": "`sample` was asked of a program that measures nothing. Add measurements, or use `estimate`.",
    "MeasuredEstimate": "`estimate` was asked of a program that measures. Remove the measurements.",
    "NoEligibleBackend": "Every backend of the policy refuses the job for what it is; the plan has each one's reason.",
    "OverPolicyLimit": "The job asks for more shots than its policy allows.",
    "TooManyReplays": "The job that this one repeats is replayed more often than its policy allows. Replay it later.",
    "AwaitingPrimary": "The job that this one is the shadow of is not over, or gone. It waits, or goes with that job.",
    "NotAShadow": "Only the operator makes shadows, by a policy's spec.shadow. Use `qjob replay` to repeat a job.",
    "ShadowOff": "The job's policy has no spec.shadow any more. Nothing was run.",
    "PrimaryWithoutResult": "The job that this one is the shadow of is over without a result of its own.",
    "PrimaryInputGone": "The input of the job that this one is the shadow of was removed, or is another one now.",
    "ResultsAgree": "The results of the shadow and its primary differ no more than chance lets them.",
    "ResultsDiffer": "The results of the shadow and its primary differ by more than chance; status.comparison has how.",
    "NotComparable": "The results of the shadow and its primary can't be compared; the message has why.",
    "ShadowRefused": "The shadow of the job could not be created; the message has why. The job is not affected.",
    "TierNotAllowed": "The job's tier is above that of its policy, its namespace or a backend.",
    "DataNotAllowed": "The job's policy does not allow data of its class. Name a policy that does.",
    "RegionNotAllowed": "The job's data may not go to a region: its policy says so, or the job itself.",
    "ProviderNotApproved": "The job's policy does not approve the provider.",
    "AwaitingApproval": "Somebody else than the submitter has to approve the plan; status.approval has what it is.",
    "Approved": "Somebody approved the plan; status.approval says who, and what.",
    "ApprovalNotNeeded": "The plan was to be approved; the one that the job has now need not be.",
    "Rejected": "Somebody who may approve the job rejected it; the message has who, and why. Nothing was run.",
    "NoBackends": "The policy's choices match no backend. The job waits: create a backend or change the policy.",
    "NoReadyBackend": "Backends that could run the job are not ready. The job waits for one.",
    "AllBackendsBusy": "Backends that could run the job are at their limit of concurrent runs. The job waits.",
    "BudgetExceeded": "No budget that concerns the job has room for what it may cost; the message has the figures.",
    "BudgetExhausted": "The budgets have no room for what the job may cost now. It waits for money or the next period.",
    "LedgerFull": "The month's QuantumLedger can hold no more reservations. The job waits until others are settled.",
    "NoLedger": "The month's QuantumLedger can't be read; the operator's log says why. The job waits until it can.",
    "NoPrice": "A backend that could run the job has no price. The job waits until it has one (its spec.price).",
    "QuantumDisabled": "The policy's spec.quantumEnabled is false: no QPU gets jobs. This one waits for a simulator.",
    "BreakerOpen": "Every backend that could run the job failed too often; it waits until one is tried again.",
    "FallingBack": "The job would have failed or waited; it goes on as the policy's spec.fallback says.",
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
    "TimeBudgetExceeded": "The job took longer than timeBudgetSeconds, waiting included. Give it more, as a new job.",
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
    "TaskWithdrawn": "The task was cancelled for the job's policy turned its QPUs off, or the job was suspended. "
    "Another attempt follows.",
    "TaskLeft": "The task is held and cancelled, and its job went on or ended. What it may have cost stays reserved "
    "until a person says what became of it (`qjob resolve`).",
    "TaskLost": "The QuantumTask is gone, and what became of it is not known. It is not tried again.",
    "CeilingExceeded": "The task would cost more than its ceiling, and was not submitted.",
    "CredentialsRefused": "The provider refuses the agent's credentials. Renew the account's Secret.",
    "CompilerUnavailable": "The agent's compiler does not answer. Nothing was submitted for that; it is asked again.",
    "ProviderUnavailable": "The provider does not answer. Nothing is lost; it is asked again.",
    "AnswerUnreadable": "What the provider says of the task can't be read. It is asked again, and not submitted again.",
    "FetchFailed": "The provider has the results, which can't be had or read. They are asked for, nothing is repeated.",
    "ResultHeld": "The results could not be fetched in time. The message has the command that fetches them again.",
    "QueueTimeExceeded": "The task waited in the provider's queue for longer than it may, and was cancelled.",
    "ResultUnreadable": "The provider's results are not those of the task. What it cost was paid.",
    "RunAlone": "The run that it shared with other jobs did not bring it to an end. It is run alone.",
    "OutcomeLost": "The run's outcome is cut or damaged. It is tried again, up to backoffLimit.",
    "BackoffLimitExceeded": "Every attempt was lost to the infrastructure. See the attempts for the cause of each.",
    "Succeeded": "The result is in status.result.",
    "AlreadyDone": "The result is that of the job in status.resultOf, under the same idempotencyKey. Nothing was paid.",
    "CachedResult": "The result is that of the earlier job in status.resultOf, of the very same input: a fallback.",
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
    "BatchUnsupported": "The adapter submits every task by itself. Set spec.limits.maxBatchJobs to 1.",
    "DeviceOffline": "The provider has the device as not available now.",
    "NoMatchingBackend": "None of the policy's choices matches a backend.",
    "WithinBudget": "Less is spent and reserved than the policy's budgets warn at.",
    "BudgetWarning": "More is spent and reserved than a budget of the policy warns at (its warnAtPercent).",
    "QuantumEnabled": "The policy's QPUs get jobs.",
    "QuantumDisabling": "spec.quantumEnabled is false; tasks that may still be submitted are being cancelled.",
    "BreakersClosed": "No backend of the policy fails too often.",
    "BreakersOpen": "Backends of the policy failed too often and get no jobs, or only a few to see how they do.",
    "BreakerOpened": "A backend failed too often: it gets no jobs of the policy for spec.breaker.openSeconds.",
    "BreakerProbing": "A backend whose breaker was open gets a few jobs, to see whether it works again.",
    "BreakerClosed": "A backend that had failed works again: it gets jobs.",
}
"""What each reason means, by name."""

CANDIDATE_REASONS: dict[str, str] = {
    "Chosen": "The job runs here.",
    "Eligible": "It could have run the job, but comes later in the policy's order.",
    "NotShared": "It is not shared with the job's namespace (its spec.namespaces).",
    "TierNotAllowed": "The job's tier is above that of its namespace, or of the backend (its spec.tier).",
    "DataNotAllowed": "The policy does not allow data of the job's class (its spec.data).",
    "RegionNotAllowed": "The job's data may not go to its region (its spec.region), or it says none.",
    "ProviderNotApproved": "The policy does not approve its provider (its spec.approved).",
    "ProviderNotAsked": "The job asks for other providers (its spec.providers).",
    "SdkNotApproved": "The policy does not approve the version of the SDK that its agent has.",
    "AwaitingApproval": "Somebody has to approve that the job runs there (the policy's spec.approval).",
    "TooFewQubits": "The job's widest program needs more qubits than it has.",
    "TooManyShots": "The job asks for more shots than it takes of one job (its spec.limits.maxShots).",
    "SimulatorOnly": "The job asks for exact values, noise or the memory of shots, and this is a provider's device.",
    "ModeNotOffered": "Its provider has not the mode that the job asks for (spec.execution.mode).",
    "NoCeiling": "What a task could cost at most can't be said: the job asks for a precision. Give it shots.",
    "TooLittleMemory": "The simulated state of the job's widest program does not fit into its spec.run.memory.",
    "TooSmall": "It is a QPU, and the job has fewer qubits than the policy's spec.routing.minQpuQubits.",
    "PayoffTooLow": "It is a QPU, and the job is not known to be worth it by spec.routing.minPayoffPercent.",
    "FidelityTooLow": "Its spec.fidelityPpm is below the policy's spec.routing.minFidelityPpm, or not known.",
    "TooExpensive": "The job may cost more there than the policy's spec.routing.maxCostMicros.",
    "NoTraffic": "The policy gives it 0 percent of its traffic (spec.traffic).",
    "QueueTooLong": "Its queue is forecast to take longer than the policy, or the job, lets it.",
    "StaleCalibration": "It was calibrated longer ago than the policy's spec.routing.maxCalibrationAgeSeconds.",
    "TriedBefore": "An attempt of the job failed there; the message says why.",
    "NotSimulator": "The job falls back to a simulator, and this is none.",
    "PaidBefore": "An attempt of the job may have been paid for, and this one may cost something as well.",
    "QuantumDisabled": "It is a QPU, and the policy's spec.quantumEnabled is false.",
    "BreakerOpen": "Too many of the policy's attempts failed there: its breaker is open (status.breakers).",
    "BreakerProbing": "Its breaker is half-open, and as many attempts as spec.breaker.probes says are under way.",
    "NotReady": "Its Ready condition is not True; the message is that condition's.",
    "NoPrice": "It is a provider's and has no price (its spec.price): nobody knows what it would cost.",
    "OverBudget": "What the job may cost there does not fit a budget; the message has the figures.",
    "OverJobBudget": "What the job may cost there is more than its own spec.budget allows.",
    "NoTeamBudget": "The policy's budgets are of teams, and none is of the job's.",
    "OtherCurrency": "Its price is in a currency in which the policy has no budget.",
    "NoLedger": "The month's QuantumLedger can't be read; the operator's log says why.",
    "LedgerFull": "The month's QuantumLedger has no room for another reservation.",
    "CostsMore": "It may cost more than a better candidate that there is no budget for.",
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
