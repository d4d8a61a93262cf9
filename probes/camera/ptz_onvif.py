"""ONVIF PTZ: SOAP 1.2 over HTTP with a WS-UsernameToken digest (OASIS Web Services Security UsernameToken Profile 1.1, 3.1).

Only what a tour of the presets needs. The camera's clock is asked first, because a digest of another time is refused; addresses that
the camera gives for its services keep their path but not their host, which is wrong behind address translation.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import re
import time
import urllib.error
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from contract.readings import Failure
from probes.camera.ptz import Answer, Position, PtzError

_DEVICE = "http://www.onvif.org/ver10/device/wsdl"
_MEDIA = "http://www.onvif.org/ver10/media/wsdl"
_PTZ = "http://www.onvif.org/ver20/ptz/wsdl"
_WSS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"
_MAX_ANSWER_BYTES = 1024 * 1024
_CHUNK_BYTES = 16 * 1024
_FORBIDDEN = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)
_LEAST_S = 0.05


class _FaultError(Exception):
    """The camera answered with a SOAP fault; the text is its codes and reason, lower case."""


class OnvifCamera:
    """A camera that is spoken to in ONVIF.

    Args:
        host, port: Where its device service answers.
        user, password: Empty: none is sent.
        profile: Media profile; empty: the first that can be turned.
        spans: Ranges of pan, tilt and zoom in the camera's units.
        answer_s: How long one answer is waited for.
        deadline_s: Instant of the monotonic clock by which everything must be over.

    Raises:
        PtzError: nobody answers, the name or password is refused, or nothing can be turned.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        user: str,
        password: str,
        profile: str,
        spans: tuple[float, float, float],
        answer_s: float,
        deadline_s: float,
    ) -> None:
        bare = f"[{host}]" if ":" in host else host
        self._base = f"http://{bare}:{port}"
        self._user, self._password = user, password
        self._spans = spans
        self._answer_s, self._deadline_s = answer_s, deadline_s
        book = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        book.add_password(None, self._base, user, password)
        # Digest only: a password is never sent readable.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPDigestAuthHandler(book))
        self._ahead = timedelta(0)
        self._ahead = self._clock_difference()
        self._media_path, self._ptz_path = self._services()
        self._profile = profile or self._first_profile()
        self._presets = dict(self._all_presets())

    def recall(self, key: str) -> Answer:
        """Ask for a preset by its token or name; a fault is a refusal, silence is silence, and neither proves anything."""
        try:
            self._ask(
                self._ptz_path,
                f'<GotoPreset xmlns="{_PTZ}"><ProfileToken>{escape(self._profile)}</ProfileToken>'
                f"<PresetToken>{escape(self._token(key))}</PresetToken></GotoPreset>",
            )
        except _FaultError:
            return Answer.REFUSED
        except PtzError as error:
            if error.failure in (Failure.TIMEOUT, Failure.BAD_DATA):
                return Answer.SILENT
            raise
        return Answer.ACCEPTED

    def position(self) -> Position:
        """What GetStatus says of the position; its MoveStatus is not looked at, many cameras are always idle by it."""
        try:
            answer = self._ask(
                self._ptz_path, f'<GetStatus xmlns="{_PTZ}"><ProfileToken>{escape(self._profile)}</ProfileToken></GetStatus>'
            )
        except _FaultError:
            raise PtzError(Failure.UNSUPPORTED, "status_refused") from None
        place = self._position_in(next(_named(answer, "Position"), None))
        if place is None:
            raise PtzError(Failure.UNSUPPORTED, "no_position")
        return place

    def preset_position(self, key: str) -> Position | None:
        """Where GetPresets says that it lies; None if it does not tell."""
        return self._position_in(self._presets.get(self._token(key)))

    def close(self) -> None:
        """Nothing stays open between two questions."""

    def _token(self, key: str) -> str:
        """The token of a preset that is given by token or by name."""
        if key not in self._presets:
            for token, preset in self._presets.items():
                if any((name.text or "").strip() == key for name in _named(preset, "Name")):
                    return token
        return key

    def _clock_difference(self) -> timedelta:
        try:
            answer = self._ask("/onvif/device_service", f'<GetSystemDateAndTime xmlns="{_DEVICE}"/>', signed=False)
            said = next(_named(answer, "UTCDateTime"), None)
            if said is None:
                return timedelta(0)
            parts = [int(next(_named(said, name)).text or "") for name in ("Year", "Month", "Day", "Hour", "Minute", "Second")]
            year, month, day, hour, minute, second = parts
            return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC) - datetime.now(UTC)
        except (_FaultError, ValueError, StopIteration):
            return timedelta(0)

    def _services(self) -> tuple[str, str]:
        """Paths of the media and the PTZ service."""
        try:
            answer = self._ask("/onvif/device_service", f'<GetCapabilities xmlns="{_DEVICE}"><Category>All</Category></GetCapabilities>')
        except _FaultError:
            return "/onvif/media_service", "/onvif/ptz_service"
        paths = []
        for name, usual in (("Media", "/onvif/media_service"), ("PTZ", "/onvif/ptz_service")):
            service = next(_named(answer, name), None)
            address = None if service is None else next(_named(service, "XAddr"), None)
            if name == "PTZ" and service is None:
                raise PtzError(Failure.UNSUPPORTED, "no_ptz_service")
            parts = urlsplit((address.text or "").strip()) if address is not None else None
            paths.append(usual if parts is None or not parts.path else parts.path + (f"?{parts.query}" if parts.query else ""))
        return paths[0], paths[1]

    def _first_profile(self) -> str:
        try:
            answer = self._ask(self._media_path, f'<GetProfiles xmlns="{_MEDIA}"/>')
        except _FaultError:
            raise PtzError(Failure.UNSUPPORTED, "no_profiles") from None
        for profile in _named(answer, "Profiles"):
            if next(_named(profile, "PTZConfiguration"), None) is not None and profile.get("token"):
                return str(profile.get("token"))
        raise PtzError(Failure.UNSUPPORTED, "no_profile_that_turns")

    def _all_presets(self) -> Iterator[tuple[str, ET.Element]]:
        try:
            answer = self._ask(
                self._ptz_path, f'<GetPresets xmlns="{_PTZ}"><ProfileToken>{escape(self._profile)}</ProfileToken></GetPresets>'
            )
        except _FaultError:
            return
        for preset in _named(answer, "Preset"):
            yield str(preset.get("token", "")), preset

    def _position_in(self, element: ET.Element | None) -> Position | None:
        if element is None:
            return None
        turned, zoomed = next(_named(element, "PanTilt"), None), next(_named(element, "Zoom"), None)
        try:
            pan = None if turned is None else float(turned.get("x", ""))
            tilt = None if turned is None else float(turned.get("y", ""))
            zoom = None if zoomed is None else float(zoomed.get("x", ""))
        except ValueError:
            raise PtzError(Failure.BAD_DATA, "position_unreadable") from None
        if pan is None and zoom is None:
            return None
        percent = [None if axis is None else 100 * axis / span for axis, span in zip((pan, tilt, zoom), self._spans, strict=True)]
        return Position(pan_percent=percent[0], tilt_percent=percent[1], zoom_percent=percent[2])

    def _ask(self, path: str, body: str, *, signed: bool = True) -> ET.Element:
        """One question.

        Raises:
            _FaultError: the camera answered with a fault that is no refusal of the password.
            PtzError: it did not answer, or refuses name and password.
        """
        header = f"<s:Header>{self._token_header()}</s:Header>" if signed and self._user else ""
        envelope = (
            f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">'
            f"{header}<s:Body>{body}</s:Body></s:Envelope>"
        )
        until_s = min(time.monotonic() + self._answer_s, self._deadline_s)
        status, answer = self._post(path, envelope.encode(), until_s)
        root = _parsed(answer, status)
        fault = next(_named(root, "Fault"), None)
        if fault is None and status < 400:
            return root
        told = " ".join("".join(fault.itertext()).split()).lower() if fault is not None else f"http {status}"
        if status in (401, 403) or "notauthorized" in told or "failedauthentication" in told:
            raise PtzError(Failure.PERMISSION, "not_authorized")
        raise _FaultError(told)

    def _post(self, path: str, envelope: bytes, until_s: float) -> tuple[int, bytes]:
        if time.monotonic() >= self._deadline_s:
            raise PtzError(Failure.TIMEOUT, "deadline")
        request = urllib.request.Request(  # noqa: S310 — the base is ours: http, host and port of the settings
            self._base + path, data=envelope, headers={"Content-Type": "application/soap+xml; charset=utf-8"}
        )
        try:
            try:
                answer = self._opener.open(request, timeout=max(_LEAST_S, until_s - time.monotonic()))
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                return int(answer.status), _read(answer, until_s)
        except TimeoutError:
            raise PtzError(Failure.TIMEOUT, "no_answer") from None
        except urllib.error.URLError as error:
            raise _no_way(error.reason) from None
        except ConnectionRefusedError:
            raise PtzError(Failure.REFUSED, "port_closed") from None
        except UnicodeError:
            # Python's digest knows ASCII only: the camera is not to blame.
            raise PtzError(Failure.PERMISSION, "password_not_ascii") from None
        except (OSError, http.client.HTTPException, ValueError):
            raise PtzError(Failure.BAD_DATA, "unreadable") from None

    def _token_header(self) -> str:
        """Proof that the password is known, without the password."""
        nonce, created = os.urandom(16), f"{datetime.now(UTC) + self._ahead:%Y-%m-%dT%H:%M:%SZ}"
        # SHA-1 is what the profile asks for.
        digest = hashlib.sha1(nonce + created.encode() + self._password.encode(), usedforsecurity=False).digest()
        secext, utility = f"{_WSS}-wssecurity-secext-1.0.xsd", f"{_WSS}-wssecurity-utility-1.0.xsd"
        kind = f"{_WSS}-username-token-profile-1.0#PasswordDigest"
        coding = f"{_WSS}-soap-message-security-1.0#Base64Binary"
        return (
            f'<w:Security xmlns:w="{secext}" xmlns:u="{utility}" s:mustUnderstand="1">'
            f"<w:UsernameToken><w:Username>{escape(self._user)}</w:Username>"
            f'<w:Password Type="{kind}">{base64.b64encode(digest).decode()}</w:Password>'
            f'<w:Nonce EncodingType="{coding}">{base64.b64encode(nonce).decode()}</w:Nonce><u:Created>{created}</u:Created>'
            "</w:UsernameToken></w:Security>"
        )


