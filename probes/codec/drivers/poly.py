"""Poly VideoOS and RealPresence Group: JSON over HTTPS within a session (``/rest``). Only reads, and leaves its session."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec

from contract.readings import Failure
from probes.child import word
from probes.codec.drivers.api import Api, ApiError
from probes.codec.facts import Facts

_LONGEST_WORD = 60
_JSON = {"Content-Type": "application/json", "Accept": "application/json"}


def ask(api: Api) -> Facts:
    """Enter, read once, leave: a system has room for some sessions only."""
    api.ask("/rest/session", method="POST", body=msgspec.json.encode({"user": api.user, "password": api.password}), heads=_JSON)
    try:
        system = _object(_read(api, "/rest/system"))
        audio = _object(_optional(api, "/rest/audio"))
        conferences, cameras = _optional(api, "/rest/conferences"), _optional(api, "/rest/cameras/near/all")
    finally:
        with contextlib.suppress(ApiError):
            api.ask("/rest/session", method="DELETE", heads=_JSON)
    muted = audio.get("muted")
    return Facts(
        product=_word(system.get("model")) or "Poly",
        software=_word(system.get("softwareVersion")),
        in_call=len(conferences) > 0 if isinstance(conferences, list) else None,
        picture_sources=sum(map(_is_there, cameras)) if isinstance(cameras, list) else None,
        microphones_muted=muted if isinstance(muted, bool) else None,
    )


def _read(api: Api, path: str) -> Any:
    try:
        return msgspec.json.decode(api.ask(path, heads=_JSON))
    except ValueError as error:
        raise ApiError(Failure.BAD_DATA, f"{path}: {error}") from None


def _optional(api: Api, path: str) -> Any:
    """What not every model and mode tells."""
    try:
        return _read(api, path)
    except ApiError as error:
        if error.failure is Failure.TIMEOUT:
            raise
        return None


def _object(said: Any) -> dict[str, Any]:
    return said if isinstance(said, dict) else {}


def _is_there(camera: Any) -> bool:
    return isinstance(camera, dict) and camera.get("connected", True) is not False


def _word(said: Any) -> str | None:
    return word(said.encode(), _LONGEST_WORD) or None if isinstance(said, str) else None
