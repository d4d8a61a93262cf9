"""What the switch tells of itself: LLDP and CDP frames, strangers' words, and what is kept."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.neighbour_watch import NeighbourWatch
from probes.cables.neighbour import FILE, Frame, Neighbour, NeighbourAnswer, answer, last_neighbour, read
from probes.seldom import keep, recall

lldp: Any = pytest.importorskip("scapy.contrib.lldp")
cdp: Any = pytest.importorskip("scapy.contrib.cdp")
l2: Any = pytest.importorskip("scapy.layers.l2")


def lldp_frame(system: str = "SW-TANG2", port: str = "Gi1/0/12", vlan: int | None = 20) -> bytes:
    packet = (
        l2.Ether(dst="01:80:c2:00:00:0e", src="02:00:00:00:00:01", type=0x88CC)
        / lldp.LLDPDUChassisID(subtype=4, id="02:00:00:00:00:01")
        / lldp.LLDPDUPortID(subtype=5, id=port.encode())
        / lldp.LLDPDUTimeToLive(ttl=120)
        / lldp.LLDPDUSystemName(system_name=system.encode())
    )
    if vlan is not None:
        packet /= lldp.LLDPDUGenericOrganisationSpecific(org_code=0x0080C2, subtype=1, data=vlan.to_bytes(2))
    return bytes(packet / lldp.LLDPDUEndOfLLDPDU())


def cdp_frame() -> bytes:
    messages = [cdp.CDPMsgDeviceID(val=b"sw-cisco"), cdp.CDPMsgPortID(iface=b"FastEthernet0/7"), cdp.CDPMsgNativeVLAN(vlan=30)]
    body = bytes(l2.LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / l2.SNAP(OUI=0x00000C, code=0x2000) / cdp.CDPv2_HDR(msg=messages))
    return bytes.fromhex("01000ccccccc020000000001") + len(body).to_bytes(2) + body


@pytest.mark.req("R31")
def test_name_port_and_vlan_are_read_of_both_protocols() -> None:
    assert read(Frame(octets=lldp_frame())).neighbour == Neighbour(system="SW-TANG2", port="Gi1/0/12", vlan=20)
    assert read(Frame(octets=lldp_frame(vlan=None))).neighbour == Neighbour(system="SW-TANG2", port="Gi1/0/12")
    assert read(Frame(octets=cdp_frame())).neighbour == Neighbour(system="sw-cisco", port="FastEthernet0/7", vlan=30)
    assert Neighbour(system="SW-TANG2", port="Gi1/0/12", vlan=20).text == "SW-TANG2 · Gi1/0/12 · VLAN 20"


def test_a_strangers_words_are_made_harmless() -> None:
    said = read(Frame(octets=lldp_frame(system="a\x1b[31m\n\u200b" + "x" * 90))).neighbour
    assert said is not None
    assert said.system.isprintable()
    assert len(said.system) <= 48


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 120), st.binary(min_size=1, max_size=8))
def test_no_frame_breaks_the_child(noise: bytes, at: int, patch: bytes) -> None:
    frame = bytearray(lldp_frame())
    frame[at : at + len(patch)] = patch
    for octets in (noise, bytes(frame), cdp_frame()[:at]):
        said = answer(b'{"octets": "' + __import__("base64").b64encode(octets) + b'"}')
        assert said.neighbour is None or said.neighbour.text


class Reader:
    """Counts what is read."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    def __call__(self, frame: Frame) -> NeighbourAnswer:
        self.frames.append(frame.octets)
        return read(frame)


def taken(watch: NeighbourWatch, *frames: bytes) -> None:
    async def go() -> None:
        for frame in frames:
            if watch._is_new(frame):
                await watch._take(frame)

    # In a thread of its own: a browser that other tests share keeps a loop running in the main one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(go())).result()


def test_the_same_frame_is_read_once_and_a_new_one_at_once(tmp_path: Path) -> None:
    reader = Reader()
    watch = NeighbourWatch(tmp_path, "eth0", reader)
    taken(watch, lldp_frame(), lldp_frame(), lldp_frame(port="Gi1/0/13"), lldp_frame(port="Gi1/0/13"))
    assert len(reader.frames) == 2
    assert last_neighbour(str(tmp_path)) == "SW-TANG2 · Gi1/0/13 · VLAN 20"


def test_a_switch_that_never_says_the_same_twice_costs_no_child_each_time(tmp_path: Path) -> None:
    reader = Reader()
    taken(NeighbourWatch(tmp_path, "eth0", reader), *(lldp_frame(system=f"up {count} s") for count in range(50)))
    assert len(reader.frames) == 3


def test_a_switch_that_speaks_both_is_heard_by_lldp(tmp_path: Path) -> None:
    reader = Reader()
    taken(NeighbourWatch(tmp_path, "eth0", reader), cdp_frame(), lldp_frame(), cdp_frame(), cdp_frame()[:-1] + b"\x00")
    assert len(reader.frames) == 2
    assert recall(tmp_path / FILE, Neighbour) == Neighbour(system="SW-TANG2", port="Gi1/0/12", vlan=20)


def test_what_was_never_heard_is_a_dash(tmp_path: Path) -> None:
    assert last_neighbour("") == last_neighbour(str(tmp_path)) == "—"
    keep(tmp_path / FILE, Neighbour(system="a"))
    assert last_neighbour(str(tmp_path)) == "a"
