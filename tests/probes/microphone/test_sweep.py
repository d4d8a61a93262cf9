"""The sweep against rooms whose true loop response is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from contract.findings import Severity
from contract.meetings import Phase
from contract.messages import NearHowl, SweepReport, SweepResult
from probes.microphone.limits import SWEEP_FILE, MicrophoneLimits, MicrophoneSettings
from probes.microphone.listen import Listener
from probes.microphone.margin import Margin, margin_of
from probes.microphone.sound import Block
from probes.microphone.sweep import NotHeardError, loop_response, make_sweep
from probes.microphone.sweep_probe import sweep_files, write_sweep
from probes.microphone.sweep_result import repeated

Sound = NDArray[np.float64]
RATE = 16_000
BAND_HZ = (90.0, 6900.0)


@dataclass(frozen=True)
class _Truth:
    margin_db: float
    pessimistic_db: float
    frequency_hz: float


def _room(seed: int, *, longest_rt60_s: float = 0.7, highest_hz: float = 5500, tilt_db: float = 0) -> tuple[Sound, float]:
    """Loop of a room with its delay, and reverberation time: direct sound, decaying noise, a loudspeaker's band and its tilt per octave."""
    random = np.random.default_rng(seed)
    rt60_s = float(random.uniform(0.25, longest_rt60_s))
    count = int(rt60_s * RATE)
    response = random.standard_normal(count) * 10 ** (-3 * np.arange(count) / RATE / rt60_s)
    response[: int(0.003 * RATE)] = 0
    response[int(0.003 * RATE)] = random.uniform(1, 4)
    frequencies = np.fft.rfftfreq(2 * count, 1 / RATE)
    band = 1 / (1 + (200 / np.maximum(frequencies, 1)) ** 4) / (1 + (frequencies / highest_hz) ** 6)
    band *= 10 ** (tilt_db * np.log2(np.maximum(frequencies, 50) / 1000) / 20)
    response = np.fft.irfft(np.fft.rfft(response, 2 * count) * band)[:count]
    response *= 10 ** (-random.uniform(0, 12) / 20) / np.abs(np.fft.rfft(response, 1 << 18)).max()
    return np.concatenate([np.zeros(int(random.uniform(0.008, 0.06) * RATE)), response]), rt60_s


def _truth(response: Sound) -> _Truth:
    size = 1 << 20
    gains, frequencies = np.fft.rfft(response, size), np.fft.rfftfreq(size, 1 / RATE)
    inside = (frequencies > BAND_HZ[0]) & (frequencies < BAND_HZ[1])
    gains, frequencies = gains[inside], frequencies[inside]
    turns = np.flatnonzero((np.sign(gains.imag[:-1]) != np.sign(gains.imag[1:])) & (gains.real[:-1] > 0))
    best = turns[np.argmax(np.abs(gains[turns]))]
    return _Truth(-20 * np.log10(abs(gains[best])), -20 * np.log10(np.abs(gains).max()), float(frequencies[best]))


def _convolve(sound: Sound, response: Sound) -> Sound:
    size = 1 << int(np.ceil(np.log2(len(sound) + len(response))))
    return np.asarray(np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response, size), size))


def _recorded(sweep: Sound, response: Sound, snr_db: float, seed: int = 0) -> Sound:
    heard = _convolve(sweep, response)[: len(sweep) + RATE]
    noise = np.random.default_rng(1000 + seed).standard_normal(len(heard))
    return np.asarray(heard + noise * np.sqrt(np.mean(heard[: len(sweep)] ** 2)) * 10 ** (-snr_db / 20))


def _margin(response: Sound, snr_db: float, seed: int = 0) -> Margin:
    sweep = make_sweep(RATE)
    return margin_of(loop_response(_recorded(sweep, response, snr_db, seed), sweep, RATE))


@pytest.mark.req("R26")
@pytest.mark.parametrize(("snr_db", "worst_db"), [(40, 1.0), (20, 1.5), (10, 1.6)])
def test_the_margin_is_that_of_the_true_loop(snr_db: float, worst_db: float) -> None:
    for seed in range(12):
        response, _ = _room(seed)
        truth, told = _truth(response), _margin(response, snr_db, seed)
        assert told.margin_db == pytest.approx(truth.margin_db, abs=worst_db), f"room {seed}"
        assert told.pessimistic_db == pytest.approx(truth.pessimistic_db, abs=worst_db), f"room {seed}"
        assert told.margin_db is not None
        assert told.pessimistic_db <= told.margin_db + 0.01


def _pink(count: int, seed: int) -> Sound:
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.fft.rfftfreq(count, 1 / RATE), 20)), count)
    return np.asarray(noise / np.sqrt(np.mean(noise**2)))


