"""Loads the test cluster's fixtures for every test, and says how long and how often Hypothesis tries."""

import gc

import pytest
from hypothesis import settings

pytest_plugins = ["testcluster.fixture"]

# A busy machine is no failure, so an example may take its time; a test that needs more examples says so.
settings.register_profile("unhurried", deadline=None, max_examples=60)
settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    """How much of the matrices of faults is tried."""
    text = "the points of the crash and fault matrices to try: a slice of each, or all"
    parser.addoption("--faults", choices=("slice", "all"), default="slice", help=text)


@pytest.fixture(scope="session")
def faults(request: pytest.FixtureRequest) -> str:
    """`slice` or `all`: how much of the matrices of faults is tried."""
    return str(request.config.getoption("--faults"))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave what was imported out of garbage collection: it stays, and looking at it takes a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)
