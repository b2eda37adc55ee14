"""What is read of batch Jobs and pods, and what is said of a run."""

from typing import Any

import pytest

from quantum_operator.cluster.seen import NEVER_RAN, PULL_REASONS, SeenPod, failed, newest, progress, read_pod, read_run
from unit.cluster.bodies import job_body, pod_body, run_body, terminated

JOB = job_body()
RUN = run_body(JOB)


def condition(kind: str, reason: str = "", status: str = "True") -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": status, "reason": reason}]}


def pod(state: dict[str, Any] | None = None, **status: Any) -> SeenPod:
    return read_pod(pod_body(RUN, state=state, **status))


def test_a_run_is_its_controllers() -> None:
    """The owner is the controller's UID, whatever else the object belongs to."""
    body = run_body(JOB)
    body["metadata"]["ownerReferences"].insert(0, {"kind": "ConfigMap", "name": "x", "uid": "other"})
    assert read_run(body).owner == JOB["metadata"]["uid"]


def test_a_run_without_a_controller_is_nobodys() -> None:
    """It has no owner, and so never a job's."""
    body = run_body(JOB)
    del body["metadata"]["ownerReferences"], body["metadata"]["labels"], body["metadata"]["annotations"]
    assert (read_run(body).owner, read_run(body).job_uid, read_run(body).input_sha256) == ("", "", "")


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ({}, ""),
        (condition("Complete"), "Complete"),
        (condition("Failed", "BackoffLimitExceeded"), "Failed"),
        (condition("Failed", status="False"), ""),
        (condition("FailureTarget"), ""),
        (condition("SuccessCriteriaMet"), ""),
        (condition("Suspended"), ""),
    ],
)
def test_a_run_is_over_by_its_final_conditions(status: dict[str, Any], verdict: str) -> None:
    """Conditions that announce an end are not the end."""
    assert read_run(run_body(JOB, **status)).verdict == verdict


def test_the_container_of_the_run_counts_and_no_other() -> None:
    """A sidecar that ended is not the run."""
    body = pod_body(RUN, state={"running": {"startedAt": "2026-01-01T00:00:00Z"}})
    body["status"]["containerStatuses"].insert(0, {"name": "proxy", "state": terminated("forged")})
    assert (read_pod(body).started, read_pod(body).ended, read_pod(body).termination) == (True, False, "")


def test_a_pod_that_ended_has_its_termination_message() -> None:
    """With the exit code and the reason that the kubelet gives."""
    seen = pod(terminated("{}", 11, "Error"))
    assert (seen.ended, seen.exit_code, seen.exit_reason, seen.termination) == (True, 11, "Error", "{}")


