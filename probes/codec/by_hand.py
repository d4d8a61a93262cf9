"""What a person has looked up at the conferencing system because it does not tell: with a name and a time (R28, R29).

`edge-agent confirm` writes it into the state directory, the codec probe reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from probes.seldom import keep, recall

FILE = "codec-by-hand.json"
HOLDS_FOR = timedelta(days=7)
"""A look by eye is worth so long; then one must look again."""


class LookedUp(msgspec.Struct, frozen=True, kw_only=True):
    """One setting that somebody has looked at.

    Attributes:
        right: Whether it was as it was approved.
        by: Who looked.
        at: When, UTC.
    """

    right: bool
    by: str
    at: datetime


def looked_up(directory: str, now: datetime) -> Mapping[str, LookedUp]:
    """By setting, what still holds."""
    known = recall(Path(directory) / FILE, dict[str, LookedUp]) if directory else None
    return {setting: one for setting, one in (known or {}).items() if timedelta() <= now - one.at < HOLDS_FOR}


def look_up(directory: str, setting: str, one: LookedUp) -> bool:
    """Write down what somebody saw; whether it could be."""
    path = Path(directory) / FILE
    return keep(path, {**(recall(path, dict[str, LookedUp]) or {}), setting: one})
