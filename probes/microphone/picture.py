"""A spectrogram of a howl, where the room's configuration allows one (R9): kept at the site only, and nobody can hear it.

Levels of the last seconds in steps of 10 ms and 25 Hz and whole decibels, without phase, in a grey picture of 8 bits.
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
_HOP_S, _WINDOW_S = 0.01, 0.04
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
            (self._folder / name).write_bytes(png(spectrogram(sound, self._rate_hz)))
            for old in sorted(self._folder.glob("howling-*.png"))[:-KEPT]:
                old.unlink()
        except OSError as error:
            _LOG.warning("%s: the picture of a howl was not kept: %s", self._folder, error.strerror)


def spectrogram(sound: NDArray[np.float32], rate_hz: int) -> NDArray[np.uint8]:
    """Grey levels, shape (frequencies from high to low, time): black −100 dBFS or less, white full scale."""
    hop, size = round(_HOP_S * rate_hz), round(_WINDOW_S * rate_hz)
    if len(sound) < size:
        sound = np.concatenate([np.zeros(size - len(sound), np.float32), sound])
    window = np.hanning(size)
    frames = np.lib.stride_tricks.sliding_window_view(sound, size)[::hop] * window
    power = np.square(np.abs(np.fft.rfft(frames, axis=1))) * (2 / window.sum()) ** 2
    shown = power[:, : min(power.shape[1], round(_HIGHEST_HZ * size / rate_hz) + 1)]
    levels_db = 10 * np.log10(np.maximum(shown, 10 ** (_DARKEST_DBFS / 10)))
    return np.asarray(np.clip(np.round(255 * (1 - levels_db / _DARKEST_DBFS)), 0, 255), np.uint8).T[::-1]


def png(grey: NDArray[np.uint8]) -> bytes:
    """A grey picture of 8 bits as PNG (ISO/IEC 15948); the libraries that write one would double what the watch keeps in memory."""
    height, width = grey.shape

    def chunk(tag: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))

    rows = np.concatenate([np.zeros((height, 1), np.uint8), grey], axis=1).tobytes()
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
