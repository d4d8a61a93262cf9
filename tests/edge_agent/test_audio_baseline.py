"""`edge-agent baseline` for the microphone: recorded, approved by name, compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_agent import audio_baseline, cli
from edge_agent.config import load

RATE = 16_000


def _write(path: Path, level_db: float) -> None:
    """A hiss at a level, as a WAVE file of 16 bits."""
    import wave

    hiss = np.random.default_rng(1).standard_normal(4 * RATE) * 10 ** (level_db / 20)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((hiss * 32767).astype("<i2").tobytes())


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path, sound = tmp_path / "site.toml", tmp_path / "room.wav"
    (tmp_path / "state").mkdir()
    _write(sound, -66)
    words = f'[site]\nid = "thu"\nname = "Thử"\n[state]\ndirectory = "{tmp_path / "state"}"\n[microphone]\nsource = "{sound}"\n'
    path.write_text(words, encoding="utf-8")
    return path


@pytest.mark.req("R27", "R49")
def test_the_sound_is_recorded_approved_by_name_and_compared(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: str) -> int:
        return cli.main(["baseline", *arguments, "--config", str(site)])

    baselines = audio_baseline.AudioBaselines(load(site).directory)
    assert run("diff") == 2
    assert "chưa có mẫu âm thanh" in capsys.readouterr().err
    assert run("record") == 0
    told = capsys.readouterr()
    assert "ghế chủ tọa" in told.err
    assert "chưa nghe thấy tiếng nói" in told.out
    assert not baselines.approved_file.exists(), "nobody has approved it"
    assert run("approve", "--by", "Nguyễn Văn A") == 0
    assert "Nguyễn Văn A" in capsys.readouterr().out
    assert baselines.approved is not None
    assert run("diff") == 0
    assert "tốt" in capsys.readouterr().out
    _write(tmp_path / "room.wav", -50)
    assert run("diff") == 1
    assert "lệch 16" in capsys.readouterr().out.replace(",", ".").replace("16.0", "16").replace("15.9", "16").replace("16.1", "16")
    assert run("show") == 0
    assert "đang dùng" in capsys.readouterr().out
    assert run("approve") == 2


def test_a_dead_microphone_makes_no_baseline(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(tmp_path / "room.wav", -200)
    assert cli.main(["baseline", "record", "--config", str(site)]) == 2
    assert "không có tín hiệu" in capsys.readouterr().err


@pytest.mark.req("R9")
def test_only_figures_are_kept(site: Path, tmp_path: Path) -> None:
    assert cli.main(["baseline", "record", "--config", str(site)]) == 0
    kept = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert [path.name for path in kept] == ["microphone.json"]
    assert kept[0].stat().st_size < 2000


@pytest.mark.req("R46")
@pytest.mark.parametrize("words", ["fitted = false", "sound_in_codec = true"])
def test_a_room_whose_sound_cannot_be_heard_has_no_baseline(site: Path, words: str, capsys: Any) -> None:
    site.write_text(site.read_text(encoding="utf-8") + words + "\n", encoding="utf-8")
    assert cli.main(["baseline", "record", "--config", str(site)]) == 2
    assert "không trang bị" in capsys.readouterr().err
