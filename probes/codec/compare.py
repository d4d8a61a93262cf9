"""What a conferencing system says of itself against what was set up and approved. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from probes.codec.facts import Facts
from probes.codec.limits import Expected

WORDS = {
    "address": "IP address",
    "picture_sources": "Video inputs",
    "height_lines": "Video resolution",
    "call_rate_kbps": "Call rate (kbit/s)",
    "content_rate_kbps": "Content rate (kbit/s)",
    "echo_cancelling": "Echo control",
    "registered": "SIP/H.323 registration",
    "software": "Software version",
}
"""Settings as the menus of these systems call them; not translated, since the menus are not."""
AT_LEAST = frozenset({"picture_sources", "height_lines"})
"""More is no difference."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One setting that is not as it was approved.

    Attributes:
        setting: Field of `Expected`.
        expected, actual: As they are shown.
    """

    setting: str
    expected: str
    actual: str


def differences(facts: Facts, expected: Expected) -> Iterator[Difference]:
    """Settings that were read and are otherwise."""
    for setting, wanted, found in _pairs(facts, expected):
        if found is None or found == wanted:
            continue
        if setting in AT_LEAST and isinstance(found, int) and isinstance(wanted, int) and found >= wanted:
            continue
        yield Difference(setting=setting, expected=_shown(wanted), actual=_shown(found))


def unread(facts: Facts, expected: Expected) -> tuple[str, ...]:
    """Settings that were approved and that the system does not tell: a person must look."""
    return tuple(setting for setting, _, found in _pairs(facts, expected) if found is None)


def _pairs(facts: Facts, expected: Expected) -> Iterator[tuple[str, object, object]]:
    for setting in WORDS:
        wanted = getattr(expected, setting)
        if wanted is not None:
            yield setting, wanted, getattr(facts, setting)


def _shown(value: object) -> str:
    return {True: "On", False: "Off"}[value] if isinstance(value, bool) else str(value)
