"""A spectrogram of a howl, where the room's configuration allows one (R9): kept at the site only, and no words can be got out of it.

Mean levels of each quarter of a second in steps of 12.5 Hz, in whole shades of a grey picture, without phase. A howl is a line
through many of them. Speech lives in changes of 2 to 8 Hz (Houtgast & Steeneken, JASA 77, 1985), of which a mean over 0.25 s
leaves next to nothing; a picture in steps of 10 ms could be turned back into words (Griffin & Lim, IEEE Trans. ASSP 32, 1984).
"""

from __future__ import annotations

import logging
import struct
import zlib
from collections import deque
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from probes.microphone.judge import Change
from probes.microphone.sound import Stream

_LOG = logging.getLogger(__name__)
FOLDER = "pictures"
KEPT = 20
"""The oldest picture goes when there are more."""
_SHOWN_S, _HIGHEST_HZ = 8.0, 8000.0
_HOP_S, _WINDOW_S, _COLUMN_S = 0.02, 0.08, 0.25
_COLUMN_PIXELS, SCALE_PIXELS = 16, 24
"""Width of a quarter second, and of the scale at the left: a mark at each 1000 Hz, and a bright one at the howl."""
_MARK, _BRIGHT = 96, 255
_DARKEST_DBFS = -100.0


class HowlPictures:
    """Remembers the last seconds of a stream and draws them when a howl begins.

    Args:
        state_directory: Where the folder of pictures is; empty: nothing is remembered and nothing is drawn.
        stream: Whose sound it hears.
    """

    def __init__(self, state_directory: str, stream: Stream) -> None:
        self._folder = Path(state_directory) / FOLDER if state_directory else None
        self._rate_hz = stream.rate_hz
        self._blocks: deque[NDArray[np.float32]] = deque()
        self._frames = 0

    def hear(self, samples: NDArray[np.float32]) -> None:
        """Take some sound, shape (frames, channels)."""
        if self._folder is None:
            return
        self._blocks.append(samples)
        self._frames += len(samples)
        while self._frames - len(self._blocks[0]) >= _SHOWN_S * self._rate_hz:
            self._frames -= len(self._blocks.popleft())

    def see(self, change: Change) -> None:
        """Draw, if this is the begin of a howl; a disk that refuses is told in the log."""
        if self._folder is None or change.kind != "onset" or change.finding.code != "microphone.howling":
            return
        channel = max(0, int(change.finding.target or 1) - 1)
        sound = np.concatenate(self._blocks)[:, channel]
        name = f"howling-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}-{change.finding.frequency_hz or 0:.0f}Hz.png"
        try:
            self._folder.mkdir(exist_ok=True)
            (self._folder / name).write_bytes(png(picture_of(sound, self._rate_hz, change.finding.frequency_hz or 0.0)))
            for old in sorted(self._folder.glob("howling-*.png"))[:-KEPT]:
                old.unlink()
        except OSError as error:
            _LOG.warning("%s: the picture of a howl was not kept: %s", self._folder, error.strerror)


def picture_of(sound: NDArray[np.float32], rate_hz: int, howl_hz: float) -> NDArray[np.uint8]:
    """The spectrogram with a scale at its left; the newest sound is at the right."""
    levels = np.repeat(spectrogram(sound, rate_hz), _COLUMN_PIXELS, axis=1)
    scale = np.zeros((len(levels), SCALE_PIXELS), np.uint8)
    for mark_hz in range(1000, int(_HIGHEST_HZ) + 1, 1000):
        _mark(scale[:, SCALE_PIXELS // 2 :], mark_hz, _MARK)
    _mark(scale, howl_hz, _BRIGHT)
    return np.concatenate([scale, levels], axis=1)


def _mark(scale: NDArray[np.uint8], frequency_hz: float, shade: int) -> None:
    row = len(scale) - 1 - round(frequency_hz * _WINDOW_S)
    scale[max(0, row - 1) : max(0, row + 2)] = shade


def spectrogram(sound: NDArray[np.float32], rate_hz: int) -> NDArray[np.uint8]:
    """Grey levels, shape (frequencies from high to low, quarter seconds): black −100 dBFS or less, white full scale.

    What is left at the begin of the sound is no whole column and is not shown; a sound shorter than one is filled up with silence.
    """
    hop, size, column = round(_HOP_S * rate_hz), round(_WINDOW_S * rate_hz), round(_COLUMN_S * rate_hz)
    columns = max(1, len(sound) // column)
    sound = np.concatenate([np.zeros(columns * column, np.float32), sound])[-columns * column :]
    window = np.hanning(size)
    shown = round(_HIGHEST_HZ * _WINDOW_S) + 1
    power = np.zeros((columns, shown))
    for number, part in enumerate(sound.reshape(columns, column)):
        frames = np.lib.stride_tricks.sliding_window_view(part, size)[::hop] * window
        spectra = np.square(np.abs(np.fft.rfft(frames, axis=1)[:, :shown])) * (2 / window.sum()) ** 2
        power[number, : spectra.shape[1]] = spectra.mean(axis=0)
    levels_db = 10 * np.log10(np.maximum(power, 10 ** (_DARKEST_DBFS / 10)))
    return np.asarray(np.clip(np.round(255 * (1 - levels_db / _DARKEST_DBFS)), 0, 255), np.uint8).T[::-1]


def png(grey: NDArray[np.uint8]) -> bytes:
    """A grey picture of 8 bits as PNG (ISO/IEC 15948); the libraries that write one would double what the watch keeps in memory."""
    height, width = grey.shape

    def chunk(tag: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))

    rows = np.concatenate([np.zeros((height, 1), np.uint8), grey], axis=1).tobytes()
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
