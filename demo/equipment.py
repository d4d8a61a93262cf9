"""Stand-ins for the equipment that nobody has at hand: a room's conferencing system and the MCU.

They speak the protocols that the probes ask with, as the standards have them, and nothing of ours is in them.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time

_NTP_EPOCH_S = 2_208_988_800
_HEADERS = (b"via", b"v", b"to", b"t", b"from", b"f", b"call-id", b"i", b"cseq")


class _Datagrams(threading.Thread):
    """A UDP service on an ephemeral port of loopback."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.start()

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                request, sender = self._socket.recvfrom(65536)
                answer = self.answer(request)
                if answer:
                    self._socket.sendto(answer, sender)

    def answer(self, request: bytes) -> bytes:
        """What to send back; empty for nothing."""
        raise NotImplementedError

    def close(self) -> None:
        """Switch it off."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class ConferencingSystem(_Datagrams):
    """A codec on SIP over UDP: answers OPTIONS with 200 and everything else with 405 (RFC 3261, 8.2 and 11.2)."""

    def answer(self, request: bytes) -> bytes:
        """A response with the request's own headers."""
        lines = request.split(b"\r\n")
        if not lines[0].endswith(b" SIP/2.0"):
            return b""
        status = b"200 OK" if lines[0].startswith(b"OPTIONS ") else b"405 Method Not Allowed"
        kept = [line for line in lines[1:] if line.partition(b":")[0].strip().lower() in _HEADERS]
        return b"\r\n".join([b"SIP/2.0 " + status, *kept, b"Allow: OPTIONS", b"Content-Length: 0", b"", b""])


class Mcu(_Datagrams):
    """The MCU's reflector: a stateless STAMP session-reflector (RFC 8762, 4.3.1)."""

    def answer(self, request: bytes) -> bytes:
        """The sender's packet with the times of receiving and sending added."""
        if len(request) < 44:
            return b""
        received = _ntp_now()
        sequence, sent, error_estimate, ssid = struct.unpack_from("!IQHH", request)
        return struct.pack("!IQHHQIQHHB3x", sequence, _ntp_now(), 0x0001, ssid, received, sequence, sent, error_estimate, 0, 255)


def _ntp_now() -> int:
    """This moment in NTP's 64-bit format (RFC 5905, figure 3)."""
    nanoseconds = time.time_ns()
    seconds, rest = divmod(nanoseconds, 10**9)
    return ((seconds + _NTP_EPOCH_S) << 32) | (rest << 32) // 10**9
