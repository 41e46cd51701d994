"""The way into a node and out of it: a veth pair, NAT, and a route to the node's Services.

A node lives in its own network namespace, so that its bridge, routes and iptables rules never meet those of the
machine or of another node. Whatever this module adds to the machine carries the node's name and is removed by it.
"""

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from tests.cluster.apiserver import SERVICE_RANGE
from tests.cluster.errors import ClusterError

LINKS = IPv4Network("192.168.248.0/21")
SLOTS = LINKS.num_addresses // 4
_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


def command(*argv: str) -> str:
    """Run a network command.

    Raises:
        ClusterError: it failed; holds what it wrote.
    """
    result = subprocess.run(argv, capture_output=True, text=True, check=False)
    if result.returncode:
        raise ClusterError(f"{' '.join(argv)}: {result.stderr.strip()}")
    return result.stdout


def _succeeds(*argv: str) -> bool:
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


@dataclass(frozen=True, slots=True)
class Link:
    """The veth pair of one node; ``slot`` numbers the nodes of this machine and picks the addresses.

    Attributes:
        node: name of the node, written into its iptables rules as a comment.
        slot: 0 to ``SLOTS`` - 1, unique on this machine.
    """

    node: str
    slot: int

    @property
    def subnet(self) -> IPv4Network:
        """Range of two addresses, of the machine's end and of the node's end."""
        return IPv4Network((int(LINKS.network_address) + 4 * self.slot, 30))

    @property
    def outside(self) -> str:
        """Address of the machine's end; the node's default gateway."""
        return str(self.subnet[1])

    @property
    def inside(self) -> str:
        """Address of the node's end, by which everything outside reaches the node."""
        return str(self.subnet[2])

    @property
    def outside_name(self) -> str:
        """Interface name of the machine's end."""
        return f"lstest{self.slot}"

    @property
    def inside_name(self) -> str:
        """Interface name of the node's end."""
        return "uplink"

    def _rules(self) -> Iterable[tuple[str, ...]]:
        comment = ("-m", "comment", "--comment", f"llamastack-test-{self.node}")
        yield ("nat", "POSTROUTING", "-s", str(self.subnet), "!", "-o", self.outside_name, *comment, "-j", "MASQUERADE")
        # Machines that run Docker drop forwarded packets by default.
        yield ("filter", "FORWARD", "-i", self.outside_name, *comment, "-j", "ACCEPT")
        yield ("filter", "FORWARD", "-o", self.outside_name, *comment, "-j", "ACCEPT")

    def connect(self, pid: int) -> None:
        """Give the network namespace of process ``pid`` its uplink, and route the Services' range to it.

        Two nodes have the same range of Service addresses: the route belongs to the node that came first.
        """
        self.disconnect()
        peer = ("peer", "name", self.inside_name, "netns", str(pid))
        command("ip", "link", "add", self.outside_name, "type", "veth", *peer)
        command("ip", "address", "add", f"{self.outside}/30", "dev", self.outside_name)
        command("ip", "link", "set", self.outside_name, "up")
        for table, chain, *rule in self._rules():
            command("iptables", "-w", "-t", table, "-I", chain, *rule)
        _FORWARDING.write_text("1")
        # Fails when another node has the route.
        _succeeds("ip", "route", "add", SERVICE_RANGE, "via", self.inside)

    def disconnect(self) -> None:
        """Remove the machine's end, its route and its rules. Calling it again does nothing."""
        for table, chain, *rule in self._rules():
            while _succeeds("iptables", "-w", "-t", table, "-D", chain, *rule):
                pass
        _succeeds("ip", "link", "delete", self.outside_name)

    def configure_inside(self) -> None:
        """Run inside the node's namespace: addresses and the default route."""
        command("ip", "link", "set", "lo", "up")
        command("ip", "address", "add", f"{self.inside}/30", "dev", self.inside_name)
        command("ip", "link", "set", self.inside_name, "up")
        command("ip", "route", "add", "default", "via", self.outside)
        _FORWARDING.write_text("1")

    def has_service_route(self) -> bool:
        """Say whether Service addresses on this machine lead to this node."""
        return any(route.get("gateway") == self.inside for route in _routes())


def _routes() -> list[dict[str, str]]:
    routes: list[dict[str, str]] = json.loads(command("ip", "-j", "route", "show", SERVICE_RANGE))
    return routes


def interface_exists(name: str) -> bool:
    """Say whether an interface of this network namespace has that name."""
    # Not /sys/class/net: a private mount namespace still shows the sysfs of the machine.
    return _succeeds("ip", "link", "show", name)


def forwarding() -> str:
    """Return the machine's setting of IPv4 forwarding, to be restored after the last node."""
    return _FORWARDING.read_text().strip()


def set_forwarding(value: str) -> None:
    """Restore the machine's setting of IPv4 forwarding."""
    _FORWARDING.write_text(value)
