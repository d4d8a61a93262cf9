"""Configuration of the link probe and the link watch: whom to ask (settings) and what is still normal (limits)."""

from __future__ import annotations

import ipaddress
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec

from contract.placing import CENTER
from contract.stamp_auth import key_from_text
from probes.snmp_access import SnmpAccess

Positive = Annotated[float, msgspec.Meta(gt=0)]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
STAMP_PORT = 862
"""RFC 8762, 4.1."""


class Kind(StrEnum):
    """How an end of the link is asked."""

    ICMP = "icmp"
    STAMP = "stamp"


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One end of the link.

    Attributes:
        host: Name or address, IPv4 or IPv6.
        name: ``gateway``, ``mcu`` and ``center`` place a fault; any other name is only measured. Empty: the host.
        kind: ``icmp`` echo, or ``stamp`` where a reflector runs.
        port: UDP port of the reflector.
    """

    host: str
    name: str = ""
    kind: Kind = Kind.ICMP
    port: int = STAMP_PORT

    def __post_init__(self) -> None:
        if not self.host or any(letter.isspace() for letter in self.host):
            raise ValueError(f"host {self.host!r} is neither a name nor an address")
        if not 0 < self.port < 65536:
            raise ValueError(f"port is {self.port}, use 1–65535")

    @property
    def label(self) -> str:
        """What findings and figures call it."""
        return self.name or self.host


def target_from_text(text: str) -> Target:
    """Target of a word like ``10.0.0.1``, ``icmp:host``, ``stamp:host:port``, ``name=stamp:[fd00::1]:8620``.

    Raises:
        ValueError: with what is wrong.
    """
    name, equals, rest = text.rpartition("=")
    if equals and not name:
        raise ValueError(f"target {text!r} has an empty name")
    kind, colon, host = rest.partition(":")
    if not colon or kind not in (Kind.ICMP, Kind.STAMP):
        kind, host = Kind.ICMP, rest
    port = ""
    if host.startswith("["):
        host, _, port = host[1:].partition("]")
        port = port.removeprefix(":")
    elif host.count(":") == 1:
        host, _, port = host.partition(":")
    if port and (not port.isascii() or not port.isdigit()):
        raise ValueError(f"target {text!r}: port {port!r} is no number")
    if port and kind == Kind.ICMP:
        raise ValueError(f"target {text!r}: ICMP has no port; write stamp:{host}:{port} for a reflector")
    return Target(host=host, name=name, kind=Kind(kind), port=int(port) if port else STAMP_PORT)


class Standby(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The standby line, as the uplink would take it.

    Attributes:
        host: Broker at its end.
        port: TCP port of the broker.
        interface: Network interface to leave by; empty: whatever the routes say.
        ca: Certificates that the broker's must descend from (PEM); empty: no TLS.
    """

    host: str
    port: int = 8883
    interface: str = ""
    ca: str = ""


