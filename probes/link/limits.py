"""Configuration of the link probe: what the room has (settings) and what is still normal (limits)."""

from __future__ import annotations

import msgspec


class LinkSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the site has; from the site's own file."""

    fitted: bool = True


class LinkLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is still normal; versioned at the center, these are the defaults."""
