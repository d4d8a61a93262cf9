"""MJPEG streams and snapshots over HTTP, read with our own clock: OpenCV's reader hangs, hides the cause and times its own decoding."""

from __future__ import annotations

import contextlib
import errno
import http.client
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from enum import Enum, auto
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from contract.readings import Failure
from probes.camera.limits import CameraLimits
from probes.camera.trouble import NoPictureError

LEAST_FRAMES = 3
"""A slow camera is waited for until there are this many frames, to tell its rate."""
_MAX_PICTURE_BYTES = 32 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_MAX_HEAD_BYTES = 256 * 1024
"""A part whose head has no end is no part."""
_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)


class Kind(Enum):
    """What an address gives."""

    MJPEG = auto()
    STILL = auto()
    OTHER = auto()


def connect(source: str, limits: CameraLimits, deadline_s: float) -> Stream:
    """Ask for the picture.

    Raises:
        NoPictureError: absent if nobody answers there, no signal if it was answered and nothing came, permission if it wants
            another name or password.
    """
    address, opener = _opener(source)
    left_s = max(0.1, min(limits.open_s, deadline_s - time.monotonic()))
    try:
        answer = opener.open(address, timeout=left_s)
    except urllib.error.HTTPError as error:
        with contextlib.closing(error):
            raise _no_page(error.code) from None
    except urllib.error.URLError as error:
        raise no_connection(error.reason if isinstance(error.reason, OSError) else OSError(str(error.reason))) from None
    except TimeoutError:
        # The connection was taken and then nothing was said: the camera is there and hangs.
        raise NoPictureError(Failure.TIMEOUT, "camera.no_signal", seen="no_answer") from None
    except UnicodeError:
        # Python's digest knows ASCII only: the camera is not to blame.
        raise NoPictureError(Failure.PERMISSION, seen="password_not_ascii") from None
    except (OSError, http.client.HTTPException, ValueError):
        raise NoPictureError(Failure.BAD_DATA, "camera.no_signal", seen="unreadable") from None
    return Stream(answer, limits, deadline_s)


def no_connection(error: OSError) -> NoPictureError:
    """What it means that no connection could be made: the camera is not there, and how one can tell."""
    if isinstance(error, TimeoutError | socket.gaierror) or error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN):
        return NoPictureError(Failure.UNREACHABLE, "camera.absent", seen="unreachable")
    if isinstance(error, ConnectionError):
        return NoPictureError(Failure.REFUSED, "camera.absent", seen="refused")
    return NoPictureError(Failure.UNREACHABLE, seen="unreachable")


def _no_page(status: int) -> NoPictureError:
    if status in (401, 403, 407):
        return NoPictureError(Failure.PERMISSION, seen=f"http_{status}")
    if status in (429, 503):
        return NoPictureError(Failure.BUSY, "camera.busy", seen=f"http_{status}")
    if status in (404, 410):
        return NoPictureError(Failure.ABSENT, "camera.absent", seen=f"http_{status}")
    return NoPictureError(Failure.REFUSED, "camera.no_signal", seen=f"http_{status}")


def _opener(source: str) -> tuple[str, urllib.request.OpenerDirector]:
    """Address without credentials, and an opener that knows them (basic and digest) and no proxy."""
    parts = urlsplit(source)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    address = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
    if user:
        book = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        book.add_password(None, address, user, password)
        handlers += [urllib.request.HTTPBasicAuthHandler(book), urllib.request.HTTPDigestAuthHandler(book)]
    return address, urllib.request.build_opener(*handlers)


