"""A live look over RTSP, against a small server of ours: H.264 in RTP, interleaved in the RTSP connection (RFC 2326, 6184)."""

from __future__ import annotations

import re
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from contract.readings import Failure
from probes.camera.limits import CameraLimits, CameraSettings
from probes.camera.probe import run
from probes.interface import Look

Picture = NDArray[np.uint8]
Film = Callable[..., Iterator[Picture]]
ClipMaker = Callable[..., Path]
RATE_HZ = 15
SMALL = CameraLimits(min_width_px=640, min_height_px=360, no_frame_s=1.5)


class RtspCamera:
    """Serves one clip, over and over, to whoever connects; after `stops_after` frames it goes silent."""

    def __init__(self, clip: Path, stops_after: int | None = None) -> None:
        raw = subprocess.run(
            ["ffmpeg", "-v", "error", "-i", str(clip), "-c:v", "copy", "-bsf:v", "h264_mp4toannexb", "-f", "h264", "-"],
            stdout=subprocess.PIPE,
            check=True,
            timeout=60,
        ).stdout
        self._units = [unit for unit in re.split(rb"\x00\x00\x00?\x01", raw) if unit]
        self._stops_after = stops_after
        self._over = threading.Event()
        self._door = socket.create_server(("127.0.0.1", 0))
        self.address = f"rtsp://127.0.0.1:{self._door.getsockname()[1]}/room"
        self._threads = [threading.Thread(target=self._welcome, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        self._over.set()
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        for thread in self._threads:
            thread.join(20)

    def _welcome(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._door.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._talk, args=(connection,), daemon=True))
            self._threads[-1].start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as asked:
            try:
                while line := asked.readline():
                    method = line.split(b" ")[0].decode()
                    headers = {}
                    while (header := asked.readline().strip()) != b"":
                        name, _, words = header.partition(b":")
                        headers[name.strip().lower()] = words.strip().decode()
                    connection.sendall(self._answer(method, headers[b"cseq"]))
                    if method == "PLAY":
                        self._play(connection)
                        return
            except (OSError, KeyError):
                return

    def _answer(self, method: str, number: str) -> bytes:
        extra, body = "", ""
        if method == "DESCRIBE":
            body = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=room\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\nc=IN IP4 0.0.0.0\r\n"
            body += "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:track1\r\n"
            extra = f"Content-Base: {self.address}/\r\nContent-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        elif method == "OPTIONS":
            extra = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
        elif method == "SETUP":
            extra = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n"
        elif method == "PLAY":
            extra = "Session: 1\r\nRange: npt=0-\r\n"
        return f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\n{extra}\r\n{body}".encode()

    def _play(self, connection: socket.socket) -> None:
        sequence, frame = 0, 0
        while not self._over.is_set():
            for unit in self._units:
                picture = unit[0] & 0x1F in (1, 5)
                for payload, last in _packets(unit):
                    header = struct.pack(
                        ">BBHII", 0x80, 96 | (0x80 if last and picture else 0), sequence & 0xFFFF, frame * 90000 // RATE_HZ, 7
                    )
                    connection.sendall(struct.pack(">cBH", b"$", 0, len(header) + len(payload)) + header + payload)
                    sequence += 1
                if picture:
                    frame += 1
                    self._over.wait(1 / RATE_HZ)
                if frame == self._stops_after or self._over.is_set():
                    self._over.wait(30)
                    return


def _packets(unit: bytes, most: int = 1300) -> Iterator[tuple[bytes, bool]]:
    """A NAL unit as RTP payloads: itself, or fragments (FU-A)."""
    if len(unit) <= most:
        yield unit, True
        return
    rest = unit[1:]
    for start in range(0, len(rest), most):
        last = start + most >= len(rest)
        mark = (0x80 if start == 0 else 0) | (0x40 if last else 0)
        yield bytes([unit[0] & 0xE0 | 28, mark | unit[0] & 0x1F]) + rest[start : start + most], last


@pytest.fixture
def rtsp_camera() -> Iterator[Callable[..., str]]:
    cameras: list[RtspCamera] = []

    def serve(clip: Path, stops_after: int | None = None) -> str:
        cameras.append(RtspCamera(clip, stops_after))
        return cameras[-1].address

    yield serve
    for camera in cameras:
        camera.close()


def test_a_live_camera_over_rtsp_is_measured_and_raises_nothing(film: Film, clip: ClipMaker, rtsp_camera: Callable[..., str]) -> None:
    address = rtsp_camera(clip(film(4, rate_hz=RATE_HZ), rate_hz=RATE_HZ))
    report = run(CameraSettings(source=address.replace("//", "//an:matkhau@")), SMALL, Look(deadline_s=60))
    assert {finding.code for finding in report.findings} == set()
    figures = {reading.metric: reading.value for reading in report.readings}
    assert (figures["camera.width_px"], figures["camera.height_px"]) == (640, 360)
    assert report.source == address


def test_a_black_camera_over_rtsp_is_told(film: Film, clip: ClipMaker, rtsp_camera: Callable[..., str]) -> None:
    address = rtsp_camera(clip(film(4, rate_hz=RATE_HZ, change=lambda picture, _: np.full_like(picture, 6)), rate_hz=RATE_HZ))
    report = run(CameraSettings(source=address), SMALL, Look(deadline_s=60))
    assert [finding.code for finding in report.findings] == ["camera.black"]


def test_a_camera_that_goes_silent_within_the_look_has_no_signal(film: Film, clip: ClipMaker, rtsp_camera: Callable[..., str]) -> None:
    address = rtsp_camera(clip(film(4, rate_hz=RATE_HZ), rate_hz=RATE_HZ), stops_after=4)
    report = run(CameraSettings(source=address), SMALL, Look(deadline_s=60))
    assert [finding.code for finding in report.findings] == ["camera.no_signal"]
    assert report.readings[0].failure is Failure.TIMEOUT
