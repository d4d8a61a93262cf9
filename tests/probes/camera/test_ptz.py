"""Presets are recalled, read back and looked at; of a camera that lies, breaks its numbers or says nothing, only its place is believed."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from contract.catalog import sentence
from contract.findings import Severity
from contract.meetings import Phase
from contract.messages import ProbeReport
from contract.readings import Failure
from probes.camera import ptz_tour
from probes.camera.limits import CameraLimits, CameraSettings
from probes.camera.probe import run
from probes.camera.ptz import Answer, Position, PtzError
from probes.camera.ptz_limits import TOUR_FILE, PtzPreset, PtzProtocol, PtzSettings
from probes.camera.ptz_onvif import OnvifCamera
from probes.camera.ptz_probe import Tour, open_ptz, run_tour
from probes.camera.ptz_visca import ViscaCamera
from probes.camera.views import VIEWS_FILE, View
from probes.interface import Look
from tests.probes.camera.ptz_cameras import MEMORIES, Mechanics, OnvifStub, ViscaStub

QUICK = CameraLimits(ptz_answer_s=0.2, ptz_move_s=1.0, no_frame_s=0.6, open_s=0.6)
PRESETS = (PtzPreset(name="Toàn cảnh", key="1"), PtzPreset(name="Chủ tọa", key="2"), PtzPreset(name="Bục", key="3"))
NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
Stub = Callable[..., Any]
RoomMaker = Callable[..., NDArray[np.uint8]]


@pytest.fixture(autouse=True)
def polled_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stubs are quicker than a real head; so is the reading of their place."""
    monkeypatch.setattr(ptz_tour, "POLL_S", 0.05)


@pytest.fixture
def visca() -> Iterator[Stub]:
    made: list[ViscaStub] = []

    def make(*manners: str, **how: float) -> ViscaStub:
        made.append(ViscaStub(*manners, **how))
        return made[-1]

    yield make
    for camera in made:
        camera.close()


@pytest.fixture
def onvif() -> Iterator[Stub]:
    made: list[OnvifStub] = []

    def make(*manners: str, **how: Any) -> OnvifStub:
        made.append(OnvifStub(*manners, **how))
        return made[-1]

    yield make
    for camera in made:
        camera.close()


def approve(directory: Path, *, presets: tuple[PtzPreset, ...] = PRESETS, pictures: bool = False) -> None:
    """Let the places of the memories be approved, as `edge-agent baseline approve` does."""
    views = []
    for preset in presets:
        pan, tilt, zoom = MEMORIES[int(preset.key)]
        place = Position(pan_percent=100 * pan / 4896, tilt_percent=100 * tilt / 1728, zoom_percent=100 * zoom / 16384)
        views.append(View(preset=preset.name, file=f"view-{preset.key}.png" if pictures else "", position=place))
    (directory / VIEWS_FILE).write_bytes(msgspec.json.encode(views))


def of_visca(port: int, presets: tuple[PtzPreset, ...] = PRESETS) -> CameraSettings:
    return CameraSettings(
        source="/nowhere/no.mp4", ptz=PtzSettings(protocol=PtzProtocol.VISCA, host="127.0.0.1", port=port, presets=presets)
    )


def toured(camera: ViscaStub, directory: Path, *, phase: Phase = Phase.REHEARSAL, lasts_s: float = 60) -> Tour:
    look = Look(phase=phase, deadline_s=lasts_s, state_directory=str(directory), tour=True)
    return run_tour(of_visca(camera.port), QUICK, look, NOW, time.monotonic() + lasts_s)


def faults(tour: Tour | ProbeReport) -> set[tuple[str, str]]:
    return {(found.code.removeprefix("camera."), found.target) for found in tour.findings if found.code.startswith("camera.ptz")}


EVERY_PRESET = {"Toàn cảnh", "Chủ tọa", "Bục"}


