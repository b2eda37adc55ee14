"""Loads the test cluster's fixtures, and says how often Hypothesis tries, and how much of what takes long."""

import gc

import pytest
from hypothesis import settings

pytest_plugins = ["testcluster.fixture"]

# A busy machine is no failure, so an example may take its time; a test that needs more examples says so.
settings.register_profile("unhurried", deadline=None, max_examples=60)
settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    """How much is tried of what takes long."""
    text = "the points of the crash and fault matrices to try: a slice of each, or all"
    parser.addoption("--faults", choices=("slice", "all"), default="slice", help=text)
    text = "the circuits of mqt.bench to run on a real Kubernetes: every third, or all"
    parser.addoption("--circuits", choices=("slice", "all"), default="slice", help=text)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "matrix: runs with --faults=all alone")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is of the matrices of faults alone, unless all of them were asked for."""
    if config.getoption("faults") == "slice":
        rest = [one for one in items if one.get_closest_marker("matrix")]
        config.hook.pytest_deselected(items=rest)
        items[:] = [one for one in items if not one.get_closest_marker("matrix")]


@pytest.fixture(scope="session")
def faults(request: pytest.FixtureRequest) -> str:
    """`slice` or `all`: how much of the matrices of faults is tried."""
    return str(request.config.getoption("--faults"))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave what was imported out of garbage collection: it stays, and looking at it takes a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)
