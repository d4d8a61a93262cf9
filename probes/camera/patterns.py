"""Pictures that no room makes: colour bars, a screen of one colour. Pure."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from probes.camera.measure import Picture, noise_level_of

_BARS = {
    (1, 1, 1): "w",
    (0, 1, 1): "y",
    (1, 1, 0): "c",
    (0, 1, 0): "g",
    (1, 0, 1): "m",
    (0, 0, 1): "r",
    (1, 0, 0): "b",
    (0, 0, 0): "k",
}
"""Blue, green, red on or off."""
_ORDERS = ("wycgmrb", "wycgmrbk")
"""Bars by falling brightness: SMPTE EG 1 and ARIB with seven, EBU 3325 with eight; 75 % and 100 % alike."""
_BAR_TOLERANCE = 20
_BAR_SHARE = 0.5
"""Of a bar at least this much is within the tolerance (8-bit levels) of its colour; the rest may be text."""


def shows_bars(picture: Picture) -> bool:
    """Whether a BGR picture is a colour-bar test pattern, in its upper two thirds at least."""
    height, width = picture.shape[:2]
    if height < 32 or width < 64:
        return False
    band = picture[height // 20 : height // 2]
    return any(_bars_in(band, order) or _bars_in(band[:, ::-1], order) for order in _ORDERS)


def _bars_in(band: Picture, order: str) -> bool:
    width = band.shape[1]
    edges = np.linspace(0, width, len(order) + 1).round().astype(int)
    found = ""
    for left, right in pairwise(edges):
        margin = max(2, (right - left) // 5)
        bar = band[:, left + margin : right - margin].reshape(-1, 3).astype(np.int16)
        # The median, because senders write their name and clock over the bars.
        level = np.median(bar, axis=0)
        if float((np.abs(bar - level) <= _BAR_TOLERANCE).all(axis=1).mean()) < _BAR_SHARE:
            return False
        lit = tuple(int(channel > 90) for channel in level)
        found += _BARS[lit[0], lit[1], lit[2]]
    return found == order


def shows_one_colour(picture: Picture, gray: Picture) -> bool:
    """Whether a BGR picture is the plain coloured screen of a receiver without signal (usually blue), text on it or not.

    At least nine tenths are within 5 % of one saturated colour (EBU QC 0016B: ≥ 90 % of the area), without a camera's noise.
    """
    flat = picture.reshape(-1, 3)
    colour = np.median(flat, axis=0)
    if float(colour.max() - colour.min()) < 80 or noise_level_of(gray) > 0.3:
        return False
    near = (np.abs(flat.astype(np.int16) - colour.astype(np.int16)) <= 12).all(axis=1)
    return float(near.mean()) >= 0.9
