"""Configuration of the microphone probe: what the room has (settings) and what is still normal (limits)."""

from __future__ import annotations

import msgspec


class MicrophoneSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the site has; from the site's own file."""

    fitted: bool = True


class MicrophoneLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is still normal; versioned at the center, these are the defaults."""
