"""A device that is not there, is taken, is pulled out, hangs or changes its rate: each is told by its own name and sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from contract.meetings import Phase
from contract.readings import Failure
from probes.interface import Look
from probes.microphone import source
from probes.microphone.limits import MicrophoneLimits, MicrophoneSettings
from probes.microphone.probe import run
from probes.microphone.source import Pace

_RATE = 16_000


class PortAudioError(Exception):
    """As sounddevice has it."""


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


class SoundCard:
    """PortAudio with one microphone whose behaviour is scripted; it gives a soft hiss in the clock's own time."""

    PortAudioError = PortAudioError

    def __init__(self, clock: Clock) -> None:
        self._clock, self._noise = clock, np.random.default_rng(1)
        self.true_rate_hz = _RATE
        self.busy = False
        self.pulled_after_s = self.silent_after_s = float("inf")
        self.not_a_number = False

    def query_devices(self, name: Any, kind: str) -> dict[str, Any]:
        assert kind == "input"
        if name == "missing":
            raise ValueError("No input device matching 'missing'")
        return {"name": "USB mic", "index": 3, "default_samplerate": float(_RATE)}

    def InputStream(self, *, samplerate: int, **_: Any) -> SoundCard:
        if self.busy:
            raise PortAudioError("Error opening InputStream: Device unavailable [PaErrorCode -9985]", -9985)
        assert samplerate == _RATE
        return self

    def start(self) -> None:
        self._began_s, self._given = self._clock.now_s, 0

    @property
    def read_available(self) -> int:
        ran_s = self._clock.now_s - self._began_s
        if ran_s > self.pulled_after_s:
            raise PortAudioError("Unanticipated host error [PaErrorCode -9999]: 'No such device'", -9999)
        return int(min(ran_s, self.silent_after_s) * self.true_rate_hz) - self._given

    def read(self, frames: int) -> tuple[Any, bool]:
        self._given += frames
        samples = (self._noise.standard_normal((frames, 1)) * 1e-3).astype(np.float32)
        if self.not_a_number:
            samples[0] = np.nan
        return samples, False

    def abort(self, **_: Any) -> None: ...

    def close(self, **_: Any) -> None: ...


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> SoundCard:
    clock = Clock()
    fake = SoundCard(clock)
    monkeypatch.setattr(source, "portaudio", lambda: fake)
    monkeypatch.setattr(source, "time", clock)
    return fake


def _listen(look_s: float = 3.0, name: str = "USB") -> Any:
    return run(MicrophoneSettings(source=name), MicrophoneLimits(look_s=look_s), Look(phase=Phase.PRECHECK, deadline_s=1000))


def _failures(report: Any) -> set[Failure]:
    return {reading.failure for reading in report.readings if reading.failure not in (None, Failure.NOT_HEARD)}


def test_a_quiet_device_is_heard_and_well(card: SoundCard) -> None:
    report = _listen()
    assert (report.findings, report.reason, _failures(report)) == ((), "", set())
    assert report.source == "USB mic"


@pytest.mark.req("R26")
def test_a_cable_that_is_pulled_is_a_missing_microphone(card: SoundCard, codes: Any) -> None:
    card.pulled_after_s = 1.5
    report = _listen()
    assert codes(report) == ["absent"]
    assert "bị ngắt khi đang nghe" in report.reason


def test_a_device_that_is_taken_is_busy(card: SoundCard, codes: Any) -> None:
    card.busy = True
    report = _listen()
    assert codes(report) == ["busy"]
    assert _failures(report) == {Failure.BUSY}
    assert "không mở được micro “USB”" in report.reason


def test_a_name_that_fits_no_device_is_missing(card: SoundCard, codes: Any) -> None:
    report = _listen(name="missing")
    assert codes(report) == ["absent"]
    assert "không tìm thấy micro “missing”" in report.reason


def test_a_driver_that_hangs_is_told_within_its_time(card: SoundCard) -> None:
    card.silent_after_s = 0.0
    report = _listen()
    assert _failures(report) == {Failure.TIMEOUT}
    assert "không gửi âm thanh nữa" in report.reason


def test_a_driver_that_gives_no_numbers_gives_dropouts(card: SoundCard, codes: Any) -> None:
    card.not_a_number = True
    assert codes(_listen()) == ["dropouts"]


@pytest.mark.parametrize(("true_rate_hz", "told"), [(16_000, False), (16_300, False), (14_700, True), (17_415, True), (8_000, True)])
def test_a_device_that_has_changed_its_rate_is_told(card: SoundCard, true_rate_hz: int, told: bool) -> None:
    card.true_rate_hz = true_rate_hz
    report = _listen(look_s=45.0)
    assert ("tần số lấy mẫu không còn là 16000 Hz" in report.reason) is told


def test_lost_samples_and_a_machine_that_slept_are_no_change_of_rate() -> None:
    pace = Pace(_RATE, 0.0)
    assert not any(pace.is_wrong(_RATE, float(second), lost=second == 15) for second in range(1, 20))
    pace = Pace(_RATE, 0.0)
    assert not pace.is_wrong(_RATE, 1.0)
    assert not pace.is_wrong(_RATE, 3600.0)
