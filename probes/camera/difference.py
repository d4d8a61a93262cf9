"""Draws how a view differs from the approved one, for the technician at the site; the picture stays on the site's own disk."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from probes.camera import pose
from probes.camera.measure import SMALL_PX, Picture, gray_of, shrunk
from probes.camera.pose import landmarks_of
from probes.camera.reference import write_picture

_FRAME = (0, 220, 255)
_ARROW = (60, 230, 60)


def draw_difference(now: Picture, approved: Picture, path: Path) -> None:
    """Write three pictures side by side as PNG: the approved view, the view now, and both laid over each other.

    In the third the approved view is red and the present one cyan: what is in its place is grey. The yellow frame is where the approved
    view lies now, the green arrow how its centre has moved; both are missing where no movement could be established.

    Args:
        now: BGR picture of the camera.
        approved: BGR picture of the approved view.
        path: Where it goes; readable by the owner only.
    """
    small = shrunk(approved, SMALL_PX)
    height, width = small.shape[:2]
    present = np.asarray(cv2.resize(now, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    approved_gray, present_gray = gray_of(small), gray_of(present)
    over = np.dstack([present_gray, present_gray, approved_gray])
    transform = pose._similarity(landmarks_of(present_gray), landmarks_of(approved_gray))
    if transform is not None:
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height], [width / 2, height / 2]])
        moved = np.rint(corners @ transform[:, :2].T + transform[:, 2]).astype(np.int32)
        cv2.polylines(over, [moved[:4].reshape(-1, 1, 2)], isClosed=True, color=_FRAME, thickness=2, lineType=cv2.LINE_AA)
        cv2.arrowedLine(over, (width // 2, height // 2), tuple(int(each) for each in moved[4]), _ARROW, 2, cv2.LINE_AA)
    write_picture(path, np.hstack([small, present, over]))
