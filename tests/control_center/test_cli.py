from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from contract.findings import Severity
from control_center import cli
from control_center.incidents.model import Incident, IncidentState
from control_center.store import database, incidents

NOW = datetime.now(UTC)


class Typed(NamedTuple):
    status: int
    out: str
    err: str


class Center:
    """The command line over a folder of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.file = folder / "center.toml"
        self.file.write_text(f'[center]\ndirectory = "{folder / "state"}"\n', encoding="utf-8")
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Typed:
        status = cli.main([*arguments, "--config", str(self.file)])
        return Typed(status, *self._capsys.readouterr())

    def with_sites(self) -> Center:
        for site, name in (("quy-nhon", "Thành phố Quy Nhơn"), ("hoai-nhon", "Thị xã Hoài Nhơn")):
            assert self("site", "add", site, "--name", name).status == 0
        return self

    def meeting(self, *more: str, begins: datetime = NOW + timedelta(days=30)) -> Typed:
        times = ("--begins", begins.isoformat(), "--ends", (begins + timedelta(hours=1)).isoformat())
        words = ("--title", "Họp giao ban", "--organizer", "UBND tỉnh", "--main", "quy-nhon", "--branch", "hoai-nhon")
        return self("meeting", "add", *words, *times, *more)


@pytest.fixture
def center(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Center:
    return Center(tmp_path, capsys)


def test_a_site_that_is_added_gets_an_identity_and_is_listed(center: Center) -> None:
    center.with_sites()
    password = center.folder / "state" / "identities" / "quy-nhon.password"
    assert password.stat().st_mode & 0o077 == 0
    assert "Thị xã Hoài Nhơn" in center("site", "list").out
    assert 'name = "Thành phố Quy Nhơn"' in center("site", "export").out


def test_sites_travel_from_one_center_to_another(center: Center) -> None:
    center.with_sites()
    file = center.folder / "sites.toml"
    assert center("site", "export", "-o", str(file)).status == 0
    (center.folder / "other").mkdir()
    other = Center(center.folder / "other", center._capsys)
    assert other("site", "import", str(file)).status == 0
    assert other("site", "export").out == file.read_text(encoding="utf-8")


def test_a_meeting_prints_its_id_first_and_is_shown_with_its_plan(center: Center) -> None:
    added = center.with_sites().meeting("--place", "Hội trường A")
    meeting_id = added.out.split()[0]
    assert added.status == 0
    shown = center("meeting", "show", meeting_id).out
    assert "Kiểm duyệt" in shown
    assert "Hội trường A" in shown
    assert meeting_id in center("meeting", "list").out


def test_a_late_meeting_is_registered_and_said_to_be_late(center: Center) -> None:
    added = center.with_sites().meeting(begins=NOW + timedelta(hours=4))
    assert added.status == 0
    assert "03 ngày làm việc" in added.err


@pytest.mark.req("R23")
def test_a_meeting_that_cannot_be_held_ends_with_2_and_the_reason(center: Center) -> None:
    center.with_sites().meeting()
    refused = center.meeting()
    assert (refused.status, refused.out) == (2, "")
    assert "đã có cuộc họp" in refused.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["meeting", "show", "none"],
        ["incident", "ack", "none", "--by", "Lan"],
        ["form", "none", "-o", "x.docx"],
        ["site", "add", "Sai Tên", "--name", "x"],
        ["site", "import", "none.toml"],
        ["meeting", "import", "none.toml"],
    ],
)
def test_what_cannot_run_ends_with_2_and_one_sentence(center: Center, arguments: list[str]) -> None:
    typed = center(*arguments)
    assert typed.status == 2
    assert typed.err.startswith("control-center: ")
    assert typed.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["fly"], ["meeting", "add"], ["form", "m", "--format", "odt", "-o", "x"]])
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_a_wrong_configuration_ends_with_2_and_names_the_key(center: Center) -> None:
    center.file.write_text("[web]\nport = 99999\n", encoding="utf-8")
    typed = center("config", "check")
    assert (typed.status, typed.err) == (2, f"control-center: {center.file}: web: port is 99999, use 0–65535\n")


def test_meetings_are_imported_from_a_file(center: Center) -> None:
    file = center.folder / "meetings.toml"
    begins = (NOW + timedelta(days=20)).strftime("%Y-%m-%dT08:00:00")
    text = f'[[meeting]]\ntitle = "Họp"\norganizer = "UBND"\nmain = "quy-nhon"\nbegins = {begins}\nends = {begins.replace("T08", "T09")}\n'
    file.write_text(text, encoding="utf-8")
    assert center.with_sites()("meeting", "import", str(file)).status == 0
    assert "08:00:00" in center("meeting", "list").out


def test_incidents_are_listed_as_a_table_and_as_documents_and_acknowledged(center: Center) -> None:
    center.with_sites()
    engine = database.open_store(center.folder / "state")
    howl = Incident(
        id="quy-nhon-1-microphone.howling",
        site="quy-nhon",
        code="microphone.howling",
        component="microphone",
        severity=Severity.CRITICAL,
        state=IncidentState.OPEN,
        began_at=NOW - timedelta(minutes=5),
        opened_at=NOW - timedelta(minutes=5),
    )
    incidents.save(engine, [howl], NOW)
    engine.dispose()
    assert howl.id in center("incident", "list").out
    assert json.loads(center("incident", "list", "--json").out)["code"] == "microphone.howling"
    assert center("incident", "ack", howl.id, "--by", "Lan").status == 0
    assert json.loads(center("incident", "list", "--all", "--json").out)["acknowledged_by"] == "Lan"


@pytest.mark.parametrize(("file_format", "begins"), [("docx", b"PK"), ("pdf", b"%PDF"), ("html", b"<")])
def test_the_form_is_drawn_in_each_format(center: Center, file_format: str, begins: bytes) -> None:
    meeting_id = center.with_sites().meeting().out.split()[0]
    target = center.folder / f"form.{file_format}"
    assert center("form", meeting_id, "--format", file_format, "-o", str(target)).status == 0
    assert target.read_bytes().startswith(begins)


def test_statistics_count_a_year(center: Center) -> None:
    begins = datetime(NOW.year + 1, 6, 15, 1, tzinfo=UTC)
    meeting_id = center.with_sites().meeting(begins=begins).out.split()[0]
    lines = center("statistics", str(begins.year), "--csv").out.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith(meeting_id)
    assert meeting_id[:8] in center("statistics", str(begins.year)).out


def test_the_sample_passes_the_check(center: Center) -> None:
    center.file.write_text(center("config", "sample").out, encoding="utf-8")
    assert center("config", "check").status == 0


@pytest.mark.req("R20", "R22")
def test_papers_of_a_meeting_come_out_and_a_calendar_goes_in(center: Center, tmp_path: Path) -> None:
    center.with_sites()
    begins, ends = ("2026-12-07T08:00", "2026-12-07T10:00")
    sites = ("--main", "quy-nhon", "--branch", "hoai-nhon")
    more = ("--need", "video", "--attendees", "hoai-nhon=12", "--contact", "hoai-nhon=Bà Hoa", "--id", "m1")
    added = center("meeting", "add", "--title", "Họp", "--organizer", "UBND", *sites, "--begins", begins, "--ends", ends, *more)
    assert added.status == 0, added.err
    for kind, start in (("ics", b"BEGIN:VCALENDAR"), ("docx", b"PK"), ("pdf", b"%PDF")):
        paper = tmp_path / f"m1.{kind}"
        assert center("meeting", "export", "m1", "--format", kind, "-o", str(paper)).status == 0
        assert paper.read_bytes().startswith(start)
    calendar = tmp_path / "m1.ics"
    assert "đã có cuộc họp" in center("meeting", "import", str(calendar)).err
    calendar.write_bytes(calendar.read_bytes().replace(b"20261207", b"20261208"))
    assert center("meeting", "import", str(calendar)).status == 0
    assert center("meeting", "done", "m1", "power").status == 2
    assert "UBND" in center("meeting", "letter", "m1", "confirm").out
    assert center("meeting", "done", "m1", "confirm", "--by", "Ông Nam").status == 0
    assert "Thông báo điện lực" in center("meeting", "duties").out


@pytest.mark.req("R14")
def test_limits_are_set_with_name_and_reason_shown_and_taken_back(center: Center) -> None:
    center.with_sites()
    file = center.folder / "limits.toml"
    file.write_text("[link]\nlatency_ms = 400\n[host]\ndisk_percent = 80\n", encoding="utf-8")
    done = center("limits", "set", str(file), "--by", "Lê Thị B", "--reason", "vệ tinh")
    assert done.status == 0, done.err
    assert "link.latency_ms" in done.out
    assert "150.0" in done.out
    shown = center("limits", "show", "--site", "hoai-nhon").out
    assert "# phiên bản 1" in shown
    assert "latency_ms = 400" in shown
    file.write_text("[link]\nlatency_ms = 0\n", encoding="utf-8")
    wrong = center("limits", "set", str(file), "--by", "B", "--reason", "x")
    assert wrong.status == 2
    assert "link.latency_ms: 0 nằm ngoài khoảng cho phép > 0" in wrong.err
    file.write_text("", encoding="utf-8")
    assert center("limits", "set", str(file), "--by", "B", "--reason", "bỏ", "--site", "hoai-nhon").status == 0
    assert center("limits", "undo", "1", "--by", "B").status == 0
    story = center("limits", "history").out
    assert story.index("trở lại phiên bản 1") < story.index("vệ tinh")
    assert "camera.min_width_px" in center("limits", "keys").out
