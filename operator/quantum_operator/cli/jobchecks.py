"""What can be wrong with one job."""

from collections.abc import Iterator

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.cli.describe import advice
from quantum_operator.cli.findings import Finding, pod_troubles
from quantum_operator.cli.kube import JOB_NAME_LABEL, Cluster
from quantum_operator.cli.outcomes import batch_job_of
from quantum_operator.decide.status import live_attempt


def job_findings(cluster: Cluster, job: QuantumJob) -> Iterator[Finding]:
    """Why the job does not go on, or has failed."""
    name = job.metadata.name
    found = advice(job)
    messages = {one.reason: one.message for one in job.status.conditions}
    for reason, remedy in found:
        yield Finding("job", "problem", f"{name}: {reason}: {messages[reason]}", remedy)
    if not job.status.conditions:
        problem = f"{name} has no status: the operator has not looked at it"
        yield Finding("job", "problem", problem, "if this lasts over a few seconds, see `qjob doctor` without a name")
    elif not found:
        yield Finding("job", "ok", f"{name} is {job.status.phase}")
    attempt = live_attempt(job.status)
    if attempt is None:
        return
    run = batch_job_of(attempt)
    for pod in cluster.run_pods(run):
        for trouble in pod_troubles(pod):
            remedy = f"kubectl -n {cluster.namespace} describe pod -l {JOB_NAME_LABEL}={run}"
            yield Finding("run", "problem", trouble, remedy)
