"""Appends what was installed to the base's manifest and pushes it: the programs before and after the installation."""
