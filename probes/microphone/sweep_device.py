"""Plays a sweep to a loudspeaker while a microphone listens: quietly first, louder only as far as it is needed, never past a howl."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.meetings import Phase
from contract.readings import Failure
from probes.microphone.limits import MicrophoneLimits, MicrophoneSettings
from probes.microphone.listen import Listener
from probes.microphone.sound import Block, SourceError
from probes.microphone.source import in_one_line, portaudio, why_not
from probes.microphone.sweep import SWEEP_S, TAIL_S, NotHeardError, loop_response, make_sweep

Tell = Callable[[str], None]
TRIAL_S = 1.0
TRIALS_BELOW_DB = (20.0, 10.0)
"""Short sweeps so far below the loudest come first."""
_ENOUGH_SNR_DB = 45.0
"""Of a trial; the long sweep gains 7 dB more. With it the worst error of our test rooms is below 0.3 dB."""
_LOUDEST_HEARD_DBFS = -6.0
_HUNG_AFTER_S = 3.0
_PLAYED_AGAIN = 2
"""Times that a sound is played once more because some of it was lost."""
_LATENCY_S = 0.2


class SamplesLostError(SourceError):
    """The sound system did not keep up: what was heard fits no longer to what was played."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A sweep as it was played and heard; both begin at the same moment of the sound system's clock."""

    name: str
    rate_hz: int
    played: NDArray[np.float64]
    sound: NDArray[np.float32]


def record_sweep(settings: MicrophoneSettings, tell: Tell) -> Recording:
    """Play and hear; the level rises from 20 dB below the loudest until the room is heard well enough.

    Raises:
        SourceError: a device cannot be had, the loop began to howl, or nothing came back.
    """
    player = SweepPlayer(settings)
    level_dbfs = settings.sweep_level_dbfs - TRIALS_BELOW_DB[0]
    for step_db in (TRIALS_BELOW_DB[0] - TRIALS_BELOW_DB[1], TRIALS_BELOW_DB[1]):
        tell(f"phát thử {TRIAL_S:g} giây ở mức {level_dbfs:.0f} dBFS")
        played = make_sweep(player.rate_hz, seconds=TRIAL_S, level_dbfs=level_dbfs)
        heard = _undisturbed(player, played, tell)
        if _heard_well(heard, played, player.rate_hz):
            break
        # However loud it comes back, the next one is not to overload the input.
        peak_db = 20 * float(np.log10(max(float(np.abs(heard).max()), 1e-9)))
        level_dbfs = min(level_dbfs + step_db, max(level_dbfs, level_dbfs + _LOUDEST_HEARD_DBFS - peak_db))
    tell(f"phát {SWEEP_S:g} giây ở mức {level_dbfs:.0f} dBFS")
    played = make_sweep(player.rate_hz, level_dbfs=level_dbfs)
    return Recording(name=player.name, rate_hz=player.rate_hz, played=played, sound=_undisturbed(player, played, tell))


def _undisturbed(player: SweepPlayer, sound: NDArray[np.float64], tell: Tell) -> NDArray[np.float32]:
    """What is heard of a sound; played again where a busy machine lost some of it."""
    for _ in range(_PLAYED_AGAIN):
        try:
            return player.play(sound)
        except SamplesLostError as error:
            tell(f"{error}; phát lại")
    return player.play(sound)


def _heard_well(heard: NDArray[np.float32], played: NDArray[np.float64], rate_hz: int) -> bool:
    try:
        return all(loop_response(channel, played, rate_hz).snr_db >= _ENOUGH_SNR_DB for channel in heard.T)
    except NotHeardError:
        return False


