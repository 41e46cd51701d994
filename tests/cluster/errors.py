"""Errors of the test bed, apart from the modules that raise them so that nothing imports in a circle."""


class ClusterError(RuntimeError):
    """A part of the test bed failed; the message ends with the last lines of its log."""


class CannotRunError(ClusterError):
    """This machine lacks something the test bed needs (Go, root, a tool): tests skip, except under CI."""
