"""Configuration of the codec probe: what the room has (settings) and what is still normal (limits)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class SipTransport(StrEnum):
    """How SIP OPTIONS go out."""

    UDP = "udp"
    TCP = "tcp"


class CodecSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the site has; from the site's own file. A port of 0 means that the codec does not speak that protocol."""

    fitted: bool = True
    host: Annotated[str, msgspec.Meta(description="address of the conferencing system; empty: not declared, so not checked")] = ""
    sip_port: Annotated[Port, msgspec.Meta(description="SIP, asked with OPTIONS")] = 5060
    sip_transport: SipTransport = SipTransport.UDP
    h323_port: Annotated[Port, msgspec.Meta(description="H.323 call signalling; only a TCP connect, a Setup would ring the room")] = 0
    web_port: Annotated[Port, msgspec.Meta(description="web interface; only a TCP connect")] = 0
    snmp_port: Annotated[Port, msgspec.Meta(description="SNMP v2c")] = 0
    snmp_community_file: Annotated[str, msgspec.Meta(description="file that holds the read community, readable by the agent alone")] = ""


class CodecLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is still normal; versioned at the center, these are the defaults."""

    answer_ms: Annotated[float, msgspec.Meta(gt=0, le=10_000, description="how long each protocol may take to answer")] = 2000.0
    attempts: Annotated[int, msgspec.Meta(ge=1, le=5, description="SIP over UDP is asked this often before it counts as silent")] = 3
    idle_on_h: Annotated[
        float, msgspec.Meta(ge=0, le=720, description="hours that the system may be on while nobody meets, before a reminder; 0: never")
    ] = 3.0
