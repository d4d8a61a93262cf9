from __future__ import annotations

from pathlib import Path

from demo.devices import own_camera, own_microphone


def test_the_first_camera_that_may_be_read_is_taken(tmp_path: Path) -> None:
    assert own_camera(tmp_path) == ""
    (tmp_path / "video1").touch()
    (tmp_path / "video0").touch()
    assert own_camera(tmp_path) == str(tmp_path / "video0")


def test_only_a_card_that_records_is_a_microphone(tmp_path: Path) -> None:
    cards = tmp_path / "pcm"
    assert own_microphone(cards) == ""
    cards.write_text("00-03: HDMI 0 : HDMI 0 : playback 1\n")
    assert own_microphone(cards) == ""
    cards.write_text("00-03: HDMI 0 : HDMI 0 : playback 1\n01-00: USB Audio : USB Audio : playback 1 : capture 1\n")
    assert own_microphone(cards) == "default"
