"""How lines grew over the last 80 ms to 1.2 s: a straight line in dB, at one frequency, all spans of all lines at once. Pure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from probes.microphone.lines import LOOKED_BACK, Lines
from probes.microphone.spectrum import WINDOW_HOPS

SPANS = np.array([8, 12, 16, 20, 32, 50, 80, 120])
"""Hops of 10 ms over which growth is measured."""
_LEAST_RISE_DB = 3.0
_CROOKED_DB, _WANDER_HZ = 2.5, 2.0
_APART, _ALIKE = 4, 0.15
"""Bins between lines that are two; how much their growth may differ and still be one."""
_EVENLY_HZ = 3.0
"""Three lines are evenly spaced, as overtones are, if the middle one is off by less."""
"""Further from a straight line, or from one frequency, it is no growth."""


class Growths(NamedTuple):
    """Lines that grew; all arrays of figures have the shape (lines, spans).

    Attributes:
        hops, bins: When and where each line stands, shape (lines,).
        valid: Whether it grew over that span at all.
        db_per_s: Slope of the straight line through its levels.
        crooked_db: RMS distance from that line.
        late_share: Slope of the second half over that of the whole; 1 on a straight line, less where the rise comes to rest.
        height_db: Mean height over the neighbourhood in the second half.
        wander_hz: Standard deviation of the frequency between quarters of the span: what the programme shakes within one averages out.
        frequency_hz: Mean.
        rise_db: Level now over the level at the beginning.
        record_db: Level now over the loudest before the span, in the last 1.6 s.
        peers: Other lines that grow as fast (within 15 %) over the same span.
        overtones: Those of the peers that are evenly spaced with the line and another peer, or with the line and 0 Hz: the overtones of a
            note that swells; shape (lines,).
        level_dbfs: Now, shape (lines,).
        peaks: How many lines stood out in the same hop, these and others, shape (lines,).
    """

    hops: NDArray[np.int64]
    bins: NDArray[np.int64]
    valid: NDArray[np.bool_]
    db_per_s: NDArray[np.float64]
    crooked_db: NDArray[np.float64]
    late_share: NDArray[np.float64]
    height_db: NDArray[np.float64]
    wander_hz: NDArray[np.float64]
    frequency_hz: NDArray[np.float64]
    rise_db: NDArray[np.float64]
    record_db: NDArray[np.float64]
    peers: NDArray[np.float64]
    overtones: NDArray[np.float64]
    level_dbfs: NDArray[np.float64]
    peaks: NDArray[np.float64]

    @property
    def newest_hz(self) -> NDArray[np.float64]:
        """Frequency of each line over its shortest valid span, shape (lines,)."""
        return _first_valid(self.frequency_hz, self.valid)


def growths(lines: Lines, hops: NDArray[np.int64], bins: NDArray[np.int64], *, db_per_s: float, height_db: float) -> Growths | None:
    """Those of the peaks at these hops and bins that grew by `db_per_s` and stand out by `height_db`; None where there is none."""
    rises_db = lines.levels_db(hops, bins)[:, None] - lines.levels_db(hops[:, None] + 1 - SPANS, bins[:, None])
    valid = (rises_db > _LEAST_RISE_DB) & (hops[:, None] >= SPANS + WINDOW_HOPS)
    some = np.flatnonzero(valid.any(axis=1))
    if not len(some):
        return None
    levels = lines.levels_db(hops[some, None] + _BACK, bins[some, None]).astype(float)
    slopes = levels @ _SLOPES
    crooked_db = np.sqrt(np.maximum(levels**2 @ _MEANS - (levels @ _MEANS) ** 2 - slopes**2 * _SPREADS, 0))
    valid = valid[some] & (slopes >= db_per_s * lines.hop_s) & (crooked_db <= _CROOKED_DB)
    kept = np.flatnonzero(valid.any(axis=1))
    if not len(kept):
        return None
    some, valid, levels, slopes = some[kept], valid[kept], levels[kept], slopes[kept]
    peaks = (hops[some, None] == hops).sum(axis=1)
    when, where = hops[some, None] + _BACK, bins[some, None]
    alike = _alike(hops[some], bins[some], slopes, valid)
    quarters_hz = (lines.frequencies_hz(when, where) @ _QUARTERS).reshape(len(some), len(SPANS), 4)
    wander_hz, heights_db = quarters_hz.std(axis=2), lines.heights_db(when, where).astype(float) @ _LATE_MEANS
    frequencies_hz = quarters_hz.mean(axis=2)
    grown = Growths(
        hops=hops[some],
        bins=bins[some],
        valid=valid & (heights_db >= height_db) & (wander_hz <= _WANDER_HZ),
        db_per_s=slopes / lines.hop_s,
        crooked_db=crooked_db[kept],
        late_share=(levels @ _LATE_SLOPES) / np.maximum(slopes, 1e-9),
        height_db=heights_db,
        wander_hz=wander_hz,
        frequency_hz=frequencies_hz,
        rise_db=rises_db[some].astype(float),
        record_db=_over_record(levels),
        peers=alike.sum(axis=1).astype(float),
        overtones=_overtones(hops[some], _first_valid(frequencies_hz, valid), np.asarray(alike.any(axis=2))),
        level_dbfs=levels[:, -1],
        peaks=peaks.astype(float),
    )
    seen = grown.valid.any(axis=1)
    return Growths._make(figures[seen] for figures in grown) if seen.any() else None


def _first_valid(figures: NDArray[np.float64], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(figures[np.arange(len(figures)), valid.argmax(axis=1)])


def _over_record(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    loudest = np.maximum.accumulate(levels, axis=1)[:, LOOKED_BACK - SPANS - 1]
    return np.asarray(levels[:, -1:] - loudest)


def _alike(hops: NDArray[np.int64], bins: NDArray[np.int64], slopes: NDArray[np.float64], valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether the second line grows like the first in the same hop over a span, shape (lines, lines, spans)."""
    apart = (hops[:, None] == hops) & (np.abs(bins[:, None] - bins) >= _APART)
    alike = np.abs(slopes[:, None] - slopes) < _ALIKE * slopes[:, None]
    return np.asarray(apart[:, :, None] & valid[:, None] & valid & alike)


