"""Rooms to look at, and cameras that serve, hang or lie."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
RoomMaker = Callable[..., Picture]
ClipMaker = Callable[..., Path]
Film = Callable[..., Iterator[Picture]]
CameraServer = Callable[..., str]


@lru_cache(maxsize=96)
def _scene(seed: int, people: int, at_s: float, width: int, height: int) -> Picture:
    """A meeting room as a camera sees it: shaded walls, a window, posters, a table with things, people who move, sensor noise."""
    rng = np.random.default_rng(seed)
    shade = np.linspace(0.85, 1.1, 1280, dtype=np.float32)[None, :, None] * np.linspace(1.05, 0.8, 720, dtype=np.float32)[:, None, None]
    scene = np.broadcast_to(np.array([120, 128, 132], np.float32), (720, 1280, 3)) * shade
    scene = np.ascontiguousarray(scene).astype(np.uint8)
    cv2.rectangle(scene, (60, 60), (330, 300), (205, 200, 185), -1)
    for bar in range(60, 331, 54):
        cv2.line(scene, (bar, 60), (bar, 300), (70, 75, 80), 5)
    for _ in range(9):
        x, y = int(rng.integers(380, 1150)), int(rng.integers(30, 260))
        size = int(rng.integers(40, 110))
        cv2.rectangle(scene, (x, y), (x + size, y + size), tuple(map(float, rng.integers(30, 190, 3))), -1)
        cv2.putText(
            scene, f"P{rng.integers(10, 99)}", (x + 6, y + size // 2), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (235, 235, 235), 2, cv2.LINE_AA
        )
    cv2.fillPoly(scene, [np.array([[120, 719], [420, 430], [900, 430], [1230, 719]])], (60, 85, 120))
    for _ in range(26):
        x, y = int(rng.integers(0, 1240)), int(rng.integers(380, 700))
        kind = tuple(map(float, rng.integers(20, 200, 3)))
        cv2.rectangle(scene, (x, y), (x + int(rng.integers(14, 60)), y + int(rng.integers(8, 34))), kind, -1)
    scene = np.clip(scene + cv2.GaussianBlur(rng.normal(0, 14, (720, 1280)).astype(np.float32), (0, 0), 1.2)[:, :, None], 0, 255).astype(
        np.uint8
    )
    for person in range(people):
        x = int(400 + 230 * person + 25 * np.sin(2.1 * at_s + person))
        y = int(360 + 8 * np.sin(3.3 * at_s + 2 * person))
        cv2.ellipse(scene, (x, y + 150), (95, 110), 0, 0, 360, (70, 50, 45), -1, cv2.LINE_AA)
        cv2.circle(scene, (x, y), 58, (120, 150, 195), -1, cv2.LINE_AA)
        for side in (-20, 20):
            cv2.circle(scene, (x + side, y - 8), 6, (30, 30, 35), -1, cv2.LINE_AA)
    if (width, height) != (1280, 720):
        scene = cv2.resize(scene, (width, height), interpolation=cv2.INTER_AREA if width < 1280 else cv2.INTER_CUBIC)
    done = np.asarray(scene, np.uint8)
    done.flags.writeable = False
    return done


@lru_cache(maxsize=4)
def _grain(height: int, width: int) -> NDArray[np.float32]:
    return np.random.default_rng(1000).standard_normal((height, width, 3), np.float32)


def _room(
    seed: int = 1, *, width: int = 1280, height: int = 720, at_s: float = 0.0, people: int = 1, noise: float = 2.0, light: float = 1.0
) -> Picture:
    picture = np.asarray(_scene(seed, people, at_s, width, height) * np.float32(light), np.float32)
    if noise:
        where = np.random.default_rng([seed, round(at_s * 1000)]).integers(0, 400, 2)
        picture += np.roll(_grain(height, width), tuple(where), axis=(0, 1)) * np.float32(noise)
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


@pytest.fixture(scope="session")
def room() -> RoomMaker:
    """Makes pictures of a room: ``room(seed, at_s=…, people=…, noise=…, light=…, width=…, height=…)``."""
    return _room


@pytest.fixture(scope="session")
def film() -> Film:
    """Frames of a room with a person who moves and with fresh noise, 640×360: ``film(seconds, rate_hz=…, change=…)``.

    ``change(picture, at_s)`` is applied before the noise, so that a fault has the noise of its camera.
    """
    poses = [_room(3, at_s=0.1 * step, noise=0, width=640, height=360) for step in range(8)]
    grain = np.random.default_rng(9).normal(0, 2, (440, 720, 3)).astype(np.int16)

    def frames(seconds: float, *, rate_hz: float = 25, change: Callable[[Picture, float], Picture] | None = None) -> Iterator[Picture]:
        rng = np.random.default_rng(11)
        for number in range(round(seconds * rate_hz)):
            at_s = number / rate_hz
            picture = poses[int(at_s * 10) % len(poses)]
            if change is not None:
                picture = change(picture, at_s)
            y, x = int(rng.integers(0, 80)), int(rng.integers(0, 80))
            yield np.clip(picture.astype(np.int16) + grain[y : y + picture.shape[0], x : x + picture.shape[1]], 0, 255).astype(np.uint8)

    return frames


@pytest.fixture
def clip(tmp_path: Path) -> ClipMaker:
    """Encodes frames as H.264: ``clip(frames, rate_hz=…, name=…)``; lossy, as a real recording is."""

    def make(
        frames: Iterator[Picture], *, rate_hz: float = 25, name: str = "clip.mp4", quality: int = 23, preset: str = "ultrafast"
    ) -> Path:
        path = tmp_path / name
        encoder: subprocess.Popen[bytes] | None = None
        for frame in frames:
            if encoder is None:
                size = f"{frame.shape[1]}x{frame.shape[0]}"
                raw = f"-f rawvideo -pix_fmt bgr24 -s {size} -r {rate_hz} -i -"
                wanted = f"-c:v libx264 -preset {preset} -crf {quality} -threads 1 -pix_fmt yuv420p"
                encoder = subprocess.Popen(["ffmpeg", "-v", "error", "-y", *raw.split(), *wanted.split(), str(path)], stdin=subprocess.PIPE)
            assert encoder.stdin is not None
            encoder.stdin.write(frame.tobytes())
        assert encoder is not None
        assert encoder.stdin is not None
        encoder.stdin.close()
        assert encoder.wait(timeout=60) == 0
        return path

    return make


class _Camera(BaseHTTPRequestHandler):
    """Serves ``frames`` of its server in the way that ``manner`` says."""

    protocol_version = "HTTP/1.0"
    server: Any

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        manner = self.server.manner
        if manner == "silent":
            self.server.over.wait(30)
            return
        if isinstance(manner, int):
            self.send_error(manner)
            return
        if manner == "digest":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Digest realm="camera", nonce="abc", qop="auth"')
            self.end_headers()
            return
        wants = self.server.password
        if wants and self.headers.get("Authorization") != wants:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.end_headers()
            return
        self.send_response(200)
        if manner in ("snapshot", "cut_snapshot"):
            self.send_header("Content-Type", "image/jpeg")
            self.end_headers()
            jpeg = self.server.frames[0]
            self.wfile.write(jpeg if manner == "snapshot" else jpeg[: len(jpeg) // 2])
            return
        self.send_header("Content-Type", "application/octet-stream" if manner == "untold" else "multipart/x-mixed-replace;boundary=frame")
        self.end_headers()
        try:
            self._stream(manner)
        except OSError:
            return

    def _stream(self, manner: str) -> None:
        if manner == "empty":
            self.server.over.wait(30)
            return
        while manner == "endless" and not self.server.over.is_set():
            self.wfile.write(b"\x00\x01 no picture, no head, no end " * 2000)
        while manner == "drips" and not self.server.over.wait(0.1):
            self.wfile.write(b"-")
        number = 0
        started = time.monotonic()
        while not self.server.over.is_set():
            if manner == "half_way" and number == 5:
                self.server.over.wait(30)
                return
            jpeg = b"not a picture" if manner == "garbage" else self.server.frames[number % len(self.server.frames)]
            jpeg = jpeg[: len(jpeg) // 2] if manner == "cut" else jpeg
            length = b"" if manner == "no_length" else b"Content-Length: %d\r\n" % len(jpeg)
            self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\n" + length + b"\r\n" + jpeg + b"\r\n")
            number += 1
            self.server.over.wait(max(0.0, started + number / self.server.rate_hz - time.monotonic()))


@pytest.fixture
def camera_server() -> Iterator[CameraServer]:
    """Serves pictures over HTTP on loopback: ``camera_server(pictures, rate_hz=…, manner=…)`` gives the address.

    Manners: stream · no_length · untold · snapshot · silent (never answers) · empty (headers, no picture) · half_way (stops after
    five frames) · garbage · cut, cut_snapshot (every picture lacks its end) · endless (bytes that are nothing) · drips · an HTTP status.
    """
    running: list[tuple[Any, threading.Thread]] = []

    def serve(pictures: list[Picture], *, rate_hz: float = 25, manner: str | int = "stream", password: str = "") -> str:
        server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Camera)
        server.frames = [cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes() for picture in pictures]
        server.rate_hz, server.manner, server.password, server.over = rate_hz, manner, password, threading.Event()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{server.server_address[1]}/live"

    yield serve
    for server, thread in running:
        server.over.set()
        server.shutdown()
        thread.join(10)
        server.server_close()
