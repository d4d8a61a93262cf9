"""How much each property of a growing line says for a howl: tables fitted on a corpus, added up. Pure.

An additive logistic regression on piecewise linear functions: each property is looked up in its table, and the sum is the log-likelihood
ratio (nats) of a loop's growth against speech, music, tones and stable loops. ``python -m bench.microphone.fit`` fits the tables anew on
the parts ``tuning`` and ``checked`` of the corpus in `bench/microphone`, where rendered loops between crossing and saturation stand against
everything else; the part ``held`` is never used.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from probes.microphone.fitted import AT_SPAN, TABLES, TILTS
from probes.microphone.growth import SPANS, Growths
from probes.microphone.surroundings import Company

KNOTS: dict[str, tuple[float, ...]] = {
    "growth_octaves": (3, 4, 5, 6, 7, 8, 9),
    "crooked_octaves": (-3, -2, -1, -0.5, 0, 0.5, 1, 1.3),
    "late_share": (-0.5, 0, 0.4, 0.7, 1, 1.3, 1.6, 2.5),
    "height_db": (12, 15, 18, 22, 26, 32, 40),
    "wander_decades": (-1.6, -1.2, -0.8, -0.4, -0.1, 0.3),
    "pitch_octaves": (-2.5, -2, -1.5, -1, 0, 1, 2),
    "rise_db": (3, 5, 8, 12, 18, 25, 35),
    "recent_db": (-10, -3, 0, 2, 4, 8, 15, 30),
    "peers": (0, 1, 2, 3, 5, 7, 9),
    "overtones": (0, 1, 2, 3, 5),
    "peaks": (1, 2, 3, 5, 7, 10),
    "record_db": (-20, -12, -6, -3, 0, 3, 6, 10, 15, 20),
    "harmonic_db": (-30, -25, -20, -15, -10, -5, 0, 6),
    "next_harmonic_db": (-30, -25, -20, -15, -10, -5, 0, 6),
    "rising": (0, 1, 2, 3, 4),
    "purity_db": (0, 5, 10, 14, 18, 22, 28),
    "dominance_db": (-30, -20, -14, -10, -6, -3, -1, 0),
    "latest_rise_db": (-6, 0, 3, 6, 10, 15, 20, 30),
}
"""Where the tables have their values; outside of them the last one holds."""
TILTED = ("growth_octaves", "crooked_octaves", "late_share", "height_db", "wander_decades", "recent_db", "peers")
"""Properties that say more, or less, over a longer span."""
SPAN_OCTAVES = np.log2(SPANS / 20)


def properties(growths: Growths, company: Company) -> dict[str, NDArray[np.float64]]:
    """What is looked up, each of the shape (lines, spans) or (lines, 1)."""
    return {
        "growth_octaves": np.log2(np.maximum(growths.db_per_s, 1)),
        "crooked_octaves": np.log2(growths.crooked_db + 0.05),
        "late_share": growths.late_share,
        "height_db": growths.height_db,
        "wander_decades": np.log10(growths.wander_hz + 0.01),
        "pitch_octaves": np.log2(growths.frequency_hz / 1000),
        "rise_db": growths.rise_db,
        "recent_db": growths.record_db,
        "peers": growths.peers,
        "overtones": growths.overtones[:, None],
        "peaks": growths.peaks[:, None],
        "record_db": company.record_db[:, None],
        "harmonic_db": company.harmonic_db[:, None],
        "next_harmonic_db": company.next_harmonic_db[:, None],
        "rising": company.rising[:, None],
        "purity_db": company.purity_db[:, None],
        "dominance_db": company.dominance_db[:, None],
        "latest_rise_db": company.rise_db[:, None],
    }


def tilt(name: str, figures: NDArray[np.float64]) -> NDArray[np.float64]:
    """A property within its knots, from the middle one on."""
    knots = KNOTS[name]
    return np.asarray(np.clip(figures, knots[0], knots[-1]) - knots[len(knots) // 2])


def weights(growths: Growths, company: Company) -> NDArray[np.float64]:
    """Log-likelihood ratio of each growth, shape (lines, spans); of no meaning where it is not valid."""
    figures: Mapping[str, NDArray[np.float64]] = properties(growths, company)
    total = np.broadcast_to(np.asarray(AT_SPAN), growths.valid.shape).copy()
    for name, values in figures.items():
        total += np.interp(values, KNOTS[name], TABLES[name])
    for name in TILTED:
        total += TILTS[name] * tilt(name, figures[name]) * SPAN_OCTAVES
    return total
