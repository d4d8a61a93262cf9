"""Liveness: the reflector's socket and the watch over silent sites, in a thread of their own.

Nothing in it waits for disk, database or event loop; what it says goes to `on_signal`, called in this thread.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec

from contract import stamp
from contract.stamp_auth import site_key
from control_center.incidents.model import SilenceSignal, Witness
from control_center.liveness.reflector import Asked, Counters, Reflector
from control_center.liveness.silence import Kind, Silence, SilenceRule
from control_center.liveness.witness import Witnesses

log = logging.getLogger(__name__)

TICK_S = 0.025
"""How often silences are judged while a site is expected."""
IDLE_TICK_S = 0.5
STALL_S = 0.15
"""The thread itself was late by so much: blind, nobody is silent for that."""
_BUFFER_OCTETS = 4 << 20
"""Two hundred sites in a meeting send 4000 packets a second; a stall of half a second must not lose them."""
_BATCH = 256
_SO_RCVBUFFORCE, _SO_TIMESTAMPNS, _IP_PKTINFO, _IP_RECVTTL, _IP_TTL = 33, 35, 8, 12, 2
_IPV6_HOPLIMIT = 52
_TIMESPEC = struct.Struct("@ll")
_ANCILLARY_OCTETS = 256


class Addressed(Protocol):
    """What liveness must know of a site; `control_center.store.registry.Site` is one."""

    @property
    def ssid(self) -> int:
        """STAMP session identifier."""
        ...

    @property
    def host(self) -> str:
        """Address for the second witness; empty: not asked."""
        ...


class SiteAddress(msgspec.Struct, frozen=True):
    """The least that is an `Addressed`."""

    ssid: int
    host: str = ""


class Liveness:
    """Answers the sites' STAMP packets and notices who stops sending them.

    Args:
        bind_host: Numeric address to listen on; ``::`` and ``0.0.0.0`` are all.
        port: UDP port; 0 takes a free one, see `port`.
        sites: By id; only the SSID tells who sends.
        on_signal: Hears of silences, in this thread; it must not wait.
        secret: Of which the sites' keys are drawn (`contract.stamp_auth`); empty: nobody has one.
        require_keys: Only sealed packets are a sign of life; else a site may go without a seal until it has once used it.

    Raises:
        OSError: from `start`, if the address cannot be had.
    """

    def __init__(
        self,
        bind_host: str,
        port: int,
        sites: Mapping[str, Addressed],
        on_signal: Callable[[SilenceSignal], None],
        *,
        secret: bytes = b"",
        require_keys: bool = False,
    ) -> None:
        self.port = port
        self._bind_host = bind_host
        self._on_signal = on_signal
        self._reflector = Reflector(key_of=lambda ssid: self._keys.get(ssid, b""))
        self._secret = secret
        self._keys: dict[int, bytes] = {}
        self._require_keys = require_keys and bool(secret)
        self._sealing: set[str] = set()
        self._rule = SilenceRule()
        self._by_ssid: dict[int, str] = {}
        self._heard_at: dict[str, datetime] = {}
        self._expected: frozenset[str] | None = None
        self._suspected: dict[str, Silence] = {}
        self._hosts: dict[str, str] = {}
        self._wanted_hosts: dict[str, str] = {}
        self._ended = threading.Event()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name="liveness", daemon=True)
        self._resolver = threading.Thread(target=self._resolve, name="liveness names", daemon=True)
        self._renamed = threading.Event()
        self.set_sites(sites)

    def start(self) -> None:
        """Listen from now on."""
        self._socket = _open(self._bind_host, self.port)
        self.port = self._socket.getsockname()[1]
        self._thread.start()
        self._resolver.start()

    def stop(self) -> None:
        """Stop listening; returns within a second or so."""
        self._ended.set()
        self._renamed.set()
        if self._thread.is_alive():
            os.eventfd_write(self._wake, 1)
            self._thread.join(5)
        if not self._thread.is_alive() and self._wake >= 0:
            os.close(self._wake)
            self._wake = -1

    def set_sites(self, sites: Mapping[str, Addressed]) -> None:
        """Know these sites, and no others, from now on."""
        self._keys = {site.ssid: site_key(self._secret, name) for name, site in sites.items() if site.ssid} if self._secret else {}
        self._by_ssid = {site.ssid: name for name, site in sites.items() if site.ssid}
        self._wanted_hosts = {name: site.host for name, site in sites.items() if site.host}
        self._renamed.set()

    def expect(self, sites: Iterable[str]) -> None:
        """Only these sites, which are in a meeting, are alarmed from now on."""
        self._expected = frozenset(sites)
        with contextlib.suppress(OSError):
            os.eventfd_write(self._wake, 1)

    def heard(self) -> dict[str, datetime]:
        """When each site was last heard, UTC; one that never was is missing."""
        return dict(self._heard_at)

    @property
    def counters(self) -> Counters:
        """What came so far."""
        return self._reflector.counters

    # The thread

    def _run(self) -> None:
        self._witnesses = Witnesses(self._hosts)
        while not self._ended.is_set():
            try:
                self._watch()
            except Exception:
                log.exception("the liveness watch broke and begins anew")
                self._ended.wait(1)
        self._witnesses.close()
        self._socket.close()

    def _watch(self) -> None:
        """Hear, judge, wait; whoever comes late after the wait has slept and knows nothing of that time."""
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        echoes = self._witnesses.filenos()
        for number in echoes:
            poll.register(number, select.POLLIN)
        before_s, looks_at_s = time.monotonic(), 0.0
        wait_s = 0.0
        while not self._ended.is_set():
            ready = {number for number, _ in poll.poll(wait_s * 1000)}
            now_s = time.monotonic()
            overslept_s = now_s - before_s - wait_s
            drained = self._hear(now_s)
            for number, version in echoes.items():
                if number in ready:
                    self._witnesses.hear(version)
            if overslept_s > STALL_S:
                self._rule.stalled(overslept_s)
            if self._wake in ready:
                os.eventfd_read(self._wake)
            if drained and (now_s >= looks_at_s or self._wake in ready):
                self._judge(now_s)
                looks_at_s = now_s + (TICK_S if self._rule.watching else IDLE_TICK_S)
            before_s, wait_s = now_s, max(0.0, looks_at_s - now_s) if drained else 0.0

    def _hear(self, now_s: float) -> bool:
        """Answer what has come; whether that was all."""
        ahead_ns = time.time_ns() - int(now_s * 1e9)
        for _ in range(_BATCH):
            try:
                octets, ancillary, _, sender = self._socket.recvmsg(2048, _ANCILLARY_OCTETS)
            except BlockingIOError:
                return True
            except OSError:  # somebody we answered is gone; nothing of ours
                continue
            received_ns, ttl, back = _read_ancillary(ancillary)
            asked = self._reflector.read(octets, received_ns or time.time_ns(), ttl)
            if asked is None:
                continue
            site = self._site_of(asked)
            if site is not None:
                came_s = min(now_s, (asked.received_ns - ahead_ns) / 1e9)
                self._rule.heard(site, came_s, stamp.cadence_of(asked.packet.tlvs))
                self._heard_at[site] = datetime.fromtimestamp(asked.received_ns / 1e9, UTC)
            answer = self._reflector.answer(asked, sender, time.time_ns(), known=site is not None)
            with contextlib.suppress(OSError):
                self._socket.sendmsg((answer,), back, 0, sender)
        return False

    def _site_of(self, asked: Asked) -> str | None:
        """Whose sign of life it is; None if it is nobody's."""
        site = self._by_ssid.get(asked.packet.ssid) if asked.packet.ssid else None
        if site is None:
            return None
        if asked.fresh:
            self._sealing.add(site)
            return site
        return None if asked.key or self._require_keys or site in self._sealing else site

    def _judge(self, now_s: float) -> None:
        expected, self._expected = self._expected, None
        if expected is not None:
            self._rule.expect(expected, now_s)
            self._suspected = {site: silence for site, silence in self._suspected.items() if site in expected}
        self._witnesses.hosts = self._hosts
        for silence in self._rule.look(now_s):
            if silence.kind is Kind.SUSPECTED:
                self._suspected[silence.site] = silence
            else:
                self._suspected.pop(silence.site, None)
            self._tell(silence, now_s)
            if silence.kind is not Kind.SUSPECTED:
                self._witnesses.forget(silence.site)
        for site in self._suspected:
            self._witnesses.ask(site, now_s)

    def _tell(self, silence: Silence, now_s: float) -> None:
        now = datetime.now(UTC)

        def utc(instant_s: float) -> datetime:
            return now - timedelta(seconds=now_s - instant_s)

        signal = SilenceSignal(
            site=silence.site,
            kind=silence.kind.value,
            at=now,
            silent_since=utc(silence.silent_since_s),
            returned_at=None if silence.returned_at_s is None else utc(silence.returned_at_s),
            witness=self._witnesses.verdict(silence.site) if silence.kind is Kind.CONFIRMED else Witness.NOT_ASKED,
        )
        try:
            self._on_signal(signal)
        except Exception:
            log.exception("nobody could be told that %s is %s", signal.site, signal.kind)

    def _resolve(self) -> None:
        """Names of the second witnesses → addresses, where the liveness thread need not wait for a name server."""
        while not self._ended.is_set():
            self._renamed.clear()
            self._hosts = {name: address for name, host in self._wanted_hosts.items() if (address := _address_of(host))}
            self._renamed.wait(300)


