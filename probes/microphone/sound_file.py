"""Sound files: WAVE by ourselves, all else through the ffmpeg command; read at once, or played in real time like a device."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from contract.readings import Failure
from probes.microphone.sound import Block, SourceError
from probes.microphone.wave_file import WaveReader

MAX_CHANNELS = 8
SLOWEST_HZ, FASTEST_HZ = 4_000, 192_000
LOUDEST = 2.5
"""Samples are cut off at this magnitude (+8 dBFS): no converter goes beyond full scale, and a file of floats that does holds no sound."""


_MISSED_S = 0.01
"""Recorders that reckon the length of their own header in are a few samples wrong."""


class CutOffError(SourceError):
    """The file ended before its time; what there was of it has been given."""


def without_nonsense(samples: NDArray[np.float32]) -> tuple[NDArray[np.float32], int]:
    """Samples within ±`LOUDEST`, with silence where a file or driver gave no number, and 1 if there was such a place."""
    finite = np.isfinite(samples)
    whole = bool(finite.all())
    return np.clip(samples if whole else np.where(finite, samples, np.float32(0)), -LOUDEST, LOUDEST), int(not whole)


def _blocks(samples: NDArray[np.float32]) -> Iterator[Block]:
    """The samples; what is no number is a gap where it stands, not before."""
    filled, bad = without_nonsense(samples)
    first = int(np.argmin(np.isfinite(samples).all(axis=1))) if bad else 0
    if first:
        yield Block(filled[:first], 0)
    yield Block(filled[first:], bad)


class SoundFile:
    """A sound file read as fast as it can be.

    Raises:
        SourceError: It is not there, is no sound file, or has a layout that cannot be read.
    """

    live = False

    def __init__(self, path: str) -> None:
        self.name = path
        self._decoder: subprocess.Popen[bytes] | None = None
        self._stream = _opened(path)
        try:
            self._reader = self._open_reader()
            self._check()
        except OSError as error:
            self.close()
            raise SourceError(Failure.BAD_DATA, f"{path}: không đọc được tệp ({error.strerror})") from None
        except SourceError:
            self.close()
            raise

    def _open_reader(self) -> WaveReader:
        start = self._stream.read(4)
        self._stream.seek(0)
        if start not in (b"RIFF", b"RF64", b""):
            return self._decoded()
        try:
            return WaveReader(self._stream, self.name)
        except SourceError as error:
            if error.failure is not Failure.UNSUPPORTED or shutil.which("ffmpeg") is None:
                raise
            return self._decoded()

    def _decoded(self) -> WaveReader:
        """What ffmpeg makes of it: a WAVE of floats through a pipe. It may open this file and nothing else."""
        if shutil.which("ffmpeg") is None:
            raise SourceError(Failure.UNSUPPORTED, f"{self.name}: chỉ đọc được tệp WAV vì máy này chưa cài ffmpeg")
        source = ["-protocol_whitelist", "file,pipe", "-i", f"file:{self.name}"]
        self._decoder = subprocess.Popen(
            ["ffmpeg", "-v", "quiet", "-nostdin", *source, "-vn", "-c:a", "pcm_f32le", "-f", "wav", "-"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._decoder.stdout is not None
        try:
            return WaveReader(self._decoder.stdout, self.name)
        except SourceError:
            raise SourceError(Failure.BAD_DATA, f"{self.name}: không phải tệp âm thanh, hoặc tệp đã hỏng") from None

    def _check(self) -> None:
        layout = self._reader.format
        self.rate_hz, self.channels, self.full_scale = layout.rate_hz, layout.channels, layout.full_scale
        if self.channels > MAX_CHANNELS:
            raise SourceError(Failure.UNSUPPORTED, f"{self.name}: tệp có {self.channels} kênh, chỉ đọc được tối đa {MAX_CHANNELS} kênh")
        if not SLOWEST_HZ <= self.rate_hz <= FASTEST_HZ:
            allowed = f"chỉ đọc được từ {SLOWEST_HZ} đến {FASTEST_HZ} Hz"
            raise SourceError(Failure.UNSUPPORTED, f"{self.name}: tần số lấy mẫu của tệp là {self.rate_hz} Hz, {allowed}")

    def blocks(self) -> Iterator[Block]:
        """Half a second at a time, to the end; then `CutOffError` if the header promised more."""
        try:
            while len(samples := self._reader.read(self.rate_hz // 2)):
                yield from _blocks(samples)
        except OSError as error:
            raise SourceError(Failure.BAD_DATA, f"{self.name}: không đọc tiếp được tệp ({error.strerror})") from None
        declared_s, missing_s = self._reader.declared_s, self._reader.left_s
        if declared_s is not None and missing_s >= _MISSED_S:
            spans = f"{declared_s - missing_s:.2f} trên {declared_s:.2f} giây".replace(".", ",")
            raise CutOffError(Failure.BAD_DATA, f"{self.name}: tệp bị cắt cụt, chỉ còn {spans} âm thanh")

    def close(self) -> None:
        """Close the file and end the decoder."""
        self._stream.close()
        if self._decoder is not None:
            self._decoder.kill()
            if self._decoder.stdout is not None:
                self._decoder.stdout.close()
            self._decoder.wait()


def _opened(path: str) -> IO[bytes]:
    """The file, opened; a pipe or device of that name is not waited for."""
    try:
        if Path(path).is_dir():
            raise SourceError(Failure.BAD_DATA, f"{path}: là thư mục, không phải tệp âm thanh")
        if Path(path).exists() and not Path(path).is_file():
            raise SourceError(Failure.BAD_DATA, f"{path}: không phải tệp thường nên không đọc")
        return Path(path).open("rb")
    except FileNotFoundError:
        raise SourceError(Failure.ABSENT, f"{path}: không có tệp này") from None
    except PermissionError:
        raise SourceError(Failure.PERMISSION, f"{path}: không có quyền đọc tệp này") from None
    except OSError as error:
        raise SourceError(Failure.BAD_DATA, f"{path}: không đọc được tệp ({error.strerror})") from None


class LoopedFile:
    """A sound file played in real time, over and over: a device for rooms (and demos) that have none."""

    live = True

    def __init__(self, path: str) -> None:
        self._file = SoundFile(path)
        self.name, self.rate_hz, self.channels, self.full_scale = path, self._file.rate_hz, self._file.channels, self._file.full_scale

    def blocks(self) -> Iterator[Block]:
        """A tenth of a second at a time, each when its last sample would have been heard."""
        begun, played = time.monotonic(), 0
        step = self.rate_hz // 10
        while True:
            heard = 0
            for block in self._all_there_is():
                heard += len(block.samples)
                for start in range(0, len(block.samples), step):
                    part = block.samples[start : start + step]
                    played += len(part)
                    time.sleep(max(0.0, begun + played / self.rate_hz - time.monotonic()))
                    yield Block(part, block.gaps if start == 0 else 0)
            if heard == 0:
                raise SourceError(Failure.BAD_DATA, f"{self.name}: tệp không có âm thanh nào")
            self._file.close()
            self._file = SoundFile(self.name)

    def _all_there_is(self) -> Iterator[Block]:
        with contextlib.suppress(CutOffError):  # a recording is played as far as it goes
            yield from self._file.blocks()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
