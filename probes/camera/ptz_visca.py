"""VISCA over IP (UDP 52381): each packet has a type, a length and a sequence number before the VISCA message.

Layout: Sony, "VISCA over IP" (payload types 0x0100 command, 0x0110 inquiry, 0x0111 reply, 0x0200 and 0x0201 control), big endian. Cameras
are not faithful to it: numbers are not echoed or stand still, replies come without the eight bytes, twice, late, or never. So a
reply is recognised by its shape, a right number is preferred while the camera has ever shown one, and nothing is believed of an ACK.
"""

from __future__ import annotations

import contextlib
import errno
import re
import socket
import struct
import time
from dataclasses import dataclass

from contract.readings import Failure
from probes.camera.ptz import Answer, Position, PtzError

_COMMAND, _INQUIRY, _REPLY, _CONTROL, _CONTROL_REPLY = 0x0100, 0x0110, 0x0111, 0x0200, 0x0201
_HEADER = struct.Struct(">HHI")
_PAN_TILT_INQUIRY, _ZOOM_INQUIRY = bytes.fromhex("81090612ff"), bytes.fromhex("81090447ff")
_PAN_TILT = re.compile(rb"\x90[\x50-\x5f]([\x00-\x0f]{8,10})\xff", re.DOTALL)
_ZOOM = re.compile(rb"\x90[\x50-\x5f]([\x00-\x0f]{4})\xff", re.DOTALL)
_ACK_OR_COMPLETION = re.compile(rb"\x90[\x40-\x5f]\xff", re.DOTALL)
_ERROR = re.compile(rb"\x90[\x60-\x6f]([\x00-\xff])\xff", re.DOTALL)
_NOT_NOW = (0x03, 0x41)
"""Buffer full, not executable: worth asking again. Everything else is a refusal."""
ATTEMPTS = 3
_SAME_NUMBER = 5
"""Answers so often under one number that was ours: the camera never counts on. Late ones come twice at most, or four times doubled."""


@dataclass(frozen=True, slots=True)
class _Reply:
    number: int | None
    message: bytes
    wrong_number: bool = False


