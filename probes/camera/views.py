"""The approved views of a camera's named presets: where each picture lies and where the camera said that it looked. Imports no OpenCV."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec

from probes.camera.ptz import Position

_LOG = logging.getLogger(__name__)
VIEWS_FILE = "camera_views.json"
"""In the state directory."""


class View(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One approved view.

    Attributes:
        preset: Its name.
        file: Its picture, in the state directory.
        position: Where the camera said that it looked when it was recorded; None if it did not tell.
    """

    preset: str
    file: str
    position: Position | None = None


def load_views(state_directory: str) -> tuple[View, ...]:
    """What has been approved; none yet, or none that can be read, is an empty tuple."""
    if not state_directory:
        return ()
    path = Path(state_directory) / VIEWS_FILE
    try:
        return tuple(msgspec.json.decode(path.read_bytes(), type=list[View]))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        _LOG.warning("%s is left unread: %s", path, error)
        return ()
