"""Opens a PortAudio device or a sound file; the only file of this probe that touches a device."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.readings import Failure
from probes.microphone.limits import MicrophoneSettings
from probes.microphone.mute import is_muted
from probes.microphone.sound import Block, Source, SourceError
from probes.microphone.wave_file import WaveReader

MAX_CHANNELS = 8
SLOWEST_HZ = 4000
_FILE_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac", ".g722", ".aiff", ".aif", ".w64"})
_POLL_S = 0.08
_HUNG_AFTER_S = 2.0
_ASK_AGAIN_S = 1.0
_BUFFERED_S = 0.4
"""How much PortAudio keeps for us: several polls, so that a late one loses nothing."""


def is_file(source: str) -> bool:
    """Whether a configured source means a sound file and not a device."""
    return Path(source).suffix.lower() in _FILE_SUFFIXES or (bool(source) and Path(source).is_file())


def open_source(settings: MicrophoneSettings, *, in_real_time: bool = False) -> Source:
    """Open what the settings name.

    Args:
        settings: Where to listen.
        in_real_time: Play a file at the pace of its clock, again and again, as if it were a device.

    Raises:
        SourceError: It is not there, or cannot be opened.
    """
    if is_file(settings.source):
        return LoopedFile(settings.source) if in_real_time else SoundFile(settings.source)
    return Device(settings)


def _without_nan(samples: NDArray[np.float32]) -> tuple[NDArray[np.float32], int]:
    """Samples with silence where a file or driver gave no number, and 1 if there was such a place."""
    if np.isfinite(samples).all():
        return samples, 0
    return np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0), 1


class SoundFile:
    """A sound file read as fast as it can be; other formats than WAVE go through the ffmpeg command."""

    live = False

    def __init__(self, path: str) -> None:
        self.name = path
        self._decoder: subprocess.Popen[bytes] | None = None
        try:
            self._stream = Path(path).open("rb")  # noqa: SIM115 -- closed in close()
        except FileNotFoundError:
            raise SourceError(Failure.ABSENT, f"{path}: no such file") from None
        except PermissionError:
            raise SourceError(Failure.PERMISSION, f"{path}: may not be read") from None
        except OSError as error:
            raise SourceError(Failure.BAD_DATA, f"{path}: {error.strerror}") from None
        try:
            self._reader = self._open_reader()
            self._check()
        except SourceError:
            self.close()
            raise

    def _open_reader(self) -> WaveReader:
        start = self._stream.read(4)
        self._stream.seek(0)
        if start in (b"RIFF", b"RF64", b"") or Path(self.name).suffix.lower() == ".wav":
            return WaveReader(self._stream, self.name)
        if shutil.which("ffmpeg") is None:
            raise SourceError(Failure.UNSUPPORTED, f"{self.name}: only WAVE files are read where the ffmpeg command is missing")
        self._decoder = subprocess.Popen(
            ["ffmpeg", "-v", "quiet", "-nostdin", "-i", self.name, "-vn", "-c:a", "pcm_f32le", "-f", "wav", "-"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._decoder.stdout is not None
        try:
            return WaveReader(self._decoder.stdout, self.name)
        except SourceError:
            raise SourceError(Failure.BAD_DATA, f"{self.name}: no sound that ffmpeg could decode") from None

    def _check(self) -> None:
        layout = self._reader.format
        self.rate_hz, self.channels, self.full_scale = layout.rate_hz, layout.channels, layout.full_scale
        if self.channels > MAX_CHANNELS or self.rate_hz < SLOWEST_HZ:
            raise SourceError(Failure.UNSUPPORTED, f"{self.name}: {self.channels} channels at {self.rate_hz} Hz are not supported")

    def blocks(self) -> Iterator[Block]:
        """Half a second at a time, to the end."""
        while len(samples := self._reader.read(self.rate_hz // 2)):
            yield Block(*_without_nan(samples))

    def close(self) -> None:
        """Close the file and end the decoder."""
        self._stream.close()
        if self._decoder is not None:
            self._decoder.kill()
            if self._decoder.stdout is not None:
                self._decoder.stdout.close()
            self._decoder.wait()


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
            for block in self._file.blocks():
                heard += len(block.samples)
                for start in range(0, len(block.samples), step):
                    part = block.samples[start : start + step]
                    played += len(part)
                    time.sleep(max(0.0, begun + played / self.rate_hz - time.monotonic()))
                    yield Block(part, block.gaps if start == 0 else 0)
            if heard == 0:
                raise SourceError(Failure.BAD_DATA, f"{self.name}: the file holds no sound")
            self._file.close()
            self._file = SoundFile(self.name)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Device:
    """A PortAudio input, read in blocking mode by polling, so that one that hangs is noticed."""

    live = True
    full_scale = 0.9999

    def __init__(self, settings: MicrophoneSettings) -> None:
        sounddevice = portaudio()
        wanted: str | int | None = int(settings.source) if settings.source.isdigit() else (settings.source or None)
        try:
            found = sounddevice.query_devices(wanted, "input")
            self.name = str(found["name"])
            self.rate_hz = settings.sample_rate_hz or int(found["default_samplerate"])
            self.channels = settings.channels
            self._stream = sounddevice.InputStream(
                device=found["index"], channels=self.channels, samplerate=self.rate_hz, dtype="float32", latency=_BUFFERED_S
            )
            self._stream.start()
            self._mute = _Mute(settings.mute_control)
        except ValueError as error:
            raise SourceError(Failure.ABSENT, f"microphone {settings.source!r}: {error}") from None
        except sounddevice.PortAudioError as error:
            raise SourceError(why_not(error), f"microphone {settings.source!r}: {error}") from None

    def blocks(self) -> Iterator[Block]:
        """What has come since the last look, until `SourceError`."""
        sounddevice = portaudio()
        heard_at = time.monotonic()
        while True:
            try:
                ready = self._stream.read_available
                if ready:
                    samples, overflowed = self._stream.read(ready)
                    heard_at = time.monotonic()
                    filled, bad = _without_nan(samples)
                    yield Block(filled, int(overflowed) + bad, self._mute.told_of(filled))
            except sounddevice.PortAudioError as error:
                raise SourceError(Failure.ABSENT, f"microphone {self.name!r} broke off: {error}") from None
            if time.monotonic() - heard_at > _HUNG_AFTER_S:
                raise SourceError(Failure.TIMEOUT, f"microphone {self.name!r} gives no samples")
            time.sleep(_POLL_S)

    def close(self) -> None:
        """Let go of the device."""
        self._stream.abort(ignore_errors=True)
        self._stream.close(ignore_errors=True)


class _Mute:
    """Asks the mixer while a microphone is silent, once a second."""

    def __init__(self, control: str) -> None:
        self._control = control
        self._asked_at = -_ASK_AGAIN_S
        self._told: bool | None = None

    def told_of(self, samples: NDArray[np.float32]) -> bool | None:
        """Whether these samples are silent because of a mute."""
        if not self._control or samples.any():
            self._asked_at, self._told = -_ASK_AGAIN_S, None
        elif time.monotonic() - self._asked_at >= _ASK_AGAIN_S:
            self._told = is_muted(self._control)
            self._asked_at = time.monotonic()
        return self._told


def look_again_for_devices() -> None:
    """Make PortAudio see what was plugged since it started; no stream may be open."""
    sounddevice = portaudio()
    sounddevice._terminate()
    sounddevice._initialize()


def portaudio() -> Any:
    """The sounddevice module; imported late, because it loads PortAudio and asks every driver for its devices."""
    try:
        import sounddevice  # noqa: PLC0415
    except OSError as error:
        raise SourceError(Failure.UNSUPPORTED, f"PortAudio is not installed: {error}") from None
    return sounddevice


_UNAVAILABLE = -9985


def why_not(error: Exception) -> Failure:
    """Failure behind a PortAudio error (codes of portaudio.h; under a host error the driver's own errno or text)."""
    text = str(error).lower()
    code = next((part for part in error.args if isinstance(part, int)), 0)
    if code == _UNAVAILABLE or "busy" in text or "device unavailable" in text:
        return Failure.BUSY
    if "permission denied" in text:
        return Failure.PERMISSION
    if "channel" in text or "sample rate" in text or "format" in text:
        return Failure.UNSUPPORTED
    return Failure.ABSENT
