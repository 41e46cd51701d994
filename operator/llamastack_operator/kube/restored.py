"""Notices that the API server's store was set back to an earlier state, as after the restore of a backup.

Versions grow for ever, so a version that is lower than one seen before is the proof. After that nothing that is kept
can be trusted: it has objects that never were, and versions that hide what is. And no watch would tell: one that goes
on from a version of the future is silent until the store gets there. So the process ends, and begins anew.
"""

from __future__ import annotations


class RestoredError(Exception):
    """The API server's store is one of before."""


def check_version(what: str, newest: int, listed: int) -> None:
    """Check the version of a list against the newest that was seen before it was asked for.

    Args:
        what: what was listed, for the message.
        newest: the newest version that was seen, 0 for none.
        listed: the version of the list; one that is not of a cache is never behind what was seen.

    Raises:
        RestoredError: it is behind.
    """
    if listed < newest:
        raise RestoredError(f"the API server's store was set back: {what} were at {newest}, and are at {listed}")


def check_item(what: str, known: int, version: int, listed: int) -> None:
    """Check the version of an item of a list against the one that is known of it.

    Args:
        what: what was listed, for the message.
        known: the version that is known of the object, 0 for none.
        version: the one that the list has.
        listed: the version of the list; what is known may be newer, by a write that came after it.

    Raises:
        RestoredError: the list should have had the known one.
    """
    if version < known <= listed:
        raise RestoredError(
            f"the API server's store was set back: one of the {what} was at {known}, and is at {version}"
        )
