"""Figures leave a site, pictures do not: no look says, keeps or could send one (R9)."""

from __future__ import annotations

import base64
import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from contract import messages
from contract.catalog import FAULTS
from edge_agent.page import server
from probes.camera.limits import CameraLimits, CameraSettings
from probes.camera.reference import record_reference
from probes.interface import Look
from probes.registry import PROBES

RoomMaker = Callable[..., NDArray[np.uint8]]
_MOST_BYTES = 8_000
"""Of a report in JSON; the smallest picture in which a face is known has more."""
_LONGEST_WORD = 300


def _leaves(content: Any) -> Iterator[Any]:
    if isinstance(content, dict):
        for each in content.values():
            yield from _leaves(each)
    elif isinstance(content, list | tuple):
        for each in content:
            yield from _leaves(each)
    else:
        yield content


def _look(source: Path, state: Path) -> bytes:
    """What one look in a child says, all of it: standard output and standard error."""
    request = {
        "probe": "camera",
        "settings": msgspec.to_builtins(CameraSettings(source=str(source))),
        "limits": msgspec.to_builtins(CameraLimits()),
        "look": msgspec.to_builtins(Look(phase="live", deadline_s=60, state_directory=str(state))),  # type: ignore[arg-type]
    }
    ran = subprocess.run([sys.executable, "-m", "probes"], input=msgspec.json.encode(request), capture_output=True, check=True, timeout=100)
    return ran.stdout + ran.stderr


@pytest.mark.req("R9")
@pytest.mark.parametrize("moved_px", [0, 90])
def test_a_look_says_figures_only_and_keeps_nothing(room: RoomMaker, tmp_path: Path, moved_px: int) -> None:
    source, state = tmp_path / "room.png", tmp_path / "state"
    cv2.imwrite(str(source), room(1))
    record_reference(CameraSettings(source=str(source)), state / "camera_reference.png")
    cv2.imwrite(str(source), np.roll(room(1, people=2), moved_px, axis=1))
    said = _look(source, state)
    assert len(said) < _MOST_BYTES
    words = [leaf for leaf in _leaves(msgspec.json.decode(said)) if isinstance(leaf, str)]
    assert max(len(word) for word in words) < _LONGEST_WORD
    assert base64.b64encode(source.read_bytes())[100:160] not in said
    assert [each.name for each in state.iterdir()] == ["camera_reference.png"], "not even a picture of a fault is kept"


@pytest.mark.req("R9")
def test_no_message_to_the_center_could_carry_a_picture() -> None:
    """No field of any message is made of bytes: a picture has no place in the protocol, so that no configuration can let one out."""
    assert len(messages._DATA_TYPE) > 7
    for kind, carried in messages._DATA_TYPE.items():
        assert b"contentEncoding" not in msgspec.json.encode(msgspec.json.schema(carried)), kind
    assert b"contentEncoding" in msgspec.json.encode(msgspec.json.schema(bytes)), "how msgspec says that a field is made of bytes"


@pytest.mark.req("R9")
def test_no_setting_lets_a_picture_out() -> None:
    """Should one ever be added, this fails, and asks for the line in the log and the sign on the page that it then needs."""
    names = {name for entry in PROBES.values() for kind in (entry.settings, entry.limits) for name in kind.__struct_fields__}
    assert {name for name in names if "picture" in name or "snapshot" in name or "image" in name} == {"keep_pictures"}
    assert all("{picture}" not in spec.vi + spec.en for spec in FAULTS.values())


def test_the_local_page_serves_no_picture() -> None:
    source = inspect.getsource(server)
    assert ".png" not in source
    assert "image/" not in source.replace("image/svg+xml", "")