class SweepPlayer:
    """A microphone and a loudspeaker opened together, once for each sound.

    Raises:
        SourceError: one of them is not there.
    """

    def __init__(self, settings: MicrophoneSettings) -> None:
        self._sounddevice = portaudio()
        self._settings = settings
        try:
            self._microphone = self._sounddevice.query_devices(_index(settings.source), "input")
        except ValueError as error:
            raise SourceError(Failure.ABSENT, f"không tìm thấy micro “{settings.source}” ({in_one_line(error)})") from None
        try:
            self._loudspeaker = self._sounddevice.query_devices(_index(settings.loudspeaker), "output")
        except ValueError as error:
            raise SourceError(Failure.ABSENT, f"không tìm thấy loa “{settings.loudspeaker}” ({in_one_line(error)})") from None
        self.rate_hz = settings.sample_rate_hz or int(self._microphone["default_samplerate"])
        self.channels = settings.channels
        self.name = f"{self._loudspeaker['name']} → {self._microphone['name']}"

    def play(self, sound: NDArray[np.float64]) -> NDArray[np.float32]:
        """Play a sound and silence after it; what was heard, shape (frames, channels), from the moment at which it began.

        Raises:
            SourceError: the devices failed, samples were lost, or something howled: then it fell silent at once.
        """
        run = _Run(np.concatenate([sound, np.zeros(round(TAIL_S * self.rate_hz))]).astype(np.float32))
        outputs = min(2, int(self._loudspeaker["max_output_channels"]))
        try:
            stream = self._sounddevice.Stream(
                device=(self._microphone["index"], self._loudspeaker["index"]),
                channels=(self.channels, outputs),
                samplerate=self.rate_hz,
                dtype="float32",
                latency=_LATENCY_S,
                callback=run.exchange,
                finished_callback=run.ended.set,
            )
            with stream:
                self._listen(run)
        except self._sounddevice.PortAudioError as error:
            raise SourceError(why_not(error), f"{self.name}: không phát hoặc thu được ({in_one_line(error)})") from None
        return np.concatenate(run.heard)[: len(run.sound)]

    def _listen(self, run: _Run) -> None:
        """Follow what comes in until all is played; stop the sound at the first howl or overload."""
        listener = Listener(_Heard(self.rate_hz, self.channels), self._settings, MicrophoneLimits(), Phase.IDLE)
        heard_at = time.monotonic()
        while not run.done:
            try:
                block = run.blocks.get(timeout=0.2)
            except queue.Empty:
                if run.ended.is_set() or time.monotonic() - heard_at > _HUNG_AFTER_S:
                    raise SourceError(Failure.TIMEOUT, f"{self.name}: hệ thống âm thanh dừng giữa chừng khi đang quét") from None
                continue
            heard_at = time.monotonic()
            for change in listener.push(Block(block, 0)):
                if change.kind == "onset" and change.finding.code in ("microphone.howling", "microphone.clipping"):
                    run.silent.set()
                    raise SourceError(Failure.SKIPPED, _why_stopped(change.finding.code, change.finding.frequency_hz))
        if run.lost:
            raise SamplesLostError(Failure.BAD_DATA, f"{self.name}: máy bận nên mất mẫu {run.lost} lần")


class _Run:
    """One playing: the sound system asks for samples and brings some, on a thread of its own."""

    def __init__(self, sound: NDArray[np.float32]) -> None:
        self.sound = sound
        self.heard: list[NDArray[np.float32]] = []
        self.blocks: queue.Queue[NDArray[np.float32]] = queue.Queue()
        self.silent, self.ended = threading.Event(), threading.Event()
        self.lost = 0
        self._at = 0

    @property
    def done(self) -> bool:
        """Whether all was played and heard."""
        return self._at >= len(self.sound) and self.blocks.empty()

    def exchange(self, incoming: NDArray[np.float32], outgoing: NDArray[np.float32], frames: int, _: Any, status: Any) -> None:
        """Give the next samples and take those that came in."""
        if self._at:  # what was lost before the sound began does not matter
            self.lost += bool(status.input_overflow or status.output_underflow)
        part = self.sound[self._at : self._at + frames]
        outgoing.fill(0)
        if not self.silent.is_set():
            outgoing[: len(part)] = part[:, None]
        if self._at < len(self.sound):
            self.heard.append(incoming.copy())
            self.blocks.put(self.heard[-1])
        self._at += frames


@dataclass(frozen=True)
class _Heard:
    """What a `Listener` wants to know of a stream."""

    rate_hz: int
    channels: int
    full_scale: float = 0.9999


def _why_stopped(code: str, frequency_hz: float | None) -> str:
    if code == "microphone.howling":
        return f"đã dừng: phòng bắt đầu hú ở {frequency_hz or 0:.0f} Hz; giảm âm lượng loa hoặc micro rồi đo lại"
    return "đã dừng: micro bị quá tải; giảm sweep_level_dbfs, âm lượng loa hoặc độ nhạy micro rồi đo lại"


def _index(device: str) -> str | int | None:
    return int(device) if device.isdigit() else (device or None)
