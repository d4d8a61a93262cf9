"""Films a scene: sensor noise, a clip of three seconds, encoded as a camera would; and its approved view."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Literal

import numpy as np

from bench.camera.faults import Grain, Maker
from probes.camera.measure import Picture

SECONDS, _FROZEN_S = 3.0, 6.0
"""A freeze lasts; what a codec refines of it in the first seconds is no movement."""
_RATE_HZ, _FAST_HZ = 15, 30
_SENSOR_NOISE = 1.5
LOST_SHARES = (0.1, 0.2, 0.4)
"""Of the frames, by level."""
_ENCODERS = {
    "h264": ["-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-pix_fmt", "yuv420p", "-f", "matroska"],
    "mjpeg": ["-c:v", "mjpeg", "-q:v", "4", "-pix_fmt", "yuvj422p", "-f", "matroska"],
}


def film(view: Picture, code: str, make: Maker, level: int, path: Path, *, codec: Literal["h264", "mjpeg"], seed: int) -> None:
    """Write a clip of the view through `make`.

    Args:
        view: The scene.
        code: The fault; a frozen picture repeats its first frame, and lost frames leave gaps.
        make: What goes wrong, before the sensor's noise where that belongs (a lens), after it where it does not.
        level: Of the fault.
        path: Of the clip.
        codec: What encodes it.
        seed: Of the noise.
    """
    rate_hz = _FAST_HZ if code in {"camera.banding", "camera.dropped_frames"} else _RATE_HZ
    frames = round((_FROZEN_S if code == "camera.frozen" else SECONDS) * rate_hz)
    lost_share = LOST_SHARES[level] if code == "camera.dropped_frames" else 0.0
    lost = np.sort(np.random.default_rng(seed).choice(np.arange(1, frames - 1), round(lost_share * frames), replace=False))
    grain, (height, width) = Grain(seed), view.shape[:2]
    raw = ["-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{width}x{height}", "-r", str(rate_hz), "-i", "-"]
    gone = "+".join(rf"eq(n\,{number})" for number in lost)
    thinned = ["-vf", f"select=not({gone})", "-vsync", "vfr"] if gone else []
    command = ["ffmpeg", "-v", "error", "-y", *raw, *thinned, *_ENCODERS[codec], str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
        assert encoder.stdin is not None
        frame = view
        for number in range(frames):
            if number == 0 or code != "camera.frozen":
                noise = grain.coarse(view.shape) * np.float32(_SENSOR_NOISE)
                frame = np.asarray(np.clip(np.round(make(view, level, number / rate_hz, grain) + noise), 0, 255), np.uint8)
            encoder.stdin.write(frame.tobytes())
        encoder.stdin.close()
    if encoder.returncode:
        raise RuntimeError(f"ffmpeg could not write {path}")
