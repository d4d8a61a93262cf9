"""Opens a camera, an address or a file and yields frames with their time. With `http_stream` and `v4l2` the only part that touches devices.

Every way of not getting a picture ends in one `NoPictureError`, whose failure and fault code are decided here.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import cv2
import numpy as np

from contract.readings import Failure
from probes.camera import http_stream, v4l2
from probes.camera.limits import CameraLimits
from probes.camera.measure import Picture
from probes.camera.trouble import NoPictureError

STEP_S = 0.1
"""Of a fast stream, one frame in this time is looked at, the next one is compared with it, and the others are only counted."""
_SETTLE_S = 0.5
"""A webcam's exposure needs this long after it was opened."""
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
_HD = 1280, 720
_STAMP_ERROR_S = 0.5
"""A driver's stamps may differ so much from the arrival, by frames that wait in its buffers."""
_TAIL_BYTES = 4096

cv2.setNumThreads(1)
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


@dataclass(frozen=True, slots=True)
class Shot:
    """One frame.

    Attributes:
        at_s: Seconds from the first frame: arrival by the monotonic clock, or presentation time of a file.
        picture: BGR, or None for a frame that was only counted.
        stamp_s: When the source says that it was taken, in seconds from any moment; None where only its arrival is known.
        follows: It is there only to be compared with the one right before it.
    """

    at_s: float
    picture: Picture | None
    stamp_s: float | None = None
    follows: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """An opened source.

    Attributes:
        name: What it is, without credentials.
        live: Frames come in real time; otherwise as fast as they are read.
        still: A single picture: nothing can be said of movement or rate.
        shots: The frames; ends by itself. Raises `NoPictureError`.
    """

    name: str
    live: bool
    still: bool
    shots: Iterator[Shot]


def open_source(source: str, limits: CameraLimits, deadline_s: float) -> Source:
    """Open what `source` names.

    Args:
        source: As in `CameraSettings.source`.
        limits: How long a look is, and how long to wait.
        deadline_s: Instant of the monotonic clock at which everything must be over.

    Raises:
        NoPictureError: if it cannot be opened.
    """
    name = shown(source)
    lowered = source.lower()
    if lowered.startswith(("http://", "https://")):
        return _http(source, name, limits, deadline_s)
    if lowered.startswith(("rtsp://", "rtsps://")):
        _knock(source, limits, deadline_s)
        return Source(name, live=True, still=False, shots=_live(lambda: _ffmpeg(source, limits, deadline_s), limits, deadline_s))
    if source == "" or source.isdigit() or source.startswith("/dev/"):
        path = v4l2.first_device() if source == "" else f"/dev/video{source}" if source.isdigit() else source
        v4l2.require_signal(path)
        shots = _live(lambda: _device(path), limits, deadline_s, settle_s=_SETTLE_S, why=lambda: v4l2.require_signal(path))
        return Source(path, live=True, still=False, shots=shots)
    return _file(Path(source), name, deadline_s)


def shown(source: str) -> str:
    """A source as it may be shown: addresses without user, password and query."""
    if "://" not in source:
        return source
    parts = urlsplit(source)
    host = parts.hostname or ""
    with contextlib.suppress(ValueError):
        host += f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{parts.path}"


def _http(source: str, name: str, limits: CameraLimits, deadline_s: float) -> Source:
    stream = http_stream.connect(source, limits, deadline_s)
    if stream.kind is http_stream.Kind.OTHER:
        stream.close()
        return Source(name, live=True, still=False, shots=_live(lambda: _ffmpeg(source, limits, deadline_s), limits, deadline_s))
    still = stream.kind is http_stream.Kind.STILL

    def shots() -> Iterator[Shot]:
        # Frames are kept compressed until the look is over, so that decoding does not slow the arrival that is being timed.
        arrived = [(at_s, jpeg) for at_s, jpeg in stream.pictures()]
        turn = _Turn()
        for at_s, jpeg in arrived:
            role = turn.of(at_s)
            picture = _decoded(jpeg) if role else None
            yield turn.shot(at_s, None, picture, role)
        if not turn.looked and arrived:
            raise NoPictureError(Failure.BAD_DATA, "camera.no_signal", seen="unreadable")

    return Source(name, live=True, still=still, shots=shots())