class Stream:
    """An answered request; reads one look's worth of compressed pictures."""

    def __init__(self, answer: Any, limits: CameraLimits, deadline_s: float) -> None:
        self._answer = answer
        self._limits = limits
        self._deadline_s = deadline_s
        self._buffer = bytearray()
        self._ended = False
        try:
            self._fill(until_s=time.monotonic() + limits.no_frame_s)
        except NoPictureError:
            self.close()
            raise
        if not self._buffer:
            self.close()
            raise NoPictureError(Failure.TIMEOUT, "camera.no_signal", seen="no_frame")
        kind = str(answer.headers.get("Content-Type", "")).lower()
        if self._buffer[:2] == b"\xff\xd8" or kind.startswith("image/"):
            self.kind = Kind.STILL
        elif self._buffer.lstrip()[:2] == b"--" or kind.startswith("multipart/"):
            self.kind = Kind.MJPEG
        else:
            self.kind = Kind.OTHER

    def close(self) -> None:
        """Leave the connection."""
        with contextlib.suppress(OSError):
            self._answer.close()

    def pictures(self) -> Iterator[tuple[float, bytes]]:
        """Compressed pictures with the seconds since the first; at least a look's length of them if they keep coming.

        Raises:
            NoPictureError: no signal, if none came or they stopped coming.
        """
        try:
            yield from self._still() if self.kind is Kind.STILL else self._parts()
        finally:
            self.close()

    def _still(self) -> Iterator[tuple[float, bytes]]:
        until_s = time.monotonic() + self._limits.no_frame_s
        while not self._ended and self._fill(until_s=until_s):
            pass
        yield 0.0, bytes(self._buffer)

    def _parts(self) -> Iterator[tuple[float, bytes]]:
        first_s: float | None = None
        counted = 0
        while True:
            picture = self._part(until_s=time.monotonic() + self._limits.no_frame_s)
            if picture is None and self._ended and counted:
                return
            if picture is None:
                raise NoPictureError(Failure.TIMEOUT, "camera.no_signal", seen="stalled" if counted else "no_frame")
            now_s = time.monotonic()
            first_s = now_s if first_s is None else first_s
            counted += 1
            yield now_s - first_s, picture
            if now_s - first_s >= self._limits.look_s and counted >= LEAST_FRAMES:
                return

    def _part(self, until_s: float) -> bytes | None:
        """Next picture, None if it did not come in time."""
        seen = 0
        while (head_end := self._buffer.find(b"\r\n\r\n", max(0, seen - 3))) < 0:
            seen = len(self._buffer)
            if seen > _MAX_HEAD_BYTES or not self._fill(until_s):
                return None
        head = bytes(self._buffer[:head_end])
        del self._buffer[: head_end + 4]
        length = _LENGTH.search(head)
        if length is not None:
            size = int(length[1])
            if size > _MAX_PICTURE_BYTES:
                return None
            while len(self._buffer) < size:
                if not self._fill(until_s):
                    return None
            picture = bytes(self._buffer[:size])
            del self._buffer[:size]
            return picture
        boundary = b"\r\n" + head.lstrip().split(b"\r\n", 1)[0].rstrip()
        start = 0
        while (end := self._buffer.find(boundary, start)) < 0:
            start = max(0, len(self._buffer) - len(boundary))
            if not self._fill(until_s):
                return None
        picture = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return picture

    def _fill(self, until_s: float) -> bool:
        """Wait for more bytes; False if the time is over or the stream ended."""
        left_s = min(until_s, self._deadline_s) - time.monotonic()
        if self._ended or left_s <= 0 or len(self._buffer) > _MAX_PICTURE_BYTES:
            return False
        _set_timeout(self._answer, left_s)
        try:
            more = self._answer.read1(_CHUNK_BYTES)
        except (OSError, http.client.HTTPException, ValueError):
            return False
        self._ended = not more
        self._buffer += more
        return bool(more)


def _set_timeout(answer: Any, left_s: float) -> None:
    """Give the socket under an answer no longer than is left; urllib offers no public way to it."""
    raw = getattr(getattr(answer, "fp", None), "raw", None)
    connection = getattr(raw, "_sock", None)
    if connection is not None:
        connection.settimeout(left_s)