@pytest.mark.req("R29")
@pytest.mark.parametrize(
    "manners",
    [
        (),
        ("no_completion",),
        ("acks_nothing",),
        ("numbers_zero",),
        ("numbers_wrong",),
        ("numbers_stand",),
        ("bare",),
        ("strict",),
        ("no_reset",),
        ("twice",),
        ("twice", "numbers_zero"),
        ("no_zoom",),
        ("rejects_and_moves",),
    ],
    ids="+".join,
)
def test_a_camera_that_reaches_its_presets_is_well_whatever_it_says(visca: Stub, tmp_path: Path, manners: tuple[str, ...]) -> None:
    approve(tmp_path)
    camera = visca(*manners)
    tour = toured(camera, tmp_path)
    assert faults(tour) == set()
    figures = {(reading.metric, reading.target): reading.value for reading in tour.readings}
    for name in EVERY_PRESET:
        deviation = figures["camera.ptz_deviation_percent", name]
        assert deviation is not None
        assert deviation < 0.1
        assert figures["camera.ptz_move_s", name] is not None
    assert set(camera.head.recalled) == {1, 2, 3}
    assert camera.head.recalled[-1] == 1, "the camera is left at the room's first preset"


@pytest.mark.parametrize(
    ("manners", "expected"),
    [
        (("silent",), {("ptz_unreachable", "")}),
        (("garbage",), {("ptz_unreachable", "")}),
        (("rejects",), {("ptz_refused", name) for name in EVERY_PRESET}),
        (("rejects", "not_now"), {("ptz_refused", name) for name in EVERY_PRESET}),
        (("stuck",), {("ptz_stuck", name) for name in EVERY_PRESET}),
        (("stuck", "acks_nothing"), {("ptz_stuck", name) for name in EVERY_PRESET}),
        (("elsewhere",), {("ptz_off_position", name) for name in EVERY_PRESET}),
        (("rejects", "tells_nothing"), {("ptz_refused", name) for name in EVERY_PRESET}),
        (("tells_nothing",), set()),
    ],
    ids=lambda words: "+".join(words) if isinstance(words, tuple) else "",
)
def test_a_camera_that_misbehaves_is_told_by_what_it_does(
    visca: Stub, tmp_path: Path, manners: tuple[str, ...], expected: set[tuple[str, str]]
) -> None:
    approve(tmp_path)
    assert faults(toured(visca(*manners), tmp_path)) == expected


def test_a_preset_is_asked_for_twice_before_it_is_accused(visca: Stub, tmp_path: Path) -> None:
    approve(tmp_path)
    camera = visca("elsewhere")
    tour = toured(camera, tmp_path)
    assert camera.head.recalled.count(2) == 2
    (found,) = [found for found in tour.findings if found.target == "Chủ tọa"]
    assert found.figure == pytest.approx(100 * 400 / 4896, abs=0.2)
    assert "«Chủ tọa», camera dừng lệch 8,17% dải quay (giới hạn 1%)" in sentence(found)


def test_answers_that_come_too_late_are_not_taken_for_the_next_question(visca: Stub) -> None:
    camera = visca("late", late_s=0.22)
    camera.head.memories[2] = (1000, 0, 0)
    ptz = ViscaCamera("127.0.0.1", camera.port, (4896, 1728, 16384), answer_s=0.3, deadline_s=time.monotonic() + 30)
    ptz.recall("2")
    time.sleep(0.5)
    assert ptz.position().pan_percent == pytest.approx(100 * 1000 / 4896)
    ptz.close()


@pytest.mark.parametrize("late_s", [0.2, 0.5, 3.0])
def test_a_camera_whose_every_answer_comes_too_late_is_never_called_stuck_or_off(visca: Stub, tmp_path: Path, late_s: float) -> None:
    approve(tmp_path)
    assert faults(toured(visca("late", late_s=late_s), tmp_path)) <= {("ptz_unreachable", "")}


