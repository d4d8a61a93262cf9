"""Three places in network namespaces of our own: the control node (it routes), the center, and the cables to the site PC.

    center 10.80.0.2 ── 10.80.0.1 control node 10.80.1.1 ── 10.80.1.11 eth0 site PC
                                  control node 10.80.9.1 ── 10.80.9.2  eth1 site PC

All that the product does goes over eth0; eth1 is the rig's own, so that it can look into a site whose cable is pulled.
Nothing leads out: no namespace has a way to the network of this machine.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.vm.shell import run

CONTROL_NODE = "10.80.0.1"
CENTER = "10.80.0.2"
SITE_GATEWAY = "10.80.1.1"
SITE = "10.80.1.11"
RIG_SIDE = "10.80.9.1"
SITE_RIG_SIDE = "10.80.9.2"
SITE_TAP, RIG_TAP = "site0", "rig0"


class Network(NamedTuple):
    """Names of the two namespaces.

    Attributes:
        node: The control node's: Ansible, ssh and QEMU's taps.
        center: The center's.
    """

    node: str
    center: str

    @classmethod
    def named(cls, word: str) -> Network:
        """The pair of a run."""
        return cls(f"diemcau-{word}-node", f"diemcau-{word}-center")

    def make(self) -> None:
        """Make namespaces, cables and routes."""
        for name in self:
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", self.node, "link", "add", "center0", "type", "veth", "peer", "name", "eth0", "netns", self.center)
        for name, device, address in (
            (self.node, "center0", f"{CONTROL_NODE}/24"),
            (self.center, "eth0", f"{CENTER}/24"),
        ):
            run("ip", "-n", name, "address", "add", address, "dev", device)
            run("ip", "-n", name, "link", "set", device, "up")
        for tap, address in ((SITE_TAP, f"{SITE_GATEWAY}/24"), (RIG_TAP, f"{RIG_SIDE}/24")):
            run("ip", "-n", self.node, "tuntap", "add", tap, "mode", "tap")
            run("ip", "-n", self.node, "address", "add", address, "dev", tap)
            run("ip", "-n", self.node, "link", "set", tap, "up")
        run("ip", "-n", self.center, "route", "add", "default", "via", CONTROL_NODE)
        run("ip", "netns", "exec", self.node, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1")

    def translate(self) -> None:
        """Let the control node hide the site's addresses behind its own, as a router with NAT does."""
        for order in (
            "add table ip rig",
            "add chain ip rig hide { type nat hook postrouting priority 100; }",
            "add rule ip rig hide oifname center0 masquerade",
        ):
            run("ip", "netns", "exec", self.node, "nft", order)

    def show(self) -> None:
        """Route plainly again."""
        run("ip", "netns", "exec", self.node, "nft", "delete table ip rig")

    def remove(self) -> None:
        """Take everything away again; what is not there is no error."""
        for name in self:
            run("ip", "netns", "delete", name, check=False)
