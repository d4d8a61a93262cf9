"""``python -m bench.microphone.fit``: fits the tables of `probes.microphone.fitted` on the parts that are not held back, and writes them.

What is fitted is the weight of one growth (`probes.microphone.weights`), by logistic regression with a ridge: lines at a frequency at which
a rendered loop grows, from just after it crossed the margin until it saturates, against every growth in speech, music, tones, stable loops
and in the calm before a howl. Each howl counts alike; of the ordinary growths one in eight stands for all.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from multiprocessing import Pool
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from bench.microphone import corpus
from bench.microphone.corpus import Clip
from bench.microphone.loops import Truth
from probes.microphone import fitted
from probes.microphone.growth import SPANS, Growths, growths
from probes.microphone.lines import Lines
from probes.microphone.sound_file import SoundFile
from probes.microphone.spectrum import Spectrograph, local_floor
from probes.microphone.surroundings import Company, Surroundings
from probes.microphone.weights import KNOTS, SPAN_OCTAVES, TILTED, properties, tilt

BIAS = -2.5
"""Added to every weight: a howl is rarer than what it was weighed against. Chosen for the false alarms on music."""
_RIDGE = 20.0
_HOWL_WEIGHT, _ROUNDS = 0.3, 12
_SWELL_WEIGHT = 0.15
"""Notes that swell evenly are all growth: without this they would outweigh all else."""
_KEPT_HOWL, _KEPT_ELSE = 0.7, 0.12
_GROWTH_DB_PER_S, _HEIGHT_DB, _PEAK_DB = 6.0, 12.0, 15.0
_NEAR_HZ, _AFTER_S, _BEFORE_S, _STILL_S = 8.0, 0.1, 0.3, 0.05


class Samples(NamedTuple):
    """Growths of some clips.

    Attributes:
        columns: What is looked up in the tables, one row a growth, as `_columns` makes it.
        is_howl: Whether it is a loop's.
        weight: Of each in the fit.
    """

    columns: NDArray[np.float32]
    is_howl: NDArray[np.bool_]
    weight: NDArray[np.float64]


def main() -> None:
    """Gather, fit, write."""
    tasks = [(folder, clip) for part in ("tuning", "checked") for folder, clips in [corpus.clips(part)] for clip in clips]
    with Pool() as pool:
        gathered = list(track(pool.imap(_samples, tasks, chunksize=4), description="growths", total=len(tasks)))
    samples = Samples(*(np.concatenate(parts) for parts in zip(*gathered, strict=True)))
    weight = np.where(samples.is_howl, samples.weight / samples.weight[samples.is_howl].sum(), 0.0)
    weight = np.where(samples.is_howl, weight * _HOWL_WEIGHT * samples.weight[~samples.is_howl].sum(), samples.weight)
    _write(_fitted(samples.columns, samples.is_howl, weight))


def _samples(task: tuple[Path, Clip]) -> Samples:
    """The growths of one clip that are surely a loop's, or surely not."""
    folder, clip = task
    rng = np.random.default_rng(sum(clip.path.encode()))
    columns, howls = [np.zeros((0, _WIDTH), np.float32)], [np.zeros(0, bool)]
    for grown, company in _grown(folder / clip.path):
        labels = np.zeros(grown.valid.shape, int) if clip.truth is None else _labels(grown, clip.truth)
        kept = grown.valid & (labels >= 0) & (rng.random(labels.shape) < np.where(labels == 1, _KEPT_HOWL, _KEPT_ELSE))
        if kept.any():
            columns.append(_columns(grown, company)[kept])
            howls.append(labels[kept] == 1)
    is_howl = np.concatenate(howls)
    ordinary = (_SWELL_WEIGHT if clip.kind == "swell" else 1.0) / _KEPT_ELSE
    return Samples(np.concatenate(columns), is_howl, np.where(is_howl, 1 / max(1, int(is_howl.sum())), ordinary))


