"""Addresses and proxies that the platform names for builds, in the namespaces of tenants, who read them."""

from __future__ import annotations


class LoginInAddressError(ValueError):
    """An address has a user name or a password in it. The message does not repeat it."""

    def __init__(self) -> None:
        super().__init__("has a user name or password, which every tenant could read: leave it out")


def without_login(text: str) -> str:
    """Return an address, or a list of hosts, that can be read by everybody: as it is.

    Args:
        text: with or without a scheme, as proxies are written. In a path, `%40` stands for `@`.

    Raises:
        LoginInAddressError: it may name a user.
    """
    if "@" in text:
        raise LoginInAddressError
    return text
