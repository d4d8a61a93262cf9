"""The second witness: an ICMP echo to the kernel of a site's machine, asked when its agent falls silent."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time
from collections.abc import Mapping

from contract import echo
from control_center.incidents.model import Witness

ECHOES = 4
"""Sent a tenth of a second apart: with 5 % loss each way none of four comes back once in ten thousand times."""
ECHO_EVERY_S = 0.1
_SOL_RAW, _ICMP_FILTER = 255, 1
_ONLY_REPLY_V4 = struct.pack("@I", 0xFFFFFFFF & ~(1 << echo.REPLY[4]))


class Witnesses:
    """Asks and remembers who answered; only the liveness thread uses it, nothing here waits.

    Args:
        hosts: Numeric address by site; a site without one is not asked.
    """

    def __init__(self, hosts: Mapping[str, str]) -> None:
        self.hosts: Mapping[str, str] = hosts
        self._token = os.urandom(echo.TOKEN_OCTETS)
        self._sockets = {version: made for version in (4, 6) if (made := _open(version)) is not None}
        self._numbers: dict[int, str] = {}
        self._asked: dict[str, tuple[int, float]] = {}
        self._answered: set[str] = set()
        self._next = 0

    def filenos(self) -> dict[int, int]:
        """File number → version, for poll."""
        return {made.fileno(): version for version, made in self._sockets.items()}

    def close(self) -> None:
        """Give the sockets back."""
        for made in self._sockets.values():
            made.close()

    def ask(self, site: str, now_s: float) -> None:
        """Begin to ask about a site, or go on: the next echo if it is due."""
        host = self.hosts.get(site, "")
        made = self._sockets.get(6 if ":" in host else 4)
        sent, due_s = self._asked.get(site, (0, now_s))
        if not host or made is None or sent >= ECHOES or now_s < due_s or site in self._answered:
            return
        if sent == 0:
            self._numbers = {number: whose for number, whose in self._numbers.items() if whose != site}
        self._next = (self._next + 1) & 0xFFFF
        self._numbers[self._next] = site
        self._asked[site] = (sent + 1, now_s + ECHO_EVERY_S)
        request = echo.pack_request(6 if ":" in host else 4, os.getpid() & 0xFFFF, self._next, self._token, time.time_ns())
        with contextlib.suppress(OSError):  # a dead network answers nothing, which is what is asked
            made.sendto(request, (host, 0))

    def hear(self, version: int) -> None:
        """Take the answers that have come."""
        made = self._sockets[version]
        while True:
            try:
                octets, sender = made.recvfrom(2048)
            except OSError:
                return
            ours = echo.unpack(version, octets, self._token)
            site = self._numbers.get(ours.seq) if ours is not None and ours.reply else None
            if site is not None and sender[0].partition("%")[0] == self.hosts.get(site):
                self._answered.add(site)

    def verdict(self, site: str) -> Witness:
        """What it said of a site."""
        if site in self._answered:
            return Witness.ANSWERED
        return Witness.SILENT if site in self._asked else Witness.NOT_ASKED

    def forget(self, site: str) -> None:
        """A site is back: the next time it is asked anew."""
        self._asked.pop(site, None)
        self._answered.discard(site)
        self._numbers = {number: whose for number, whose in self._numbers.items() if whose != site}


def _open(version: int) -> socket.socket | None:
    """A raw socket, a datagram one where that is not allowed, none where neither is."""
    family, protocol = (socket.AF_INET6, socket.IPPROTO_ICMPV6) if version == 6 else (socket.AF_INET, socket.IPPROTO_ICMP)
    for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM):
        try:
            made = socket.socket(family, kind, protocol)
        except OSError:
            continue
        made.setblocking(False)  # noqa: FBT003 — the standard library has it so
        if kind == socket.SOCK_RAW and version == 4:
            made.setsockopt(_SOL_RAW, _ICMP_FILTER, _ONLY_REPLY_V4)
        return made
    return None