def _decoded(compressed: bytes) -> Picture | None:
    """The picture; None if it cannot be read, or is a JPEG without its end: the decoder would fill the rest with grey."""
    if compressed[:2] == b"\xff\xd8" and b"\xff\xd9" not in compressed[-_TAIL_BYTES:]:
        return None
    try:
        picture = cv2.imdecode(np.frombuffer(compressed, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if picture is None else np.asarray(picture, np.uint8)


def _file(path: Path, name: str, deadline_s: float) -> Source:
    try:
        with path.open("rb") as opened:
            empty = not opened.read(1)
    except FileNotFoundError:
        raise NoPictureError(Failure.ABSENT, "camera.absent") from None
    except PermissionError:
        raise NoPictureError(Failure.PERMISSION) from None
    except OSError:
        raise NoPictureError(Failure.BAD_DATA) from None
    if empty:
        raise NoPictureError(Failure.BAD_DATA)
    if path.suffix.lower() in _PICTURES:
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is None:
            raise NoPictureError(Failure.BAD_DATA)
        return Source(name, live=False, still=True, shots=iter([Shot(0.0, np.asarray(picture, np.uint8))]))
    return Source(name, live=False, still=False, shots=_recording(path, deadline_s))


def _recording(path: Path, deadline_s: float) -> Iterator[Shot]:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    try:
        if not capture.isOpened():
            raise NoPictureError(Failure.BAD_DATA)
        first_s: float | None = None
        at_s, number, turn = 0.0, 0, _Turn()
        rate_hz = capture.get(cv2.CAP_PROP_FPS)
        while time.monotonic() < deadline_s and capture.grab():
            stamp_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            first_s = stamp_s if first_s is None else first_s
            # Some containers give no times, or times that stand still: then the nominal rate must do.
            later = stamp_s - first_s
            at_s = later if later > at_s or number == 0 else at_s + (1 / rate_hz if rate_hz > 0 else 0.04)
            number += 1
            role = turn.of(at_s)
            yield turn.shot(at_s, at_s, _retrieved(capture) if role else None, role)
        if number == 0:
            raise NoPictureError(Failure.BAD_DATA)
    finally:
        capture.release()


class _Turn:
    """Which frames are looked at: one in `STEP_S`, and the next one to be compared with it.

    Attributes:
        taken_s: When the last one came that could be looked at.
        looked: Whether there was one.
    """

    def __init__(self) -> None:
        self.taken_s, self.looked = -STEP_S, False
        self._follows = False

    def of(self, at_s: float) -> Literal["", "looked at", "follows"]:
        """What the frame of this moment is for; empty: it is only counted."""
        return "looked at" if at_s - self.taken_s >= STEP_S * 0.9 else "follows" if self._follows else ""

    def shot(self, at_s: float, stamp_s: float | None, picture: Picture | None, role: str) -> Shot:
        """The frame, with its picture where it could be read."""
        self._follows = role == "looked at" and picture is not None
        if self._follows:
            self.taken_s, self.looked = at_s, True
        return Shot(at_s, picture, stamp_s, follows=role == "follows")


def _retrieved(capture: Any) -> Picture | None:
    read, frame = capture.retrieve()
    return np.asarray(frame, np.uint8) if read else None


def _device(path: str) -> Any:
    # MJPG first: over USB 2 a camera gives uncompressed 720p at 5 to 10 frames a second only.
    wanted = [cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"), cv2.CAP_PROP_FRAME_WIDTH, _HD[0], cv2.CAP_PROP_FRAME_HEIGHT, _HD[1]]
    return cv2.VideoCapture(path, cv2.CAP_V4L2, wanted)


def _ffmpeg(source: str, limits: CameraLimits, deadline_s: float) -> Any:
    os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "rtsp_transport;tcp"
    left_ms = max(1, int(1000 * (deadline_s - time.monotonic())))
    options = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        min(left_ms, int(1000 * limits.open_s)),
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
        min(left_ms, int(1000 * limits.no_frame_s)),
        cv2.CAP_PROP_N_THREADS,
        1,
    ]
    return cv2.VideoCapture(source, cv2.CAP_FFMPEG, options)


def _nothing_known() -> None:
    """A stream cannot be asked why it gives no picture."""


def _live(
    opener: Callable[[], Any],
    limits: CameraLimits,
    deadline_s: float,
    *,
    settle_s: float = 0.0,
    why: Callable[[], None] = _nothing_known,
) -> Iterator[Shot]:
    """One look through OpenCV: frames are counted as they come, one in `STEP_S` is decoded.

    `why` is asked when there is no picture, because OpenCV hides the cause: it raises what it knows, for example that the
    conferencing system took the camera in the meantime, or that it was unplugged.
    """
    capture = opener()
    try:
        if not capture.isOpened():
            capture.release()
            why()
            raise NoPictureError(Failure.TIMEOUT, "camera.no_signal", seen="not_opened")
        opened_s = time.monotonic()
        first_s: float | None = None
        counted, turn = 0, _Turn()
        clock = _FrameClock(capture)
        while time.monotonic() < deadline_s:
            grabbed = capture.grab()
            now_s = time.monotonic()
            if not grabbed or now_s - opened_s > settle_s + limits.look_s + limits.no_frame_s:
                break
            if now_s - opened_s < settle_s:
                continue
            first_s = now_s if first_s is None else first_s
            at_s = clock.at_s(now_s - first_s)
            counted += 1
            role = turn.of(at_s)
            yield turn.shot(at_s, clock.stamp_s, _retrieved(capture) if role else None, role)
            if at_s >= limits.look_s and counted >= http_stream.LEAST_FRAMES:
                return
        if not turn.looked or time.monotonic() - opened_s - turn.taken_s >= limits.no_frame_s:
            capture.release()
            why()
            raise NoPictureError(Failure.TIMEOUT, "camera.no_signal", seen="stalled" if counted else "no_frame")
    finally:
        capture.release()


class _FrameClock:
    """When the frames of a device were taken, by the driver's stamps: our own work then delays none, and a frame that is missing is a gap.

    A driver whose stamps are missing, stand still or run away from the monotonic clock is not believed: then arrival counts. A network
    camera's stamps run by its own clock, so they are told beside the arrival.

    Attributes:
        stamp_s: Of the frame that was just grabbed, by the source; None where it tells none that can be believed.
    """

    def __init__(self, capture: Any) -> None:
        self._capture = capture
        self._first_s: float | None = None
        self._last_s = -1.0
        self._believed = True
        self._local = capture.getBackendName() == "V4L2"
        self.stamp_s: float | None = None

    def at_s(self, arrived_s: float) -> float:
        """Seconds from the first frame to the one that was just grabbed, which arrived `arrived_s` after it."""
        before_s, self.stamp_s = self.stamp_s, None
        if self._believed:
            stamp_s = float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
            self._first_s = stamp_s if self._first_s is None else self._first_s
            at_s = stamp_s - self._first_s
            advances = before_s is None or stamp_s > before_s
            self._believed = advances and (
                not self._local or (stamp_s > 0 and at_s > self._last_s and abs(at_s - arrived_s) < _STAMP_ERROR_S)
            )
            if self._believed:
                self.stamp_s = stamp_s
                if self._local:
                    self._last_s = at_s
                    return at_s
        # Time never runs backwards, also where the driver is believed no longer.
        self._last_s = max(arrived_s, self._last_s)
        return self._last_s


def _knock(source: str, limits: CameraLimits, deadline_s: float) -> None:
    """See whether an RTSP camera's door opens at all, before FFmpeg waits at it without saying why it failed."""
    parts = urlsplit(source)
    try:
        port = parts.port or (322 if parts.scheme.lower() == "rtsps" else 554)
    except ValueError:
        raise NoPictureError(Failure.BAD_DATA) from None
    left_s = max(0.1, min(limits.open_s, deadline_s - time.monotonic()))
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=left_s):
            return
    except OSError as error:
        raise http_stream.no_connection(error) from None
