"""A tour of a camera's presets: recall each, see where it comes to rest, look through it; then back to the first.

The camera's answers decide nothing. What counts is where it says that it stands, twice the same, and what its picture shows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from contract.readings import Failure
from probes.camera.limits import CameraLimits
from probes.camera.ptz import Answer, Position, Ptz, PtzError
from probes.camera.ptz_limits import PtzPreset
from probes.camera.sight import Sight

POLL_S = 0.25
NO_WAY = frozenset({Failure.TIMEOUT, Failure.REFUSED, Failure.UNREACHABLE, Failure.BAD_DATA})
"""Failures of a control port that cannot be spoken to."""
_AT_REST_PERCENT = 0.15
"""Two readings of a camera at rest differ by less than this."""
_BEGIN_SHARE = 0.25
"""Where nobody knows the place that it should reach, it is given this share of the longest move to begin."""
_GIVE_UP_SHARE = 0.5
"""After this share of the longest move, one that stands still for `_STILL_SHARE` of it will not move any more."""
_STILL_SHARE = 0.3
_READS_AT_REST = 3


LookAt = Callable[[str], Sight | None]
"""Compares the picture with a preset's approved view; None if there is no such view, no picture, or too little in it to tell."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What one preset did.

    Attributes:
        preset: Its name.
        answer: What the camera said to the recall.
        before: Where it stood before; None if it did not tell.
        expected: Where it should come to; None if nobody knows.
        position: Where it came to rest, or was seen last; None if it did not tell.
        failure: Why there is no position.
        at_rest: Whether it stood still in the end.
        lasted_s: From the recall until it had arrived or was given up.
        sight: Picture against the approved view; None if it could not be compared.
    """

    preset: str
    answer: Answer
    before: Position | None = None
    expected: Position | None = None
    position: Position | None = None
    failure: Failure | None = None
    at_rest: bool = False
    lasted_s: float = 0.0
    sight: Sight | None = None

    @property
    def apart_percent(self) -> float | None:
        """How far from where it should be; None if either is not known."""
        return None if self.position is None or self.expected is None else self.position.apart_percent(self.expected)

    @property
    def is_silent(self) -> bool:
        """Whether the camera said nothing at all, neither to the recall nor of its place."""
        return self.answer is Answer.SILENT and self.failure in NO_WAY

    def arrived(self, limits: CameraLimits) -> bool:
        """Whether it stands still where it should, by its own word."""
        apart = self.apart_percent
        return self.at_rest and apart is not None and apart <= limits.ptz_off_percent


def tour(
    ptz: Ptz,
    presets: Iterable[PtzPreset],
    expected: Mapping[str, Position],
    look_at: LookAt,
    *,
    limits: CameraLimits,
    until_s: float,
) -> tuple[Visit, ...]:
    """Visit each preset and go back to the first.

    Args:
        ptz: The camera.
        presets: Those of the site's file, in order.
        expected: Where each should come to; what is missing is asked of the camera.
        look_at: Compares the picture with a preset's approved view.
        limits: How long a move may take, and how near is near enough.
        until_s: Instant of the monotonic clock by which the camera must be back.

    Returns:
        One visit per preset that there was time for.

    Raises:
        PtzError: the camera cannot be spoken to any more.
    """
    kept = tuple(presets)
    visits: list[Visit] = []
    try:
        for preset in kept:
            # Two tries and the way back must fit in.
            if time.monotonic() + 3 * limits.ptz_move_s > until_s and visits:
                break
            visits.append(_twice(ptz, preset, expected.get(preset.name) or ptz.preset_position(preset.key), look_at, limits))
            if visits[-1].is_silent:
                break
    finally:
        if kept and not (visits and visits[-1].is_silent):
            _back(ptz, kept[0], expected.get(kept[0].name) or ptz.preset_position(kept[0].key), limits, until_s)
    return tuple(visits)


def _twice(ptz: Ptz, preset: PtzPreset, expected: Position | None, look_at: LookAt, limits: CameraLimits) -> Visit:
    """A preset that does not do what it should is asked once more before it is accused."""
    visit = _visit(ptz, preset, expected, limits)
    doubtful = visit.answer is not Answer.ACCEPTED or not visit.at_rest if expected is None else not visit.arrived(limits)
    if doubtful and visit.failure is not Failure.UNSUPPORTED:
        # From where it stood at first: whether it moves at all is told by both tries together.
        visit = replace(_visit(ptz, preset, expected, limits), before=visit.before)
    return replace(visit, sight=look_at(preset.name))


def _visit(ptz: Ptz, preset: PtzPreset, expected: Position | None, limits: CameraLimits) -> Visit:
    before, _ = _read(ptz)
    began_s = time.monotonic()
    visit = Visit(preset=preset.name, answer=ptz.recall(preset.key), before=before, expected=expected)
    seen: list[Position] = []
    moved_s = began_s
    while True:
        position, failure = _read(ptz)
        lasted_s = time.monotonic() - began_s
        if position is not None and seen and position.apart_percent(seen[-1]) > _AT_REST_PERCENT:
            moved_s = time.monotonic()
        visit = replace(visit, position=position or visit.position, failure=None if seen or position else failure, lasted_s=lasted_s)
        if position is not None:
            seen.append(position)
            visit = replace(visit, at_rest=_at_rest(seen))
            near = visit.arrived(limits) if expected is not None else visit.at_rest and lasted_s >= _BEGIN_SHARE * limits.ptz_move_s
            if near:
                return visit
        if failure is Failure.UNSUPPORTED:
            # Nothing but the picture can tell whether it has arrived: it gets half of the longest move.
            time.sleep(_GIVE_UP_SHARE * limits.ptz_move_s)
            return visit
        still_s = time.monotonic() - moved_s if visit.at_rest else 0.0
        if lasted_s >= limits.ptz_move_s or (
            lasted_s >= _GIVE_UP_SHARE * limits.ptz_move_s and still_s >= _STILL_SHARE * limits.ptz_move_s
        ):
            return visit
        time.sleep(POLL_S)


def _back(ptz: Ptz, preset: PtzPreset, expected: Position | None, limits: CameraLimits, until_s: float) -> None:
    """Leave the camera at the room's first preset, asked for again if it does not come."""
    for _ in range(2):
        if time.monotonic() >= until_s:
            return
        try:
            visit = _visit(ptz, preset, expected, limits)
        except PtzError:
            return
        if visit.arrived(limits) or visit.failure is Failure.UNSUPPORTED or (expected is None and visit.at_rest):
            return


def _read(ptz: Ptz) -> tuple[Position | None, Failure | None]:
    try:
        return ptz.position(), None
    except PtzError as error:
        return None, error.failure


def _at_rest(seen: list[Position]) -> bool:
    last = seen[-_READS_AT_REST:]
    return len(last) == _READS_AT_REST and all(one.apart_percent(last[-1]) <= _AT_REST_PERCENT for one in last)


def places(visits: Iterable[Visit]) -> Iterator[Position]:
    """Where the visits ended, of those that know."""
    return (visit.position for visit in visits if visit.position is not None)