def _grown(path: Path) -> Sequence[tuple[Growths, Company]]:
    source = SoundFile(str(path))
    spectrograph = Spectrograph(source.rate_hz, 1)
    lines = Lines(spectrograph, source.rate_hz)
    surroundings, found = Surroundings(lines, spectrograph.bins), []
    sound = np.concatenate([block.samples[:, :1] for block in source.blocks()])
    source.close()
    step = 10 * spectrograph.hop
    for start in range(0, len(sound) - step + 1, step):
        spectra = spectrograph.push(sound[start : start + step])[0]
        power = spectra.real**2 + spectra.imag**2
        floor = local_floor(power)
        lines.push(spectra, power, floor)
        surroundings.push(power)
        hops, bins = lines.peaks(power, floor, _PEAK_DB)
        grown = growths(lines, hops, bins, db_per_s=_GROWTH_DB_PER_S, height_db=_HEIGHT_DB) if len(hops) else None
        if grown is not None:
            found.append((grown, surroundings.company(grown.hops, grown.bins, grown.newest_hz)))
    return found


def _labels(grown: Growths, truth: Truth) -> NDArray[np.int64]:
    """1 where a growth is the loop's, 0 where it is not, −1 where that is not known; shape (lines, spans)."""
    unstable = np.array([*truth.unstable_hz, truth.frequency_hz])
    near = np.abs(grown.frequency_hz[:, :, None] - unstable).min(axis=2) < _NEAR_HZ
    moment_s = ((grown.hops + 1) * 0.01)[:, None]
    howls = near & (moment_s > truth.crossed_s + _AFTER_S) & (moment_s < truth.saturated_s + _STILL_S)
    return np.where(howls, 1, np.where(moment_s < truth.crossed_s - _BEFORE_S, 0, -1))


def _columns(grown: Growths, company: Company) -> NDArray[np.float32]:
    """One column for each value of each table, for each tilt and for each span; shape (lines, spans, columns)."""
    figures, shape = properties(grown, company), grown.valid.shape
    hats = [np.interp(np.broadcast_to(figures[name], shape), KNOTS[name], hat) for name in KNOTS for hat in np.eye(len(KNOTS[name]))]
    tilts = [tilt(name, np.broadcast_to(figures[name], shape)) * SPAN_OCTAVES for name in TILTED]
    spans = [np.broadcast_to(own, shape) for own in np.eye(len(SPANS))]
    return np.stack([*hats, *tilts, *spans], axis=2).astype(np.float32)


_WIDTH = sum(map(len, KNOTS.values())) + len(TILTED) + len(SPANS)


def _fitted(columns: NDArray[np.float32], is_howl: NDArray[np.bool_], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coefficients by Newton's method (iteratively reweighted least squares), with a ridge."""
    found = np.zeros(_WIDTH)
    for _ in range(_ROUNDS):
        curvature, slope = _RIDGE * np.eye(_WIDTH), -_RIDGE * found
        for start in range(0, len(columns), 100_000):
            some = slice(start, start + 100_000)
            rows = columns[some].astype(float)
            share = 1 / (1 + np.exp(-(rows @ found)))
            slope += rows.T @ (weight[some] * (is_howl[some] - share))
            curvature += (rows * (weight[some] * share * (1 - share))[:, None]).T @ rows
        found += np.linalg.solve(curvature, slope)
    return found


def _write(found: NDArray[np.float64]) -> None:
    """The module of tables; each has its mean taken out, into the constants of the spans."""
    at, tables, constant = 0, [], BIAS
    for name, knots in KNOTS.items():
        values = found[at : at + len(knots)]
        constant, at = constant + float(values.mean()), at + len(knots)
        tables.append(f'    "{name}": ({", ".join(f"{value:.2f}" for value in values - values.mean())}),')
    tilts = [f'    "{name}": {value:.3f},' for name, value in zip(TILTED, found[at:], strict=False)]
    spans = ", ".join(f"{value + constant:.2f}" for value in found[-len(SPANS) :])
    text = [
        '"""Written by ``python -m bench.microphone.fit``; what the figures mean stands in `probes.microphone.weights`."""',
        "",
        "from __future__ import annotations",
        "",
        f"AT_SPAN: tuple[float, ...] = ({spans})",
        "TABLES: dict[str, tuple[float, ...]] = {",
        *tables,
        "}",
        "TILTS: dict[str, float] = {",
        *tilts,
        "}",
    ]
    Path(fitted.__file__).write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
