"""The operator as `helm install` leaves it, and what a user sees of it."""

import json
import secrets
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.objects import apply_all, objects
from support.ourimages import operator_image, runner_image
from testcluster import BuiltCluster
from testcluster.audit import AuditEvent, Position
from testcluster.processes import eventually

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "manifests/examples"
OPERATOR_NAMESPACE = "quantum-operator"
RELEASE = "quantum-operator"
DEPLOYMENT = "deployment/quantum-operator"
RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"
FINISHED = "--for=jsonpath={.status.completionTime}"
QJOB = (sys.executable, "-m", "quantum_operator.cli")
Json = dict[str, Any]


class Installation:
    """Both charts on a cluster, with the images of this repository."""

    def __init__(self, cluster: BuiltCluster) -> None:
        self.cluster = cluster

    def install(self) -> None:
        """Install both charts, and wait until the operator is available."""
        operator, runner = operator_image(), runner_image()
        self.cluster.load_image(operator.archive)
        self.cluster.load_image(runner.archive)
        self.cluster.kubectl("create", "namespace", OPERATOR_NAMESPACE)
        self.cluster.kubectl("label", "namespace", OPERATOR_NAMESPACE, RESTRICTED)
        definitions, chart = readme_commands("helm")
        self.cluster.helm(*definitions)
        names = [f"crd/{path.stem}.quantum-operator.dev" for path in (ROOT / "crds").glob("*.yaml")]
        self.cluster.kubectl("wait", "--for=condition=Established", *names, "--timeout=60s")
        self.cluster.helm(
            *chart,
            *(f"--set=image.repository={operator.repository}", f"--set=image.tag={operator.tag}"),
            *(f"--set=runs.image.repository={runner.repository}", f"--set=runs.image.tag={runner.tag}"),
        )
        self.cluster.kubectl("rollout", "status", DEPLOYMENT, f"--namespace={OPERATOR_NAMESPACE}", "--timeout=120s")

    def new_namespace(self) -> str:
        """A namespace whose pods must be restricted, with the examples' policy; returns its name."""
        name = f"e2e-{secrets.token_hex(4)}"
        self.cluster.kubectl("create", "namespace", name)
        self.cluster.kubectl("label", "namespace", name, RESTRICTED)
        self.cluster.kubectl("apply", "--namespace", name, "-f", str(EXAMPLES / "00-policy.yaml"))
        return name

    def apply(self, namespace: str, *bodies: Json) -> None:
        """Create these or change them, in one call."""
        apply_all(self.cluster, bodies, "--namespace", namespace)

    def create(self, namespace: str, body: Json, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Create one object; unlike `apply`, this keeps no second copy of it in an annotation."""
        place = ("--namespace", namespace, "--validate=strict")
        return self.cluster.kubectl("create", *place, "-f", "-", input=json.dumps(body), check=check)

    def wait(self, namespace: str, *jobs: str, seconds: int) -> None:
        """Wait until these QuantumJobs, or all, have finished one way or the other."""
        names = [f"quantumjob/{name}" for name in jobs] or ["quantumjob", "--all"]
        self.cluster.kubectl("wait", "--namespace", namespace, *names, FINISHED, f"--timeout={seconds}s")

    def submit_bell(self, namespace: str, shots: int = 1000) -> None:
        """Create a job that samples a Bell pair."""
        programs = [{"name": "bell", "template": {"name": "bell"}}]
        task = {"sample": {"pubs": [{"program": "bell", "shots": shots}]}}
        self.apply(namespace, job("bell", programs=programs, task=task))

    def run_bell(self, namespace: str, shots: int = 1000) -> Json:
        """Have a job that samples a Bell pair succeed; returns it as it is then."""
        self.submit_bell(namespace, shots)
        self.wait(namespace, "bell", seconds=120)
        done = next(one for one in self.get("quantumjobs", namespace) if one["metadata"]["name"] == "bell")
        assert condition(done, "Complete")[:2] == ("True", "Succeeded"), done["status"]
        return done

    def get(self, kind: str, namespace: str) -> list[Json]:
        """Every object of a kind in a namespace."""
        return objects(self.cluster, kind, namespace)

    def asked(self, since: Position) -> list[AuditEvent]:
        """What the operator has asked the API server for after a moment, as the audit log has it."""
        ours = f"system:serviceaccount:{OPERATOR_NAMESPACE}:"
        return [one for one in self.cluster.audit_events(since) if one.user.startswith(ours)]

    def created(self, since: Position, namespace: str, *kinds: str) -> list[tuple[str, str]]:
        """What of these kinds it has created in a namespace, as (kind, name). An answer to who was killed is lost."""
        answered = [
            one for one in self.asked(since) if (one.verb, one.code, one.namespace) == ("create", 201, namespace)
        ]
        return [(one.resource, one.name) for one in answered if one.resource in kinds]

    def restarts(self) -> int:
        """How often the operator's container was started again."""
        (pod,) = self.get("pods", OPERATOR_NAMESPACE)
        return int(pod["status"]["containerStatuses"][0]["restartCount"])

    def kill_operator(self) -> None:
        """End the operator's container with SIGKILL, and wait until its kubelet has started it anew."""
        (pod,) = self.get("pods", OPERATOR_NAMESPACE)
        status = pod["status"]["containerStatuses"][0]
        container = status["containerID"].removeprefix("containerd://")
        self.cluster.inside("ctr", "--namespace", "k8s.io", "tasks", "kill", "--signal", "SIGKILL", container)
        if not eventually(lambda: self.restarts() > status["restartCount"], 60):
            raise AssertionError("the operator was not started again")

    def left_over(self, namespace: str) -> list[tuple[str, str]]:
        """Everything in a namespace that a job or its run had, as (kind, name)."""
        kinds = ("quantumjobs", "jobs", "pods", "configmaps")
        names = [(kind, str(one["metadata"]["name"])) for kind in kinds for one in self.get(kind, namespace)]
        return [name for name in names if name != ("configmaps", "kube-root-ca.crt")]

    def log(self) -> str:
        """What the operator said."""
        return self.cluster.kubectl("logs", "--namespace", OPERATOR_NAMESPACE, DEPLOYMENT).stdout


def readme_commands(program: str) -> list[list[str]]:
    """The arguments of every command that README.md gives for a program, with the paths of this repository."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    commands = [shlex.split(line) for line in lines if line.startswith(f"{program} ")]
    return [[str(ROOT / one) if (ROOT / one).exists() else one for one in command[1:]] for command in commands]


def job(name: str, **spec: Any) -> Json:
    """A QuantumJob under the namespace's default policy."""
    return {
        "apiVersion": "quantum-operator.dev/v1alpha1",
        "kind": "QuantumJob",
        "metadata": {"name": name},
        "spec": spec,
    }


def condition(resource: Json, kind: str) -> tuple[str, str, str]:
    """A condition's status, reason and message; ("", "", "") where it is not set."""
    found = [one for one in resource.get("status", {}).get("conditions", []) if one["type"] == kind]
    return (found[0]["status"], found[0]["reason"], found[0]["message"]) if found else ("", "", "")
