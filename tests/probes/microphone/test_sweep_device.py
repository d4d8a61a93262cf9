"""The sweep on a sound system made by code: quiet first, no louder than needed or allowed, silent at the first howl."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from contract import catalog
from contract.readings import Failure
from probes.microphone import sweep_device
from probes.microphone.judge import Change
from probes.microphone.limits import MicrophoneLimits, MicrophoneSettings
from probes.microphone.listen import Listener
from probes.microphone.sweep_probe import sweep_devices

RATE = 16_000
BLOCK = 800


class _PortAudioError(Exception):
    pass


class SoundSystem:
    """A loudspeaker and a microphone beside it: what is played is heard a little later, through a gain.

    Args:
        gain: Of the room, to be clipped at full scale.
        noise: Standard deviation of the room's own noise.
        overflow_at: Number of the block at which samples are lost; never if negative.
        overflows: How many of the sounds lose some.
    """

    PortAudioError = _PortAudioError

    def __init__(self, gain: float, *, noise: float = 1e-4, overflow_at: int = -1, overflows: int = 1000) -> None:
        self.gain, self.noise, self.overflow_at, self.overflows = gain, noise, overflow_at, overflows
        self.played: list[Any] = []
        self.peaks: list[float] = []

    def query_devices(self, device: Any, kind: str) -> dict[str, Any]:
        if device == "missing":
            raise ValueError(f"no {kind} device matching 'missing'")
        return {"name": kind, "index": 0, "default_samplerate": RATE, "max_output_channels": 2}

    def Stream(self, *, callback: Callable[..., None], finished_callback: Callable[[], None], **_: Any) -> _Stream:
        return _Stream(self, callback, finished_callback)


class _Stream:
    def __init__(self, system: SoundSystem, callback: Callable[..., None], finished: Callable[[], None]) -> None:
        self._system, self._callback, self._finished = system, callback, finished
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        random = np.random.default_rng(1)
        heard: Any = np.zeros(BLOCK)
        played: list[Any] = []
        for number in range(300):
            if self._stop.is_set():
                break
            outgoing = np.ones((BLOCK, 2), np.float32)
            lost = number == self._system.overflow_at and len(self._system.played) < self._system.overflows
            status = SimpleNamespace(input_overflow=lost, output_underflow=False)
            incoming = np.clip(heard + self._system.noise * random.standard_normal(BLOCK), -1, 1)
            self._callback(incoming.astype(np.float32)[:, None], outgoing, BLOCK, None, status)
            assert np.array_equal(outgoing[:, 0], outgoing[:, 1])
            heard = outgoing[:, 0] * self._system.gain
            played.append(outgoing[:, 0].copy())
            self._stop.wait(0.0005)
        self._system.played.append(np.concatenate(played))
        self._finished()

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def _sweep(system: SoundSystem, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> tuple[Any, list[str]]:
    told: list[str] = []
    monkeypatch.setattr(sweep_device, "portaudio", lambda: system)
    return sweep_devices(MicrophoneSettings(source="mic", **settings), MicrophoneLimits(), told.append), told


def _loudest_dbfs(system: SoundSystem) -> list[float]:
    return [round(20 * float(np.log10(np.abs(played).max()))) for played in system.played]


def test_a_room_is_measured_through_its_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    system = SoundSystem(0.4)
    report, told = _sweep(system, monkeypatch)
    assert report.failure is None
    (result,) = report.results
    assert result.judged_db == result.margin_pessimistic_db == pytest.approx(-20 * np.log10(0.4), abs=0.3)
    assert result.grade == "green"
    assert result.loop_delay_ms == pytest.approx(1000 * BLOCK / RATE, abs=1)
    assert len(told) == len(system.played)


def test_the_level_rises_from_quiet_and_never_beyond_what_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    far = SoundSystem(0.001)
    _sweep(far, monkeypatch, sweep_level_dbfs=-20.0)
    assert _loudest_dbfs(far) == [-40, -30, -20]
    near = SoundSystem(0.5, noise=1e-6)  # the first trial already tells enough
    _sweep(near, monkeypatch, sweep_level_dbfs=-12.0)
    levels = _loudest_dbfs(near)
    assert levels[0] == -32
    assert len(levels) == 2
    assert max(levels) <= -12


def test_a_loud_room_is_not_driven_into_overload(monkeypatch: pytest.MonkeyPatch) -> None:
    loud = SoundSystem(8.0, noise=1e-6)
    report, _ = _sweep(loud, monkeypatch, sweep_level_dbfs=-6.0)
    assert report.failure is None
    assert report.results[0].judged_db == pytest.approx(-18, abs=0.5)
    assert max(_loudest_dbfs(loud)) <= -24


def test_it_falls_silent_when_the_room_howls(monkeypatch: pytest.MonkeyPatch) -> None:
    howl = Change("onset", catalog.finding("microphone.howling", frequency_hz=1234.0))
    heard: list[float] = []

    def push(listener: Listener, block: Any) -> list[Change]:
        heard.append(len(block.samples))
        return [howl] if sum(heard) > 0.4 * RATE else []

    monkeypatch.setattr(Listener, "push", push)
    system = SoundSystem(0.5)
    report, _ = _sweep(system, monkeypatch)
    assert report.failure is Failure.SKIPPED
    assert "1234 Hz" in report.reason
    assert len(system.played) == 1, "and nothing louder comes"


def test_an_overloaded_microphone_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    report, _ = _sweep(SoundSystem(500.0), monkeypatch)
    assert report.failure is Failure.SKIPPED
    assert "quá tải" in report.reason


def test_lost_samples_spoil_the_measurement_and_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    system = SoundSystem(0.4, overflow_at=5)
    report, told = _sweep(system, monkeypatch)
    assert (report.failure, report.results) == (Failure.BAD_DATA, ())
    assert "mất mẫu" in report.reason
    assert len(system.played) == 3
    assert sum("phát lại" in each for each in told) == 2


def test_a_sound_of_which_some_was_lost_is_played_again(monkeypatch: pytest.MonkeyPatch) -> None:
    report, told = _sweep(SoundSystem(0.4, overflow_at=5, overflows=2), monkeypatch)
    (result,) = report.results
    assert result.margin_pessimistic_db == pytest.approx(-20 * np.log10(0.4), abs=0.3)
    assert sum("phát lại" in each for each in told) == 2


def test_a_loudspeaker_that_is_not_heard_is_no_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    report, _ = _sweep(SoundSystem(0.0), monkeypatch)
    assert (report.failure, report.results) == (Failure.BAD_DATA, ())


def test_devices_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    report, _ = _sweep(SoundSystem(0.4), monkeypatch, loudspeaker="missing")
    assert report.failure is Failure.ABSENT
    assert "không tìm thấy loa “missing”" in report.reason
