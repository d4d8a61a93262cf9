"""Opens a PortAudio device or a sound file; the only file of this probe that touches a device."""

from __future__ import annotations

import stat
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
from probes.microphone.sound_file import LoopedFile, SoundFile, without_nonsense

_FILE_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac", ".g722", ".aiff", ".aif", ".w64"})
_POLL_S = 0.08
_HUNG_AFTER_S = 2.0
_ASK_AGAIN_S = 1.0
_PACE_OVER_S, _PACE_OFF = 20.0, 0.05
_BUFFERED_S = 0.4
"""How much PortAudio keeps for us: several polls, so that a late one loses nothing."""


def is_file(source: str) -> bool:
    """Whether a configured source means a sound file (or by mistake a folder or a pipe) and not a device."""
    return Path(source).suffix.lower() in _FILE_SUFFIXES or (bool(source) and _is_in_a_folder(source))


def _is_in_a_folder(source: str) -> bool:
    """Whether there is something of that name, or a path into a folder that we may not look into."""
    try:
        return not stat.S_ISCHR(Path(source).stat().st_mode)
    except PermissionError:
        return "/" in source
    except OSError:
        return False


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
            raise SourceError(Failure.ABSENT, f"không tìm thấy micro {_called(settings.source)} ({in_one_line(error)})") from None
        except sounddevice.PortAudioError as error:
            raise SourceError(why_not(error), f"không mở được micro {_called(settings.source)} ({in_one_line(error)})") from None

    def blocks(self) -> Iterator[Block]:
        """What has come since the last look, until `SourceError`."""
        sounddevice = portaudio()
        heard_at = time.monotonic()
        pace = Pace(self.rate_hz, heard_at)
        while True:
            try:
                ready = self._stream.read_available
                if ready:
                    samples, overflowed = self._stream.read(ready)
                    heard_at = time.monotonic()
                    filled, bad = without_nonsense(samples)
                    if pace.is_wrong(len(samples), heard_at, lost=bool(overflowed)):
                        raise SourceError(Failure.BAD_DATA, f"micro {self.name}: tần số lấy mẫu không còn là {self.rate_hz} Hz")
                    yield Block(filled, int(overflowed) + bad, self._mute.told_of(filled))
            except sounddevice.PortAudioError as error:
                raise SourceError(Failure.ABSENT, f"micro {self.name} bị ngắt khi đang nghe ({in_one_line(error)})") from None
            if time.monotonic() - heard_at > _HUNG_AFTER_S:
                raise SourceError(Failure.TIMEOUT, f"micro {self.name} không gửi âm thanh nữa")
            time.sleep(_POLL_S)

    def close(self) -> None:
        """Let go of the device."""
        self._stream.abort(ignore_errors=True)
        self._stream.close(ignore_errors=True)


class Pace:
    """Notices that a device gives more or fewer samples than the rate at which it was opened: what is measured then has no meaning.

    Over 20 s the buffer's 0.4 s, full or empty, is 2 %; 44.1 instead of 48 kHz is 8 %.
    """

    def __init__(self, rate_hz: int, now_s: float) -> None:
        self._rate_hz = rate_hz
        self._began_s, self._frames = now_s, 0

    def is_wrong(self, frames: int, now_s: float, *, lost: bool = False) -> bool:
        """Take what came until now (monotonic clock); whether twenty seconds without loss have come at another rate."""
        self._frames += frames
        lasted_s = now_s - self._began_s
        if lost or lasted_s > 2 * _PACE_OVER_S:
            self._began_s, self._frames = now_s, 0
        elif lasted_s >= _PACE_OVER_S:
            ratio = self._frames / (self._rate_hz * lasted_s)
            self._began_s, self._frames = now_s, 0
            return abs(ratio - 1) > _PACE_OFF
        return False


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
        raise SourceError(Failure.UNSUPPORTED, f"máy này chưa cài PortAudio ({in_one_line(error)})") from None
    return sounddevice


_UNAVAILABLE = -9985


def _called(device: str) -> str:
    return f"“{device}”" if device else "mặc định của máy"


def in_one_line(error: Exception) -> str:
    """What PortAudio says, on one line."""
    return " ".join(str(error).split())


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
