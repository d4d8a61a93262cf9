"""Only figures leave the watch, and a picture of a howl is kept only where the room allows it (R9)."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from contract import catalog
from contract.meetings import Phase
from probes.interface import Look
from probes.microphone.judge import Change
from probes.microphone.limits import MicrophoneSettings
from probes.microphone.picture import KEPT, SCALE_PIXELS, HowlPictures, png, spectrogram
from probes.microphone.watch_protocol import MODULE, WatchRequest

_SECONDS = 4
_MOST_BYTES_A_SECOND = 12_000
"""Of JSON for one channel, onsets and all; the sound itself has 32 000 a second."""


class _Stream:
    rate_hz, channels, full_scale = 16_000, 1, 0.9999


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in _leaves(each)]
    return [leaf for each in value for leaf in _leaves(each)] if isinstance(value, list) else [value]


def _watch(path: Path, state: Path, **settings: Any) -> list[dict[str, Any]]:
    """What the watch says in its first lines of figures."""
    child = subprocess.Popen([sys.executable, "-m", MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert child.stdin is not None
    assert child.stdout is not None
    look = Look(phase=Phase.LIVE, state_directory=str(state))
    request = WatchRequest(settings=MicrophoneSettings(source=str(path), **settings), look=look)
    child.stdin.write(msgspec.json.encode(request) + b"\n")
    child.stdin.flush()
    lines: list[dict[str, Any]] = []
    try:
        while sum(line["kind"] == "levels" for line in lines) < _SECONDS:
            lines.append(json.loads(child.stdout.readline()))
    finally:
        child.stdin.close()
        child.wait(30)
        child.stdout.close()
    return lines


@pytest.mark.req("R9")
@pytest.mark.parametrize("allowed", [False, True])
def test_nothing_but_figures_leaves_the_watch(tmp_path: Path, wave_bytes: Any, voice: Any, allowed: bool) -> None:
    path, state = tmp_path / "sound.wav", tmp_path / "state"
    state.mkdir()
    sound = voice(_SECONDS, 2, -20)
    path.write_bytes(wave_bytes(sound, 16_000))
    lines = _watch(path, state, keep_pictures=allowed)
    words = [leaf for line in lines for leaf in _leaves(line) if isinstance(leaf, str)]
    assert all(len(word) < 200 for word in words)
    assert len(json.dumps(lines)) < _SECONDS * _MOST_BYTES_A_SECOND
    figures = {round(leaf, 4) for line in lines for leaf in _leaves(line) if isinstance(leaf, float)}
    loud = {round(float(sample), 4) for sample in sound if abs(sample) > 0.05}
    assert len(figures & loud) < 5, "no run of samples hides among the figures"
    raw = base64.b64encode((sound[8000:8030] * 32768).astype("<i2").tobytes()).decode()
    assert raw not in json.dumps(lines)
    assert [each for each in state.rglob("*") if each.is_file()] == [], "and nothing is kept of what did not howl"


def _howls(pictures: HowlPictures) -> None:
    t = np.arange(16_000 * 3) / 16_000
    pictures.hear((0.1 * np.sin(2 * np.pi * 2000 * t)).astype(np.float32)[:, None])
    pictures.see(Change("onset", catalog.finding("microphone.howling", frequency_hz=2000.0)))


def test_a_howl_leaves_a_picture_at_the_site_only_where_the_room_allows_it(tmp_path: Path) -> None:
    _howls(HowlPictures("", _Stream()))
    assert list(tmp_path.iterdir()) == []
    _howls(HowlPictures(str(tmp_path), _Stream()))
    (kept,) = (tmp_path / "pictures").iterdir()
    picture = cv2.imread(str(kept), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    assert picture.ndim == 2
    scale, levels = picture[:, :SCALE_PIXELS], picture[:, SCALE_PIXELS:]
    rows = picture.shape[0] - 1
    assert (rows - int(np.argmax(levels.mean(axis=1)))) * 8000 / rows == pytest.approx(2000, abs=15)
    assert levels.max() == pytest.approx(255 * (1 - 20 / 100), abs=2)
    marked = rows - np.flatnonzero(scale[:, 0])
    assert marked.mean() * 8000 / rows == pytest.approx(2000, abs=15)


@pytest.mark.req("R9")
def test_no_words_can_be_got_out_of_a_picture() -> None:
    """What makes speech understood, changes of 2 to 8 Hz, is not in it: it has four columns a second, and syllables leave no trace."""
    rate_hz = 16_000
    t = np.arange(8 * rate_hz) / rate_hz
    syllables = 0.5 - 0.5 * np.cos(2 * np.pi * 4 * t)
    sound = (0.1 * syllables * np.random.default_rng(1).standard_normal(len(t))).astype(np.float32)
    levels = spectrogram(sound, rate_hz)
    assert levels.shape[1] == 8 * 4
    swing_db = 100 / 255 * np.ptp(levels[40:-40].mean(axis=0))
    assert swing_db < 1.5, "between words and pauses there are 30 dB"


def test_other_findings_and_ends_are_not_drawn(tmp_path: Path) -> None:
    pictures = HowlPictures(str(tmp_path), _Stream())
    pictures.hear(np.zeros((1600, 1), np.float32))
    pictures.see(Change("onset", catalog.finding("microphone.hum")))
    pictures.see(Change("cleared", catalog.finding("microphone.howling")))
    assert list(tmp_path.iterdir()) == []


def test_old_pictures_go_and_a_full_disk_stops_nothing(tmp_path: Path, caplog: Any) -> None:
    for _ in range(KEPT + 3):
        _howls(HowlPictures(str(tmp_path), _Stream()))
    assert len(list((tmp_path / "pictures").iterdir())) == KEPT
    (tmp_path / "file").write_text("")
    _howls(HowlPictures(str(tmp_path / "file"), _Stream()))
    assert "was not kept" in caplog.text


def test_only_the_last_seconds_are_remembered() -> None:
    pictures = HowlPictures("somewhere", _Stream())
    for _ in range(100):
        pictures.hear(np.zeros((4000, 1), np.float32))
    assert pictures._frames <= 8 * 16_000 + 4000


def test_pictures_are_off_unless_the_room_allows_them() -> None:
    assert not MicrophoneSettings().keep_pictures


def test_a_picture_is_read_back_as_it_was_drawn() -> None:
    grey = np.arange(12 * 30, dtype=np.uint16).astype(np.uint8).reshape(12, 30)
    read = cv2.imdecode(np.frombuffer(png(grey), np.uint8), cv2.IMREAD_UNCHANGED)
    assert read is not None
    assert np.array_equal(read, grey)
    assert spectrogram(np.zeros(100, np.float32), 16_000).max() == 0
