"""Pure: findings over time → onset and clearance. One look is never an event; a fault that comes and goes is one event.

Rules, per fault (code and target):

* **x of y**: told when it was seen in `sightings` of the last `window` looks; it began at the first of them.
* **hysteresis**: over when it was missing in `clean` looks in a row; it ended at the first of them.
* **flap damping**: what came back `flaps` times within `flap_window_s` is kept as one event until it was quiet for `quiet_s`;
  its `Cleared` says how many times it came.
* A look that measured nothing clears nothing: "not checked" is not "normal".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

import msgspec

from contract.findings import Finding
from contract.meetings import Phase
from contract.messages import Cleared, Onset

Key = tuple[str, str]


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """How patient to be.

    Attributes:
        sightings, window: Told after `sightings` of the last `window` looks.
        clean: Over after this many looks without it, in a row.
        flaps, flap_window_s, quiet_s: Back `flaps` times within `flap_window_s`: over only after `quiet_s` without it.
    """

    sightings: int = 2
    window: int = 3
    clean: int = 2
    flaps: int = 3
    flap_window_s: float = 300.0
    quiet_s: float = 60.0

    def __post_init__(self) -> None:
        if not 1 <= self.sightings <= self.window or self.clean < 1 or self.flaps < 1:
            raise ValueError("1 ≤ sightings ≤ window, clean ≥ 1, flaps ≥ 1")


AT_ONCE = Policy(sightings=1, window=1, clean=1)
"""For a source that has already made sure (the watches)."""


class Track(msgspec.Struct, kw_only=True):
    """Memory of one fault; also what is kept on disk while it is told, so that a restart does not lose its end."""

    finding: Finding
    source: str
    looks: list[tuple[datetime, bool]] = []
    """The last looks: when, and whether it was seen."""
    told: bool = False
    began_at: datetime | None = None
    missing_since: datetime | None = None
    missing_looks: int = 0
    unmeasured: bool = False
    """It was seen in a look that measured nothing (an absent camera): such a look can clear it too."""
    worst: float | None = None
    times: int = 1
    comebacks: list[datetime] = []


class Debouncer:
    """All faults of one site."""

    def __init__(self, policy: Policy | None = None) -> None:
        self._policy = policy or Policy()
        self._tracks: dict[Key, Track] = {}
        self._history: dict[Key, list[datetime]] = {}

    def look(
        self,
        source: str,
        found: Iterable[Finding],
        at: datetime,
        *,
        measured: bool = True,
        unmeasured_targets: Collection[str] = (),
        phase: Phase = Phase.IDLE,
        meeting: str = "",
        policy: Policy | None = None,
        alone: bool = False,
    ) -> list[Onset | Cleared]:
        """Take one look of one source (a probe, a watch) and say what changed.

        Args:
            source: Who looked; only faults of the same source can be cleared by it.
            found: What it found.
            at: When.
            measured: Whether the look could measure; if not, what it did not see may still be there.
            unmeasured_targets: Targets that it could not measure although others it could.
            phase: Phase in which it happened, told on.
            meeting: Meeting in which it happened, told on.
            policy: Another patience than the usual one, for this source.
            alone: The look is about these findings only and says nothing of others.
        """
        rule = policy or self._policy
        seen = {finding.key: finding for finding in found}
        speaks = any(finding.component != "agent" for finding in seen.values())
        events: list[Onset | Cleared] = []
        for finding in seen.values():
            onset = self._sighted(source, finding, at, rule, measured=measured, phase=phase, meeting=meeting)
            if onset is not None:
                events.append(onset)
        if alone:
            return events
        for key, track in list(self._tracks.items()):
            if track.source != source or key in seen:
                continue
            blind = not measured or key[1] in unmeasured_targets
            if blind and not (track.unmeasured and speaks):
                continue
            cleared = self._missed(key, track, at, rule, phase=phase, meeting=meeting)
            if cleared is not None:
                events.append(cleared)
        return events

    def _sighted(
        self, source: str, finding: Finding, at: datetime, rule: Policy, *, measured: bool, phase: Phase, meeting: str
    ) -> Onset | None:
        track = self._tracks.setdefault(finding.key, Track(finding=finding, source=source))
        if track.told and track.missing_since is not None:
            track.times += 1
            track.comebacks.append(at)
        track.finding, track.source, track.unmeasured = finding, source, not measured
        track.missing_since, track.missing_looks = None, 0
        track.worst = _worse(finding, track.worst)
        track.looks = [*track.looks, (at, True)][-rule.window :]
        if track.told or sum(sighted for _, sighted in track.looks) < rule.sightings:
            return None
        first = next(when for when, sighted in track.looks if sighted)
        track.told = True
        track.began_at = min(finding.since or first, at)
        track.comebacks = [*self._history.pop(finding.key, ()), at]
        return Onset(finding=msgspec.structs.replace(finding, since=track.began_at), phase=phase, meeting=meeting)

    def _missed(self, key: Key, track: Track, at: datetime, rule: Policy, *, phase: Phase, meeting: str) -> Cleared | None:
        track.looks = [*track.looks, (at, False)][-rule.window :]
        if not track.told:
            if not any(sighted for _, sighted in track.looks):
                del self._tracks[key]
            return None
        if track.missing_since is None:
            track.missing_since = at
        track.missing_looks += 1
        if track.missing_looks < rule.clean or self._damped(track, at, rule):
            return None
        return self._close(key, track, max(track.missing_since, track.began_at or at), phase=phase, meeting=meeting)

    def _damped(self, track: Track, at: datetime, rule: Policy) -> bool:
        """Whether a flapping fault has not yet been quiet for long enough."""
        horizon = at - timedelta(seconds=rule.flap_window_s)
        track.comebacks = [when for when in track.comebacks if when > horizon]
        quiet_s = (at - (track.missing_since or at)).total_seconds()
        return len(track.comebacks) >= rule.flaps and quiet_s < rule.quiet_s

    def _close(self, key: Key, track: Track, ended_at: datetime, *, phase: Phase, meeting: str) -> Cleared:
        del self._tracks[key]
        self._history[key] = track.comebacks
        return Cleared(
            code=track.finding.code,
            component=track.finding.component,
            target=track.finding.target,
            began_at=track.began_at or ended_at,
            ended_at=ended_at,
            phase=phase,
            meeting=meeting,
            worst=track.worst,
            times=track.times,
        )

    def retract(
        self, key: Key, ended_at: datetime, *, phase: Phase = Phase.IDLE, meeting: str = "", policy: Policy | None = None
    ) -> list[Onset | Cleared]:
        """End one fault on the word of a source that saw its end; a flapping one is kept until it has been quiet."""
        track = self._tracks.get(key)
        if track is None or not track.told:
            return []
        track.missing_since = max(ended_at, track.began_at or ended_at)
        track.missing_looks += 1
        if self._damped(track, ended_at, policy or self._policy):
            return []
        return [self._close(key, track, track.missing_since, phase=phase, meeting=meeting)]

    def adopt(self, old_source: str, new_source: str) -> None:
        """Hand the faults of a source that has stopped looking to one that goes on."""
        for track in self._tracks.values():
            if track.source == old_source:
                track.source = new_source

    def standing(self, component: str = "") -> tuple[Finding, ...]:
        """Faults that are told and not over, with their true begin; of one component, or of all."""
        return tuple(
            msgspec.structs.replace(track.finding, since=track.began_at)
            for track in self._tracks.values()
            if track.told and component in ("", track.finding.component)
        )

    def undecided(self, source: str) -> bool:
        """Whether the next look of `source` may decide something: better take it soon."""
        return any(
            track.source == source and ((track.looks and track.looks[-1][1]) if not track.told else track.missing_looks == 1)
            for track in self._tracks.values()
        )

    def keep(self) -> bytes:
        """What must survive a restart: the faults that are told."""
        return msgspec.json.encode([track for track in self._tracks.values() if track.told])

    def restore(self, kept: bytes) -> None:
        """Take up again what `keep` gave.

        Raises:
            ValueError: if it cannot be read.
        """
        for track in msgspec.json.decode(kept, type=list[Track]):
            self._tracks[track.finding.key] = track


def _worse(finding: Finding, so_far: float | None) -> float | None:
    """The worse of two figures; which way is worse, the side of the limit tells."""
    if finding.figure is None or so_far is None:
        return finding.figure if so_far is None else so_far
    lower = finding.limit is not None and finding.figure < finding.limit
    return min(finding.figure, so_far) if lower else max(finding.figure, so_far)


__all__ = ["AT_ONCE", "Debouncer", "Key", "Policy", "Track"]
