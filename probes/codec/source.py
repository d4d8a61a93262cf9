"""Asks the conferencing system by the protocols of calls: SIP OPTIONS over UDP, TCP and TLS, and a TCP connect for H.323."""

from __future__ import annotations

import secrets
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager

from contract.readings import Failure
from probes.codec import sip
from probes.codec.answers import Answer, failure_of
from probes.codec.limits import CodecSettings, SipTransport

_MAX_ANSWER_BYTES = 65536


def any_certificate() -> ssl.SSLContext:
    """TLS that asks whether the system is alive, not who it is: it signs its own certificate, and nothing secret is said."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def connect(host: str, port: int, timeout_s: float) -> Answer:
    """Open and close a TCP connection to the H.323 port: a Setup would ring the room."""
    began_s = time.monotonic()
    try:
        with socket.create_connection((host, port), timeout_s):
            return Answer(figures={"codec.h323_ms": (time.monotonic() - began_s) * 1000})
    except OSError as error:
        return Answer(failure=failure_of(error))


def ask_sip(settings: CodecSettings, timeout_s: float, attempts: int) -> Answer:
    """Send OPTIONS and wait for any answer; over UDP it is sent again within the same time."""
    tries = attempts if settings.sip_transport is SipTransport.UDP else 1
    answer = Answer(failure=Failure.TIMEOUT)
    for _ in range(tries):
        try:
            answer = _ask_sip_once(settings, timeout_s / tries)
        except OSError as error:
            answer = Answer(failure=failure_of(error))
        if answer.failure is None:
            break
    return answer


def _ask_sip_once(settings: CodecSettings, timeout_s: float) -> Answer:
    began_s = time.monotonic()
    branch, udp = secrets.token_hex(8), settings.sip_transport is SipTransport.UDP
    with _open(settings, timeout_s) as peer:
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
        while (left_s := timeout_s - (time.monotonic() - began_s)) > 0:
            peer.settimeout(left_s)
            piece = peer.recv(_MAX_ANSWER_BYTES)
            heard = piece if udp else heard + piece
            status = sip.status_of(heard, branch)
            if status is not None:
                figures = {"codec.sip_ms": (time.monotonic() - began_s) * 1000, "codec.sip_status": float(status)}
                return Answer(figures=figures, names=sip.product_of(heard))
            if not udp and (not piece or len(heard) > _MAX_ANSWER_BYTES):
                return Answer(failure=Failure.BAD_DATA)
    return Answer(failure=Failure.TIMEOUT)


@contextmanager
def _open(settings: CodecSettings, timeout_s: float) -> Iterator[socket.socket]:
    host, port = settings.host, settings.sip_port
    if settings.sip_transport is SipTransport.UDP:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as datagrams:
            datagrams.connect(address)
            yield datagrams
        return
    with socket.create_connection((host, port), timeout_s) as stream:
        if settings.sip_transport is SipTransport.TCP:
            yield stream
            return
        with any_certificate().wrap_socket(stream) as sealed:
            yield sealed
