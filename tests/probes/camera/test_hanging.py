"""Whole runs as the daemon makes them, in a child: a source that hangs anywhere is killed in time and told, and nothing stays behind."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from contract.messages import ProbeReport
from contract.readings import Failure
from edge_agent.child import run_probe
from probes.camera.limits import CameraLimits, CameraSettings
from probes.interface import Look
from tests.probes.camera.test_rtsp import RtspCamera

Picture = NDArray[np.uint8]
RoomMaker = Callable[..., Picture]
CameraServer = Callable[..., str]
Film = Callable[..., Iterator[Picture]]
ClipMaker = Callable[..., Path]
PATIENT = CameraLimits(no_frame_s=60, open_s=60)
"""Limits that would let every hang last: only the deadline ends it."""
SOAK_LOOKS = int(os.environ.get("SOAK_LOOKS", "1000"))
_RTSP_HALF = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: 400\r\n\r\nv=0\r\n"
_RTSP_GARBAGE = b"\x00\xff\x10 this is no RTSP \r\n" * 200


def looked(source: str, limits: CameraLimits = PATIENT, deadline_s: float = 3.0) -> ProbeReport:
    look = run_probe("camera", CameraSettings(source=source), limits, Look(deadline_s=deadline_s))
    with ThreadPoolExecutor(1) as thread:  # a browser that other tests share keeps a loop in this one
        return thread.submit(asyncio.run, look).result()


def codes(report: ProbeReport) -> set[str]:
    return {found.code for found in report.findings}


def children() -> list[psutil.Process]:
    """Probes that still run, and what they started; other tests may share a browser or a broker that is a child of this process too."""
    probes = [child for child in psutil.Process().children() if "probes" in _words(child)]
    return [each for probe in probes for each in (probe, *probe.children(recursive=True)) if each.status() != psutil.STATUS_ZOMBIE]


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


class Door:
    """A port that takes connections, says `first` (over and over, if `endless`) and then nothing."""

    def __init__(self, first: bytes = b"", *, endless: bool = False) -> None:
        self._first, self._endless = first, endless
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._door.getsockname()[1])
        self._kept: list[socket.socket] = []
        self._thread = threading.Thread(target=self._welcome, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        for connection in self._kept:
            connection.close()
        self._thread.join(10)

    def _welcome(self) -> None:
        while True:
            try:
                connection, _ = self._door.accept()
            except OSError:
                return
            self._kept.append(connection)
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        try:
            connection.sendall(self._first)
            while self._endless:
                connection.sendall(self._first)
            while connection.recv(4096):
                pass
        except OSError:
            return
        connection.close()


@pytest.fixture
def door() -> Iterator[Callable[..., int]]:
    doors: list[Door] = []

    def make(first: bytes = b"", *, endless: bool = False) -> int:
        doors.append(Door(first, endless=endless))
        return doors[-1].port

    yield make
    for each in doors:
        each.close()


@pytest.mark.parametrize(
    ("scheme", "first", "endless"),
    [
        ("http", b"", False),
        ("http", b"HTTP/1.1 200 OK\r\nX: ", False),
        (
            "http",
            b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=f\r\n\r\n--f\r\nContent-Length: 99999\r\n\r\n\xff\xd8",
            False,
        ),
        ("http", b"\x00\x01\x02 no HTTP at all\r\n", True),
        ("rtsp", b"", False),
        ("rtsp", _RTSP_HALF, False),
        ("rtsp", _RTSP_GARBAGE, False),
        ("rtsp", _RTSP_GARBAGE, True),
    ],
    ids=["http_open", "http_head", "http_read", "http_garbage", "rtsp_open", "rtsp_half_way", "rtsp_garbage", "rtsp_endless_garbage"],
)
def test_a_network_camera_that_hangs_anywhere_is_told_within_the_deadline(
    door: Callable[..., int], scheme: str, first: bytes, endless: bool
) -> None:
    report = looked(f"{scheme}://127.0.0.1:{door(first, endless=endless)}/live")
    assert codes(report) in ({"camera.no_signal"}, {"agent.probe_timeout"})
    (essential,) = [reading for reading in report.readings if reading.metric == "camera.luma_mean_ratio"]
    assert essential.failure in (Failure.TIMEOUT, Failure.BAD_DATA)
    assert children() == []


@pytest.mark.parametrize("manner", ["silent", "empty", "half_way", "garbage", "endless", "drips", "cut", "cut_snapshot"])
def test_an_http_camera_that_stops_half_way_or_streams_garbage_is_told(room: RoomMaker, camera_server: CameraServer, manner: str) -> None:
    report = looked(camera_server([room(1)], manner=manner))
    assert codes(report) in ({"camera.no_signal"}, {"agent.probe_timeout"})
    assert children() == []


def test_an_rtsp_camera_that_stops_half_way_is_told(film: Film, clip: ClipMaker) -> None:
    camera = RtspCamera(clip(film(2, rate_hz=15), rate_hz=15), stops_after=4)
    try:
        assert codes(looked(camera.address)) in ({"camera.no_signal"}, {"agent.probe_timeout"})
    finally:
        camera.close()
    assert children() == []


def test_a_source_whose_opening_blocks_for_ever_is_killed_and_told(tmp_path: Path) -> None:
    """A pipe that nobody writes to: the system call itself does not come back, so only the kill helps."""
    pipe = tmp_path / "room.mp4"
    os.mkfifo(pipe)
    report = looked(str(pipe), deadline_s=1.0)
    assert codes(report) == {"agent.probe_timeout"}
    assert {reading.failure for reading in report.readings} == {Failure.TIMEOUT}
    assert children() == []


@pytest.mark.parametrize(("width", "height"), [(3840, 2160), (720, 1280), (1280, 720)], ids=["4k", "portrait", "hd"])
@pytest.mark.parametrize("manner", ["stream", "snapshot"])
def test_a_source_of_any_size_is_handled_in_the_child(
    room: RoomMaker, camera_server: CameraServer, width: int, height: int, manner: str
) -> None:
    pictures = [room(1, at_s=0.2 * step, width=width, height=height) for step in range(3)]
    report = looked(camera_server(pictures, rate_hz=15, manner=manner), CameraLimits(), deadline_s=40)
    figures = {reading.metric: reading.value for reading in report.readings}
    assert (figures["camera.width_px"], figures["camera.height_px"]) == (width, height)
    assert codes(report) == set()


def test_a_grey_stream_is_handled(room: RoomMaker, camera_server: CameraServer) -> None:
    grey = [np.asarray(cv2.cvtColor(room(1, at_s=0.2 * step), cv2.COLOR_BGR2GRAY), np.uint8) for step in range(3)]
    report = looked(camera_server(grey, rate_hz=15), CameraLimits(), deadline_s=40)
    assert {reading.metric: reading.failure for reading in report.readings}["camera.luma_mean_ratio"] is None


def leaks_nothing(sources: list[str], looks: int) -> None:
    command = [sys.executable, "-m", "tests.probes.camera.many_looks", str(looks), *sources]
    said = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=Path(__file__).parents[3]).stdout)
    before, after = said["before"], said["after"]
    grown_bytes = after.pop("rss_bytes") - before.pop("rss_bytes")
    assert after == before
    assert grown_bytes < 4 * 1024 * 1024
    assert "agent.probe_crashed" not in said["codes"]


@pytest.fixture
def sources(room: RoomMaker, camera_server: CameraServer, door: Callable[..., int], tmp_path: Path) -> list[str]:
    """One that is well, and those that break in different places."""
    picture = tmp_path / "room.png"
    cv2.imwrite(str(picture), room(1))
    film = [room(1, at_s=0.2 * step) for step in range(3)]
    return [
        str(picture),
        camera_server(film, manner="snapshot"),
        camera_server(film, manner="stream"),
        camera_server(film, manner="half_way"),
        camera_server(film, manner="garbage"),
        f"http://127.0.0.1:{door()}/live",
        f"rtsp://127.0.0.1:{door()}/live",
        "/dev/video-nowhere",
    ]


def test_looks_at_good_and_broken_sources_leak_nothing(sources: list[str]) -> None:
    leaks_nothing(sources, 2 * len(sources))


@pytest.mark.soak
def test_a_thousand_looks_leak_nothing(sources: list[str]) -> None:
    leaks_nothing(sources, SOAK_LOOKS)
