"""Reads RIFF WAVE from any stream, seekable or not, a block at a time: PCM of 8, 16, 24 and 32 bits, float of 32 and 64.

The layout is Microsoft's *Multimedia Programming Interface and Data Specifications 1.0* (1991) with WAVEFORMATEXTENSIBLE.
The standard library's ``wave`` reads no float and wants to know the length beforehand.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from contract.readings import Failure
from probes.microphone.sound import SourceError

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_LONGEST_FORMAT, _PASSED_AT_ONCE = 64, 1 << 20
_ENDLESS = 0x7FFF0000
"""A data chunk that calls itself so large, or empty, was written to a pipe (ffmpeg, SoX, GStreamer): it reaches to the end."""


@dataclass(frozen=True, kw_only=True)
class WaveFormat:
    """How the samples of a file are laid out."""

    rate_hz: int
    channels: int
    bits: int
    floating: bool

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return self.channels * self.bits // 8

    @property
    def full_scale(self) -> float:
        """Largest magnitude that a converter of this width yields, a hair less: at or above it a sample is clipped."""
        return 0.9999 if self.floating or self.bits > 16 else 1 - 1.5 * 2.0 ** (1 - self.bits)


class WaveReader:
    """A WAVE file opened up to its samples.

    Raises:
        SourceError: It is empty, no WAVE file, or has a layout we cannot read.
    """

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._stream = stream
        self._name = name
        self.format, size = self._read_header()
        self._size = self._left = None if size == 0 or size >= _ENDLESS else size

    @property
    def declared_s(self) -> float | None:
        """Length that the header promises; None where it promises none."""
        return None if self._size is None else self._size / self.format.frame_bytes / self.format.rate_hz

    @property
    def left_s(self) -> float:
        """How much of it has not been read; after the end: how much is missing."""
        return (self._left or 0) / self.format.frame_bytes / self.format.rate_hz

    def read(self, frames: int) -> NDArray[np.float32]:
        """Next samples, shape (at most `frames`, channels), full scale ±1; empty at the end. What is cut off ends the file."""
        wanted = frames * self.format.frame_bytes
        if self._left is not None:
            wanted = min(wanted, self._left)
        raw = self._stream.read(wanted)
        if self._left is not None:
            self._left -= len(raw)
        whole = len(raw) - len(raw) % self.format.frame_bytes
        return to_float(raw[:whole], self.format)

    def _read_header(self) -> tuple[WaveFormat, int]:
        start = self._stream.read(12)
        if not start:
            raise SourceError(Failure.BAD_DATA, f"{self._name}: tệp rỗng (0 byte)")
        if start[:4] not in (b"RIFF", b"RF64") or not b"WAVE".startswith(start[8:]):
            raise SourceError(Failure.BAD_DATA, f"{self._name}: không phải tệp WAV")
        layout: WaveFormat | None = None
        while len(head := self._stream.read(8)) == 8:
            tag, size = head[:4], struct.unpack("<I", head[4:])[0]
            if tag == b"data":
                if layout is None:
                    break
                return layout, size
            if tag == b"fmt ":
                layout = self._read_format(self._stream.read(min(size, _LONGEST_FORMAT)))
                size -= min(size, _LONGEST_FORMAT)
            self._skip(size + size % 2)
        raise SourceError(Failure.BAD_DATA, f"{self._name}: tệp WAV bị cắt cụt hoặc sai cấu trúc, không thấy mẫu âm thanh nào")

    def _skip(self, size: int) -> None:
        """Pass over a part that may call itself larger than all memory."""
        while size > 0 and (passed := len(self._stream.read(min(size, _PASSED_AT_ONCE)))):
            size -= passed

    def _read_format(self, body: bytes) -> WaveFormat:
        if len(body) < 16:
            raise SourceError(Failure.BAD_DATA, f"{self._name}: phần định dạng của tệp WAV bị cắt cụt")
        kind, channels, rate_hz, _, _, bits = struct.unpack("<HHIIHH", body[:16])
        if kind == _EXTENSIBLE and len(body) >= 26:
            kind = struct.unpack("<H", body[24:26])[0]
        known = (kind == _PCM and bits in (8, 16, 24, 32)) or (kind == _FLOAT and bits in (32, 64))
        if not known or channels == 0:
            raise SourceError(Failure.UNSUPPORTED, f"{self._name}: chưa đọc được tệp WAV kiểu {kind}, {bits} bit, {channels} kênh")
        return WaveFormat(rate_hz=rate_hz, channels=channels, bits=bits, floating=kind == _FLOAT)


def to_float(raw: bytes, layout: WaveFormat) -> NDArray[np.float32]:
    """Samples of a WAVE layout as float32, shape (frames, channels), full scale ±1."""
    samples: NDArray[Any]
    if layout.floating:
        with np.errstate(over="ignore"):  # what is too large for 32 bits becomes infinite, and is no number to whoever hears it
            samples = np.frombuffer(raw, "<f4" if layout.bits == 32 else "<f8").astype(np.float32)
    elif layout.bits == 8:
        samples = (np.frombuffer(raw, np.uint8).astype(np.float32) - 128) / 128
    elif layout.bits == 24:
        octets = np.zeros((len(raw) // 3, 4), np.uint8)
        octets[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        samples = octets.view("<i4")[:, 0].astype(np.float32) / 2**31
    else:
        samples = np.frombuffer(raw, f"<i{layout.bits // 8}").astype(np.float32) / 2.0 ** (layout.bits - 1)
    return np.asarray(samples, np.float32).reshape(-1, layout.channels)


def write_wave(path: str, sound: NDArray[np.floating], rate_hz: int) -> None:
    """Write one channel as 24-bit PCM."""
    whole = np.clip(np.round(np.asarray(sound, float) * 2**23), -(2**23), 2**23 - 1).astype("<i4")
    raw = whole.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    layout = struct.pack("<HHIIHH", _PCM, 1, rate_hz, rate_hz * 3, 3, 24)
    body = b"WAVEfmt " + struct.pack("<I", len(layout)) + layout + b"data" + struct.pack("<I", len(raw)) + raw
    Path(path).write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
