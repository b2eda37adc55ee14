"""Loads the test cluster's fixtures, and says how often Hypothesis tries, and how much of what takes long."""

import gc
import re
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

pytest_plugins = ["testcluster.fixture"]

# A busy machine is no failure, so an example may take its time; a test that needs more examples says so.
settings.register_profile("unhurried", deadline=None, max_examples=40)
settings.load_profile("unhurried")


OF_AN_ACCOUNT = re.compile(
    r"test_agent_(crashes|faults|surprises|together|writes)\.py::.*\[(?:.*-)?(?P<provider>ibm|braket)\b"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """How much is tried of what takes long."""
    text = "the points of the crash and fault matrices to try: a slice of each, or all"
    parser.addoption("--faults", choices=("slice", "all"), default="slice", help=text)
    text = "the circuits of mqt.bench to run on a real Kubernetes: every fifth, or all"
    parser.addoption("--circuits", choices=("slice", "all"), default="slice", help=text)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "matrix: runs with --faults=all alone")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is of the matrices of faults alone, unless all of them were asked for."""
    if config.getoption("faults") == "slice":
        rest = [one for one in items if one.get_closest_marker("matrix")]
        config.hook.pytest_deselected(items=rest)
        items[:] = in_turn([one for one in items if not one.get_closest_marker("matrix")])


def in_turn(items: list[pytest.Item]) -> list[pytest.Item]:
    """Of two tests of accounts that differ in the provider alone, one."""
    alike: dict[str, list[str]] = {}
    for one in items:
        account = OF_AN_ACCOUNT.search(one.nodeid)
        if account:
            alike.setdefault(one.nodeid.replace(f"[{account['provider']}", "["), []).append(one.nodeid)
    pairs = [pair for pair in alike.values() if len(pair) == 2]
    left_out = {pair[turn % 2] for turn, pair in enumerate(pairs)}
    return [one for one in items if one.nodeid not in left_out]


class ByFileOrAccount(LoadFileScheduling):  # type: ignore[misc]
    """A process has all tests of a file, or all of one account of a provider, which takes long to make."""

    def _split_scope(self, nodeid: str) -> str:
        account = OF_AN_ACCOUNT.search(nodeid)
        return account["provider"] if account else str(super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFileOrAccount | None:
    """Say what goes together."""
    return ByFileOrAccount(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def faults(request: pytest.FixtureRequest) -> str:
    """`slice` or `all`: how much of the matrices of faults is tried."""
    return str(request.config.getoption("--faults"))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave what was imported out of garbage collection: it stays, and looking at it takes a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)
