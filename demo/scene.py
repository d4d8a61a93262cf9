"""A meeting room in front of a network camera: a moving scene served as MJPEG over HTTP, whose lens can be covered.

Drawn, because no camera is at hand: textured walls and table, people who move, sensor noise. The camera probe reads it
through its ordinary HTTP source.
"""

from __future__ import annotations

import http.server
import threading
import time
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
WIDTH_PX, HEIGHT_PX, RATE_HZ = 1280, 720, 15
LOOP_FRAMES = 45
"""Three seconds of movement, encoded once and repeated: serving then costs next to nothing."""
NOISE_SD = 2.5
"""Sensor noise, grey levels."""


def draw_room(seed: int) -> Frame:
    """An empty room: wall with a shaded gradient and texture, window, flag, table with papers. BGR, uint8."""
    rng = np.random.default_rng(seed)
    wall = np.linspace(150, 195, HEIGHT_PX)[:, None, None] * np.array([0.93, 0.97, 1.0])[None, None, :]
    room = np.broadcast_to(wall, (HEIGHT_PX, WIDTH_PX, 3)).copy()
    room *= np.linspace(0.82, 1.06, WIDTH_PX)[None, :, None]
    room += cv2.resize(rng.normal(0, 9, (90, 160)), (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_CUBIC)[:, :, None]
    picture = np.clip(room, 0, 255).astype(np.uint8)
    left = int(rng.integers(60, 240))
    cv2.rectangle(picture, (left, 80), (left + 260, 330), (70, 90, 110), 12)
    cv2.rectangle(picture, (left + 8, 88), (left + 252, 322), (225, 215, 190), -1)
    for bar in range(4):
        cv2.line(picture, (left + 50 + 50 * bar, 88), (left + 50 + 50 * bar, 322), (120, 130, 140), 5)
    board = int(rng.integers(760, 900))
    cv2.rectangle(picture, (board, 90), (board + 330, 260), (40, 40, 170), -1)
    cv2.rectangle(picture, (board, 90), (board + 330, 260), (30, 30, 60), 6)
    for row, line in enumerate(("HOP TRUC TUYEN", f"DIEM CAU {seed}", "UBND TINH")):
        cv2.putText(picture, line, (board + 22, 135 + 45 * row), cv2.FONT_HERSHEY_DUPLEX, 1.1, (90, 220, 240), 2)
    cv2.fillPoly(picture, [np.array([[0, 720], [120, 520], [1160, 520], [1280, 720]], np.int32)], (45, 70, 110))
    for _ in range(14):
        x, y = int(rng.integers(150, 1080)), int(rng.integers(545, 690))
        cv2.rectangle(picture, (x, y), (x + int(rng.integers(50, 110)), y + 22), (215, 225, 230), -1)
        cv2.line(picture, (x + 6, y + 8), (x + 44, y + 8), (80, 80, 80), 2)
    grain = rng.integers(-12, 13, (HEIGHT_PX // 2, WIDTH_PX // 2, 1)).repeat(2, 0).repeat(2, 1)
    grainy: Frame = np.clip(picture.astype(np.int16) + grain, 0, 255).astype(np.uint8)
    return grainy


def people(room: Frame, moment: float, seed: int) -> Frame:
    """The room with its people at `moment` (0..1 of the loop): heads nod, hands move."""
    picture = room.copy()
    swing = 2 * np.pi * moment
    for person in range(4):
        x = 230 + 250 * person + int(9 * np.sin(swing + 1.7 * person + seed))
        y = 400 + int(5 * np.cos(2 * swing + person))
        shirt = ((90, 60, 40), (200, 200, 205), (60, 90, 50), (50, 50, 70))[(person + seed) % 4]
        cv2.ellipse(picture, (x, y + 140), (84, 110), 0, 180, 360, shirt, -1)
        cv2.ellipse(picture, (x, y), (40, 52), 0, 0, 360, (135, 165, 205), -1)
        cv2.ellipse(picture, (x, y - 20), (42, 36), 0, 180, 360, (25, 25, 30), -1)
        cv2.circle(picture, (x - 14, y), 4, (30, 30, 30), -1)
        cv2.circle(picture, (x + 14, y), 4, (30, 30, 30), -1)
        hand = (x + 70 + int(22 * np.sin(2 * swing + person)), y + 120 + int(14 * np.cos(3 * swing + seed)))
        cv2.circle(picture, hand, 15, (140, 170, 210), -1)
    return picture


def lens_covered() -> Frame:
    """What a camera sees under a cloth: nearly black, a little light leaking in at one side."""
    leak = np.linspace(14, 5, WIDTH_PX)[None, :, None] * np.array([0.7, 0.8, 1.0])[None, None, :]
    return np.broadcast_to(leak, (HEIGHT_PX, WIDTH_PX, 3)).astype(np.uint8)


def encode_loop(pictures: list[Frame], seed: int) -> list[bytes]:
    """JPEG of each picture, with fresh sensor noise."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, NOISE_SD, (8, HEIGHT_PX, WIDTH_PX, 1))
    loop = []
    for index, picture in enumerate(pictures):
        noisy = np.clip(picture + np.roll(noise[index % 8], 37 * index, axis=1), 0, 255).astype(np.uint8)
        loop.append(cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())
    return loop


class RoomCamera:
    """A network camera in one room.

    Attributes:
        url: Where the stream is.
    """

    def __init__(self, seed: int) -> None:
        room = draw_room(seed)
        self._open = encode_loop([people(room, index / LOOP_FRAMES, seed) for index in range(LOOP_FRAMES)], seed)
        self._shut = encode_loop([lens_covered()] * 8, seed)
        self._covered = threading.Event()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Stream,), {"camera": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/camera.mjpg"
        threading.Thread(target=self._server.serve_forever, name=f"camera-{seed}", daemon=True).start()

    def cover(self) -> float:
        """Put a cloth over the lens; returns the moment, seconds since the epoch."""
        self._covered.set()
        return time.time()

    def uncover(self) -> float:
        """Take it off again."""
        self._covered.clear()
        return time.time()

    def frame(self, index: int) -> bytes:
        """JPEG of frame number `index`."""
        loop = self._shut if self._covered.is_set() else self._open
        return loop[index % len(loop)]

    def close(self) -> None:
        """Switch the camera off."""
        self._server.shutdown()
        self._server.server_close()


class _Stream(http.server.BaseHTTPRequestHandler):
    camera: ClassVar[RoomCamera]

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        began = time.monotonic()
        index = int(began * RATE_HZ)
        try:
            while True:
                jpeg = self.camera.frame(index)
                self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg) + jpeg + b"\r\n")
                index += 1
                time.sleep(max(0.0, index / RATE_HZ - time.monotonic()))
        except OSError:
            return  # the look is over

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the base class's name
        """Be silent."""
