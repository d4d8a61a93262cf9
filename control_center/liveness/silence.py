"""Pure: which expected site has been silent for too long. No clock, no socket; seconds are of a monotonic clock.

A site promises with each packet when the next one comes (as BFD's DesMinTx, RFC 5880, 6.8.2), so a slow one is not taken
for a dead one. It is **suspected** after three promised gaps, half a second at least, and **confirmed** after about a second;
time in which the center itself stood still does not count. One that is expected and was never heard since has
`NEVER_HEARD_S`: its agent may still be starting, its agenda still be on its way.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

SUSPECT_S = 0.45
CONFIRM_S = 1.2
"""A line that is bad for a moment is back by then: bursts of loss with a mean of 100 ms pass this once in some days."""
MISSED_GAPS = 3
NEVER_HEARD_S = 10.0
DEFAULT_GAP_S = 0.05
"""Of a site that promises nothing: the rate of a live meeting."""


class Kind(StrEnum):
    """What is said of a site; the words of `SilenceSignal`."""

    SUSPECTED = "suspected"
    CONFIRMED = "confirmed"
    RETURNED = "returned"


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to be said, in monotonic seconds."""

    site: str
    kind: Kind
    silent_since_s: float
    returned_at_s: float | None = None


class _Site(msgspec.Struct):
    expected_s: float | None = None
    """Since when it is expected."""
    heard_s: float | None = None
    gap_s: float = DEFAULT_GAP_S
    blind_s: float = 0.0
    """Own stalls since it was last heard."""
    told: Kind = Kind.RETURNED
    told_since_s: float = 0.0
    left: bool = False


class SilenceRule:
    """All sites, by name."""

    def __init__(self) -> None:
        self._sites: dict[str, _Site] = {}
        self._back: list[Silence] = []

    @property
    def watching(self) -> bool:
        """Whether any site is expected."""
        return any(site.expected_s is not None for site in self._sites.values())

    def expect(self, names: Iterable[str], now_s: float) -> None:
        """Only these are alarmed from now on; a suspicion of another is forgotten, a confirmed silence waits for its end."""
        wanted = frozenset(names)
        for name in wanted:
            site = self._sites.setdefault(name, _Site())
            if site.expected_s is None:
                site.expected_s, site.blind_s = now_s, 0.0
        for name, site in self._sites.items():
            if name not in wanted:
                site.expected_s = None
                if site.told is Kind.SUSPECTED:
                    site.told = Kind.RETURNED

    def heard(self, name: str, at_s: float, next_within_ms: int | None = None) -> None:
        """A packet of a site came at `at_s`; `next_within_ms` is its promise, 0: it leaves on purpose."""
        site = self._sites.setdefault(name, _Site())
        if site.heard_s is not None and at_s <= site.heard_s:
            return
        if site.told is not Kind.RETURNED:
            self._back.append(Silence(site=name, kind=Kind.RETURNED, silent_since_s=site.told_since_s, returned_at_s=at_s))
            site.told = Kind.RETURNED
        site.heard_s, site.blind_s, site.left = at_s, 0.0, next_within_ms == 0
        if next_within_ms:
            site.gap_s = next_within_ms / 1000

    def stalled(self, for_s: float) -> None:
        """The center stood still for so long; tell it after what had come meanwhile."""
        for site in self._sites.values():
            site.blind_s += for_s

    def look(self, now_s: float) -> list[Silence]:
        """Judge at `now_s`, after all that had come was told."""
        told, self._back = self._back, []
        for name, site in self._sites.items():
            if site.expected_s is None or site.left or site.told is Kind.CONFIRMED:
                continue
            begins_s, patience_s = self._patience(site)
            silent_s = now_s - begins_s - site.blind_s
            if site.told is Kind.RETURNED and silent_s >= patience_s:
                site.told, site.told_since_s = Kind.SUSPECTED, begins_s if site.heard_s is None else site.heard_s
                told.append(Silence(site=name, kind=Kind.SUSPECTED, silent_since_s=site.told_since_s))
            if site.told is Kind.SUSPECTED and silent_s >= patience_s + CONFIRM_S - SUSPECT_S:
                site.told = Kind.CONFIRMED
                told.append(Silence(site=name, kind=Kind.CONFIRMED, silent_since_s=site.told_since_s))
        return told

    def _patience(self, site: _Site) -> tuple[float, float]:
        """From when its silence counts, and how much of it is normal."""
        expected_s = site.expected_s or 0.0
        patience_s = max(SUSPECT_S, MISSED_GAPS * site.gap_s)
        if site.heard_s is None:
            return expected_s, NEVER_HEARD_S
        if site.heard_s >= expected_s or expected_s - site.heard_s < patience_s:
            return site.heard_s, patience_s
        return expected_s, max(NEVER_HEARD_S, patience_s)
