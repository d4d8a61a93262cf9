"""Growth of lines: slope, straightness, frequency, and which lines are overtones of one note."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from probes.microphone import fitted
from probes.microphone.growth import SPANS, Growths, growths
from probes.microphone.lines import Lines
from probes.microphone.spectrum import Spectrograph, local_floor
from probes.microphone.surroundings import Company, Surroundings
from probes.microphone.weights import KNOTS, TILTED, weights

_RATE = 16_000


class _Heard(NamedTuple):
    lines: Lines
    grown: Growths
    company: Company


def _heard(sound: NDArray[np.float64]) -> _Heard:
    """What the last tenth of a second of a sound grew."""
    spectrograph = Spectrograph(_RATE, 1)
    lines = Lines(spectrograph, _RATE)
    surroundings = Surroundings(lines, spectrograph.bins)
    step, grown = 10 * spectrograph.hop, None
    for start in range(0, len(sound) - step + 1, step):
        spectra = spectrograph.push(sound[start : start + step, None].astype(np.float32))[0]
        power = spectra.real**2 + spectra.imag**2
        floor = local_floor(power)
        lines.push(spectra, power, floor)
        surroundings.push(power)
        grown = growths(lines, *lines.peaks(power, floor, 15.0), db_per_s=6.0, height_db=12.0)
    assert grown is not None
    return _Heard(lines, grown, surroundings.company(grown.hops, grown.bins, grown.newest_hz))


def _growing(frequency_hz: float, db_per_s: float, *, level_db: float = -20.0, seconds: float = 2.0) -> NDArray[np.float64]:
    t = np.arange(round(_RATE * seconds)) / _RATE
    return np.asarray(10 ** ((level_db - db_per_s * (seconds - t)) / 20) * np.sin(2 * np.pi * frequency_hz * t))


def _hiss(seconds: float = 2.0, level_db: float = -80.0) -> NDArray[np.float64]:
    return np.random.default_rng(1).standard_normal(round(_RATE * seconds)) * 10 ** (level_db / 20)


def _strongest(heard: _Heard) -> int:
    return int(np.argmax(heard.grown.level_dbfs))


@pytest.mark.parametrize("frequency_hz", [250.0, 1603.7, 6210.3])
@pytest.mark.parametrize("db_per_s", [9.0, 30.0, 120.0])
def test_a_line_that_grows_evenly_has_that_slope_and_frequency_over_every_span_it_fills(frequency_hz: float, db_per_s: float) -> None:
    heard = _heard(_growing(frequency_hz, db_per_s) + _hiss(level_db=-150))
    line = _strongest(heard)
    known = np.flatnonzero(heard.grown.valid[line])
    assert len(known) > 0
    assert heard.grown.db_per_s[line, known] == pytest.approx(db_per_s, rel=0.05, abs=0.5)
    assert heard.grown.frequency_hz[line, known] == pytest.approx(frequency_hz, abs=0.5)
    assert (heard.grown.crooked_db[line, known] < 0.2).all()


def test_how_loud_it_is_says_nothing_of_its_growth() -> None:
    soft, loud = (_heard(_growing(1200, 40, level_db=level_db) + _hiss(level_db=level_db - 70)) for level_db in (-46, -6))
    assert soft.grown.db_per_s[_strongest(soft)] == pytest.approx(loud.grown.db_per_s[_strongest(loud)], abs=0.1)
    assert loud.grown.level_dbfs.max() - soft.grown.level_dbfs.max() == pytest.approx(40, abs=0.1)


def test_the_partials_of_a_note_that_swells_are_overtones_and_the_lines_of_a_loop_are_not() -> None:
    note = sum(_growing(330.0 * order, 30, level_db=-20 - 3 * order) for order in range(1, 7))
    loop = sum(_growing(hertz, 30, level_db=-20 - index) for index, hertz in enumerate((433.0, 1171.0, 1994.0, 3210.0)))
    assert _heard(note + _hiss()).grown.overtones.min() >= 2
    assert _heard(loop + _hiss()).grown.overtones.max() == 0


def test_a_loop_weighs_more_than_a_note_that_swells_as_fast() -> None:
    loop = _heard(_growing(1171.0, 30) + _hiss())
    note = _heard(sum(_growing(330.0 * order, 30, level_db=-20 - 3 * order) for order in range(1, 7)) + _hiss())
    heaviest = [np.where(heard.grown.valid, weights(heard.grown, heard.company), -np.inf).max() for heard in (loop, note)]
    assert heaviest[0] > 0 > heaviest[1]


def test_where_a_line_came_out_of_the_hiss_is_remembered() -> None:
    late = np.concatenate([_hiss(1.5), _growing(1600, 0, level_db=-30, seconds=0.5) + _hiss(0.5)])
    heard = _heard(np.concatenate([late[:-1600], _growing(1600, 60, level_db=-20, seconds=0.1)]))
    line = _strongest(heard)
    out_s = heard.lines.out_since(int(heard.grown.hops[line]), int(heard.grown.bins[line]), 6.0) * heard.lines.hop_s
    assert out_s == pytest.approx(1.5, abs=0.08)


def test_every_table_has_a_value_for_each_of_its_knots() -> None:
    assert {name: len(values) for name, values in fitted.TABLES.items()} == {name: len(knots) for name, knots in KNOTS.items()}
    assert set(fitted.TILTS) == set(TILTED)
    assert len(fitted.AT_SPAN) == len(SPANS)
    assert all(list(knots) == sorted(knots) for knots in KNOTS.values())