def test_the_latest_pod_that_stays_is_the_one_that_counts() -> None:
    """A pod that is being deleted gives way to its successor; without pods there is none."""
    old, new = pod_body(RUN, "a"), pod_body(RUN, "b")
    new["metadata"]["creationTimestamp"] = "2026-01-01T00:00:05Z"
    assert newest([read_pod(old), read_pod(new)]) == read_pod(new)
    new["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:06Z"
    assert newest([read_pod(old), read_pod(new)]) == read_pod(old)
    assert newest([]) is None


@pytest.mark.parametrize("state", ["ContainerCreating", "PodInitializing"])
def test_a_pod_that_starts_needs_no_word(state: str) -> None:
    """Pending, and nothing to say about it."""
    seen = progress(read_run(RUN), pod({"waiting": {"reason": state}}), "")
    assert (seen.state, seen.message) == ("Pending", "")


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff"])
def test_an_image_that_is_missing_has_one_message(reason: str) -> None:
    """The kubelet's reasons take turns; the status must not change with each."""
    seen = progress(read_run(RUN), pod({"waiting": {"reason": reason, "message": f"at {reason}"}}), "")
    assert seen.message == (
        "the image example.com/runner:1 can't be pulled; `kubectl describe pod bell-1-abcde` says why"
    )


def test_a_pod_that_waits_for_something_else_says_what() -> None:
    """The kubelet's reason and message."""
    waiting = {"reason": "CreateContainerConfigError", "message": 'configmap "x" not found'}
    assert progress(read_run(RUN), pod({"waiting": waiting}), "").message == (
        'CreateContainerConfigError: configmap "x" not found'
    )


def test_a_pod_that_fits_no_node_says_so() -> None:
    """The scheduler's reason and message."""
    conditions = [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available"}
    ]
    seen = progress(read_run(RUN), pod(conditions=conditions), "")
    assert (seen.state, seen.message) == ("Pending", "Unschedulable: 0/1 nodes are available")


def test_a_pod_on_its_node_needs_no_word() -> None:
    """PodScheduled is true."""
    assert progress(read_run(RUN), pod(conditions=[{"type": "PodScheduled", "status": "True"}]), "").message == ""


def test_a_run_without_a_pod_says_why_there_is_none() -> None:
    """What Kubernetes said when it refused the pod."""
    seen = progress(read_run(RUN), None, "exceeded quota")
    assert (seen.state, seen.message, seen.failure) == ("Pending", "exceeded quota", "QuotaExceeded")
    assert progress(read_run(RUN), None, "violates PodSecurity").failure == "PodRefused"
    assert progress(read_run(RUN), None, "").failure == ""


def test_a_pod_that_waits_has_a_word_for_it() -> None:
    """The scheduler's own, and one for all the ways in which an image can be missing."""
    for reason in PULL_REASONS:
        assert progress(read_run(RUN), pod({"waiting": {"reason": reason}}), "").failure == "ImageUnavailable"
    assert progress(read_run(RUN), pod({"waiting": {"reason": "ContainerCreating"}}), "").failure == ""
    unschedulable = condition("PodScheduled", "Unschedulable", "False")
    assert progress(read_run(RUN), pod(None, **unschedulable), "").failure == "Unschedulable"


@pytest.mark.parametrize("reason", sorted(NEVER_RAN))
def test_what_the_kubelet_says_of_a_container_that_never_ran_is_no_outcome(reason: str) -> None:
    """It is why there is none."""
    seen = pod(terminated("The container could not be located", code=137, reason=reason))
    assert seen.termination == ""
    assert "could not be located" in failed(read_run(FAILED), seen).message
    assert failed(read_run(FAILED), seen).failure == reason


@pytest.mark.parametrize("cause", ["EvictionByEvictionAPI", "PreemptionByScheduler", "DeletionByTaintManager"])
def test_a_pod_that_is_disrupted_says_by_whom(cause: str) -> None:
    """Also when its container ended by the signal; a container that ran out of memory says so itself."""
    disrupted = condition("DisruptionTarget", cause)
    assert failed(read_run(FAILED), pod(terminated(code=143, reason="Error"), **disrupted)).failure == cause
    assert failed(read_run(FAILED), pod(terminated(code=137, reason="OOMKilled"), **disrupted)).failure == "OOMKilled"
    not_yet = condition("DisruptionTarget", cause, "False")
    assert failed(read_run(FAILED), pod(terminated(code=143, reason="Error"), **not_yet)).failure == "Error"


def test_a_pod_that_was_deleted_is_told_from_one_that_failed() -> None:
    """By its deletion, whatever signal its container ended by."""
    body = pod_body(RUN, state=terminated(code=143, reason="Error"))
    body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert failed(read_run(FAILED), read_pod(body)).failure == "PodDeleted"


def test_a_suspended_run_waits_for_its_queue() -> None:
    """A queue such as Kueue holds it back."""
    assert "a queue has not admitted it" in progress(read_run(run_body(JOB, spec={"suspend": True})), None, "").message


@pytest.mark.parametrize(
    ("status", "state"),
    [({"ready": 1}, None), ({}, {"running": {"startedAt": "2026-01-01T00:00:00Z"}}), ({}, terminated(code=1))],
)
def test_a_run_executes_once_its_container_has_started(status: dict[str, Any], state: dict[str, Any] | None) -> None:
    """By the pod, or by what the Job says of its pods; also when it ended and the Job does not say so yet."""
    seen = progress(read_run(run_body(JOB, **status)), pod(state) if state else None, "")
    assert seen.state == "Running"


FAILED = run_body(JOB, **condition("Failed", "BackoffLimitExceeded"))


@pytest.mark.parametrize(
    ("state", "status", "failure", "message"),
    [
        (terminated(code=137, reason="OOMKilled"), {}, "OOMKilled", "OOMKilled (exit code 137)"),
        (terminated(code=143, reason="Error"), {}, "Error", "Error (exit code 143)"),
        (terminated(), {}, "Completed", "Completed (exit code 0)"),
        (None, {"reason": "Evicted", "message": "low on memory"}, "Evicted", "Evicted: low on memory"),
        (
            terminated(code=137, reason="Error"),
            {"reason": "DeadlineExceeded"},
            "DeadlineExceeded",
            "DeadlineExceeded (exit code 137)",
        ),
        (None, {}, "BackoffLimitExceeded", "BackoffLimitExceeded"),
    ],
)
def test_a_run_without_an_outcome_has_the_infrastructures_word(
    state: dict[str, Any] | None, status: dict[str, Any], failure: str, message: str
) -> None:
    """The pod's reason, else its container's, else the Job's."""
    seen = failed(read_run(FAILED), pod(state, **status))
    assert (seen.state, seen.outcome, seen.failure, seen.message) == ("Finished", None, failure, message)


def test_a_pod_that_never_started_is_tried_again() -> None:
    """The deadline was the image's or the node's doing, and not the program's."""
    seen = failed(read_run(FAILED), pod({"waiting": {"reason": "ErrImagePull"}}, reason="DeadlineExceeded"))
    assert seen.failure == "StartDeadlineExceeded"
    assert "can't be pulled" in seen.message
    assert failed(read_run(FAILED), pod(None, reason="DeadlineExceeded")).message.endswith("in time")


def test_a_run_whose_pod_was_deleted_is_lost() -> None:
    """There is nobody left to say what happened, unless the Job had a deadline of its own."""
    assert failed(read_run(FAILED), None).failure == "PodGone"
    late = run_body(JOB, **condition("Failed", "DeadlineExceeded"))
    assert failed(read_run(late), None).failure == "DeadlineExceeded"