class SwitchPort(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Port of the switch that the dedicated line hangs on; its counters tell how full the line is.

    Attributes:
        host: Name or address of the switch.
        port: As the switch calls it (``ifName``, ``ifDescr`` or ``ifAlias``), or its number (``ifIndex``).
        uplink: Whether the port's cable leads to the provider; false: to the site.
        snmp: How the switch is asked.
    """

    host: str
    port: str
    uplink: bool = True
    snmp: SnmpAccess

    def __post_init__(self) -> None:
        if not self.host or not self.port:
            raise ValueError("switch: host and port are needed")

    @property
    def label(self) -> str:
        """What findings and figures call it."""
        return f"{self.host} {self.port}"


class LinkSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the site has; from the site's own file.

    Attributes:
        fitted: Whether there is a link to be watched at all.
        ssid: STAMP session identifier that the center gave this site; 0: none.
        targets: Whom to ask: tables, or words as on the command line.
        interface: Network interface of the TSLCD line; empty: whatever the routes say is right.
        dscp: Mark of the probes' packets, 0–63; 34 (AF41) rides with the video.
        neighbours: IPv4 addresses of other devices on the line's cable, the codec above all: asked whether two devices have one address.
        capacity_mbps: What the line carries by contract, each way; None: not declared.
        standby: The standby line, to be tried now and then; without one that of ``center.standby`` is taken.
        key_file: File with the site's STAMP key, 64 hexadecimal digits, drawn by the center; empty: its packets are not sealed.
        switch: Port that the line hangs on, whose counters tell how full it is; None: not asked.
    """

    fitted: bool = True
    ssid: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    targets: tuple[Target | str, ...] = ()
    interface: str = ""
    dscp: Annotated[int, msgspec.Meta(ge=0, le=63)] = 0
    neighbours: tuple[str, ...] = ()
    capacity_mbps: Annotated[float, msgspec.Meta(gt=0, le=100_000)] | None = None
    standby: Standby | None = None
    key_file: str = ""
    switch: SwitchPort | None = None

    def __post_init__(self) -> None:
        labels = [target.label for target in self.ends]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            raise ValueError(f"target {twice[0]!r} is there twice: give each its own name")
        for address in self.neighbours:
            try:
                ipaddress.IPv4Address(address)
            except ValueError:
                raise ValueError(f"neighbours: {address!r} is no IPv4 address") from None
        try:
            self.key_for(Target(host=CENTER, name=CENTER, kind=Kind.STAMP))
        except (OSError, ValueError) as error:
            raise ValueError(f"key_file {self.key_file!r}: {error}") from None

    def key_for(self, target: Target) -> bytes:
        """Key that seals the packets to a target, the center's reflector only; empty: none.

        Raises:
            OSError, ValueError: the file cannot be read, or holds no key.
        """
        if not self.key_file or target.kind is not Kind.STAMP or target.name != CENTER:
            return b""
        return key_from_text(Path(self.key_file).read_text(encoding="ascii", errors="replace"))

    @property
    def ends(self) -> tuple[Target, ...]:
        """The targets, words read."""
        return tuple(target_from_text(target) if isinstance(target, str) else target for target in self.targets)


class LinkLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is still normal; versioned at the center, these are the defaults.

    Quality: Cisco's design for interactive video (150 ms one way, 30 ms, 1 %), loss above 5 % as Polycom RMX calls it critical.
    Drop rule: chosen by simulation with independent and bursty losses, see tests/edge_agent/test_drop_rule.py.
    """

    latency_ms: Annotated[Positive, msgspec.Meta(description="one way, half the median round trip")] = 150.0
    jitter_ms: Annotated[Positive, msgspec.Meta(description="RFC 3550 estimator over round trips")] = 30.0
    loss_percent: Annotated[Percent, msgspec.Meta(description="lost packets; a finding once that so many are lost is 95 % sure")] = 1.0
    critical_loss_percent: Annotated[Percent, msgspec.Meta(description="critical from here on, in a live meeting")] = 5.0
    reordered_percent: Annotated[Percent, msgspec.Meta(description="packets that come after a later one")] = 2.0
    probes: Annotated[int, msgspec.Meta(ge=2, le=200, description="packets of one look, to each target")] = 40
    probe_interval_ms: Annotated[float, msgspec.Meta(ge=10, le=200, description="between two packets of one look")] = 40.0
    probe_wait_ms: Annotated[float, msgspec.Meta(ge=50, le=2000, description="for the last answers of one look")] = 1000.0

    live_interval_ms: Annotated[float, msgspec.Meta(ge=20, le=1000, description="watch, live meeting, to the center")] = 50.0
    others_interval_ms: Annotated[float, msgspec.Meta(ge=20, le=2000, description="watch, live meeting, to the other targets")] = 200.0
    burst_interval_ms: Annotated[float, msgspec.Meta(ge=10, le=200, description="watch, once an answer is missing, to all")] = 20.0
    meeting_interval_s: Annotated[float, msgspec.Meta(ge=0.05, le=10, description="watch, other phases of a meeting")] = 0.2
    idle_interval_s: Annotated[float, msgspec.Meta(ge=0.2, le=60, description="watch, no meeting")] = 5.0
    grace_ms: Annotated[float, msgspec.Meta(ge=20, le=1000, description="shortest time after which an answer is missing")] = 100.0
    suspect_probes: Annotated[int, msgspec.Meta(ge=3, le=100, description="answers missing in a row before a suspicion")] = 12
    confirm_probes: Annotated[int, msgspec.Meta(ge=3, le=200, description="answers missing in a row before an alarm")] = 25
    confirm_s: Annotated[
        float, msgspec.Meta(ge=0.5, le=10, description="and silent for so long before an alarm, own stalls not counted")
    ] = 1.2
    return_answers: Annotated[int, msgspec.Meta(ge=1, le=20, description="answers that end a silence")] = 3
    stall_ms: Annotated[float, msgspec.Meta(ge=50, le=1000, description="the watch itself was late by so much: blind")] = 150.0
    flap_window_s: Annotated[float, msgspec.Meta(gt=0, le=3600, description="drops within this time are counted as one flapping")] = 300.0

    port_p95_percent: Annotated[
        Percent,
        msgspec.Meta(description="95th percentile of 7 days of 5-minute samples of the port, of the capacity (TT 06/2026/TT-BKHCN, 5.6)"),
    ] = 90.0
    least_throughput_percent: Annotated[
        float, msgspec.Meta(gt=0, le=100, description="of what is sent when the throughput is measured, and must arrive")
    ] = 90.0

    path_enabled: Annotated[bool, msgspec.Meta(description="ask for the path to center and MCU, never in a live meeting")] = True
    path_period_s: Annotated[
        float, msgspec.Meta(ge=300, le=604800, description="between two such looks; rehearsal and precheck begin with one")
    ] = 3600.0
    path_max_hops: Annotated[int, msgspec.Meta(ge=1, le=30, description="hops asked for, all at once")] = 16
    path_wait_ms: Annotated[float, msgspec.Meta(ge=100, le=3000, description="for the last hop's answer")] = 1200.0
    path_least_mtu: Annotated[
        int, msgspec.Meta(ge=576, le=1500, description="octets that a packet must be able to have on the way to center and MCU")
    ] = 1300
    duplicates_enabled: Annotated[
        bool, msgspec.Meta(description="ask by ARP, as often as for the path, whether two devices have one address on the cable")
    ] = True
    standby_period_s: Annotated[
        float, msgspec.Meta(ge=3600, le=604800, description="between two trials of the standby line; rehearsal and precheck begin with one")
    ] = 86400.0
    standby_max_age_s: Annotated[
        float, msgspec.Meta(ge=86400, le=31536000, description="after which a trial that went well counts no more")
    ] = 604800.0
