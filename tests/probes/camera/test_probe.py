"""Whole looks: a live camera over HTTP, pictures, recordings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from contract import catalog
from contract.findings import Component, Severity, State
from contract.meetings import Phase
from contract.messages import ProbeReport
from contract.readings import Failure
from contract.verdicts import verdict_of
from probes.camera.limits import CameraLimits, CameraSettings
from probes.camera.probe import REFERENCE_NAME, run
from probes.camera.reference import record_reference
from probes.interface import Look

Picture = NDArray[np.uint8]
RoomMaker = Callable[..., Picture]
CameraServer = Callable[..., str]
Film = Callable[..., Iterator[Picture]]
ClipMaker = Callable[..., Path]
LIMITS = CameraLimits()
PATIENT = Look(phase=Phase.LIVE, deadline_s=100)
SMALL_AND_SLOW = CameraLimits(min_frame_rate_hz=8, min_width_px=640, min_height_px=360)
"""The films of these tests are small and have ten frames a second, to be quick."""


def looked(source: str | Path, look: Look = PATIENT, **settings: object) -> ProbeReport:
    return run(msgspec.convert({"source": str(source), **settings}, CameraSettings), LIMITS, look)


def watched(path: Path) -> ProbeReport:
    return run(CameraSettings(source=str(path)), SMALL_AND_SLOW, PATIENT)


def codes(report: ProbeReport) -> set[str]:
    return {finding.code for finding in report.findings}


def figure(report: ProbeReport, metric: str) -> float:
    (reading,) = [reading for reading in report.readings if reading.metric == metric]
    assert reading.value is not None
    return reading.value


def moving(room: RoomMaker, **how: float) -> list[Picture]:
    return [room(1, at_s=0.2 * step, **how) for step in range(5)]


@pytest.mark.parametrize("manner", ["stream", "no_length", "untold"])
def test_a_live_camera_is_measured_and_raises_nothing(room: RoomMaker, camera_server: CameraServer, manner: str) -> None:
    report = looked(camera_server(moving(room), manner=manner, rate_hz=20))
    assert codes(report) == set()
    assert (figure(report, "camera.width_px"), figure(report, "camera.height_px")) == (1280, 720)
    assert figure(report, "camera.motion_level") > LIMITS.frozen_motion_level
    assert figure(report, "camera.frame_rate_hz") > LIMITS.min_frame_rate_hz
    assert verdict_of(Component.CAMERA, report.readings, report.findings, report.began_at).state is State.OK


@pytest.mark.parametrize(
    ("code", "light", "people"), [("camera.black", 0.0, 1), ("camera.overexposed", 3.2, 1), ("camera.underexposed", 0.2, 1)]
)
def test_a_live_fault_is_told(room: RoomMaker, camera_server: CameraServer, code: str, light: float, people: int) -> None:
    assert codes(looked(camera_server(moving(room, light=light, people=people)))) == {code}


def test_a_live_picture_that_stands_still_is_frozen(room: RoomMaker, camera_server: CameraServer) -> None:
    assert codes(looked(camera_server([room(1)]))) == {"camera.frozen"}


def test_a_slow_camera_is_waited_for_and_told(room: RoomMaker, camera_server: CameraServer) -> None:
    report = looked(camera_server(moving(room), rate_hz=2))
    assert codes(report) == {"camera.low_frame_rate"}
    assert figure(report, "camera.frame_rate_hz") < 4


def test_a_snapshot_says_nothing_of_movement_or_rate(room: RoomMaker, camera_server: CameraServer) -> None:
    report = looked(camera_server([room(1)], manner="snapshot"))
    assert codes(report) == set()
    failures = {reading.metric: reading.failure for reading in report.readings if reading.failure}
    assert failures == {"camera.motion_level": Failure.UNSUPPORTED, "camera.frame_rate_hz": Failure.UNSUPPORTED}


def test_a_dark_room_at_night_is_told_but_accuses_nobody(room: RoomMaker, camera_server: CameraServer) -> None:
    address = camera_server(moving(room, light=0.02))
    for phase, severity in ((Phase.IDLE, Severity.INFO), (Phase.PRECHECK, Severity.CRITICAL), (Phase.LIVE, Severity.CRITICAL)):
        (finding,) = looked(address, Look(phase=phase, deadline_s=60)).findings
        assert (finding.code, finding.severity) == ("camera.black", severity)


@pytest.mark.req("R16")
def test_the_approved_view_is_recorded_and_a_turned_camera_differs_from_it(
    room: RoomMaker, camera_server: CameraServer, tmp_path: Path
) -> None:
    record_reference(CameraSettings(source=camera_server(moving(room))), tmp_path / REFERENCE_NAME)
    assert (tmp_path / REFERENCE_NAME).stat().st_mode & 0o077 == 0, "a picture of a room is its owner's only"
    look = Look(phase=Phase.LIVE, deadline_s=60, state_directory=str(tmp_path))
    assert codes(looked(camera_server(moving(room)), look)) == set()
    turned = [np.roll(picture, 64, axis=1) for picture in moving(room)]
    (finding,) = looked(camera_server(turned), look).findings
    assert finding.code == "camera.moved"
    assert finding.figure == pytest.approx(5, abs=0.2)
    assert "dịch 5" in catalog.sentence(finding)


def test_an_unfit_picture_is_not_taken_as_reference(room: RoomMaker, camera_server: CameraServer, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot be a reference: camera\.black"):
        record_reference(CameraSettings(source=camera_server(moving(room, light=0.0))), tmp_path / "r.png")
    assert list(tmp_path.iterdir()) == []


def test_a_reference_that_is_named_and_missing_is_a_wrong_configuration(room: RoomMaker, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"reference: .*gone\.png is not a picture"):
        looked("x.mp4", reference=str(tmp_path / "gone.png"))


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (720, 1280), (3840, 2160)])
def test_a_picture_file_of_any_size_is_one_frame(room: RoomMaker, tmp_path: Path, width: int, height: int) -> None:
    path = tmp_path / "room.png"
    cv2.imwrite(str(path), room(1, width=width, height=height))
    report = looked(path)
    assert codes(report) == set()
    assert figure(report, "camera.width_px") == width


def test_a_gray_picture_file_is_read(room: RoomMaker, tmp_path: Path) -> None:
    path = tmp_path / "room.png"
    cv2.imwrite(str(path), cv2.cvtColor(room(1), cv2.COLOR_BGR2GRAY))
    assert codes(looked(path)) == set()


def black(picture: Picture) -> Picture:
    return np.full_like(picture, 8)


def covered(picture: Picture) -> Picture:
    return np.full_like(picture, (50, 65, 110))


def blurred(picture: Picture) -> Picture:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 4), np.uint8)


def blown_out(picture: Picture) -> Picture:
    return cv2.convertScaleAbs(picture, alpha=3.2).astype(np.uint8)


@pytest.mark.parametrize(
    ("code", "change"),
    [("camera.black", black), ("camera.covered", covered), ("camera.blurred", blurred), ("camera.overexposed", blown_out)],
)
def test_a_fault_in_a_recording_is_one_event_with_its_times(
    film: Film, clip: ClipMaker, code: str, change: Callable[[Picture], Picture]
) -> None:
    path = clip(film(8, rate_hz=10, change=lambda picture, at_s: change(picture) if 2 <= at_s < 6 else picture), rate_hz=10)
    (finding,) = watched(path).findings
    assert finding.code == code
    assert finding.started_at_s == pytest.approx(2, abs=0.6)
    assert finding.ended_at_s == pytest.approx(6, abs=1.1)
    assert finding.detected_at_s is not None
    assert 3.9 <= finding.detected_at_s <= 5.1


def grainy(picture: Picture) -> Picture:
    return np.clip(picture + np.random.default_rng(int(picture[0, 0, 0])).normal(0, 22, picture.shape[:2])[:, :, None], 0, 255).astype(
        np.uint8
    )


def in_blocks(picture: Picture) -> Picture:
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 4])[1], cv2.IMREAD_COLOR), np.uint8)


def tinted(picture: Picture) -> Picture:
    return np.asarray(np.clip(picture * np.array([0.6, 0.95, 1.2]), 0, 255), np.uint8)


def smeared(picture: Picture) -> Picture:
    mask = np.zeros(picture.shape[:2], np.float32)
    for place in ((250, 90), (420, 280), (150, 300)):
        cv2.circle(mask, place, 75, 1.0, -1)
    soft = cv2.GaussianBlur(mask, (0, 0), 10)[:, :, None]
    return np.clip(picture * (1 - soft) + (cv2.GaussianBlur(picture, (0, 0), 6) * 0.85 + 25) * soft, 0, 255).astype(np.uint8)


def against_the_light(picture: Picture) -> Picture:
    picture = np.clip(picture * 0.3, 0, 255).astype(np.uint8)
    picture[:150, 200:420] = 250
    return picture


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("camera.noisy", grainy),
        ("camera.blocky", in_blocks),
        ("camera.color_cast", tinted),
        ("camera.dirty", smeared),
        ("camera.backlit", against_the_light),
    ],
)
def test_what_spoils_a_picture_that_is_there_is_one_event_against_the_approved_view(
    room: RoomMaker, film: Film, clip: ClipMaker, tmp_path: Path, code: str, change: Callable[[Picture], Picture]
) -> None:
    reference = tmp_path / "approved.png"
    cv2.imwrite(str(reference), room(3, at_s=0.1, noise=0, width=640, height=360))
    path = clip(film(8, rate_hz=10, change=lambda picture, at_s: change(picture) if 2 <= at_s < 6 else picture), rate_hz=10)
    (finding,) = run(CameraSettings(source=str(path), reference=str(reference)), SMALL_AND_SLOW, PATIENT).findings
    assert finding.code == code
    assert finding.started_at_s == pytest.approx(2, abs=1.1)
    assert finding.ended_at_s == pytest.approx(6, abs=1.1)


def test_bands_of_mains_light_are_told_by_themselves(film: Film, clip: ClipMaker) -> None:
    rows = np.arange(360) / 360

    def lit(picture: Picture, at_s: float) -> Picture:
        return np.clip(picture * (1 + 0.08 * np.sin(2 * np.pi * 100 * (at_s + rows / 30)))[:, None, None], 0, 255).astype(np.uint8)

    (finding,) = watched(clip(film(4, rate_hz=30, change=lit), rate_hz=30)).findings
    assert finding.code == "camera.banding"
    assert finding.started_at_s == pytest.approx(0, abs=0.6)


def test_frames_that_are_missing_are_told_with_their_share(film: Film, clip: ClipMaker, tmp_path: Path) -> None:
    whole, thinned = clip(film(5, rate_hz=25), rate_hz=25), tmp_path / "thinned.mkv"
    command = ["ffmpeg", "-v", "error", "-i", str(whole), "-vf", "select=gt(random(3)\\,0.2)", "-vsync", "vfr", str(thinned)]
    subprocess.run(command, check=True)
    (finding,) = watched(thinned).findings
    assert finding.code == "camera.dropped_frames"
    assert finding.figure == pytest.approx(20, abs=9)


def test_a_recording_that_freezes_and_goes_on_is_one_event_and_the_live_parts_are_none(film: Film, clip: ClipMaker) -> None:
    live = list(film(6, rate_hz=10))
    path = clip(iter(live[:20] + [live[20]] * 40 + live[20:40]), rate_hz=10)
    (finding,) = watched(path).findings
    assert finding.code == "camera.frozen"
    # The encoder goes on refining a picture for a while after it has come to a stand.
    assert finding.started_at_s == pytest.approx(2, abs=0.8)
    assert finding.ended_at_s == pytest.approx(6, abs=0.35)


def test_a_freeze_is_told_though_the_codec_draws_a_still_picture_in_turns(room: RoomMaker, clip: ClipMaker) -> None:
    still = room(3, people=0, noise=3, width=640, height=360)
    path = clip((still for _ in range(90)), rate_hz=15, preset="veryfast")
    assert codes(watched(path)) == {"camera.frozen"}


@pytest.mark.parametrize("quality", [18, 23])
def test_an_empty_room_in_which_nothing_moves_is_not_frozen(room: RoomMaker, clip: ClipMaker, quality: int) -> None:
    still = room(3, people=0, noise=0, width=640, height=360).astype(np.float32)
    grains = (np.random.default_rng(number).normal(0, 3, still.shape) for number in range(60))
    path = clip((np.clip(still + grain, 0, 255).astype(np.uint8) for grain in grains), rate_hz=15, quality=quality)
    assert codes(watched(path)) == set()


def test_a_recording_cut_at_the_moment_of_detection_yields_the_same_finding(film: Film, clip: ClipMaker) -> None:
    frames = list(film(6, rate_hz=10, change=lambda picture, at_s: black(picture) if at_s >= 2 else picture))
    (whole,) = watched(clip(iter(frames), rate_hz=10)).findings
    assert whole.detected_at_s is not None
    (cut,) = watched(clip(iter(frames[: round(whole.detected_at_s * 10)]), rate_hz=10, name="cut.mp4")).findings
    assert (cut.code, cut.started_at_s) == (whole.code, whole.started_at_s)
    assert cut.detected_at_s == pytest.approx(whole.detected_at_s, abs=0.01)


def test_a_clean_recording_and_strong_compression_raise_nothing(film: Film, clip: ClipMaker) -> None:
    assert codes(watched(clip(film(5, rate_hz=15), rate_hz=15))) == set()
    assert codes(watched(clip(film(5, rate_hz=15), rate_hz=15, quality=36, name="weak.mp4"))) == set()


def test_a_clip_of_one_second_is_judged_as_one_look(film: Film, clip: ClipMaker) -> None:
    (finding,) = watched(clip(film(1, rate_hz=15, change=lambda picture, _: black(picture)), rate_hz=15)).findings
    assert (finding.code, finding.started_at_s) == ("camera.black", 0)


def test_a_truncated_recording_is_examined_as_far_as_it_goes(film: Film, clip: ClipMaker, tmp_path: Path) -> None:
    whole = clip(film(4, rate_hz=10), rate_hz=10, name="room.ts")
    part = tmp_path / "part.ts"
    part.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    report = watched(part)
    assert codes(report) <= {"camera.frozen"}
    assert 1 < figure(report, "camera.examined_s") < 4


def test_a_recording_of_few_frames_a_second_is_told(film: Film, clip: ClipMaker) -> None:
    report = watched(clip(film(6, rate_hz=5), rate_hz=5))
    assert codes(report) == {"camera.low_frame_rate"}
    assert report.findings[0].figure == pytest.approx(5, abs=0.2)


def test_the_child_process_answers_with_one_document(room: RoomMaker, camera_server: CameraServer) -> None:
    request = {
        "probe": "camera",
        "settings": {"source": camera_server(moving(room))},
        "limits": {},
        "look": {"phase": "precheck", "deadline_s": 30, "limits_version": "v7"},
    }
    child = subprocess.run(
        [sys.executable, "-m", "probes"],
        input=json.dumps(request).encode(),
        stdout=subprocess.PIPE,
        timeout=90,
        check=True,
        cwd=Path(__file__).parents[3],
        env=dict(os.environ),
    )
    report = msgspec.json.decode(child.stdout, type=ProbeReport)
    assert (report.probe, report.findings) == ("camera", ())
    assert {reading.metric for reading in report.readings} <= set(catalog.METRICS)


def test_the_configuration_can_be_read_without_opencv() -> None:
    script = "import sys, probes.registry, contract.catalog; assert not {'cv2', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60, cwd=Path(__file__).parents[3])


def test_every_fault_of_the_camera_has_correct_sentences() -> None:
    for code, spec in catalog.FAULTS.items():
        if code.startswith("camera."):
            for text in (spec.vi, spec.en, spec.title_vi, spec.advice_vi, spec.advice_en):
                assert " ".join(text.split(" ")).strip() == text
                assert "  " not in text
