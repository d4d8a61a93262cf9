"""Approved views: the room's main one and those of the named presets, with a drawn difference that stays at the site."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from contract.meetings import Meeting, Participation, Phase, Plan, Role, Window
from contract.messages import Agenda, ProbeReport
from contract.readings import Failure
from edge_agent import agenda, baseline, cli, keep, ptz
from edge_agent.config import load
from probes.camera.limits import CameraLimits, CameraSettings
from probes.camera.probe import run
from probes.camera.ptz_limits import TOUR_FILE, PtzPreset, PtzProtocol, PtzSettings
from probes.camera.views import load_views
from probes.interface import Look
from tests.probes.camera.ptz_cameras import MEMORIES, ViscaStub

Picture = NDArray[np.uint8]


def room_picture(seed: int = 1) -> Picture:
    """A room-like picture with contours and light enough to be a reference."""
    random = np.random.default_rng(seed)
    canvas = np.full((720, 1280, 3), 120, np.uint8)
    for _ in range(160):
        x, y = (int(each) for each in random.integers(0, (1200, 660)))
        colour = tuple(int(each) for each in random.integers(40, 220, 3))
        cv2.rectangle(canvas, (x, y), (x + int(random.integers(20, 160)), y + int(random.integers(20, 120))), colour, -1)
    return canvas


def with_somebody(picture: Picture) -> Picture:
    """Somebody sits down in front of the camera."""
    crowded = picture.copy()
    cv2.ellipse(crowded, (640, 560), (150, 200), 0, 0, 360, (60, 50, 45), -1)
    cv2.circle(crowded, (640, 330), 90, (120, 150, 195), -1)
    return crowded


@pytest.fixture
def camera() -> Iterator[ViscaStub]:
    stub = ViscaStub()
    yield stub
    stub.close()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    source = tmp_path / "now.png"
    cv2.imwrite(str(source), room_picture())
    (tmp_path / "state").mkdir()
    path.write_text(
        f'[site]\nid = "thu"\nname = "Điểm cầu thử"\n[state]\ndirectory = "{tmp_path / "state"}"\n[camera]\nsource = "{source}"\n',
        encoding="utf-8",
    )
    return path


def with_presets(site: Path, camera: ViscaStub) -> Path:
    table = f'[camera.ptz]\nprotocol = "visca"\nhost = "127.0.0.1"\nport = {camera.port}\n'
    table += 'presets = [{name = "Toàn cảnh", key = "1"}, {name = "Chủ tọa", key = "2"}]\n'
    limits = "[limits.camera]\nptz_move_s = 1.2\nptz_answer_s = 0.2\n"
    site.write_text(site.read_text(encoding="utf-8") + table + limits, encoding="utf-8")
    return site


def command(site: Path, *arguments: str) -> int:
    return cli.main([*arguments, "--config", str(site)])


@pytest.mark.req("R16", "R29")
def test_the_views_of_named_presets_are_recorded_with_their_place_and_approved_together(
    site: Path, camera: ViscaStub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_presets(site, camera)
    for name in ("Toàn cảnh", "Chủ tọa"):
        assert command(site, "baseline", "record", "--preset", name) == 0
    assert camera.head.recalled[-1] == 1, "the camera is left at the first preset"
    assert load_views(str(tmp_path / "state")) == (), "nobody has approved them"
    assert command(site, "baseline", "approve", "--by", "Nguyễn Thị A") == 0
    views = {view.preset: view for view in load_views(str(tmp_path / "state"))}
    place = views["Chủ tọa"].position
    assert place is not None
    assert place.pan_percent == pytest.approx(100 * MEMORIES[2][0] / 4896, abs=0.2)
    for view in views.values():
        picture = tmp_path / "state" / view.file
        assert picture.stat().st_mode & 0o077 == 0, "a picture of a room is its owner's only"
    assert command(site, "baseline", "show") == 0
    assert "«Chủ tọa»" in capsys.readouterr().out
    assert command(site, "ptz", "--json") == 0
    report = msgspec.json.decode(capsys.readouterr().out.strip(), type=ProbeReport)
    assert {reading.target for reading in report.readings} == {"Toàn cảnh", "Chủ tọa"}
    camera.head.stops_off = 300
    (tmp_path / "now.png").unlink()
    assert command(site, "ptz") == 1
    assert "camera dừng lệch 6,13% dải quay" in capsys.readouterr().out
    assert (tmp_path / "state" / TOUR_FILE).is_file()


def test_a_preset_that_the_file_does_not_name_or_the_camera_refuses_is_not_recorded(
    site: Path, camera: ViscaStub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_presets(site, camera)
    assert command(site, "baseline", "record", "--preset", "Bục") == 2
    assert "có: Toàn cảnh, Chủ tọa" in capsys.readouterr().err
    del camera.head.memories[2]
    assert command(site, "baseline", "record", "--preset", "Chủ tọa") == 2
    assert "does not go to the preset" in capsys.readouterr().err
    assert baseline.Baselines(load(site).directory).history == []


def test_a_preset_without_control_port_is_recorded_as_the_camera_stands(site: Path, tmp_path: Path) -> None:
    assert command(site, "baseline", "record", "--preset", "Bục") == 0
    assert command(site, "baseline", "approve", "--by", "A") == 0
    (view,) = load_views(str(tmp_path / "state"))
    assert (view.preset, view.position) == ("Bục", None)
    assert not (tmp_path / "state" / baseline.CAMERA_NAME).exists(), "the main view has not been touched"


@pytest.mark.req("R16")
def test_a_camera_that_stands_at_a_named_preset_was_not_moved(site: Path, tmp_path: Path) -> None:
    assert command(site, "baseline", "record") == 0
    turned = np.roll(room_picture(), 160, axis=1)
    cv2.imwrite(str(tmp_path / "now.png"), turned)
    assert command(site, "baseline", "record", "--preset", "Chủ tọa") == 0
    assert command(site, "baseline", "approve", "--by", "A") == 0
    look = Look(phase=Phase.LIVE, deadline_s=60, state_directory=str(tmp_path / "state"))

    def codes(picture: Picture, control: PtzSettings | None = None) -> set[str]:
        cv2.imwrite(str(tmp_path / "now.png"), picture)
        return {found.code for found in run(CameraSettings(source=str(tmp_path / "now.png"), ptz=control), CameraLimits(), look).findings}

    assert codes(turned) == set()
    assert codes(room_picture()) == set()
    assert codes(with_somebody(turned)) == set()
    assert codes(np.roll(room_picture(), 80, axis=1)) == {"camera.moved"}
    other = PtzSettings(protocol=PtzProtocol.VISCA, host="127.0.0.1", presets=(PtzPreset(name="Bục", key="1"),))
    assert codes(turned, other) == {"camera.moved"}, "the site has this preset no longer"


def transformed(picture: Picture, *, shift_px: float = 0, rotation_deg: float = 0, zoom: float = 1) -> Picture:
    matrix = cv2.getRotationMatrix2D((640, 360), rotation_deg, zoom)
    matrix[0, 2] += shift_px
    return np.asarray(cv2.warpAffine(picture, matrix, (1280, 720), borderMode=cv2.BORDER_REFLECT), np.uint8)


@pytest.mark.req("R16")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shift_px": 64}, "Độ dịch khung cảnh so với hình mẫu: 5"),
        ({"rotation_deg": 3}, "Độ xoay khung cảnh so với hình mẫu: 3"),
        ({"zoom": 1.1}, "Độ phóng to hoặc thu nhỏ so với hình mẫu: 10"),
    ],
    ids=["shift", "rotation", "zoom"],
)
def test_a_difference_is_told_in_percent_and_degrees_and_drawn_on_the_sites_own_disk(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, float], said: str
) -> None:
    assert command(site, "baseline", "record") == 0
    assert command(site, "baseline", "approve", "--by", "A") == 0
    cv2.imwrite(str(tmp_path / "now.png"), transformed(room_picture(), **change))
    capsys.readouterr()
    assert command(site, "baseline", "diff") == 1
    out = capsys.readouterr().out
    figure = float(out.partition(said.rpartition(" ")[0])[2].split()[0].strip("%°").replace(",", "."))
    assert figure == pytest.approx(float(said.rpartition(" ")[2]), rel=0.05)
    path = tmp_path / "state" / "baseline" / "camera-diff.png"
    assert str(path) in out
    assert path.stat().st_mode & 0o077 == 0
    drawn = cv2.imread(str(path))
    assert drawn is not None
    assert drawn.shape[1] == 3 * 640
    assert (drawn[:, 1280:] == (60, 230, 60)).all(axis=2).any() or (drawn[:, 1280:] == (0, 220, 255)).all(axis=2).any()


def test_people_in_the_picture_are_no_difference(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(site, "baseline", "record") == 0
    assert command(site, "baseline", "approve", "--by", "A") == 0
    cv2.imwrite(str(tmp_path / "now.png"), with_somebody(room_picture()))
    assert command(site, "baseline", "diff") == 0
    assert "Độ dịch khung cảnh so với hình mẫu: 0%" in capsys.readouterr().out


def test_a_preset_is_compared_with_its_own_view(site: Path, camera: ViscaStub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_presets(site, camera)
    assert command(site, "baseline", "diff", "--preset", "Chủ tọa") == 2
    assert command(site, "baseline", "record", "--preset", "Chủ tọa") == 0
    assert command(site, "baseline", "approve", "--by", "A") == 0
    assert command(site, "baseline", "diff", "--preset", "Chủ tọa") == 0
    cv2.imwrite(str(tmp_path / "now.png"), np.roll(room_picture(), 80, axis=1))
    assert command(site, "baseline", "diff", "--preset", "Chủ tọa") == 1
    assert "của vị trí đặt trước «Chủ tọa»" in capsys.readouterr().out
    assert len(list((tmp_path / "state" / "baseline").glob("camera-diff-*.png"))) == 1


def meeting(live_in: timedelta) -> Meeting:
    now, hour = datetime.now(UTC), timedelta(hours=1)
    first = now + live_in - 2 * hour
    order = (Phase.REHEARSAL, Phase.PRECHECK, Phase.LIVE, Phase.WRAP_UP)
    windows = {each.value: Window(begins_at=first + hour * n, ends_at=first + hour * (n + 1)) for n, each in enumerate(order)}
    who = (Participation(site="thu", role=Role.BRANCH),)
    return Meeting(id="m1", title="Giao ban", organizer="UBND", plan=Plan(**windows), participations=who)


@pytest.mark.parametrize("live_in", [timedelta(minutes=-5), timedelta(seconds=3)])
def test_nothing_is_turned_by_hand_in_a_meeting_or_right_before_one(
    site: Path, camera: ViscaStub, tmp_path: Path, capsys: pytest.CaptureFixture[str], live_in: timedelta
) -> None:
    with_presets(site, camera)
    keep.write_struct(tmp_path / "state" / agenda.FILE, Agenda(issued_at=datetime.now(UTC), meetings=(meeting(live_in),)))
    for arguments in (("ptz",), ("baseline", "record", "--preset", "Chủ tọa")):
        assert command(site, *arguments) == 2
        assert "“Giao ban”, không quay camera" in capsys.readouterr().err
    assert camera.heard == 0


def test_a_password_of_the_control_port_that_cannot_be_read_stops_the_start(
    site: Path, camera: ViscaStub, capsys: pytest.CaptureFixture[str]
) -> None:
    with_presets(site, camera)
    text = site.read_text(encoding="utf-8").replace("[camera.ptz]", '[camera.ptz]\npassword_file = "/nowhere/ptz"')
    site.write_text(text, encoding="utf-8")
    for arguments in (("config", "check"), ("run",)):
        assert command(site, *arguments) == 2
        assert "/nowhere/ptz: the secret cannot be read" in capsys.readouterr().err


def test_a_site_without_control_port_has_no_tour(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(site, "ptz") == 2
    assert "chưa khai báo cổng điều khiển" in capsys.readouterr().err


SETTINGS = CameraSettings(
    ptz=PtzSettings(protocol=PtzProtocol.VISCA, host="127.0.0.1", presets=(PtzPreset(name="A", key="1"), PtzPreset(name="B", key="2")))
)


@pytest.mark.req("R29")
def test_a_tour_is_due_once_in_each_check_before_a_meeting_and_only_if_it_ends_before_it() -> None:
    now, far, near = datetime.now(UTC), (meeting(timedelta(minutes=30)),), (meeting(timedelta(seconds=20)),)
    lasts_s = ptz.tour_s(SETTINGS, CameraLimits())
    assert 60 < lasts_s < 120
    for phase in Phase:
        due = ptz.due("m1/x", phase, "", meetings=far, now=now, lasts_s=lasts_s)
        assert due == (phase in (Phase.REHEARSAL, Phase.PRECHECK))
    assert not ptz.due("m1/x", Phase.PRECHECK, "m1/x", meetings=far, now=now, lasts_s=lasts_s)
    assert not ptz.due("", Phase.PRECHECK, "", meetings=far, now=now, lasts_s=lasts_s)
    assert not ptz.due("m1/x", Phase.PRECHECK, "", meetings=near, now=now, lasts_s=lasts_s)
    assert ptz.tour_s(CameraSettings(), CameraLimits()) == 0


def test_a_tour_is_broken_off_when_a_meeting_goes_live(camera: ViscaStub) -> None:
    camera.head.stuck = True
    assert SETTINGS.ptz is not None
    settings = CameraSettings(source="/nowhere/x.mp4", ptz=msgspec.structs.replace(SETTINGS.ptz, port=camera.port))

    async def play() -> tuple[ProbeReport, int, int]:
        tour = ptz.TourRun()
        task = asyncio.create_task(tour.run("camera", settings, CameraLimits(), Look(phase=Phase.PRECHECK, deadline_s=90, tour=True)))
        while not camera.head.recalled:  # noqa: ASYNC110 — the stub lives in a thread
            await asyncio.sleep(0.05)
        tour.stop()
        report = await task
        heard = camera.heard
        await asyncio.sleep(1.5)
        return report, heard, camera.heard

    report, before, after = asyncio.run(play())
    assert {reading.failure for reading in report.readings} == {Failure.SKIPPED}
    assert after <= before + 1, "the child is gone and asks for nothing more"
