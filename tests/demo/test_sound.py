from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

from demo.sound import RATE_HZ, howl, room_tone, write


def level_db(samples: np.ndarray, frequency_hz: float) -> float:
    moments = np.arange(samples.size) / RATE_HZ
    return float(20 * np.log10(abs(np.mean(samples * np.hanning(samples.size) * np.exp(-2j * np.pi * frequency_hz * moments))) + 1e-12))


def test_a_howl_grows_as_fast_as_its_loop_says_until_it_is_limited() -> None:
    """The physics of a loop whose gain is above one: linear growth in dB at one frequency, then saturation."""
    ringing = howl(room_tone(8, 1), 8, 1600.0, 14.0)
    half_seconds = [level_db(ringing[begin : begin + RATE_HZ // 2], 1600.0) for begin in range(0, 8 * RATE_HZ, RATE_HZ // 2)]
    growing = [
        after - before
        for before, after in itertools.pairwise(half_seconds)
        if before > half_seconds[0] + 10 and after < half_seconds[-1] - 6
    ]
    assert growing
    assert all(abs(step - 7.0) < 1.5 for step in growing)
    assert abs(half_seconds[-1] - half_seconds[-2]) < 1


def test_a_file_holds_what_was_written(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.array([0.0, 0.5, -1.5]))
    assert path.read_bytes()[-6:] == np.array([0, 16383, -32767], "<i2").tobytes()
