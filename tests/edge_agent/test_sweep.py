"""`edge-agent sweep`: when it refuses to make noise, and what people and programs read."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from contract.meetings import Meeting, Phase, Plan, Window
from contract.messages import Agenda, NearHowl, SweepReport, SweepResult
from contract.toml_file import ConfigError
from edge_agent import agenda, cli, daemon, keep, sweep
from edge_agent.status import FILE as STATUS_FILE
from edge_agent.status import AgentStatus
from probes.microphone import sweep_probe

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    (tmp_path / "state").mkdir()
    words = f'[site]\nid = "thu"\nname = "Thử"\n[state]\ndirectory = "{tmp_path / "state"}"\n[microphone]\nsource = "mic"\n'
    path.write_text(words, encoding="utf-8")
    return path


def _meeting(begins_at: datetime) -> Meeting:
    live = Window(begins_at=begins_at, ends_at=begins_at + timedelta(hours=1))
    plan = Plan(
        live=live,
        wrap_up=Window(begins_at=live.ends_at, ends_at=live.ends_at + timedelta(minutes=10)),
        precheck=Window(begins_at=begins_at - timedelta(minutes=30), ends_at=begins_at),
    )
    return Meeting(id="m1", title="Giao ban", organizer="UBND", plan=plan, participations=())


def _said(phase: Phase, at: datetime) -> AgentStatus:
    return AgentStatus(site="thu", name="Thử", at=at, started_at=at, pid=1, version="0", phase=phase)


def test_it_reads_the_agenda_that_the_daemon_writes() -> None:
    assert agenda.FILE == daemon.AGENDA_FILE


@pytest.mark.parametrize(("begins_in_s", "refused"), [(-10, True), (30, True), (600, False), (-7200, False)])
def test_no_sound_is_made_while_a_meeting_is_live_or_about_to_be(tmp_path: Path, begins_in_s: float, refused: bool) -> None:
    meeting = _meeting(NOW + timedelta(seconds=begins_in_s))
    keep.write_struct(tmp_path / agenda.FILE, Agenda(issued_at=NOW, meetings=(meeting,)))
    if refused:
        with pytest.raises(ConfigError, match="Giao ban"):
            sweep.refuse_in_a_meeting(tmp_path, NOW)
    else:
        sweep.refuse_in_a_meeting(tmp_path, NOW)


def test_no_sound_is_made_while_the_running_agent_says_that_a_meeting_is_live(tmp_path: Path) -> None:
    keep.write_struct(tmp_path / STATUS_FILE, _said(Phase.LIVE, NOW))
    with pytest.raises(ConfigError, match="đang diễn ra"):
        sweep.refuse_in_a_meeting(tmp_path, NOW + timedelta(seconds=5))
    sweep.refuse_in_a_meeting(tmp_path, NOW + timedelta(hours=5))  # what an agent said that has been dead for hours
    keep.write_struct(tmp_path / STATUS_FILE, _said(Phase.PRECHECK, NOW))
    sweep.refuse_in_a_meeting(tmp_path, NOW)


def test_it_makes_no_noise_unasked(site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sweep_probe, "sweep_devices", lambda *_: pytest.fail("it made noise"))
    monkeypatch.setattr("sys.stdin", io.StringIO("có\n"))  # a pipe: nobody sits there
    assert cli.main(["sweep", "--config", str(site)]) == 2
    assert "--yes" in capsys.readouterr().err


@pytest.mark.req("R46")
@pytest.mark.parametrize("words", ["fitted = false", "sound_in_codec = true"])
def test_a_room_whose_sound_cannot_be_heard_says_so(site: Path, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    site.write_text(site.read_text(encoding="utf-8") + words + "\n", encoding="utf-8")
    assert cli.main(["sweep", "--yes", "--config", str(site)]) == 2
    assert "không" in capsys.readouterr().err


def _report(judged_db: float, grade: str) -> SweepReport:
    nearest = (NearHowl(frequency_hz=1600.4, margin_db=judged_db), NearHowl(frequency_hz=420.0, margin_db=judged_db + 2))
    result = SweepResult(margin_pessimistic_db=judged_db, judged_db=judged_db, grade=grade, nearest=nearest, snr_db=60, rt60_s=0.45)
    return SweepReport(at=NOW, source="spk → mic", results=(result,))


@pytest.mark.parametrize(("judged_db", "grade", "status"), [(8.2, "green", 0), (4.0, "amber", 1), (1.0, "red", 1)])
def test_the_exit_status_is_the_grade_and_the_result_is_kept(
    site: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    judged_db: float,
    grade: str,
    status: int,
) -> None:
    monkeypatch.setattr(sweep_probe, "sweep_devices", lambda *_: _report(judged_db, grade))
    assert cli.main(["sweep", "--yes", "--config", str(site)]) == status
    told = capsys.readouterr().out.replace("\u00a0", " ")
    assert sweep.GRADES[grade] in told
    assert "1600 Hz" in told
    assert "0,45 s" in told
    assert keep.read(tmp_path / "state" / "sweep.json", SweepReport) == _report(judged_db, grade)


def test_files_need_each_other_and_must_be_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sweep", "--source", "a.wav"]) == 2
    assert "đi cùng nhau" in capsys.readouterr().err
    assert cli.main(["sweep", "--source", "a.wav", "--reference", "b.wav"]) == 2
    assert "a.wav" in capsys.readouterr().err


def test_a_sweep_that_was_made_is_judged_from_files_as_json(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    made = tmp_path / "sweep.wav"
    assert cli.main(["sweep", "--make", str(made), "--rate", "16000"]) == 0
    assert "Đã ghi".encode() in capfdbinary.readouterr().out
    # The sweep heard as it was played: a wire, which is at the edge of howling.
    assert cli.main(["sweep", "--source", str(made), "--reference", str(made), "--json"]) == 1
    report = msgspec.json.decode(capfdbinary.readouterr().out, type=SweepReport)
    assert report.results[0].judged_db == pytest.approx(0, abs=0.3)
    assert report.findings[0].code == "microphone.low_margin"