def _overtones(hops: NDArray[np.int64], frequencies_hz: NDArray[np.float64], are_peers: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How many of a line's peers, shape (lines, lines), are its overtones."""
    count = np.zeros(len(hops))
    for hop in np.unique(hops[are_peers.any(axis=1)]).tolist():
        here = np.flatnonzero(hops == hop)
        pitch = np.append(frequencies_hz[here], 0.0)  # 0 Hz stands evenly with a note and its octave
        step = pitch[None, :] - frequencies_hz[here, None]
        peers = np.append(are_peers[np.ix_(here, here)], np.ones((len(here), 1), bool), axis=1)
        second, third = step[:, :-1, None], step[:, None, :]
        uneven_hz = np.minimum(np.abs(second + third), np.minimum(np.abs(third - 2 * second), np.abs(second - 2 * third)))
        count[here] = (peers[:, :-1] & ((uneven_hz < _EVENLY_HZ) & peers[:, None, :]).any(axis=2)).sum(axis=1)
    return count


_BACK = np.arange(1 - LOOKED_BACK, 1)


def _columns(row_of: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """A matrix that weighs the last hops of history, oldest first: one column for each row of weights, which ends now."""
    matrix = np.zeros((LOOKED_BACK, len(row_of)))
    for column, weights in enumerate(row_of):
        matrix[LOOKED_BACK - len(weights) :, column] = weights
    return matrix


def _slope(count: int) -> NDArray[np.float64]:
    """Weights whose sum over `count` levels is the slope per step of the straight line through them (least squares)."""
    steps = np.arange(count) - (count - 1) / 2
    return np.asarray(steps / (steps @ steps))


def _quarter(span: int, which: int) -> NDArray[np.float64]:
    length = span // 4
    weights = np.zeros(4 * length)
    weights[which * length : (which + 1) * length] = 1 / length
    return weights


_SLOPES = _columns([_slope(span) for span in SPANS.tolist()])
_MEANS = _columns([np.full(span, 1 / span) for span in SPANS.tolist()])
_LATE_SLOPES = _columns([_slope(span - span // 2) for span in SPANS.tolist()])
_LATE_MEANS = _columns([np.full(span - span // 2, 1 / (span - span // 2)) for span in SPANS.tolist()])
_QUARTERS = _columns([_quarter(span, which) for span in SPANS.tolist() for which in range(4)])
_SPREADS = np.array([float(np.var(np.arange(span))) for span in SPANS.tolist()])
"""Mean square of a straight line of slope 1 per step about its middle."""
