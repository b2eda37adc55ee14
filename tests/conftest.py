"""Loads the test cluster's fixtures for every test, and says how long and how often Hypothesis tries."""

from hypothesis import settings

pytest_plugins = ["testcluster.fixture"]

# A busy machine is no failure, so an example may take its time; a test that needs more examples says so.
settings.register_profile("unhurried", deadline=None, max_examples=60)
settings.load_profile("unhurried")
