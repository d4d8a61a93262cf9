"""Every way of not getting a picture, each with its own word, and each within its time."""

from __future__ import annotations

import errno
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from contract.catalog import FAULTS, FormEffect
from contract.messages import ProbeReport
from contract.readings import Failure
from probes.camera import v4l2
from probes.camera.limits import CameraLimits, CameraSettings
from probes.camera.probe import run
from probes.camera.source import Source, open_source, shown
from probes.camera.trouble import NoPictureError
from probes.interface import Look

Picture = NDArray[np.uint8]
RoomMaker = Callable[..., Picture]
CameraServer = Callable[..., str]
QUICK = CameraLimits(no_frame_s=0.6, open_s=0.6)


def looked(source: str, limits: CameraLimits = QUICK, deadline_s: float = 20) -> ProbeReport:
    return run(CameraSettings(source=source), limits, Look(deadline_s=deadline_s))


def outcome(report: ProbeReport) -> tuple[Failure | None, set[str]]:
    (essential,) = [reading for reading in report.readings if reading.metric == "camera.luma_mean_ratio"]
    return essential.failure, {finding.code for finding in report.findings}


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen(8)
        kept: list[socket.socket] = []

        def take() -> None:
            while True:
                try:
                    kept.append(door.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield int(door.getsockname()[1])
        door.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        for connection in kept:
            connection.close()


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_nobody_at_the_address_is_an_absent_camera(closed_port: int, scheme: str) -> None:
    assert outcome(looked(f"{scheme}://127.0.0.1:{closed_port}/live")) == (Failure.REFUSED, {"camera.absent"})


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_a_camera_that_takes_the_connection_and_is_silent_has_no_signal(deaf_port: int, scheme: str) -> None:
    assert outcome(looked(f"{scheme}://127.0.0.1:{deaf_port}/live")) == (Failure.TIMEOUT, {"camera.no_signal"})


@pytest.mark.parametrize(
    ("manner", "failure", "code"),
    [
        ("silent", Failure.TIMEOUT, "camera.no_signal"),
        ("empty", Failure.TIMEOUT, "camera.no_signal"),
        ("half_way", Failure.TIMEOUT, "camera.no_signal"),
        ("garbage", Failure.BAD_DATA, "camera.no_signal"),
        ("cut", Failure.BAD_DATA, "camera.no_signal"),
        ("cut_snapshot", Failure.BAD_DATA, "camera.no_signal"),
        ("endless", Failure.TIMEOUT, "camera.no_signal"),
        ("drips", Failure.TIMEOUT, "camera.no_signal"),
        (503, Failure.BUSY, "camera.busy"),
        (404, Failure.ABSENT, "camera.absent"),
        (500, Failure.REFUSED, "camera.no_signal"),
    ],
)
def test_a_camera_that_misbehaves_is_told_apart(
    room: RoomMaker, camera_server: CameraServer, manner: str | int, failure: Failure, code: str
) -> None:
    assert outcome(looked(camera_server([room(1)], manner=manner))) == (failure, {code})


def test_the_deadline_ends_a_look_that_the_limits_would_let_wait(room: RoomMaker, camera_server: CameraServer) -> None:
    patient = CameraLimits(no_frame_s=60, open_s=60)
    for manner in ("silent", "empty", "half_way"):
        report = looked(camera_server([room(1)], manner=manner), patient, deadline_s=1.5)
        assert outcome(report) == (Failure.TIMEOUT, {"camera.no_signal"})


def test_a_wrong_password_is_no_fault_of_the_camera(room: RoomMaker, camera_server: CameraServer) -> None:
    address = camera_server([room(1)], password="Basic YW46YsOt")
    assert outcome(looked(address)) == (Failure.PERMISSION, set())


def test_a_password_that_cannot_be_said_in_a_digest_is_no_fault_of_the_camera(room: RoomMaker, camera_server: CameraServer) -> None:
    address = camera_server([room(1)], manner="digest")
    for password in ("m%E1%BA%ADt", "sai"):
        assert outcome(looked(address.replace("http://", f"http://an:{password}@"))) == (Failure.PERMISSION, set())


def test_user_and_password_in_the_address_open_the_camera_and_stay_out_of_the_report(room: RoomMaker, camera_server: CameraServer) -> None:
    address = camera_server([room(1), room(1, at_s=0.5)], password="Basic YW46bWF0a2hhdQ==")
    report = looked(address.replace("http://", "http://an:matkhau@") + "?token=abc")
    assert outcome(report) == (None, set())
    assert report.source == address


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("rtsp://an:b%40d@10.0.0.9:8554/h264?pw=x", "rtsp://10.0.0.9:8554/h264"),
        ("http://camera/mjpg", "http://camera/mjpg"),
        ("/dev/video0", "/dev/video0"),
        ("clip.mp4", "clip.mp4"),
        ("http://an:b@camera:nonsense/x", "http://camera/x"),
    ],
)
def test_no_credentials_are_shown(source: str, seen: str) -> None:
    assert shown(source) == seen


