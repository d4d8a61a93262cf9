"""Configuration of the codec probe: what the room has (settings) and what is still normal (limits)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from probes.snmp_access import SnmpAccess

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class SipTransport(StrEnum):
    """How SIP OPTIONS go out."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


class Maker(StrEnum):
    """Whose interface the system speaks, beyond SIP, H.323 and SNMP."""

    NONE = ""
    ROOM_OS = "room_os"
    """Cisco RoomOS and CE: the XML interface over HTTPS."""
    POLY = "poly"
    """Poly VideoOS and RealPresence Group: the REST interface over HTTPS."""


class ApiSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The system's own interface, which tells what no open protocol does (R29).

    Attributes:
        maker: Whose.
        user: Name of a user who may only read, where the system has such.
        password_file: File that holds its password, readable by the agent alone.
        port: TCP port.
        tls: HTTPS; without it the password goes over the network as it is.
        ca: Certificates that the system's must descend from (PEM); empty: any is taken, as most systems sign their own.
    """

    maker: Maker
    user: str
    password_file: str
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 443
    tls: bool = True
    ca: str = ""


class Expected(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was set up and approved (R29, R14); None is not compared.

    Attributes:
        address: IP address of the system.
        picture_sources: Picture sources that must give a signal: the camera and what is presented.
        height_lines: Lines of the main picture at least; 720 is HD.
        call_rate_kbps: Bandwidth of a call, as it is set.
        content_rate_kbps: Bandwidth of what is presented, as it is set.
        echo_cancelling: Whether the system cancels its echo.
        registered: Whether it is registered with its SIP server or H.323 gatekeeper.
        software: Version of its software.
    """

    address: str | None = None
    picture_sources: Annotated[int, msgspec.Meta(ge=0, le=16)] | None = None
    height_lines: Annotated[int, msgspec.Meta(ge=1, le=8640)] | None = None
    call_rate_kbps: Annotated[int, msgspec.Meta(ge=64, le=100_000)] | None = None
    content_rate_kbps: Annotated[int, msgspec.Meta(ge=64, le=100_000)] | None = None
    echo_cancelling: bool | None = None
    registered: bool | None = None
    software: str | None = None


class CodecSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the site has; from the site's own file. A port of 0 means that the codec does not speak that protocol."""

    fitted: bool = True
    host: Annotated[str, msgspec.Meta(description="address of the conferencing system; empty: not declared, so not checked")] = ""
    sip_port: Annotated[Port, msgspec.Meta(description="SIP, asked with OPTIONS")] = 5060
    sip_transport: SipTransport = SipTransport.UDP
    h323_port: Annotated[Port, msgspec.Meta(description="H.323 call signalling; only a TCP connect, a Setup would ring the room")] = 0
    web_port: Annotated[Port, msgspec.Meta(description="web interface, asked for its first page")] = 0
    web_tls: Annotated[bool, msgspec.Meta(description="whether it speaks HTTPS; then its certificate is looked at too")] = False
    snmp: Annotated[SnmpAccess | None, msgspec.Meta(description="how it is asked by SNMP; None: not at all")] = None
    snmp_interface: Annotated[str, msgspec.Meta(description="its network port (ifName or ifDescr), for speed, duplex and errors")] = ""
    api: Annotated[ApiSettings | None, msgspec.Meta(description="the interface of its maker; None: not asked")] = None
    expected: Annotated[Expected | None, msgspec.Meta(description="what was set up and approved; None: nothing to compare with")] = None


class CodecLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is still normal; versioned at the center, these are the defaults."""

    answer_ms: Annotated[float, msgspec.Meta(gt=0, le=10_000, description="how long each protocol may take to answer")] = 2000.0
    port_speed_mbps: Annotated[float, msgspec.Meta(ge=0, description="slowest acceptable speed of the system's network port")] = 100.0
    certificate_days: Annotated[
        float, msgspec.Meta(ge=0, le=365, description="days before the end of its certificate that one is told")
    ] = 14.0
    settings_period_s: Annotated[float, msgspec.Meta(ge=60, le=86400, description="between two looks by its maker's interface")] = 300.0
    attempts: Annotated[int, msgspec.Meta(ge=1, le=5, description="SIP over UDP is asked this often before it counts as silent")] = 3
    idle_on_h: Annotated[
        float, msgspec.Meta(ge=0, le=720, description="hours that the system may be on while nobody meets, before a reminder; 0: never")
    ] = 3.0
