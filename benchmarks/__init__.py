"""Measurements of the operator, each beside a floor measured in the same run."""
