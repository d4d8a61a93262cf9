"""Bands of mains light that roll through the picture: rows that were lit at another moment of the 100 Hz. Pure.

A camera reads its rows one after the other, so lamps that flicker make bands, and from frame to frame the bands lie elsewhere. At exactly
25 frames a second they stand still and only the approved view tells them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from probes.camera.measure import Picture

_ROWS = 180
_CYCLES = tuple(float(cycles) for cycles in np.arange(1.5, 16.25, 0.25))
"""Bands in a picture: it is read in 1/60 to 1/10 s."""
_LEAST_EXPLAINED = 0.6
_STANDING_EXPLAINED = 0.75
_STANDING_LEAST_CYCLES = 2.5
"""Fewer bands than this may be a lamp that was not lit when the view was approved."""
_ALIKE = 0.15
_LEAST_PAIRS, _LEAST_SHARE = 4, 0.6
_OFFSET = 8.0


@dataclass(frozen=True, slots=True)
class Bands:
    """Waves in the brightness of the rows.

    Attributes:
        cycles: How many in the picture's height.
        swing_percent: Their amplitude, in percent of the brightness.
        explained: Share of the rows' differences that they explain.
    """

    cycles: float
    swing_percent: float
    explained: float


def bands_between(before: Picture, after: Picture) -> Bands:
    """Waves in how the rows of two grey pictures of one size differ.

    Of each row the median over its columns, so that people who move do not count while they fill less than half of it.
    """
    columns = slice(None, None, max(1, after.shape[1] // 160))
    change = np.log((after[:, columns] + _OFFSET) / (before[:, columns] + _OFFSET))
    rows = cv2.resize(np.median(change, axis=1).astype(np.float32).reshape(-1, 1), (1, _ROWS), interpolation=cv2.INTER_AREA)
    return _waves(np.asarray(rows, np.float64).reshape(-1))


def rolling_percent(pairs: Sequence[Bands]) -> float:
    """Swing of bands that most pairs of successive pictures agree on; 0 without any."""
    return _agreed(pairs, [pair for pair in pairs if pair.explained >= _LEAST_EXPLAINED])


def standing_percent(against: Sequence[Bands]) -> float:
    """Swing of bands in which most pictures differ from the approved view; 0 without any."""
    return _agreed(against, [one for one in against if one.explained >= _STANDING_EXPLAINED and one.cycles >= _STANDING_LEAST_CYCLES])


def _agreed(seen: Sequence[Bands], clear: Sequence[Bands]) -> float:
    if len(seen) < _LEAST_PAIRS or len(clear) < _LEAST_SHARE * len(seen):
        return 0.0
    usual = float(np.median([bands.cycles for bands in clear]))
    alike = [bands for bands in clear if abs(bands.cycles - usual) <= max(0.5, _ALIKE * usual)]
    return float(np.median([bands.swing_percent for bands in alike])) if len(alike) >= _LEAST_SHARE * len(seen) else 0.0


def _waves(rows: NDArray[np.float64]) -> Bands:
    """The sine that explains most of a profile, after its slow part (a cubic) was taken out."""
    slow, waves = _bases()
    rest = rows - slow @ (slow.T @ rows)
    total = float(rest @ rest)
    if total < 1e-12:
        return Bands(0.0, 0.0, 0.0)
    fitted = np.einsum("fpr,r->fp", waves, rest)
    power = np.einsum("fp,fp->f", fitted, fitted)
    best = int(np.argmax(power))
    return Bands(_CYCLES[best], 100 * float(np.sqrt(2 * power[best] / _ROWS)), float(power[best]) / total)


@lru_cache(maxsize=1)
def _bases() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Orthonormal cubic, shape (rows, 4), and for each number of cycles an orthonormal pair of waves without it, shape (n, 2, rows)."""
    place = (np.arange(_ROWS) + 0.5) / _ROWS
    slow = np.linalg.qr(np.stack([place**power for power in range(4)], axis=1))[0]
    pairs = []
    for cycles in _CYCLES:
        wave = np.stack([np.cos(2 * np.pi * cycles * place), np.sin(2 * np.pi * cycles * place)], axis=1)
        pairs.append(np.linalg.qr(wave - slow @ (slow.T @ wave))[0].T)
    return slow, np.stack(pairs)
