"""Asks the conferencing system over the network; the only file of the codec probe with sockets."""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from contract.readings import Failure
from probes.codec import sip
from probes.codec.limits import CodecSettings, SipTransport

_SYS_UPTIME = "1.3.6.1.2.1.1.3.0"
_MAX_ANSWER_BYTES = 65536


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What one protocol said: how long it took, and one number of its own (SIP status, SNMP uptime), or why nothing."""

    took_ms: float | None = None
    said: float | None = None
    failure: Failure | None = None


def failure_of(error: Exception) -> Failure:
    """The one place where a network error becomes a failure name."""
    match error:
        case TimeoutError():
            return Failure.TIMEOUT
        case ConnectionRefusedError() | ConnectionResetError():
            return Failure.REFUSED
        case PermissionError():
            return Failure.PERMISSION
        case OSError():
            return Failure.UNREACHABLE
        case _:
            return Failure.BAD_DATA


def connect(host: str, port: int, timeout_s: float) -> Answer:
    """Open and close a TCP connection."""
    began = time.monotonic()
    try:
        with socket.create_connection((host, port), timeout_s):
            return Answer(took_ms=(time.monotonic() - began) * 1000)
    except OSError as error:
        return Answer(failure=failure_of(error))


def ask_sip(settings: CodecSettings, timeout_s: float, attempts: int) -> Answer:
    """Send OPTIONS and wait for any answer; over UDP it is sent again within the same time."""
    udp = settings.sip_transport is SipTransport.UDP
    tries = attempts if udp else 1
    answer = Answer(failure=Failure.TIMEOUT)
    for _ in range(tries):
        try:
            answer = _ask_sip_once(settings, timeout_s / tries, udp=udp)
        except OSError as error:
            answer = Answer(failure=failure_of(error))
        if answer.failure is None:
            break
    return answer


def _ask_sip_once(settings: CodecSettings, timeout_s: float, *, udp: bool) -> Answer:
    began = time.monotonic()
    branch = secrets.token_hex(8)
    with _open(settings.host, settings.sip_port, timeout_s, udp=udp) as peer:
        local_host, local_port = peer.getsockname()[:2]
        request = sip.options(
            host=settings.host,
            port=settings.sip_port,
            local_host=local_host,
            local_port=local_port,
            transport=settings.sip_transport,
            branch=branch,
        )
        peer.sendall(request)
        heard = b""
        while (left_s := timeout_s - (time.monotonic() - began)) > 0:
            peer.settimeout(left_s)
            piece = peer.recv(_MAX_ANSWER_BYTES)
            heard = piece if udp else heard + piece
            status = sip.status_of(heard, branch)
            if status is not None:
                return Answer(took_ms=(time.monotonic() - began) * 1000, said=status)
            if not udp and (not piece or len(heard) > _MAX_ANSWER_BYTES):
                return Answer(failure=Failure.BAD_DATA)
    return Answer(failure=Failure.TIMEOUT)


@contextmanager
def _open(host: str, port: int, timeout_s: float, *, udp: bool) -> Iterator[socket.socket]:
    if not udp:
        with socket.create_connection((host, port), timeout_s) as stream:
            yield stream
        return
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as datagrams:
        datagrams.connect(address)
        yield datagrams


def ask_snmp(settings: CodecSettings, timeout_s: float) -> Answer:
    """GET sysUpTime over SNMP v2c; the community comes from its file and goes nowhere else."""
    try:
        community = Path(settings.snmp_community_file).read_text(encoding="utf-8").strip()
    except OSError:
        return Answer(failure=Failure.PERMISSION)
    began = time.monotonic()
    try:
        ticks = asyncio.run(asyncio.wait_for(_get_uptime(settings.host, settings.snmp_port, community, timeout_s), timeout_s + 1))
    except Exception as error:  # noqa: BLE001 — pysnmp raises its own kinds on a garbled answer; all mean "could not be read"
        return Answer(failure=failure_of(error))
    if ticks is None:
        return Answer(failure=Failure.TIMEOUT)
    return Answer(took_ms=(time.monotonic() - began) * 1000, said=ticks / 100)


async def _get_uptime(host: str, port: int, community: str, timeout_s: float) -> int | None:
    """TimeTicks (hundredths of a second); None when nobody answers, which SNMP also does for a wrong community."""
    from pysnmp.hlapi.v3arch.asyncio import (  # noqa: PLC0415 — costs megabytes, and most codecs are not asked
        CommunityData,
        ContextData,
        ObjectIdentity,
        ObjectType,
        SnmpEngine,
        UdpTransportTarget,
        get_cmd,
    )

    engine = SnmpEngine()
    try:
        target = await UdpTransportTarget.create((host, port), timeout=timeout_s / 2, retries=1)
        identity = CommunityData(community, mpModel=1)  # noqa: S508 — many a codec speaks nothing newer
        uptime = ObjectType(ObjectIdentity(_SYS_UPTIME))
        error, status, _, bindings = await get_cmd(engine, identity, target, ContextData(), uptime, lookupMib=False)
    finally:
        engine.close_dispatcher()
    if error:
        return None
    if status:
        raise ValueError(f"SNMP error {status}")
    return int(bindings[0][1])
