"""The machine's own camera and microphone, where there are any: the second site of the play looks and listens through them."""

from __future__ import annotations

import os
from pathlib import Path


def own_camera(folder: Path = Path("/dev")) -> str:
    """First camera that may be read; empty if there is none."""
    return next((str(path) for path in sorted(folder.glob("video[0-9]*")) if os.access(path, os.R_OK | os.W_OK)), "")


def own_microphone(cards: Path = Path("/proc/asound/pcm")) -> str:
    """Name of ALSA's default device if a sound card can record; empty otherwise."""
    try:
        text = cards.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "default" if ": capture " in text else ""
