"""Two operators as pods: a rolling update and an eviction hand over, and jobs go on."""

from collections.abc import Iterator

import pytest

from support.installation import DEPLOYMENT, OPERATOR_NAMESPACE, RELEASE, ROOT, Installation
from testcluster.processes import eventually

CHART = str(ROOT / "charts/quantum-operator")
HAND_OVER_SECONDS = 12.0
"""Less than a Lease lasts whose holder just vanishes."""


def scale(installation: Installation, replicas: int) -> None:
    """Have so many operators, and wait until there are no more and no fewer."""
    options = (f"--namespace={OPERATOR_NAMESPACE}", "--reuse-values", f"--set=replicas={replicas}")
    installation.cluster.helm("upgrade", RELEASE, CHART, *options)
    rolled_out(installation)
    assert eventually(lambda: len(installation.get("pods", OPERATOR_NAMESPACE)) == replicas, 60)


def rolled_out(installation: Installation) -> None:
    """Wait until every pod is of the latest template, and ready."""
    installation.cluster.kubectl("rollout", "status", DEPLOYMENT, f"--namespace={OPERATOR_NAMESPACE}", "--timeout=120s")


def leader(installation: Installation) -> str:
    """The pod that holds the Lease; empty: none does."""
    (lease,) = installation.get("leases", OPERATOR_NAMESPACE)
    return str(lease["spec"].get("holderIdentity") or "").partition("_")[0]


def pods(installation: Installation) -> list[str]:
    """The operators' pods."""
    return [one["metadata"]["name"] for one in installation.get("pods", OPERATOR_NAMESPACE)]


@pytest.fixture
def two(installation: Installation) -> Iterator[Installation]:
    """Two operators, of which one leads; one again afterward."""
    scale(installation, 2)
    assert eventually(lambda: leader(installation) in pods(installation), 60)
    yield installation
    scale(installation, 1)


def test_a_pod_that_leaves_hands_over(two: Installation, home: str) -> None:
    """The other one leads before the Lease would have run out, and runs a job."""
    first = leader(two)
    two.cluster.kubectl("delete", "pod", first, f"--namespace={OPERATOR_NAMESPACE}", "--wait=false")
    assert eventually(lambda: leader(two) not in ("", first), HAND_OVER_SECONDS), two.log()
    two.run_bell(home)


def test_a_rolling_update_hands_over(two: Installation, home: str) -> None:
    """Every pod is another one then, one of the new ones leads, and the job that was submitted meanwhile is done."""
    before = pods(two)
    two.cluster.kubectl("rollout", "restart", DEPLOYMENT, f"--namespace={OPERATOR_NAMESPACE}")
    two.submit_bell(home)
    rolled_out(two)
    assert eventually(lambda: not set(before) & set(pods(two)), 60)
    assert eventually(lambda: leader(two) in pods(two), HAND_OVER_SECONDS)
    two.wait(home, "bell", seconds=60)
