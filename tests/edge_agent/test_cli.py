"""The command line as an operator meets it: exit status, one JSON document a line, a table of 80 columns."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from contract.catalog import figure, finding
from contract.findings import Component, State
from contract.meetings import Phase
from contract.messages import CheckReport, ProbeReport
from contract.toml_file import ConfigError
from contract.verdicts import verdict_of
from edge_agent import baseline, cli, keep, terminal, wording
from edge_agent.config import load
from edge_agent.once import settings_for
from edge_agent.status import FILE, AgentStatus
from probes.codec.by_hand import looked_up
from probes.registry import PROBES

T0 = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(f'[site]\nid = "thu"\nname = "Điểm cầu thử"\n[state]\ndirectory = "{tmp_path / "state"}"\n', encoding="utf-8")
    (tmp_path / "state").mkdir()
    return path


def picture(path: Path) -> Path:
    """A room-like picture with contours and light enough to be a reference."""
    random = np.random.default_rng(1)
    canvas = np.full((720, 1280, 3), 120, np.uint8)
    for _ in range(120):
        x, y = (int(each) for each in random.integers(0, (1200, 660)))
        colour = tuple(int(each) for each in random.integers(40, 220, 3))
        cv2.rectangle(canvas, (x, y), (x + int(random.integers(20, 160)), y + int(random.integers(20, 120))), colour, -1)
    cv2.imwrite(str(path), canvas)
    return path


def test_config_check_says_well_and_what_is_not_fitted(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["config", "check", "--config", str(site)]) == 0
    assert "không trang bị: camera, microphone" in capsys.readouterr().out


def test_config_check_of_a_wrong_file_ends_with_2_and_one_sentence(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.write_text(site.read_text(encoding="utf-8") + "[pages]\n", encoding="utf-8")
    assert cli.main(["config", "check", "--config", str(site)]) == 2
    out = capsys.readouterr()
    assert out.out == ""
    assert out.err.startswith(f"edge-agent: {site}: pages: unknown table")
    assert out.err.count("\n") == 1


def test_config_sample_can_be_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["config", "sample"]) == 0
    path = tmp_path / "sample.toml"
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    assert tomllib.loads(path.read_text(encoding="utf-8"))["site"]["id"] == "hoai-nhon"
    assert cli.main(["config", "check", "--config", str(path)]) == 0


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["probe", "nose"], ["check", "--phase", "party"]])
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    assert end.value.code == 2


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["probe", "host", "--source", "x"], "probe host: --source: this probe has no source"),
        (["probe", "camera", "--target", "x"], "probe camera: --target: this probe has no targets"),
        (["probe", "camera", "--source", "ftp://x"], "probe camera: source: ftp:// cannot be watched"),
    ],
)
def test_an_option_that_a_probe_does_not_know_is_refused(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2
    assert reason in capsys.readouterr().err


def test_a_probe_prints_one_json_document_a_line(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    status = cli.main(["probe", "host", "--json"])
    out = capsysbinary.readouterr().out
    report = msgspec.json.decode(out, type=ProbeReport)
    assert out.count(b"\n") == 1
    assert report.probe == "host"
    assert status == terminal.exit_status(report)


def test_a_check_of_the_site_is_one_document_with_every_component(site: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    status = cli.main(["check", "--json", "--config", str(site)])
    report = msgspec.json.decode(capsysbinary.readouterr().out, type=CheckReport)
    assert (report.site, report.phase) == ("thu", Phase.PRECHECK)
    states = {verdict.component: verdict.state for verdict in report.verdicts}
    assert set(states) >= set(PROBES)
    assert states["camera"] is State.NOT_FITTED
    assert status == (1 if {State.FAULT, State.WARNING, State.UNKNOWN} & set(states.values()) else 0)


def report_of_all_states() -> CheckReport:
    hung = finding("agent.probe_timeout", target="camera", figure=16.0, limit=15.0, unit="s")
    rows = tuple(figure(metric, 12.5, at=T0) for metric in ("host.cpu_percent", "host.memory_percent", "host.disk_percent"))
    verdicts = (
        verdict_of(Component.CAMERA, (), (), T0),
        verdict_of(Component.HOST, rows, (), T0),
        verdict_of(Component.AGENT, (), (hung,), T0),
    )
    return CheckReport(site="thu", phase=Phase.PRECHECK, began_at=T0, ended_at=T0, verdicts=verdicts, readings=rows)


def test_the_table_fits_80_columns_and_says_each_state_in_a_word_and_a_sign(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show_check(report_of_all_states(), "Điểm cầu thử")
    lines = capsys.readouterr().out.splitlines()
    text = "\n".join(lines)
    assert max(len(line) for line in lines) <= 80
    for word in ("? Chưa kiểm tra", "✔ Bình thường", "▲ Cảnh báo", "Kiểm tra trước giờ họp", "giới hạn", "→"):
        assert word in text, word


def test_no_word_is_missing_for_any_state_phase_failure_or_component() -> None:
    for words, kind in ((wording.STATES, State), (wording.PHASES, Phase), (wording.COMPONENTS, Component)):
        assert set(words) == set(kind)


def test_status_before_the_first_run_could_not_run(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status", "--config", str(site)]) == 2
    assert "chưa chạy lần nào" in capsys.readouterr().err


@pytest.mark.req("R4")
def test_the_status_of_an_agent_that_has_gone_silent_is_not_shown_as_running(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = AgentStatus(site="thu", name="Thử", at=T0, started_at=T0, pid=1, version="0", phase=Phase.IDLE)
    keep.write_struct(load(site).directory / FILE, said)
    assert cli.main(["status", "--config", str(site)]) == 2
    assert "KHÔNG còn trả lời" in capsys.readouterr().out


@pytest.mark.req("R49", "R14", "R30")
def test_a_baseline_is_recorded_approved_by_name_and_kept_with_its_history(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = picture(tmp_path / "room.png")
    site.write_text(site.read_text(encoding="utf-8") + f'[camera]\nsource = "{source}"\n', encoding="utf-8")
    baselines = baseline.Baselines(load(site).directory)

    def run(*arguments: str) -> int:
        return cli.main(["baseline", *arguments, "--config", str(site)])

    assert run("show") == 0
    assert "Chưa có mẫu chuẩn" in capsys.readouterr().out
    assert run("diff") == 2
    assert run("approve") == 2
    assert not baselines.approved_file.exists()

    assert run("record") == 0
    assert not baselines.approved_file.exists(), "nobody has approved it"
    assert run("approve", "--by", "Nguyễn Thị A") == 0
    approved = baselines.approved
    assert approved is not None
    assert approved.approved_by == "Nguyễn Thị A"
    assert baselines.approved_file.read_bytes() == baselines.path(approved).read_bytes()
    assert run("diff") == 0
    out = capsys.readouterr().out
    assert "So với ảnh chuẩn" in out
    assert run("show") == 0
    assert "Nguyễn Thị A phê duyệt" in capsys.readouterr().out


def test_a_picture_swapped_before_approval_is_refused(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = picture(tmp_path / "room.png")
    site.write_text(site.read_text(encoding="utf-8") + f'[camera]\nsource = "{source}"\n', encoding="utf-8")
    assert cli.main(["baseline", "record", "--config", str(site)]) == 0
    baselines = baseline.Baselines(load(site).directory)
    assert baselines.candidate is not None
    baselines.path(baselines.candidate).write_bytes(b"another picture")
    assert cli.main(["baseline", "approve", "--config", str(site)]) == 2
    assert "không còn đúng" in capsys.readouterr().err
    assert baselines.approved is None


def test_a_room_without_a_camera_has_no_view_to_record(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["baseline", "record", "--config", str(site)]) == 2
    assert "không trang bị camera" in capsys.readouterr().err


def test_a_reader_that_goes_away_early_is_no_traceback(site: Path) -> None:
    command = f"{sys.executable} -m edge_agent.cli config schema | head -1"
    ended: Any = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, cwd=Path(cli.__file__).parents[1])
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("source", "named"), [("/nope/room.mp4", True), ("room.mp4", True), ("USB2.0 Mic (hw:1,0)", False), ("http://127.0.0.1/x.jpg", False)]
)
def test_a_file_that_is_not_there_is_named_and_a_device_is_not_taken_for_one(source: str, named: bool) -> None:
    if named:
        with pytest.raises(ConfigError, match="không có tệp"):
            settings_for("camera", source=source, reference=None, targets=[])
    else:
        settings_for("camera", source=source, reference=None, targets=[])


@pytest.mark.parametrize(("name", "said"), [(f"{'x' * 300}.wav", "không có tệp"), ("gi\udcf3ng.wav", "không phải chữ UTF-8")])
def test_a_name_that_no_file_can_have_gives_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, said: str) -> None:
    assert cli.main(["probe", "microphone", "--source", str(tmp_path / name), "--json"]) == 2
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert said in told.err


@pytest.mark.parametrize("name", ["closed/clip.wav", "closed/clip", "closed"])
def test_a_file_that_may_not_be_read_gives_one_sentence(tmp_path: Path, name: str) -> None:
    """In a child without root's right to read everything."""
    (tmp_path / "closed").mkdir()
    for path in (tmp_path / name, tmp_path / "closed"):
        if not path.exists():
            path.write_bytes(b"RIFF")
        path.chmod(0)
    command = [sys.executable, "-m", "edge_agent.cli", "probe", "microphone", "--source", str(tmp_path / name), "--json"]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("setpriv is not installed")
        command = ["setpriv", "--inh-caps=-all", "--bounding-set=-all", "--", *command]
    run = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    (tmp_path / "closed").chmod(0o700)
    assert run.returncode == 2
    assert "không có quyền đọc tệp này" in run.stderr or (name == "closed" and "là thư mục" in run.stderr)
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "tệp rỗng (0 byte)"), (b"RIFF\x24\0\0\0WAVEfmt ", "bị cắt cụt"), (b"RIFF but no sound", "không phải tệp WAV")],
)
def test_a_sound_file_that_cannot_be_read_gives_one_sentence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], content: bytes, said: str
) -> None:
    path = tmp_path / "clip.wav"
    path.write_bytes(content)
    assert cli.main(["probe", "microphone", "--source", str(path), "--json"]) == 2
    told = capfd.readouterr()
    report = msgspec.json.decode(told.out, type=ProbeReport)
    assert said in report.reason
    assert told.err == f"edge-agent: probe microphone: {report.reason}\n"
    assert cli.main(["probe", "microphone", "--source", str(path)]) == 2
    assert f"Lý do: {report.reason}".split("clip.wav")[1] in " ".join(capfd.readouterr().out.split())


@pytest.mark.req("R28", "R29")
def test_what_somebody_looked_up_is_written_down_with_name_and_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "edge-agent.toml"
    file.write_text(f'[site]\nid = "x"\nname = "X"\n[state]\ndirectory = "{tmp_path}"\n')
    assert cli.main(["confirm", "echo_cancelling", "call_rate_kbps", "--by", "Trần  Văn A", "--config", str(file)]) == 0
    assert cli.main(["confirm", "address", "--by", "Trần Văn A", "--wrong", "--config", str(file)]) == 0
    seen = looked_up(str(tmp_path), datetime.now(UTC))
    assert {setting: (one.right, one.by) for setting, one in seen.items()} == {
        "echo_cancelling": (True, "Trần Văn A"),
        "call_rate_kbps": (True, "Trần Văn A"),
        "address": (False, "Trần Văn A"),
    }
    assert "IP address: không đúng (Trần Văn A)" in capsys.readouterr().out
    assert cli.main(["confirm", "address", "--by", " ", "--config", str(file)]) == 2
