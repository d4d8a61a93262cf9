"""What is at the other end of the site's network cable: the switch, its port, its VLAN, as the switch tells it by LLDP or CDP.

``python -m probes.cables.neighbour`` reads a `Frame` and prints a `NeighbourAnswer`: scapy reads the frame in this child. The agent listens
(`edge_agent.neighbour_watch`) and keeps the last answer in the state directory, so that a dead cable's finding can say where it went.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from probes import child
from probes.child import Answer
from probes.seldom import recall

FILE = "neighbour.json"
LLDP_TYPE, SNAP_TYPE = 0x88CC, 0x0004
"""EtherType of LLDP (IEEE 802.1AB, 8.3), and Linux' name for frames with an 802.2 header, which CDP has."""
LLDP_GROUP, CDP_GROUP = bytes.fromhex("0180c200000e"), bytes.fromhex("01000ccccccc")
_LONGEST_WORD = 48
_8021_OUI, _PORT_VLAN = 0x0080C2, 1


class Frame(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole Ethernet frame."""

    octets: bytes


class Neighbour(msgspec.Struct, frozen=True, kw_only=True):
    """Who is at the other end; empty or None where it does not say.

    Attributes:
        system: Name of the switch.
        port: Of the switch, as it calls it.
        vlan: Untagged VLAN of the port.
    """

    system: str = ""
    port: str = ""
    vlan: int | None = None

    @property
    def text(self) -> str:
        """In one line, in no language."""
        parts = [self.system, self.port, "" if self.vlan is None else f"VLAN {self.vlan}"]
        return " · ".join(part for part in parts if part)


class NeighbourAnswer(Answer, frozen=True, kw_only=True):
    """What a frame tells; None if it tells nothing of the kind."""

    neighbour: Neighbour | None = None


def last_neighbour(directory: str) -> str:
    """The neighbour that was heard last, in one line; a dash if none ever was."""
    known = recall(Path(directory) / FILE, Neighbour) if directory else None
    return "—" if known is None else known.text


def read(frame: Frame) -> NeighbourAnswer:
    """Read a frame by scapy."""
    from scapy.contrib import cdp, lldp  # noqa: PLC0415 — 0.3 s and 40 MB that nobody else is to pay
    from scapy.layers import l2  # noqa: PLC0415

    if frame.octets[:6] == CDP_GROUP:
        # 802.3 length, 802.2 LLC, SNAP: 14 + 3 + 5 octets before CDP's own header.
        return NeighbourAnswer(neighbour=_of_cdp(cdp.CDPv2_HDR(frame.octets[22:]), cdp))
    packet = l2.Ether(frame.octets)
    return NeighbourAnswer(neighbour=_of_lldp(packet, lldp) if packet.haslayer(lldp.LLDPDUChassisID) else None)


def _of_lldp(packet: Any, lldp: Any) -> Neighbour | None:
    def field(layer: Any, name: str) -> str:
        return _word(getattr(packet[layer], name)) if packet.haslayer(layer) else ""

    system = field(lldp.LLDPDUSystemName, "system_name") or field(lldp.LLDPDUChassisID, "id")
    port = field(lldp.LLDPDUPortID, "id") or field(lldp.LLDPDUPortDescription, "description")
    vlan, number = None, 1
    while (one := packet.getlayer(lldp.LLDPDUGenericOrganisationSpecific, number)) is not None:
        if one.org_code == _8021_OUI and one.subtype == _PORT_VLAN and len(one.data) >= 2:
            vlan = int.from_bytes(bytes(one.data)[:2]) or None
        number += 1
    return Neighbour(system=system, port=port, vlan=vlan) if system or port else None


def _of_cdp(packet: Any, cdp: Any) -> Neighbour | None:
    found = {type(message): message for message in packet.msg}
    system = _word(found[cdp.CDPMsgDeviceID].val) if cdp.CDPMsgDeviceID in found else ""
    port = _word(found[cdp.CDPMsgPortID].iface) if cdp.CDPMsgPortID in found else ""
    vlan = int(found[cdp.CDPMsgNativeVLAN].vlan) if cdp.CDPMsgNativeVLAN in found else None
    return Neighbour(system=system, port=port, vlan=vlan or None) if system or port else None


def _word(said: Any) -> str:
    return child.word(said if isinstance(said, bytes) else str(said).encode(), _LONGEST_WORD)


def answer(asked: bytes) -> NeighbourAnswer:
    """What is printed."""
    return child.answer(asked, Frame, NeighbourAnswer, read)


if __name__ == "__main__":
    sys.exit(child.main(answer))
