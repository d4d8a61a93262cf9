"""What every driver tells of a conferencing system. Pure."""

from __future__ import annotations

import msgspec


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a system says of itself; None where it does not tell.

    Attributes:
        product, software: Its model and version, in its own words.
        address: Its own IP address.
        in_call: Whether a call is up.
        picture_sources: Inputs that give a signal.
        height_lines: Lines of the main picture.
        call_rate_kbps, content_rate_kbps: Bandwidths as they are set.
        echo_cancelling: Whether it cancels its echo, at every microphone.
        registered: Whether its SIP server or H.323 gatekeeper knows it.
        microphones_muted: Whether its microphones are muted.
    """

    product: str = ""
    software: str | None = None
    address: str | None = None
    in_call: bool | None = None
    picture_sources: int | None = None
    height_lines: int | None = None
    call_rate_kbps: int | None = None
    content_rate_kbps: int | None = None
    echo_cancelling: bool | None = None
    registered: bool | None = None
    microphones_muted: bool | None = None
