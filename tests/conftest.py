"""Loads the test cluster's fixtures for every test."""

pytest_plugins = ["testcluster.fixture"]
