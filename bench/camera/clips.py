"""Films a scene: sensor noise, a clip of three seconds, encoded as a camera would; and its approved view."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from bench.camera.faults import Maker
from probes.camera.measure import Picture

SECONDS, _RATE_HZ = 3.0, 15
_SENSOR_NOISE = 1.5
_ENCODERS = {
    "h264": ["-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-pix_fmt", "yuv420p", "-f", "mp4"],
    "mjpeg": ["-c:v", "mjpeg", "-q:v", "4", "-pix_fmt", "yuvj422p", "-f", "avi"],
}


def film(view: Picture, make: Maker, level: int, path: Path, *, codec: Literal["h264", "mjpeg"], seed: int, still: bool = False) -> None:
    """Write a clip of the view through `make`.

    Args:
        view: The scene.
        make: What goes wrong, before the sensor's noise where that belongs (a lens), after it where it does not.
        level: Of the fault.
        path: Of the clip.
        codec: What encodes it.
        seed: Of the noise.
        still: The picture hangs: every frame is the first one.
    """
    rng, height, width = np.random.default_rng(seed), *view.shape[:2]
    raw = ["-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{width}x{height}", "-r", str(_RATE_HZ), "-i", "-"]
    command = ["ffmpeg", "-v", "error", "-y", *raw, *_ENCODERS[codec], str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
        assert encoder.stdin is not None
        frame = view
        for number in range(round(SECONDS * _RATE_HZ)):
            if number == 0 or not still:
                noise = cv2.resize(rng.standard_normal((height // 2, width // 2, 3)).astype(np.float32), (width, height)) * _SENSOR_NOISE
                frame = np.asarray(np.clip(np.round(make(view, level, number, rng) + noise), 0, 255), np.uint8)
            encoder.stdin.write(frame.tobytes())
        encoder.stdin.close()
    if encoder.returncode:
        raise RuntimeError(f"ffmpeg could not write {path}")
