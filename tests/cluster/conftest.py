"""Loads the fixtures of clusters."""

from tests.cluster.plugins import pytest_configure as pytest_configure
