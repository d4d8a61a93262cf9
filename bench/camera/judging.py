"""Films one case, looks at it without and with the approved view, and asks ffmpeg's filter for the same fault."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from bench.camera import clips
from bench.camera.faults import CLEAN, FAULTS
from bench.camera.material import SCENES, view_of
from probes.camera.limits import CameraLimits, CameraSettings
from probes.camera.probe import run
from probes.interface import Look

_PEERS = {"camera.black": "blackdetect=d=1", "camera.frozen": "freezedetect=d=1", "camera.blurred": "blurdetect,metadata=print:file=-"}
_FFMPEG_BLURRED = 7.0
"""ffmpeg's blurriness from which a clip is called blurred here; its own documentation gives no limit."""


class Case(NamedTuple):
    """One clip to make and look at.

    Attributes:
        scene: Number in `SCENES`.
        code: Fault code; empty where it is well.
        what: Fault or oddity.
        level: 0 to 2.
    """

    scene: int
    code: str
    what: str
    level: int


class Verdict(NamedTuple):
    """What was told of one clip, and what it cost.

    Attributes:
        case: The clip.
        alone: Codes without the approved view.
        against: Codes with it.
        peer: What ffmpeg's filter for this fault says; None where it has none.
        peer_false: Faults that ffmpeg's filters see in a clip that is well.
        cost_s: Processor time of one look.
        looks: How many looks were taken.
    """

    case: Case
    alone: tuple[str, ...]
    against: tuple[str, ...]
    peer: bool | None
    peer_false: tuple[str, ...]
    cost_s: float
    looks: int


def judged(case: Case) -> Verdict:
    """Film one clip and look at it, without and with the approved view."""
    view = view_of(SCENES[case.scene])
    assert view is not None
    make = FAULTS[case.code][0] if case.code else CLEAN[case.what]
    # A different codec for each neighbour, so that every scene and level meets both.
    codec = ("h264", "mjpeg")[(case.scene + case.level) % 2]
    with tempfile.TemporaryDirectory() as name:
        clip, reference = Path(name) / "clip.mkv", Path(name) / "reference.png"
        clips.film(view, case.code, make, case.level, clip, codec=codec, seed=case.scene * 97 + case.level)  # type: ignore[arg-type]
        cv2.imwrite(str(reference), view)
        began_s = time.process_time()
        alone = _codes(CameraSettings(source=str(clip), hd_required=False))
        against = _codes(CameraSettings(source=str(clip), reference=str(reference), hd_required=False))
        cost_s = (time.process_time() - began_s) / 2 / clips.SECONDS
        false = () if case.code else tuple(code for code in _PEERS if _of_peer(code, clip))
        return Verdict(case, alone, against, _of_peer(case.code, clip), false, cost_s, 2)


def _codes(settings: CameraSettings) -> tuple[str, ...]:
    report = run(settings, CameraLimits(), Look(deadline_s=60))
    return tuple(sorted({finding.code for finding in report.findings}))


def _of_peer(code: str, clip: Path) -> bool | None:
    if code not in _PEERS:
        return None
    command = ["ffmpeg", "-nostdin", "-v", "info", "-i", str(clip), "-vf", _PEERS[code], "-an", "-f", "null", "-"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    if code != "camera.blurred":
        return ("black_start" if code == "camera.black" else "freeze_start") in told.stderr
    values = [float(line.rsplit("=", 1)[1]) for line in told.stdout.splitlines() if "lavfi.blur=" in line]
    return bool(values) and float(np.median(values)) > _FFMPEG_BLURRED
