"""Listens for what the switch tells of itself (LLDP every 30 s, CDP every minute): a wake-up for each, and a child when it changes."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from probes.cables.neighbour import CDP_GROUP, FILE, LLDP_GROUP, LLDP_TYPE, SNAP_TYPE, Frame, Neighbour, NeighbourAnswer
from probes.cables.source import default_port
from probes.child import ask, command_of
from probes.seldom import keep, recall

log = logging.getLogger(__name__)

_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, _PACKET_MR_MULTICAST, _PACKET_OUTGOING = 263, 1, 0, 4
_LARGEST = 1600
_READS, _READS_WITHIN_S = 3, 900.0
"""A switch that says something else each time (its uptime) is read no more often than this."""
_PORT_CHECK_S = 60.0

Read = Callable[[Frame], NeighbourAnswer]


def read_in_child(frame: Frame) -> NeighbourAnswer:
    """What a frame tells, by a child of its own."""
    return ask(frame, NeighbourAnswer, command_of("probes.cables.neighbour"))


class NeighbourWatch:
    """Keeps the neighbour of the site's cable in the state directory.

    Args:
        directory: State directory.
        port: Network interface; empty: the one of the default route.
        read: Reads a frame.
    """

    def __init__(self, directory: Path, port: str, read: Read = read_in_child) -> None:
        self._path, self._port, self._read = directory / FILE, port, read
        self._sockets: list[socket.socket] = []
        self._digests: dict[bytes, bytes] = {}
        """Of the last frame that was read, by group address."""
        self._read_at_s: deque[float] = deque(maxlen=_READS)
        self._frame: asyncio.Queue[bytes] = asyncio.Queue(maxsize=1)

    async def go_on(self) -> None:
        """Listen until cancelled; without permission, or a port, try again later."""
        try:
            while not self._open():  # noqa: ASYNC110 — nobody tells when a port appears
                await asyncio.sleep(_PORT_CHECK_S)
            while True:
                await self._take(await self._frame.get())
        finally:
            self._close()

    def _open(self) -> bool:
        """Sockets that hear nothing but LLDP and CDP on the port; whether there are."""
        port = self._port or default_port()
        if not port:
            return False
        loop = asyncio.get_running_loop()
        try:
            for kind, group in ((LLDP_TYPE, LLDP_GROUP), (SNAP_TYPE, CDP_GROUP)):
                heard = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(kind))
                self._sockets.append(heard)
                heard.setblocking(False)  # noqa: FBT003
                heard.bind((port, kind))
                wanted = struct.pack("iHH8s", socket.if_nametoindex(port), _PACKET_MR_MULTICAST, len(group), group)
                heard.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, wanted)
                loop.add_reader(heard, self._hear, heard, group)
        except OSError as error:
            log.info("the switch is not listened to on %s: %s", port, error)
            self._close()
            return False
        return True

    def _close(self) -> None:
        loop = asyncio.get_running_loop()
        for heard in self._sockets:
            with contextlib.suppress(ValueError, OSError):
                loop.remove_reader(heard)
            heard.close()
        self._sockets.clear()

    def _hear(self, heard: socket.socket, group: bytes) -> None:
        with contextlib.suppress(OSError):
            octets, sender = heard.recvfrom(_LARGEST)
            if sender[2] != _PACKET_OUTGOING and octets[:6] == group and self._is_new(octets):
                with contextlib.suppress(asyncio.QueueFull):
                    self._frame.put_nowait(octets)

    def _is_new(self, octets: bytes) -> bool:
        group = octets[:6]
        if group == CDP_GROUP and LLDP_GROUP in self._digests:
            return False  # a switch that speaks both says the same in other words
        busy = len(self._read_at_s) == _READS and time.monotonic() - self._read_at_s[0] < _READS_WITHIN_S
        return not busy and _digest(octets) != self._digests.get(group)

    async def _take(self, octets: bytes) -> None:
        self._read_at_s.append(time.monotonic())
        said = await asyncio.to_thread(self._read, Frame(octets=octets))
        self._digests[octets[:6]] = _digest(octets)
        if said.neighbour is None:
            log.info("a frame of the switch was not read: %s %s", said.failure or "it tells nothing", said.error)
        elif said.neighbour != recall(self._path, Neighbour):
            log.info("the cable goes to %s", said.neighbour.text)
            keep(self._path, said.neighbour)


def _digest(octets: bytes) -> bytes:
    return hashlib.sha256(octets).digest()