def _address_of(host: str) -> str:
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)[0][4][0])
    except (OSError, UnicodeError):
        return ""


def _open(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_DGRAM)
    try:
        with contextlib.suppress(OSError):
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_OCTETS)
            made.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_OCTETS)
        made.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        made.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
        if family == socket.AF_INET:
            made.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        made.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
        made.setblocking(False)  # noqa: FBT003 — the standard library has it so
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made


def _read_ancillary(ancillary: list[tuple[int, int, bytes]]) -> tuple[int, int, list[tuple[int, int, bytes]]]:
    """Kernel's time of coming in ns (0 if untold), TTL, and what makes the answer leave from the address that was asked."""
    received_ns = ttl = 0
    back: list[tuple[int, int, bytes]] = []
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = _TIMESPEC.unpack_from(content)
            received_ns = seconds * 1_000_000_000 + nanoseconds
        elif (level, kind) in ((socket.IPPROTO_IP, _IP_TTL), (socket.IPPROTO_IPV6, _IPV6_HOPLIMIT)):
            ttl = struct.unpack_from("@i", content)[0]
        elif (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
            # struct in_pktinfo: interface (any), local address: the one that was asked is the one to answer from.
            back.append((level, kind, struct.pack("@i4s4x", 0, content[4:8])))
        elif (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO) and not content.startswith(bytes(10) + b"\xff\xff"):
            back.append((level, kind, content))
    return received_ns, ttl, back