@pytest.mark.req("R26")
def test_the_margin_is_within_one_and_a_half_decibels_at_20_db_in_bright_and_echoing_rooms_too() -> None:
    """Where the loop is strongest at the end of the sweep's band, the noise just outside of it must not hide it."""
    sweep = make_sweep(RATE)
    for seed in range(12):
        response, _ = _room(seed, longest_rt60_s=1.2, highest_hz=12_000, tilt_db=4)
        heard = _recorded(sweep, response, 200)
        noise = _pink(len(heard), seed) * np.sqrt(np.mean(heard[: len(sweep)] ** 2)) * 10 ** (-20 / 20)
        truth, told = _truth(response), margin_of(loop_response(heard + noise, sweep, RATE))
        assert told.margin_db == pytest.approx(truth.margin_db, abs=1.5), f"room {seed}"
        assert told.pessimistic_db == pytest.approx(truth.pessimistic_db, abs=1.5), f"room {seed}"


def test_the_frequency_that_would_howl_first_is_named_first() -> None:
    for seed in range(6):
        response, _ = _room(seed)
        told = _margin(response, 40)
        assert told.nearest[0][0] == pytest.approx(_truth(response).frequency_hz, abs=1)
        assert len(told.nearest) == 5
        assert [reserve for _, reserve in told.nearest] == sorted(reserve for _, reserve in told.nearest)


def test_reverberation_and_delay_are_those_of_the_room() -> None:
    for seed in range(6):
        response, rt60_s = _room(seed)
        told = _margin(response, 40)
        assert told.rt60_s == pytest.approx(rt60_s, rel=0.2)
        direct_s = float(np.argmax(np.abs(response) > np.abs(response).max() / 10)) / RATE
        assert told.loop_delay_s == pytest.approx(direct_s, abs=0.002)


@settings(max_examples=8, deadline=None)
@given(louder_db=st.floats(-20, 20), seed=st.integers(0, 50))
def test_what_is_turned_up_comes_nearer_to_howling_by_as_much(louder_db: float, seed: int) -> None:
    response, _ = _room(seed)
    before, after = _margin(response, 40), _margin(response * 10 ** (louder_db / 20), 40)
    assert before.pessimistic_db - after.pessimistic_db == pytest.approx(louder_db, abs=0.3)


def test_what_the_mixer_adds_in_a_meeting_is_taken_off() -> None:
    sweep = make_sweep(RATE)
    loop = loop_response(_recorded(sweep, _room(1)[0], 40), sweep, RATE)
    assert margin_of(loop).pessimistic_db - margin_of(loop, loop_gain_db=5).pessimistic_db == pytest.approx(5)