def _no_way(reason: object) -> PtzError:
    if isinstance(reason, TimeoutError):
        return PtzError(Failure.UNREACHABLE, "no_connection")
    if isinstance(reason, ConnectionRefusedError):
        return PtzError(Failure.REFUSED, "port_closed")
    if isinstance(reason, ConnectionError):
        return PtzError(Failure.BAD_DATA, "hung_up")
    return PtzError(Failure.UNREACHABLE, "no_connection")


def _read(answer: Any, until_s: float) -> bytes:
    """The whole answer; one that drips or has no end is left."""
    told = bytearray()
    while True:
        if time.monotonic() >= until_s:
            raise TimeoutError
        more = answer.read1(_CHUNK_BYTES)
        if not more:
            return bytes(told)
        told += more
        if len(told) > _MAX_ANSWER_BYTES:
            raise PtzError(Failure.BAD_DATA, "no_end")


def _parsed(answer: bytes, status: int) -> ET.Element:
    if status in (401, 403):
        raise PtzError(Failure.PERMISSION, f"http_{status}")
    if _FORBIDDEN.search(answer):
        raise PtzError(Failure.BAD_DATA, "entities")
    try:
        return ET.fromstring(answer)  # noqa: S314 — entities were refused above, and the size is bounded
    except ET.ParseError:
        raise PtzError(Failure.BAD_DATA, "no_xml") from None


def _named(element: ET.Element, name: str) -> Iterator[ET.Element]:
    """Elements of a local name below this one: cameras differ in their name spaces."""
    return (each for each in element.iter() if each.tag.rpartition("}")[2] == name and each is not element)
