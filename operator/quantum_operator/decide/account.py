"""Who pays for a job's next attempt."""

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import TaskJob
from quantum_operator.decide.purse import Account
from quantum_operator.decide.settle import next_run


def account_of(job: QuantumJob) -> Account:
    """The account of the job's next attempt."""
    meta = job.metadata
    of = TaskJob(namespace=meta.namespace, name=meta.name, uid=meta.uid)
    return Account(next_run(job), of, job.spec.policy_ref.name)
