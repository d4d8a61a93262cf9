"""How a camera's pan, tilt and zoom are reached; from the site's own file. Imports nothing but msgspec."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

TOUR_FILE = "camera_ptz.json"
"""Where the state directory keeps what the last tour of the presets found."""


class PtzProtocol(StrEnum):
    """Language of the camera's control port."""

    VISCA = "visca"
    ONVIF = "onvif"


_PORTS = {PtzProtocol.VISCA: 52381, PtzProtocol.ONVIF: 80}
# Pan, tilt, zoom. VISCA: ±2448, −432…1296 and 0…0x4000 steps, as many cameras of meeting rooms count; ONVIF: the generic spaces.
_SPANS = {PtzProtocol.VISCA: (4896.0, 1728.0, 16384.0), PtzProtocol.ONVIF: (2.0, 2.0, 1.0)}
_MAX_VISCA_MEMORY = 254


class PtzPreset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One named preset of the room.

    Attributes:
        name: What people call it, for example "Toàn cảnh".
        key: What the camera calls it: the memory's number (VISCA, 0–254), or its token or name (ONVIF).
    """

    name: str
    key: str


class PtzSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The camera's control port; without this table nothing is ever turned.

    Attributes:
        protocol: ``visca`` (VISCA over IP, UDP) or ``onvif`` (ONVIF PTZ over HTTP).
        host: Address of the camera.
        port: Its control port; 0: the protocol's own, 52381 (VISCA) or 80 (ONVIF).
        user: Name at the camera, for ONVIF; empty: none is asked for.
        password_file: File whose first line is the password, readable by the agent alone; empty: none.
        profile: ONVIF media profile; empty: the first one that can be turned.
        presets: The room's presets, each ``{name = "…", key = "…"}``; the camera is left at the first.
        pan_span, tilt_span, zoom_span: The camera's whole range in its own units, to tell deviations in percent; 0: the protocol's
            usual one.
    """

    protocol: PtzProtocol
    host: str
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    user: str = ""
    password_file: str = ""
    profile: str = ""
    presets: tuple[PtzPreset, ...] = ()
    pan_span: Annotated[float, msgspec.Meta(ge=0)] = 0
    tilt_span: Annotated[float, msgspec.Meta(ge=0)] = 0
    zoom_span: Annotated[float, msgspec.Meta(ge=0)] = 0

    def __post_init__(self) -> None:
        if not self.host or any(character in self.host for character in "/@ "):
            raise ValueError("host: an address or name alone, without user, password or path")
        names = [preset.name for preset in self.presets]
        if len(set(names)) != len(names) or not all(name.strip() for name in names):
            raise ValueError("presets: each needs a name of its own")
        if self.protocol is PtzProtocol.VISCA:
            wrong = [preset.key for preset in self.presets if not (preset.key.isdecimal() and int(preset.key) <= _MAX_VISCA_MEMORY)]
            if wrong:
                raise ValueError(f"presets: {wrong[0]!r} is no VISCA memory, use a number from 0 to {_MAX_VISCA_MEMORY}")

    @property
    def control_port(self) -> int:
        """The port that is spoken to."""
        return self.port or _PORTS[self.protocol]

    @property
    def spans(self) -> tuple[float, float, float]:
        """Ranges of pan, tilt and zoom in the camera's units."""
        usual = _SPANS[self.protocol]
        return self.pan_span or usual[0], self.tilt_span or usual[1], self.zoom_span or usual[2]