def test_a_port_that_nobody_listens_on_is_unreachable(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    look = Look(phase=Phase.IDLE, deadline_s=30, state_directory=str(tmp_path), tour=True)
    tour = run_tour(of_visca(port), QUICK, look, NOW, time.monotonic() + 30)
    assert faults(tour) == {("ptz_unreachable", "")}


def test_without_approved_places_only_a_camera_that_never_turns_is_accused(visca: Stub, tmp_path: Path) -> None:
    assert faults(toured(visca(), tmp_path)) == set()
    assert faults(toured(visca("stuck"), tmp_path)) == {("ptz_stuck", "")}
    assert faults(toured(visca("rejects"), tmp_path)) == {("ptz_refused", name) for name in EVERY_PRESET}


def test_a_tour_that_has_no_time_left_says_which_presets_it_did_not_see(visca: Stub, tmp_path: Path) -> None:
    approve(tmp_path)
    tour = toured(visca("stuck"), tmp_path, lasts_s=4.0)
    late = {reading.target for reading in tour.readings if reading.failure is Failure.TIMEOUT}
    assert late == {"Chủ tọa", "Bục"}


@pytest.mark.parametrize("phase", [Phase.LIVE, Phase.WRAP_UP])
def test_nothing_is_turned_while_people_meet(visca: Stub, tmp_path: Path, phase: Phase) -> None:
    camera = visca()
    tour = toured(camera, tmp_path, phase=phase)
    assert {reading.failure for reading in tour.readings} == {Failure.SKIPPED}
    look = Look(phase=phase, deadline_s=20, state_directory=str(tmp_path), tour=True)
    run(of_visca(camera.port), QUICK, look)
    assert camera.heard == 0, "not one packet was sent"


@pytest.mark.parametrize("phase", [Phase.IDLE, Phase.REHEARSAL, Phase.PRECHECK])
def test_an_ordinary_look_turns_nothing_in_any_phase(visca: Stub, tmp_path: Path, phase: Phase) -> None:
    camera = visca()
    run(of_visca(camera.port), QUICK, Look(phase=phase, deadline_s=20, state_directory=str(tmp_path)))
    assert camera.heard == 0


def test_what_a_tour_found_is_told_by_the_looks_after_it_until_the_next(visca: Stub, tmp_path: Path) -> None:
    approve(tmp_path)
    camera = visca("elsewhere")
    settings = of_visca(camera.port)
    toured_report = run(settings, QUICK, Look(phase=Phase.REHEARSAL, deadline_s=60, state_directory=str(tmp_path), tour=True))
    assert faults(toured_report) == {("ptz_off_position", name) for name in EVERY_PRESET}
    live = Look(phase=Phase.LIVE, deadline_s=20, state_directory=str(tmp_path))
    later = run(settings, QUICK, live)
    assert faults(later) == faults(toured_report)
    assert all(found.since is not None for found in later.findings if "ptz" in found.code)
    assert settings.ptz is not None
    fewer = msgspec.structs.replace(settings, ptz=msgspec.structs.replace(settings.ptz, presets=PRESETS[:1]))
    assert faults(run(fewer, QUICK, live)) == {("ptz_off_position", "Toàn cảnh")}, "a preset that the site no longer has is forgotten"
    camera.head.stops_off = 0
    run(settings, QUICK, Look(phase=Phase.REHEARSAL, deadline_s=60, state_directory=str(tmp_path), tour=True))
    assert faults(run(settings, QUICK, live)) == set()


def test_a_kept_tour_that_cannot_be_read_is_no_tour(tmp_path: Path) -> None:
    (tmp_path / TOUR_FILE).write_bytes(b"{")
    assert faults(run(of_visca(9), QUICK, Look(deadline_s=20, state_directory=str(tmp_path)))) == set()


def test_the_picture_at_a_preset_is_compared_with_its_approved_view(visca: Stub, room: RoomMaker, tmp_path: Path) -> None:
    now = room(1, noise=0)
    turned = np.roll(now, 90, axis=1)
    for name, picture in (("now.png", now), ("view-1.png", now), ("view-2.png", turned)):
        cv2.imwrite(str(tmp_path / name), picture)
    approve(tmp_path, presets=PRESETS[:2], pictures=True)
    settings = msgspec.structs.replace(of_visca(visca().port, PRESETS[:2]), source=str(tmp_path / "now.png"))
    look = Look(phase=Phase.REHEARSAL, deadline_s=60, state_directory=str(tmp_path), tour=True)
    tour = run_tour(settings, QUICK, look, NOW, time.monotonic() + 60)
    assert faults(tour) == {("ptz_wrong_view", "Chủ tọa")}
    (found,) = tour.findings
    assert found.figure == pytest.approx(7, abs=0.5)
    assert found.severity is Severity.WARNING


def test_a_picture_that_is_right_makes_good_a_place_that_is_off(visca: Stub, room: RoomMaker, tmp_path: Path) -> None:
    """A camera that lost its origin counts otherwise than before, and shows what it should."""
    for name in ("now.png", "view-1.png", "view-2.png"):
        cv2.imwrite(str(tmp_path / name), room(1, noise=0))
    approve(tmp_path, presets=PRESETS[:2], pictures=True)
    settings = msgspec.structs.replace(of_visca(visca("elsewhere").port, PRESETS[:2]), source=str(tmp_path / "now.png"))
    look = Look(phase=Phase.REHEARSAL, deadline_s=60, state_directory=str(tmp_path), tour=True)
    assert faults(run_tour(settings, QUICK, look, NOW, time.monotonic() + 60)) == set()


# ONVIF


def of_onvif(camera: OnvifStub, tmp_path: Path, *, password: str = "m<ật>", presets: tuple[PtzPreset, ...] | None = None) -> CameraSettings:
    secret = tmp_path / "ptz.password"
    secret.write_text(password + "\n", encoding="utf-8")
    named = (PtzPreset(name="Toàn cảnh", key="token-1"), PtzPreset(name="Chủ tọa", key="Vị trí 2"))
    return CameraSettings(
        source="/nowhere/no.mp4",
        ptz=PtzSettings(
            protocol=PtzProtocol.ONVIF,
            host="127.0.0.1",
            port=camera.port,
            user="an",
            password_file=str(secret),
            presets=presets or named,
            zoom_span=1,
        ),
    )


def toured_onvif(camera: OnvifStub, tmp_path: Path, **how: Any) -> Tour:
    look = Look(phase=Phase.PRECHECK, deadline_s=60, state_directory="", tour=True)
    return run_tour(of_onvif(camera, tmp_path, **how), QUICK, look, NOW, time.monotonic() + 60)


BOTH = {"Toàn cảnh", "Chủ tọa"}


@pytest.mark.req("R29")
@pytest.mark.parametrize("behind_s", [0.0, 86_400.0])
def test_an_onvif_camera_is_toured_by_token_and_by_name_also_with_a_wrong_clock(onvif: Stub, tmp_path: Path, behind_s: float) -> None:
    camera = onvif("places", behind_s=behind_s)
    tour = toured_onvif(camera, tmp_path)
    assert faults(tour) == set()
    assert {
        reading.target for reading in tour.readings if reading.metric == "camera.ptz_deviation_percent" and reading.value is not None
    } == BOTH
    assert camera.head.recalled == [1, 2, 1]


@pytest.mark.parametrize(
    ("manners", "expected"),
    [
        (("places", "rejects"), {("ptz_refused", name) for name in BOTH}),
        (("places", "stuck"), {("ptz_stuck", name) for name in BOTH}),
        (("places", "elsewhere"), {("ptz_off_position", name) for name in BOTH}),
        (("places", "says_nothing"), set()),
        (("silent",), {("ptz_unreachable", "")}),
        (("garbage",), {("ptz_unreachable", "")}),
        (("entities",), {("ptz_unreachable", "")}),
        (("drips",), {("ptz_unreachable", "")}),
        (("stuck",), {("ptz_stuck", "")}),
        (("tells_nothing",), set()),
        (("no_ptz",), set()),
    ],
    ids=lambda words: "+".join(words) if isinstance(words, tuple) else "",
)
def test_an_onvif_camera_that_misbehaves_is_told_by_what_it_does(
    onvif: Stub, tmp_path: Path, manners: tuple[str, ...], expected: set[tuple[str, str]]
) -> None:
    assert faults(toured_onvif(onvif(*manners), tmp_path)) == expected


def test_a_camera_that_asks_for_the_digest_in_http_is_given_it_and_never_the_password(onvif: Stub, tmp_path: Path) -> None:
    camera = onvif("places", "http_digest", password="matkhau")
    assert faults(toured_onvif(camera, tmp_path, password="matkhau")) == set()
    assert camera.head.recalled == [1, 2, 1]
    tour = toured_onvif(onvif("http_digest", password="mật"), tmp_path, password="mật")
    assert faults(tour) == set(), "a password that Python's digest cannot say is no fault of the camera"
    assert {reading.failure for reading in tour.readings} == {Failure.PERMISSION}


def test_a_wrong_password_accuses_nobody_and_is_said_nowhere(onvif: Stub, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        tour = toured_onvif(onvif("places"), tmp_path, password="bí-mật-sai")
    assert faults(tour) == set()
    assert {reading.failure for reading in tour.readings} == {Failure.PERMISSION}
    said = caplog.text + msgspec.json.encode(tour).decode()
    assert "bí-mật" not in said
    assert base64_of("bí-mật-sai") not in said


def base64_of(text: str) -> str:
    import base64

    return base64.b64encode(text.encode()).decode()


def test_an_unknown_preset_is_refused(onvif: Stub, tmp_path: Path) -> None:
    camera = onvif("places")
    assert faults(toured_onvif(camera, tmp_path, presets=(PtzPreset(name="Lạ", key="không có"),))) == {("ptz_refused", "Lạ")}


def test_a_password_file_that_is_missing_is_a_wrong_configuration() -> None:
    settings = PtzSettings(protocol=PtzProtocol.ONVIF, host="127.0.0.1", password_file="/nowhere/secret")
    with pytest.raises(ValueError, match=r"ptz\.password_file: /nowhere/secret cannot be read"):
        open_ptz(settings, QUICK, time.monotonic() + 1)


def test_the_deadline_ends_every_question(onvif: Stub, visca: Stub) -> None:
    over_s = time.monotonic() - 1
    with pytest.raises(PtzError):
        ViscaCamera("127.0.0.1", visca().port, (1, 1, 1), answer_s=5, deadline_s=over_s).position()
    with pytest.raises(PtzError):
        OnvifCamera("127.0.0.1", onvif().port, user="", password="", profile="", spans=(1, 1, 1), answer_s=5, deadline_s=over_s)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"host": "an:b@camera"}, "host: an address or name alone"),
        ({"presets": ({"name": "A", "key": "255"},)}, "'255' is no VISCA memory"),
        ({"presets": ({"name": "A", "key": "1"}, {"name": "A", "key": "2"})}, "each needs a name of its own"),
        ({"presets": ({"name": " ", "key": "1"},)}, "each needs a name of its own"),
        ({"protocol": "pelco"}, "Invalid enum value 'pelco'"),
    ],
)
def test_a_wrong_control_port_is_refused_with_its_reason(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=reason):
        msgspec.convert({"protocol": "visca", "host": "camera", **settings}, PtzSettings)


def test_places_are_told_apart_by_the_axis_that_differs_most() -> None:
    one, other = Position(pan_percent=1, tilt_percent=2), Position(pan_percent=4, tilt_percent=2.5, zoom_percent=9)
    assert one.apart_percent(other) == other.apart_percent(one) == 3
    assert Position().apart_percent(other) == 0


def test_the_stub_moves_evenly_and_stops_where_it_was_sent() -> None:
    head = Mechanics()
    head.recall(2)
    time.sleep(0.1)
    assert 100 < head.place()[0] < 800
    time.sleep(0.4)
    assert head.place() == MEMORIES[2]
    assert [answer.value for answer in Answer] == ["accepted", "refused", "silent"]
