"""Loads the test bed's fixtures for every test."""

pytest_plugins = ["tests.cluster.fixtures", "tests.e2e.fixtures"]
