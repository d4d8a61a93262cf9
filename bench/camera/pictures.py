"""``python -m bench.camera.pictures``: draws the injected faults and oddities of a drawn room into ``docs/pictures``.

Two sheets, three levels in a row each: what must be told, and what must not.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from bench.camera.faults import CLEAN, FAULTS, LEVELS, Grain, Maker
from demo.scene import draw_room, people
from probes.camera.measure import Picture

_PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
_THUMB_PX = 240, 135
_NAME_PX, _LINE_PX = 150, 20
_UNSEEN = {"camera.frozen", "camera.dropped_frames"}
"""One picture does not show them."""
_QUALITY = 88


def main() -> None:
    """Draw both sheets."""
    room = np.asarray(people(draw_room(3), 0.3, 3), np.uint8)
    faults = {code.removeprefix("camera."): make for code, (make, _) in FAULTS.items() if code not in _UNSEEN}
    for name, makers in (("camera-faults.jpg", faults), ("camera-clean.jpg", CLEAN)):
        cv2.imwrite(str(_PICTURES / name), _sheet(room, makers), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])


def _sheet(room: Picture, makers: dict[str, Maker]) -> Picture:
    """Two columns of rows; a row is a name and its three levels."""
    rows = [_row(room, name, make) for name, make in makers.items()]
    rows += [np.full_like(rows[0], 255)] * (len(rows) % 2)
    half = len(rows) // 2
    columns = [np.vstack([_heading(), *rows[start : start + half]]) for start in (0, half)]
    return np.hstack(columns)


def _row(room: Picture, name: str, make: Maker) -> Picture:
    label = np.full((_THUMB_PX[1], _NAME_PX, 3), 255, np.uint8)
    cv2.putText(label, name.replace("_", " "), (6, _THUMB_PX[1] // 2), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (20, 20, 20), 1, cv2.LINE_AA)
    thumbs = [cv2.resize(make(room, level, 2.0, Grain(level)), _THUMB_PX, interpolation=cv2.INTER_AREA) for level in range(len(LEVELS))]
    framed = [cv2.copyMakeBorder(thumb[2:-2, 2:-2], 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=(255, 255, 255)) for thumb in thumbs]
    return np.hstack([label, *(np.asarray(thumb, np.uint8) for thumb in framed)])


def _heading() -> Picture:
    line = np.full((_LINE_PX, _NAME_PX + len(LEVELS) * _THUMB_PX[0], 3), 255, np.uint8)
    for number, level in enumerate(LEVELS):
        cv2.putText(line, level, (_NAME_PX + number * _THUMB_PX[0] + 4, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (90, 90, 90), 1, cv2.LINE_AA)
    return line


if __name__ == "__main__":
    main()
