"""The sockets of the link probe and of the link watch: echo and STAMP with the kernel's own times of sending and receiving.

A packet is timed by ``SO_TIMESTAMPING`` when it leaves and when it comes, so that a busy processor is not taken for a slow
link (measured: bias −6 µs instead of +69 µs median, −0.4 µs instead of 2 ms at the 99th percentile). Where the kernel
does not tell, the time of the call is taken. Nothing here raises for what a network can do.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import time

import msgspec

from contract import echo, stamp, stamp_auth
from contract.readings import Failure
from probes.link.limits import Kind, Target

SO_TIMESTAMPING = 37
_TX_SOFTWARE, _RX_SOFTWARE, _SOFTWARE = 1 << 1, 1 << 3, 1 << 4
_TIMESPEC = struct.Struct("@ll")
_ANCILLARY_OCTETS = 256
_LARGEST_ANSWER = 2048
_REMEMBERED = 1024
"""Packets on the way, at most: twenty seconds of the fastest pace."""
_SOL_RAW, _ICMP_FILTER, _ICMP6_FILTER = 255, 1, 1
_ONLY_REPLY_V4 = struct.pack("@I", 0xFFFFFFFF & ~(1 << echo.REPLY[4]))
_ONLY_REPLY_V6 = struct.pack(
    "@8I", *(0xFFFFFFFF & ~(1 << (echo.REPLY[6] & 31)) if word == echo.REPLY[6] >> 5 else 0xFFFFFFFF for word in range(8))
)
_SIZES = (stamp.SENDER_OCTETS, stamp.SENDER_OCTETS + 8, *(stamp_auth.SEALED_OCTETS + tlvs for tlvs in stamp_auth.TLV_SIZES))
"""Of our STAMP packets: with and without a promise, sealed or not."""
_IPV6_UNICAST_HOPS, _IPV6_TCLASS = 16, 67
_CLOCK_ERROR = stamp.error_of(0.001)
"""Of our T1: the system clock, not known to be synchronized."""
_FAILURES = {
    errno.ECONNREFUSED: Failure.REFUSED,
    errno.EPERM: Failure.PERMISSION,
    errno.EACCES: Failure.PERMISSION,
    errno.EAFNOSUPPORT: Failure.UNSUPPORTED,
    errno.EPROTONOSUPPORT: Failure.UNSUPPORTED,
}


def failure_of(error: OSError) -> Failure:
    """The one place where a network's error becomes a failure name; whatever else the kernel says is "no way there"."""
    return _FAILURES.get(error.errno or 0, Failure.UNREACHABLE)


class Answer(msgspec.Struct, frozen=True):
    """One packet that came back.

    Attributes:
        seq: Which of ours it answers, 32 bits; of an echo the lower 16.
        received_ns: When it came, Unix time by the kernel.
        reply: What a reflector said; None from an echo.
    """

    seq: int
    received_ns: int
    reply: stamp.ReflectorPacket | None = None


class Heard(msgspec.Struct):
    """What one look into a socket found.

    Attributes:
        answers: In the order of arrival.
        left: When packets left by the kernel's clock, Unix time in nanoseconds, by number (of an echo the lower 16 bits).
        refused: The far machine is there and has no such service; only of STAMP, a refused echo is a firewall's word.
        strange: Packets that were no answer of our target.
    """

    answers: list[Answer] = []
    left: list[tuple[int, int]] = []
    refused: bool = False
    strange: int = 0


