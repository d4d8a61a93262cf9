"""Clean looks in thousands: what a camera might show in a room that is well, two oddities at a time, looked at as the daemon looks.

One look is made of three moments of a 30 Hz stream with their successors, each compressed as a webcam compresses (JPEG at 60 to 95),
measured and judged by the code of a live look, with the approved view in every second one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from bench.camera.faults import CLEAN, Grain
from bench.camera.material import SCENES, Part, view_of
from probes.camera.figures import Reference, look_figures, reference_of
from probes.camera.judge import suspicions
from probes.camera.limits import CameraLimits, CameraSettings
from probes.camera.measure import Picture
from probes.camera.moments import moments
from probes.camera.source import Shot, Source

_RATE_HZ, _MOMENTS = 30, 3
_SENSOR_NOISE = 1.5
_ORDER = {"grain": 1, "grey grain": 1, "compressed": 2}
"""The light falls in, then the sensor adds its grain, then it is compressed."""
_GRAINS = {"grain", "grey grain"}
"""There is one sensor; and two compressions one after the other round grain of 8 levels up to 15, which is no longer clean."""


class CleanLook(NamedTuple):
    """One look to take.

    Attributes:
        scene: Number in `SCENES`.
        seed: Of what is odd in it.
    """

    scene: int
    seed: int


class Told(NamedTuple):
    """What was told of a clean look.

    Attributes:
        look: Which.
        odd: What was odd in it.
        codes: What was told, each of them false.
    """

    look: CleanLook
    odd: str
    codes: tuple[str, ...]


def clean_looks(part: Part, count: int) -> Iterator[CleanLook]:
    """As many looks, spread evenly over the part's scenes."""
    scenes = [number for number, scene in enumerate(SCENES) if scene.part == part and view_of(scene) is not None]
    return (CleanLook(scenes[seed % len(scenes)], seed) for seed in range(count))


def taken(look: CleanLook) -> Told:
    """Take one look."""
    rng, grain = np.random.default_rng(look.seed), Grain(look.seed)
    odd = [(str(name), int(rng.integers(3))) for name in rng.choice(list(CLEAN), 2, replace=False)]
    odd.sort(key=lambda one: _ORDER.get(one[0], 0))
    if odd[0][0] in _GRAINS and odd[1][0] in {*_GRAINS, "compressed"}:
        odd = odd[:1]
    view, approved = _scene(look.scene)
    quality = int(rng.integers(60, 96))
    source = Source("bench", live=True, still=False, shots=_shots(view, odd, grain, quality))
    found = [moment.figures for moment in moments(source, approved if look.seed % 2 else None)]
    figures = look_figures(found, found[-1])
    codes = tuple(seen.code for seen in suspicions(figures, CameraLimits(), CameraSettings(hd_required=False)))
    return Told(look, ", ".join(f"{name} {level}" for name, level in odd), codes)


def _shots(view: Picture, odd: list[tuple[str, int]], grain: Grain, quality: int) -> Iterator[Shot]:
    for moment in range(_MOMENTS):
        for frame in range(3):
            at_s = moment * 0.1 + frame / _RATE_HZ
            yield Shot(at_s, _filmed(view, odd, at_s, grain, quality) if frame < 2 else None, follows=frame == 1)


def _filmed(view: Picture, odd: list[tuple[str, int]], at_s: float, grain: Grain, quality: int) -> Picture:
    for name, level in odd:
        view = CLEAN[name](view, level, at_s, grain)
    raw = np.asarray(np.clip(np.round(view + grain.coarse(view.shape) * np.float32(_SENSOR_NOISE)), 0, 255), np.uint8)
    _, coded = cv2.imencode(".jpg", raw, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


@lru_cache(maxsize=32)
def _scene(number: int) -> tuple[Picture, Reference]:
    view = view_of(SCENES[number])
    assert view is not None
    return view, reference_of(view)