class ViscaCamera:
    """A camera that is spoken to over UDP.

    Args:
        host: Its address.
        port: Its UDP port.
        spans: Ranges of pan, tilt and zoom in the camera's steps.
        answer_s: How long one answer is waited for.
        deadline_s: Instant of the monotonic clock by which everything must be over.

    Raises:
        PtzError: the address leads nowhere.
    """

    def __init__(self, host: str, port: int, spans: tuple[float, float, float], *, answer_s: float, deadline_s: float) -> None:
        self._spans = spans
        self._answer_s = answer_s
        self._deadline_s = deadline_s
        self._number = 0
        self._echoes_numbers = False
        self._sent: set[int] = set()
        self._stale: tuple[int, int] = (-1, 0)
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
            self._socket = socket.socket(family, kind, protocol)
        except OSError:
            raise PtzError(Failure.UNREACHABLE, "no_address") from None
        try:
            self._socket.connect(address)
        except OSError as error:
            self._socket.close()
            raise PtzError(Failure.UNREACHABLE, errno.errorcode.get(error.errno or 0, "").lower()) from None
        with contextlib.suppress(PtzError):
            self._reset_numbers()

    def recall(self, key: str) -> Answer:
        """Ask for a memory; what it answers is told on, but proves nothing."""
        message = bytes([0x81, 0x01, 0x04, 0x3F, 0x02, int(key), 0xFF])
        for _ in range(ATTEMPTS):
            reply = self._ask(_COMMAND, message, (_ACK_OR_COMPLETION, _ERROR))
            if reply is None:
                # It may well move all the same; asked twice it would only begin anew.
                return Answer.SILENT
            error = _ERROR.fullmatch(reply)
            if error is None:
                return Answer.ACCEPTED
            if error[1][0] not in _NOT_NOW:
                return Answer.REFUSED
            self._pause()
        return Answer.REFUSED

    def position(self) -> Position:
        """Pan and tilt, and zoom where it tells it."""
        nibbles = self._inquire(_PAN_TILT_INQUIRY, _PAN_TILT)
        pan_digits = {8: 4, 9: 5, 10: 5}[len(nibbles)]
        pan, tilt, zoom = _signed(nibbles[:pan_digits]), _signed(nibbles[pan_digits:]), None
        with contextlib.suppress(PtzError):
            zoom = float(_unsigned(self._inquire(_ZOOM_INQUIRY, _ZOOM)))
        return Position(
            pan_percent=100 * pan / self._spans[0],
            tilt_percent=100 * tilt / self._spans[1],
            zoom_percent=None if zoom is None else 100 * zoom / self._spans[2],
        )

    def preset_position(self, key: str) -> Position | None:  # noqa: ARG002 — the interface's
        """VISCA has no way to ask where a memory lies."""
        return None

    def close(self) -> None:
        """Leave the socket."""
        self._socket.close()

    def _inquire(self, message: bytes, shape: re.Pattern[bytes]) -> bytes:
        for _ in range(ATTEMPTS):
            reply = self._ask(_INQUIRY, message, (shape, _ERROR))
            if reply is None:
                continue
            found = shape.fullmatch(reply)
            if found is not None:
                return found[1]
            error = _ERROR.fullmatch(reply)
            if error is not None and error[1][0] not in _NOT_NOW:
                raise PtzError(Failure.UNSUPPORTED, "inquiry_refused")
            self._pause()
        raise PtzError(Failure.TIMEOUT, "no_answer")

    def _ask(self, kind: int, message: bytes, shapes: tuple[re.Pattern[bytes], ...]) -> bytes | None:
        """Send one message and wait for a reply of one of these shapes; None if none came in time."""
        self._drain()
        for _ in range(2):
            self._number = (self._number + 1) & 0xFFFFFFFF
            self._sent.add(self._number)
            self._send(_HEADER.pack(kind, len(message), self._number) + message)
            reply = self._wait(shapes)
            if reply is None or not reply.wrong_number:
                return None if reply is None else reply.message
            self._reset_numbers()
        return None

    def _wait(self, shapes: tuple[re.Pattern[bytes], ...]) -> _Reply | None:
        """The reply with our number; one of the right shape with another number only from a camera that never echoes them."""
        until_s = min(time.monotonic() + self._answer_s, self._deadline_s)
        held: _Reply | None = None
        while (packet := self._receive(until_s)) is not None:
            reply = _unpacked(packet)
            if reply is None:
                continue
            if reply.wrong_number:
                return reply
            if not any(shape.fullmatch(reply.message) for shape in shapes):
                continue
            if reply.number == self._number:
                self._echoes_numbers = True
                return reply
            if reply.number is None:
                return reply
            if not self._is_late(reply.number):
                held = reply
                until_s = min(until_s, time.monotonic() + self._answer_s / 4)
        return held

    def _is_late(self, number: int) -> bool:
        """Whether an answer belongs to an earlier question: its number does, unless the camera's numbers stand still."""
        if number not in self._sent:
            return self._echoes_numbers
        known, times = self._stale
        self._stale = number, times + 1 if number == known else 1
        self._echoes_numbers &= self._stale[1] < _SAME_NUMBER
        return self._stale[1] < _SAME_NUMBER

    def _receive(self, until_s: float) -> bytes | None:
        left_s = until_s - time.monotonic()
        if left_s <= 0:
            return None
        self._socket.settimeout(left_s)
        try:
            return self._socket.recv(2048)
        except TimeoutError:
            return None
        except ConnectionError:
            raise PtzError(Failure.REFUSED, "port_closed") from None
        except OSError as error:
            raise PtzError(Failure.UNREACHABLE, errno.errorcode.get(error.errno or 0, "").lower()) from None

    def _send(self, packet: bytes) -> None:
        if time.monotonic() >= self._deadline_s:
            raise PtzError(Failure.TIMEOUT, "deadline")
        try:
            self._socket.send(packet)
        except ConnectionError:
            raise PtzError(Failure.REFUSED, "port_closed") from None
        except OSError as error:
            raise PtzError(Failure.UNREACHABLE, errno.errorcode.get(error.errno or 0, "").lower()) from None

    def _reset_numbers(self) -> None:
        """Begin the numbers anew, on both sides; a camera that does not know how stays silent."""
        self._number = 0
        self._send(_HEADER.pack(_CONTROL, 1, 0) + b"\x01")
        until_s = min(time.monotonic() + self._answer_s / 2, self._deadline_s)
        while (packet := self._receive(until_s)) is not None:
            if packet[:2] == _CONTROL_REPLY.to_bytes(2, "big"):
                return

    def _drain(self) -> None:
        """Throw away what came too late for the question before."""
        self._socket.settimeout(0)
        with contextlib.suppress(OSError):
            for _ in range(100):
                self._socket.recv(2048)

    def _pause(self) -> None:
        time.sleep(max(0.0, min(self._answer_s / 4, self._deadline_s - time.monotonic())))


def _unpacked(packet: bytes) -> _Reply | None:
    """A packet's VISCA message, with or without the header; None for what is neither."""
    if packet[:1] == b"\x90":
        return _Reply(None, packet)
    if len(packet) <= _HEADER.size:
        return None
    kind, _, number = _HEADER.unpack_from(packet)
    # The length is not looked at: some count the header, some leave it 0.
    message = packet[_HEADER.size :]
    if kind == _CONTROL_REPLY:
        return _Reply(number, message, wrong_number=True) if message[:2] == b"\x0f\x01" else None
    return _Reply(number, message) if kind == _REPLY else None


def _unsigned(nibbles: bytes) -> int:
    number = 0
    for nibble in nibbles:
        number = number << 4 | nibble
    return number


def _signed(nibbles: bytes) -> int:
    number, size = _unsigned(nibbles), 1 << 4 * len(nibbles)
    return number - size if number >= size // 2 else number