def test_a_loudspeaker_that_distorts_does_not_spoil_the_margin() -> None:
    response, _ = _room(3)
    sweep = make_sweep(RATE, level_dbfs=0)
    distorted = _convolve(sweep + 0.1 * sweep**2 + 0.05 * sweep**3, response)[: len(sweep) + RATE]
    told = margin_of(loop_response(distorted, sweep, RATE))
    assert told.pessimistic_db == pytest.approx(_truth(response).pessimistic_db, abs=1.0)


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
def test_a_wire_with_a_gain_has_that_margin_at_any_rate(rate_hz: int) -> None:
    sweep = make_sweep(rate_hz, seconds=2.0)
    wire = np.concatenate([np.zeros(rate_hz // 50), 0.5 * sweep, np.zeros(rate_hz // 2)])
    told = margin_of(loop_response(wire, sweep, rate_hz))
    assert told.margin_db == pytest.approx(6.02, abs=0.1)
    assert told.loop_delay_s == pytest.approx(0.02, abs=0.001)


def test_a_recording_without_the_sweep_is_not_judged() -> None:
    with pytest.raises(NotHeardError, match="không nhận ra"):
        loop_response(np.random.default_rng(1).standard_normal(6 * RATE), make_sweep(RATE), RATE)
    with pytest.raises(NotHeardError):
        loop_response(np.zeros(6 * RATE), make_sweep(RATE), RATE)


def test_a_reference_that_is_no_sweep_is_refused() -> None:
    with pytest.raises(NotHeardError, match="không phải tiếng quét"):
        loop_response(make_sweep(RATE), np.random.default_rng(1).standard_normal(5 * RATE), RATE)


def test_the_sweep_itself_is_neither_a_howl_nor_clipped_to_the_ear_that_guards_it(noise: Any) -> None:
    class _Stream:
        rate_hz, channels, full_scale = RATE, 1, 0.9999

    for seconds, seed in ((1.0, 1), (5.0, 2), (5.0, 3)):
        response = _room(seed)[0]
        heard = _convolve(make_sweep(RATE, seconds=seconds, level_dbfs=-10), response)[: round((seconds + 1) * RATE)]
        listener = Listener(_Stream(), MicrophoneSettings(), MicrophoneLimits(), Phase.IDLE)
        changes = listener.push(Block((heard + noise(len(heard) / RATE, -70)).astype(np.float32)[:, None], 0))
        assert not [change for change in changes if change.finding.code in ("microphone.howling", "microphone.clipping")]


def _files(tmp_path: Any, wave_bytes: Any, margin_db: float, channels: int = 1) -> tuple[str, str]:
    reference, recorded = tmp_path / "sweep.wav", tmp_path / "recorded.wav"
    write_sweep(str(reference), RATE)
    response, _ = _room(5)
    response *= 10 ** ((_truth(response).margin_db - margin_db) / 20)
    heard = _recorded(make_sweep(RATE), response, 30)
    sound = np.stack([heard * 10 ** (-6 * channel / 20) for channel in range(channels)], axis=1)
    recorded.write_bytes(wave_bytes(sound, RATE))
    return str(recorded), str(reference)


@pytest.mark.parametrize(
    ("margin_db", "grade", "severity"),
    [(1.5, "red", Severity.CRITICAL), (4.5, "amber", Severity.WARNING), (8.0, "green", None)],
)
def test_files_are_graded_by_the_bands(tmp_path: Any, wave_bytes: Any, margin_db: float, grade: str, severity: Severity | None) -> None:
    report = sweep_files(*_files(tmp_path, wave_bytes, margin_db), MicrophoneLimits())
    (result,) = report.results
    assert result.grade == grade
    assert result.margin_db == pytest.approx(margin_db, abs=0.5)
    assert [finding.severity for finding in report.findings] == ([severity] if severity else [])


def test_each_channel_of_a_recording_has_its_own_margin(tmp_path: Any, wave_bytes: Any) -> None:
    report = sweep_files(*_files(tmp_path, wave_bytes, 4.0, channels=3), MicrophoneLimits())
    assert [result.target for result in report.results] == ["1", "2", "3"]
    margins = [result.judged_db for result in report.results]
    assert margins == pytest.approx([margins[0], margins[0] + 6, margins[0] + 12], abs=0.5)


def test_files_that_do_not_fit_say_why(tmp_path: Any, wave_bytes: Any) -> None:
    recorded, reference = _files(tmp_path, wave_bytes, 4.0)
    write_sweep(reference, 48_000)
    report = sweep_files(recorded, reference, MicrophoneLimits())
    assert report.results == ()
    assert "cùng tần số lấy mẫu" in report.reason
    (tmp_path / "empty.wav").write_bytes(b"")
    assert "tệp rỗng" in sweep_files(str(tmp_path / "empty.wav"), reference, MicrophoneLimits()).reason


@pytest.mark.parametrize(("age_h", "told"), [(1, True), (71, True), (73, False), (-1, False)])
def test_the_checks_repeat_the_last_sweep_while_it_is_valid(tmp_path: Any, age_h: float, told: bool) -> None:
    now = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
    near = NearHowl(frequency_hz=800.0, margin_db=4.0)
    result = SweepResult(margin_pessimistic_db=4.0, judged_db=4.0, grade="amber", nearest=(near,), snr_db=60.0)
    swept_at = now - timedelta(hours=age_h)
    (tmp_path / SWEEP_FILE).write_bytes(msgspec.json.encode(SweepReport(at=swept_at, source="spk → mic", results=(result,))))
    readings, findings = repeated(str(tmp_path), MicrophoneLimits(), now, "7")
    assert [(reading.value, reading.at) for reading in readings] == ([(4.0, swept_at)] if told else [])
    assert [(found.code, found.since, found.limits_version) for found in findings] == (
        [("microphone.low_margin", swept_at, "7")] if told else []
    )


def test_a_sweep_is_judged_by_the_limits_that_hold_now(tmp_path: Any) -> None:
    now = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
    result = SweepResult(margin_pessimistic_db=7.0, judged_db=7.0, grade="green", nearest=(), snr_db=60.0)
    (tmp_path / SWEEP_FILE).write_bytes(msgspec.json.encode(SweepReport(at=now, source="", results=(result,))))
    assert repeated(str(tmp_path), MicrophoneLimits(), now)[1] == []
    assert [found.limit for found in repeated(str(tmp_path), MicrophoneLimits(margin_low_db=8), now)[1]] == [8]