@pytest.mark.parametrize("source", ["/dev/video-nowhere", "/nowhere/room.mp4", "/nowhere/room.png"])
def test_what_does_not_exist_is_absent(source: str) -> None:
    assert outcome(looked(source)) == (Failure.ABSENT, {"camera.absent"})


@pytest.mark.parametrize("name", ["room.mp4", "room.png", "room"])
@pytest.mark.parametrize("content", [b"", b"\x00", b"this is no film" * 50])
def test_a_file_that_cannot_be_read_is_not_checked_and_accuses_no_camera(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert outcome(looked(str(path))) == (Failure.BAD_DATA, set())


def test_a_folder_and_a_device_that_is_no_camera_are_not_checked(tmp_path: Path) -> None:
    assert outcome(looked(str(tmp_path))) == (Failure.BAD_DATA, set())
    assert outcome(looked("/dev/null")) == (Failure.UNSUPPORTED, set())


def test_a_source_of_an_unknown_kind_is_a_wrong_configuration() -> None:
    with pytest.raises(ValueError, match="source: ftp:// cannot be watched"):
        CameraSettings(source="ftp://camera/clip")


def test_a_room_without_camera_misses_nothing() -> None:
    report = run(CameraSettings(fitted=False), QUICK, Look())
    assert outcome(report) == (Failure.NOT_FITTED, set())


class Device:
    """A V4L2 device: answers ioctls with what a test says."""

    def __init__(self, answers: dict[int, OSError | bytes]) -> None:
        self._answers = answers

    def __call__(self, handle: int, request: int, argument: bytearray) -> int:
        answer = self._answers.get(request, OSError(errno.ENOTTY, "not here"))
        if isinstance(answer, OSError):
            raise answer
        argument[: len(answer)] = answer
        return 0


CAMERA = b"\x00" * 84 + struct.pack("II", 0x85200001, 0x04200001) + b"\x00" * 12
METADATA = b"\x00" * 84 + struct.pack("II", 0x84A00001, 0x04A00000) + b"\x00" * 12
FREE = {v4l2._QUERYCAP: CAMERA, v4l2._REQBUFS: b"", v4l2._G_INPUT: b"", v4l2._ENUMINPUT: b""}


@pytest.mark.parametrize(
    ("answers", "failure", "code"),
    [
        ({v4l2._REQBUFS: OSError(errno.EBUSY, "")}, Failure.BUSY, "camera.busy"),
        ({v4l2._ENUMINPUT: b"\x00" * 56 + struct.pack("I", 0x2)}, Failure.TIMEOUT, "camera.no_signal"),
        ({v4l2._QUERY_DV_TIMINGS: OSError(errno.ENOLINK, "")}, Failure.TIMEOUT, "camera.no_signal"),
        ({v4l2._QUERYCAP: OSError(errno.ENODEV, "")}, Failure.ABSENT, "camera.absent"),
        ({v4l2._QUERYCAP: METADATA}, Failure.UNSUPPORTED, ""),
    ],
)
def test_what_the_driver_says_decides(
    monkeypatch: pytest.MonkeyPatch, answers: dict[int, OSError | bytes], failure: Failure, code: str
) -> None:
    monkeypatch.setattr("probes.camera.v4l2.fcntl.ioctl", Device({**FREE, **answers}))
    with pytest.raises(NoPictureError) as told:
        v4l2.require_signal("/dev/null")
    assert (told.value.failure, told.value.code) == (failure, code)


def test_a_free_camera_with_a_signal_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.camera.v4l2.fcntl.ioctl", Device({**FREE}))
    v4l2.require_signal("/dev/null")


@pytest.mark.parametrize(
    ("number", "failure", "code"),
    [
        (errno.ENOENT, Failure.ABSENT, "camera.absent"),
        (errno.ENXIO, Failure.ABSENT, "camera.absent"),
        (errno.EBUSY, Failure.BUSY, "camera.busy"),
        (errno.EACCES, Failure.PERMISSION, ""),
        (errno.EFAULT, Failure.BAD_DATA, ""),
    ],
)
def test_errno_of_the_open_is_mapped(monkeypatch: pytest.MonkeyPatch, number: int, failure: Failure, code: str) -> None:
    def refuse(*args: object, **kwargs: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("probes.camera.v4l2.os.open", refuse)
    with pytest.raises(NoPictureError) as told:
        v4l2.require_signal("/dev/video0")
    assert (told.value.failure, told.value.code) == (failure, code)


def test_the_first_camera_is_found_among_the_nodes_of_a_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoPictureError):
        v4l2.first_device(str(tmp_path))
    for name in ("video10", "video2", "video-x"):
        (tmp_path / name).touch()
    monkeypatch.setattr("probes.camera.v4l2.fcntl.ioctl", Device({**FREE}))
    assert v4l2.first_device(str(tmp_path)) == str(tmp_path / "video2")


class Capture:
    """OpenCV's view of a V4L2 device: gives frames with the driver's stamps, or never opens."""

    def __init__(self, stamps_s: list[float], *, opens: bool = True) -> None:
        self._stamps_s = stamps_s
        self._opens = opens
        self._number = -1

    def isOpened(self) -> bool:
        return self._opens

    def getBackendName(self) -> str:
        return "V4L2"

    def grab(self) -> bool:
        self._number += 1
        return self._number < len(self._stamps_s)

    def retrieve(self) -> tuple[bool, Picture]:
        return True, np.zeros((72, 128, 3), np.uint8)

    def get(self, name: int) -> float:
        assert name == cv2.CAP_PROP_POS_MSEC, "the driver's claim of a rate is not asked for"
        return 1000 * self._stamps_s[self._number]

    def release(self) -> None:
        return


def device(monkeypatch: pytest.MonkeyPatch, capture: Capture, *answers: OSError | None) -> Source:
    """A device whose driver answers the check before the opening, and the one after it, with these errors."""
    left = list(answers)

    def check(path: str) -> None:
        error = left.pop(0) if left else None
        if error is not None:
            raise v4l2.failure_of(error)

    monkeypatch.setattr(v4l2, "require_signal", check)
    monkeypatch.setattr("probes.camera.source._device", lambda path: capture)
    monkeypatch.setattr("probes.camera.source._SETTLE_S", 0.0)
    return open_source("/dev/video7", QUICK, time.monotonic() + 20)


@pytest.mark.parametrize("number", [errno.EBUSY, errno.ENODEV])
@pytest.mark.parametrize("capture", [Capture([], opens=False), Capture([])], ids=["does_not_open", "gives_no_frame"])
def test_a_camera_taken_or_unplugged_after_the_check_is_told_by_its_errno(
    monkeypatch: pytest.MonkeyPatch, capture: Capture, number: int
) -> None:
    """The conferencing system may take the camera at any moment: that is "in use", never "no signal", which would call it damaged."""
    source = device(monkeypatch, capture, None, OSError(number, ""))
    with pytest.raises(NoPictureError) as told:
        list(source.shots)
    assert told.value.code == {errno.EBUSY: "camera.busy", errno.ENODEV: "camera.absent"}[number]


def test_a_busy_camera_is_never_called_damaged() -> None:
    assert FAULTS["camera.busy"].effect is FormEffect.NOT_MEASURED
    assert v4l2.failure_of(OSError(errno.EBUSY, "")).failure is Failure.BUSY


def test_a_frame_that_the_device_lost_is_a_gap_in_the_times_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its buffers hand the frames out at once; only the driver's stamps show that two are missing."""
    stamps_s = [50 + number / 30 for number in range(8) if number not in (3, 4)]
    times_s = []
    for shot in device(monkeypatch, Capture(stamps_s)).shots:
        times_s.append(shot.at_s)
        if len(times_s) == len(stamps_s):
            break
    assert times_s == pytest.approx([stamp_s - 50 for stamp_s in stamps_s])
    assert max(np.diff(times_s)) == pytest.approx(0.1)


@pytest.mark.parametrize("stamps_s", [[0.0] * 6, [7.0] * 6, [9.0, 1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 60.0, 120.0, 180.0, 240.0, 300.0]])
def test_stamps_that_cannot_be_right_are_not_believed(monkeypatch: pytest.MonkeyPatch, stamps_s: list[float]) -> None:
    times_s = []
    for shot in device(monkeypatch, Capture(stamps_s)).shots:
        times_s.append(shot.at_s)
        if len(times_s) == len(stamps_s):
            break
    assert times_s == sorted(times_s)
    assert max(times_s) < 1
