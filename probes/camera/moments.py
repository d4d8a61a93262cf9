"""Follows a stream: which figures each frame adds, and what is kept of the frames before."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from probes.camera import banding, measure
from probes.camera.banding import Bands
from probes.camera.figures import Figures, Reference, detailed, quick_figures
from probes.camera.measure import DETAIL_PX, SMALL_PX, Picture
from probes.camera.quality import noise_level_between
from probes.camera.source import Shot, Source
from probes.camera.timing import FrameTimes

_DETAIL_STEP_S = 1.0
"""Of a recording, sharpness, pose and quality are measured once in this time."""
_NOISE_STEP_S = 0.3
_WINDOW_S = 1.0
"""Movement, noise and bands are told over this time."""
_HELD_S = 2.4
_LEAST_HELD_S, _LEAST_HELD_LIVE_S = 1.8, 0.25
"""How long apart two pictures are that tell whether it stands still. A live look is short and confirms another."""
_ALTERNATIVES_S = 0.7
"""A codec that draws frames in turns (I, P, B) draws a still picture in turns: some two of so long a time were drawn alike."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A frame that was measured, with the span of the stream that it stands for."""

    from_s: float
    until_s: float
    figures: Figures


def moments(source: Source, reference: Reference | None) -> Iterator[Moment]:
    """Measure the frames as they come; only the one before is kept, and small grey ones of two seconds.

    Of a recording every moment is whole. Of a live look and of a picture the last one is; the others lack what is worth measuring
    only once.
    """
    times, pairs = FrameTimes(), _Pairs(reference, live=source.live)
    last: tuple[Shot, Figures, Picture] | None = None
    details: Figures | None = None
    detailed_s = -1e9
    for shot in source.shots:
        times.push(shot.at_s, shot.stamp_s)
        if shot.picture is None:
            continue
        gray = measure.gray_of(measure.shrunk(shot.picture, SMALL_PX))
        pairs.push(shot, gray)
        if shot.follows:
            continue
        height, width = shot.picture.shape[:2]
        figures = pairs.added(quick_figures(shot.picture, gray, (width, height), reference))
        if not source.live and not source.still and shot.at_s - detailed_s >= _DETAIL_STEP_S - 0.01:
            details, detailed_s = detailed(figures, shot.picture, gray, reference), shot.at_s
        figures = figures.with_details_of(details)
        last = shot, figures, gray
        rate_hz, lost_ratio = (None, None) if source.live else (times.rate_hz, times.lost_ratio)
        yield Moment(shot.at_s, shot.at_s + times.interval_s, replace(figures, frame_rate_hz=rate_hz, lost_frames_ratio=lost_ratio))
    if (source.live or source.still) and last is not None and last[0].picture is not None:
        shot, figures, gray = last
        whole = detailed(pairs.added(figures), last[0].picture, gray, reference)
        if not source.still:
            whole = replace(whole, frame_rate_hz=times.rate_hz, lost_frames_ratio=times.lost_ratio)
        yield Moment(shot.at_s, shot.at_s, whole)


class _Pairs:
    """What a frame tells only beside the one before, or beside those of the last second."""

    def __init__(self, reference: Reference | None, *, live: bool) -> None:
        self._reference = reference
        self._least_held_s, self._alternatives_s = (_LEAST_HELD_LIVE_S, 0.0) if live else (_LEAST_HELD_S, _ALTERNATIVES_S)
        self._before: Shot | None = None
        self._gray: Picture | None = None
        self._looked: deque[tuple[float, Picture]] = deque()
        self._motions: deque[tuple[float, float]] = deque()
        self._noises: deque[tuple[float, float]] = deque()
        self._rolling: deque[tuple[float, Bands]] = deque()
        self._standing: deque[tuple[float, Bands]] = deque()
        self._noise_s = -1e9

    def push(self, shot: Shot, gray: Picture) -> None:
        """Take the next frame that has a picture, and its small grey one."""
        before, gray_before = self._before, self._gray
        successive = before is not None and (shot.follows or not before.follows)
        if successive and before is not None and gray_before is not None and gray_before.shape == gray.shape:
            self._rolling.append((shot.at_s, banding.bands_between(gray_before, gray)))
            self._measure_noise(before, shot)
        if not shot.follows:
            if self._looked and self._looked[-1][1].shape != gray.shape:
                self._looked.clear()
            if self._looked:
                self._motions.append((shot.at_s, measure.motion_level_of(self._looked[-1][1], gray)))
            if self._reference is not None and self._reference.gray.shape == gray.shape:
                self._standing.append((shot.at_s, banding.bands_between(self._reference.gray, gray)))
            self._looked.append((shot.at_s, gray))
            while len(self._looked) > 1 and shot.at_s - self._looked[1][0] >= _HELD_S:
                self._looked.popleft()
        for window in (self._motions, self._noises, self._rolling, self._standing):
            while window and shot.at_s - window[0][0] >= _WINDOW_S:
                window.popleft()
        self._before, self._gray = shot, gray

    def _measure_noise(self, before: Shot, shot: Shot) -> None:
        """Noise is measured as fine as the picture is, and therefore seldom."""
        if before.picture is None or shot.picture is None or shot.at_s - self._noise_s < _NOISE_STEP_S:
            return
        one, other = (measure.gray_of(measure.shrunk(picture, DETAIL_PX)) for picture in (before.picture, shot.picture))
        level = noise_level_between(one, other)
        if level is not None:
            self._noises.append((shot.at_s, level))
            self._noise_s = shot.at_s

    def _drift(self) -> float | None:
        """Least change since the oldest pictures at hand, by the time between, in levels a second; None while that is too short."""
        if not self._looked or self._looked[-1][0] - self._looked[0][0] < self._least_held_s:
            return None
        (oldest_s, _), (now_s, now) = self._looked[0], self._looked[-1]
        until_s = max(oldest_s, min(oldest_s + self._alternatives_s, now_s - self._least_held_s))
        held = [(since_s, before) for since_s, before in self._looked if since_s <= until_s]
        return min(measure.motion_level_of(before, now) / (now_s - since_s) for since_s, before in held)

    def added(self, figures: Figures) -> Figures:
        """The figures of the newest frame, with these."""
        motions = [level for _, level in self._motions]
        return replace(
            figures,
            motion_level=motions[-1] if motions else None,
            usual_motion_level=float(np.median(motions)) if motions else None,
            drift_level_per_s=self._drift(),
            grain_level=float(np.median([level for _, level in self._noises])) if self._noises else None,
            rolling_percent=banding.rolling_percent([bands for _, bands in self._rolling]),
            standing_percent=banding.standing_percent([bands for _, bands in self._standing]),
        )