class Wire:
    """The socket to one target.

    Args:
        target: How it is asked.
        address: Its numeric address.
        ssid: STAMP session identifier of the site.
        dscp: Mark of the packets.
        key: Seals STAMP packets, and believes sealed answers only; empty: no seals.

    Raises:
        OSError: the socket cannot be had; `failure_of` names it.
    """

    def __init__(self, target: Target, address: str, *, ssid: int = 0, dscp: int = 0, key: bytes = b"") -> None:
        self.target = target
        self.address = address
        self.version = 6 if ":" in address else 4
        self._ssid = ssid
        self._key = key
        self._echo: int | None = None
        self._token = os.urandom(echo.TOKEN_OCTETS)
        self._ident = int.from_bytes(os.urandom(2))
        self._sent: dict[int, int] = {}
        self._refused = False
        self.socket = self._open()
        try:
            self._prepare(dscp)
        except OSError:
            self.socket.close()
            raise

    def fileno(self) -> int:
        """For poll."""
        return self.socket.fileno()

    def close(self) -> None:
        """Give the socket back."""
        self.socket.close()

    def send(self, seq: int, *, next_within_ms: int | None = None) -> Failure | None:
        """Send one probe; what the kernel says against it is returned, not raised.

        Args:
            seq: Its number.
            next_within_ms: Told to a reflector: the next one comes within this time; 0: none will come.
        """
        now_ns = time.time_ns()
        if self.target.kind is Kind.ICMP:
            octets = echo.pack_request(self.version, self._ident, seq, self._token, now_ns)
        else:
            octets = self._pack(seq, stamp.ntp_from_ns(now_ns), next_within_ms)
        try:
            self._push(octets)
        except BlockingIOError:
            return Failure.BUSY
        except OSError as error:
            return failure_of(error)
        return None

    def _pack(self, seq: int, sent: int, next_within_ms: int | None) -> bytes:
        self._remember(seq, sent)
        tlvs: tuple[stamp.Tlv, ...] = () if next_within_ms is None else (stamp.cadence(next_within_ms),)
        if self._key and self._echo is not None:
            tlvs += (stamp_auth.echo(self._echo),)
        packet = stamp.SenderPacket(seq=seq, sent=sent, error=_CLOCK_ERROR, ssid=self._ssid, tlvs=tlvs)
        return stamp_auth.seal_sender(packet, self._key) if self._key else stamp.pack_sender(packet)

    def _remember(self, seq: int, sent: int) -> None:
        self._sent[seq] = sent
        if len(self._sent) > _REMEMBERED:
            del self._sent[next(iter(self._sent))]

    def _push(self, octets: bytes) -> None:
        """Send; a refusal of an earlier packet that is told in this call is kept, and this packet sent all the same."""
        try:
            self.socket.send(octets)
        except ConnectionRefusedError:
            self._refused = self.target.kind is Kind.STAMP
            self.socket.send(octets)

    def hear(self) -> Heard:
        """All that has come since the last time; never waits."""
        heard = Heard(refused=self._refused)
        self._refused = False
        self._drain(heard, socket.MSG_ERRQUEUE)
        self._drain(heard, 0)
        return heard

    def _drain(self, heard: Heard, flags: int) -> None:
        while True:
            try:
                octets, ancillary, _, _ = self.socket.recvmsg(_LARGEST_ANSWER, _ANCILLARY_OCTETS, flags)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                heard.refused = self.target.kind is Kind.STAMP
            except OSError:  # what the network says against it; the missing answer says the same
                return
            else:
                if flags:
                    self._take_left(heard, octets, ancillary)
                else:
                    self._take_answer(heard, octets, _stamp_of(ancillary) or time.time_ns())

    def _take_left(self, heard: Heard, octets: bytes, ancillary: list[tuple[int, int, bytes]]) -> None:
        """A copy of our own packet, behind whatever headers it left with, and when."""
        left_ns = _stamp_of(ancillary)
        if left_ns is None:
            return
        if self.target.kind is Kind.ICMP:
            at = octets.rfind(self._token)
            if at >= 2:
                heard.left.append((int.from_bytes(octets[at - 2 : at]), left_ns))
        else:
            length = len(octets)
            for size in _SIZES:
                # The UDP header before it tells which of our sizes it is.
                if length >= size + 8 and int.from_bytes(octets[length - size - 4 : length - size - 2]) == size + 8:
                    heard.left.append((int.from_bytes(octets[length - size : length - size + 4]), left_ns))
                    return

    def _take_answer(self, heard: Heard, octets: bytes, received_ns: int) -> None:
        if self.target.kind is Kind.ICMP:
            ours = echo.unpack(self.version, octets, self._token)
            if ours is None:
                heard.strange += 0 if self._raw else 1  # a raw socket hears everybody's echoes
            elif ours.reply:
                heard.answers.append(Answer(ours.seq, received_ns))
            return
        try:
            reply = stamp_auth.open_reflector(octets, self._key) if self._key else stamp.unpack_reflector(octets)
        except stamp.PacketError:
            heard.strange += 1
        else:
            # The number alone is easily guessed, or somebody else's; with the time that we sent it is ours.
            if self._sent.get(reply.sender_seq) == reply.sender_sent:
                self._echo = reply.sent
                heard.answers.append(Answer(reply.sender_seq, received_ns, reply))
            else:
                heard.strange += 1

    def _open(self) -> socket.socket:
        family = socket.AF_INET6 if self.version == 6 else socket.AF_INET
        self._raw = False
        if self.target.kind is Kind.STAMP:
            return socket.socket(family, socket.SOCK_DGRAM)
        protocol = socket.IPPROTO_ICMPV6 if self.version == 6 else socket.IPPROTO_ICMP
        try:
            opened = socket.socket(family, socket.SOCK_RAW, protocol)
        except PermissionError:
            return socket.socket(family, socket.SOCK_DGRAM, protocol)
        self._raw = True
        return opened

    def _prepare(self, dscp: int) -> None:
        made = self.socket
        made.setblocking(False)  # noqa: FBT003 — the standard library has it so
        if self._raw and self.version == 4:
            made.setsockopt(_SOL_RAW, _ICMP_FILTER, _ONLY_REPLY_V4)
        elif self._raw:
            made.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, _ONLY_REPLY_V6)
        if self.version == 6:
            made.setsockopt(socket.IPPROTO_IPV6, _IPV6_UNICAST_HOPS, 255)
            made.setsockopt(socket.IPPROTO_IPV6, _IPV6_TCLASS, dscp << 2)
        else:
            made.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
            made.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)
        with contextlib.suppress(OSError):  # a kernel without it: the times of the calls must do
            made.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, _TX_SOFTWARE | _RX_SOFTWARE | _SOFTWARE)
        made.connect((self.address, self.target.port if self.target.kind is Kind.STAMP else 0))


def _stamp_of(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    """Software timestamp (the first of three) in nanoseconds, if the kernel gave one."""
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPING and len(content) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(content)
            return int(seconds * 1_000_000_000 + nanoseconds) or None
    return None
