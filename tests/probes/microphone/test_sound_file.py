"""A sound file of whatever kind is measured, or refused with a failure and one Vietnamese sentence; never with a traceback."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from contract.meetings import Phase
from contract.readings import Failure
from probes.interface import Look
from probes.microphone.limits import MicrophoneLimits, MicrophoneSettings
from probes.microphone.probe import run
from probes.microphone.sound_file import LOUDEST, LoopedFile

_RATE = 16_000
_LEVEL_DBFS = -12.0


def _look(path: Path) -> Any:
    return run(MicrophoneSettings(source=str(path)), MicrophoneLimits(), Look(phase=Phase.PRECHECK))


def _extensible(wave: bytes) -> bytes:
    """The same file with WAVEFORMATEXTENSIBLE and its sub-format GUID."""
    kind, channels, rate_hz, per_second, align, bits = struct.unpack("<HHIIHH", wave[20:36])
    guid = struct.pack("<H", kind) + bytes.fromhex("000000001000800000aa00389b71")
    layout = struct.pack("<HHIIHHHHI", 0xFFFE, channels, rate_hz, per_second, align, bits, 22, bits, 0) + guid
    return wave[:12] + b"fmt " + struct.pack("<I", len(layout)) + layout + wave[36:]


def _chunk_first(size: int) -> Callable[[bytes], bytes]:
    return lambda wave: wave[:12] + b"LIST" + struct.pack("<I", size) + b"abcde\0" + wave[12:]


def _field(start: int, raw: bytes) -> Callable[[bytes], bytes]:
    return lambda wave: wave[:start] + raw + wave[start + len(raw) :]


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize(("bits", "floating"), [(8, False), (16, False), (24, False), (32, False), (32, True), (64, True)])
def test_every_rate_and_width_is_measured(
    tmp_path: Path, wave_bytes: Any, sine: Any, figure: Any, rate_hz: int, bits: int, floating: bool
) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(wave_bytes(sine(700, 0.5, _LEVEL_DBFS, rate_hz), rate_hz, bits=bits, floating=floating))
    report = _look(path)
    assert figure(report, "level_dbfs") == pytest.approx(_LEVEL_DBFS, abs=0.15)
    assert report.reason == ""


@pytest.mark.parametrize("channels", range(1, 9))
def test_up_to_eight_channels_are_told_apart(tmp_path: Path, wave_bytes: Any, sine: Any, channels: int) -> None:
    levels_dbfs = [-10.0 - 3 * channel for channel in range(channels)]
    path = tmp_path / "sound.wav"
    path.write_bytes(wave_bytes(np.stack([sine(700, 0.5, level) for level in levels_dbfs], axis=1), _RATE))
    told = [reading.value for reading in _look(path).readings if reading.metric == "microphone.level_dbfs"]
    assert told == pytest.approx(levels_dbfs, abs=0.1)


@pytest.mark.parametrize(
    "changed",
    [
        _extensible,
        _chunk_first(5),
        _field(4, b"\0\0\0\0"),  # the length of the whole is not believed
        _field(32, b"\0\0"),  # nor that of a frame
        lambda wave: wave + b"LIST\x04\0\0\0abcd",
        lambda wave: wave[:36] + wave[12:36] + wave[36:],  # the layout twice
        _field(0, b"RF64\xff\xff\xff\xff"),
        _field(52, b"\x00\xf0\xff\x7f"),  # as SoX writes it to a pipe
        _field(52, b"\xff\xff\xff\xff"),
        _field(52, b"\0\0\0\0"),
    ],
)
def test_unusual_headers_are_read(tmp_path: Path, wave_bytes: Any, sine: Any, figure: Any, changed: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(changed(wave_bytes(sine(700, 1, _LEVEL_DBFS), _RATE)))
    assert figure(_look(path), "level_dbfs") == pytest.approx(_LEVEL_DBFS, abs=0.1)


@pytest.mark.parametrize(
    ("changed", "failure", "said"),
    [
        (lambda _: b"", Failure.BAD_DATA, "tệp rỗng (0 byte)"),
        (lambda wave: wave[:30], Failure.BAD_DATA, "bị cắt cụt"),
        (lambda wave: wave[:44], Failure.BAD_DATA, "bị cắt cụt"),
        (lambda wave: wave[:52], Failure.BAD_DATA, "bị cắt cụt"),
        (lambda wave: wave[:60], Failure.BAD_DATA, "bị cắt cụt, chỉ còn 0,00 trên 1,00 giây"),
        (lambda wave: wave[:52] + b"\x40\0\0\0" + wave[56:120], Failure.BAD_DATA, "chưa tới 10 ms"),
        (lambda wave: wave[:12] + wave[36:], Failure.BAD_DATA, "sai cấu trúc"),  # samples, but not how they are laid out
        (lambda wave: wave[:12] + b"bext\x05\0\0\0abcde" + wave[12:], Failure.BAD_DATA, "sai cấu trúc"),  # odd, and not padded
        (_field(16, b"\x04\0\0\0"), Failure.BAD_DATA, "phần định dạng"),
        (_field(8, b"AVI "), Failure.BAD_DATA, "không phải tệp WAV"),
        (_field(22, b"\0\0"), Failure.BAD_DATA, "tệp đã hỏng"),
        (_chunk_first(0xFFFFFFF0), Failure.BAD_DATA, "bị cắt cụt"),
        (_field(22, b"\xff\xff"), Failure.UNSUPPORTED, "65535 kênh"),
        (_field(22, b"\x09\0"), Failure.UNSUPPORTED, "9 kênh, chỉ đọc được tối đa 8"),
        (_field(24, b"\xff\xff\xff\xff"), Failure.UNSUPPORTED, "4294967295 Hz"),
        (_field(24, b"\0\0\0\0"), Failure.UNSUPPORTED, "0 Hz"),
    ],
)
def test_what_cannot_be_read_says_why_in_one_sentence(
    tmp_path: Path, wave_bytes: Any, sine: Any, changed: Callable[[bytes], bytes], failure: Failure, said: str
) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(changed(wave_bytes(sine(700, 1), _RATE)))
    report = _look(path)
    assert [reading.failure for reading in report.readings if reading.metric == "microphone.level_dbfs"] == [failure]
    assert said in report.reason
    assert str(path) in report.reason
    assert "\n" not in report.reason


def test_a_file_that_was_cut_off_is_measured_as_far_as_it_goes_and_says_so(tmp_path: Path, wave_bytes: Any, sine: Any, figure: Any) -> None:
    path = tmp_path / "cut.wav"
    whole = wave_bytes(sine(700, 4, _LEVEL_DBFS), _RATE, bits=24)
    path.write_bytes(whole[: len(whole) * 3 // 8])
    report = _look(path)
    assert figure(report, "level_dbfs") == pytest.approx(_LEVEL_DBFS, abs=0.1)
    assert report.reason == f"{path}: tệp bị cắt cụt, chỉ còn 1,50 trên 4,00 giây âm thanh"
    path.write_bytes(whole[:-60])
    assert _look(path).reason == ""
    path.write_bytes(whole[:20_001])
    playing = LoopedFile(str(path)).blocks()
    assert sum(len(next(playing).samples) for _ in range(8)) > 1.5 * 20_001 / 3


def test_a_name_of_two_lines_is_told_in_one(tmp_path: Path) -> None:
    path = tmp_path / "hai\ndòng.wav"
    path.write_bytes(b"")
    assert _look(path).reason.endswith("hai dòng.wav: tệp rỗng (0 byte)")


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_vietnamese_name_is_a_name(tmp_path: Path, wave_bytes: Any, sine: Any, figure: Any, form: Literal["NFC", "NFD"]) -> None:
    path = tmp_path / unicodedata.normalize(form, "Phòng họp số 1 – giọng «chủ tọa».wav")
    path.write_bytes(wave_bytes(sine(700, 1, _LEVEL_DBFS), _RATE))
    report = _look(path)
    assert figure(report, "level_dbfs") == pytest.approx(_LEVEL_DBFS, abs=0.1)
    assert report.source == str(path)


def test_a_link_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "nowhere.wav").symlink_to(tmp_path / "gone.wav")
    (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
    assert "không có tệp này" in _look(tmp_path / "nowhere.wav").reason
    assert "không đọc được tệp" in _look(tmp_path / "loop.wav").reason


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_number_are_gaps_and_hurt_no_other_figure(
    tmp_path: Path, wave_bytes: Any, sine: Any, codes: Any, figure: Any, value: float
) -> None:
    path = tmp_path / "sound.wav"
    sound = sine(700, 4, _LEVEL_DBFS)
    sound[5000::12_000] = value
    path.write_bytes(wave_bytes(sound, _RATE, bits=32, floating=True))
    report = _look(path)
    assert figure(report, "level_dbfs") == pytest.approx(_LEVEL_DBFS, abs=0.1)
    assert "dropouts" in codes(report)
    path.write_bytes(wave_bytes(np.full(4 * _RATE, value), _RATE, bits=32, floating=True))
    assert codes(_look(path)) == ["dropouts", "dead"]


def test_a_folder_a_pipe_and_a_text_are_no_sound(tmp_path: Path) -> None:
    """A pipe is not waited for."""
    (tmp_path / "folder.wav").mkdir()
    os.mkfifo(tmp_path / "pipe.wav")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "text.wav").write_text("Không phải âm thanh")
    said = {name: _look(tmp_path / name).reason for name in ("folder.wav", "pipe.wav", "pipe")}
    assert "là thư mục" in said["folder.wav"]
    assert "không phải tệp thường" in said["pipe.wav"]
    assert "không phải tệp thường" in said["pipe"]
    if shutil.which("ffmpeg") is not None:
        assert "không phải tệp âm thanh" in _look(tmp_path / "text.wav").reason
    assert "là thư mục" in _look(tmp_path).reason


@pytest.mark.parametrize("scale", [1e4, 1e30, 1e300])
def test_floats_far_beyond_full_scale_are_cut_off_and_told_as_clipping(
    tmp_path: Path, wave_bytes: Any, voice: Any, codes: Any, figure: Any, scale: float
) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(wave_bytes(voice(3, 1) * scale, _RATE, bits=64, floating=True))
    report = _look(path)
    if scale < 1e38:  # beyond what 32 bits hold it is no number: a gap
        assert "clipping" in codes(report)
        assert figure(report, "peak_dbfs") == pytest.approx(20 * np.log10(LOUDEST), abs=0.01)
    else:
        assert "dropouts" in codes(report)


def test_a_voice_in_8_bits_has_no_gaps(tmp_path: Path, wave_bytes: Any, voice: Any, figure: Any) -> None:
    """Between two steps of a coarse converter there are many zeros, and the next one is a leap."""
    path = tmp_path / "sound.wav"
    path.write_bytes(wave_bytes(voice(20, 3, -30), _RATE, bits=8))
    assert figure(_look(path), "dropouts") == 0


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("six.wav", ["-af", "pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0", "-c:a", "pcm_s24le"]),  # as extensible format
        ("fast.wav", ["-ar", "192000", "-c:a", "pcm_f32le"]),
        ("long.wav", ["-rf64", "always"]),
        ("sound.mp3", []),
        ("sound.aiff", []),
        ("sound.w64", []),
    ],
)
def test_what_a_recorder_writes_is_measured_whatever_its_name(
    tmp_path: Path, wave_bytes: Any, sine: Any, name: str, options: list[str]
) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    plain, written, renamed = tmp_path / "plain.wav", tmp_path / name, tmp_path / "renamed.wav"
    plain.write_bytes(wave_bytes(sine(700, 2, _LEVEL_DBFS, 48_000), 48_000))
    subprocess.run(["ffmpeg", "-v", "error", "-i", plain, *options, written], check=True)
    written.rename(renamed)
    report = _look(renamed)
    told = [reading.value for reading in report.readings if reading.metric == "microphone.level_dbfs"]
    assert told == pytest.approx([_LEVEL_DBFS] * (6 if name == "six.wav" else 1), abs=0.6)  # MP3 adds silence
    assert report.reason == ""


def test_a_film_without_sound_and_noise_that_calls_itself_music_say_so(tmp_path: Path) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    film, noise = tmp_path / "film.mp4", tmp_path / "noise.mp3"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=s=64x64:d=1", film], check=True)
    noise.write_bytes(np.random.default_rng(1).bytes(20_000))
    for path in (film, noise):
        assert "không phải tệp âm thanh, hoặc tệp đã hỏng" in _look(path).reason


@pytest.mark.parametrize("codec", ["pcm_mulaw", "pcm_alaw", "adpcm_ms"])
def test_telephone_codecs_within_wave_are_decoded(tmp_path: Path, wave_bytes: Any, sine: Any, figure: Any, codec: str) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    plain, coded = tmp_path / "plain.wav", tmp_path / "coded.wav"
    plain.write_bytes(wave_bytes(sine(700, 2, _LEVEL_DBFS, 8_000), 8_000))
    subprocess.run(["ffmpeg", "-v", "error", "-i", plain, "-c:a", codec, coded], check=True)
    assert figure(_look(coded), "level_dbfs") == pytest.approx(_LEVEL_DBFS, abs=0.2)


def test_a_name_that_looks_like_an_address_is_only_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decoder opens the file of that name, and never the network."""
    monkeypatch.chdir(tmp_path)
    name = "concat:secret.flac"
    Path(name).write_bytes(b"#EXTM3U\nhttp://127.0.0.1:9/x.mp3\n")
    report = run(MicrophoneSettings(source=name), MicrophoneLimits(), Look())
    assert [reading.failure for reading in report.readings] in ([Failure.BAD_DATA], [Failure.UNSUPPORTED])
