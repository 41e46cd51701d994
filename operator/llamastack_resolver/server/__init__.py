"""A running server: clients of its APIs, and whether it is what it should be."""
