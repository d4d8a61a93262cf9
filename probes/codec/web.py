"""The system's web interface: its first page over HTTP or HTTPS, and how long its certificate still holds."""

from __future__ import annotations

import http.client
import ssl
import time
from datetime import UTC, datetime

from probes.child import word
from probes.codec.answers import Answer, failure_of
from probes.codec.limits import CodecSettings
from probes.codec.source import any_certificate

_DAY_S = 86400
_LONGEST_NAME = 60


def ask_web(settings: CodecSettings, timeout_s: float) -> Answer:
    """Ask for the first page; whatever the status, the system is there. Nothing is followed, nothing but the head is read."""
    began_s = time.monotonic()
    connection = (
        http.client.HTTPSConnection(settings.host, settings.web_port, timeout=timeout_s, context=any_certificate())
        if settings.web_tls
        else http.client.HTTPConnection(settings.host, settings.web_port, timeout=timeout_s)
    )
    try:
        connection.connect()
        # A look must not outlast its time, however slowly the page comes.
        connection.sock.settimeout(max(0.1, timeout_s - (time.monotonic() - began_s)))
        ends_at = _certificate_ends(connection.sock)
        connection.request("GET", "/", headers={"User-Agent": "diemcau", "Connection": "close"})
        page = connection.getresponse()
    except (ssl.SSLError, http.client.HTTPException):
        # Something is there and speaks otherwise than was declared: alive, and its page not read.
        return Answer(figures={"codec.web_ms": (time.monotonic() - began_s) * 1000})
    except OSError as error:
        return Answer(failure=failure_of(error))
    finally:
        connection.close()
    figures = {"codec.web_ms": (time.monotonic() - began_s) * 1000, "codec.web_status": float(page.status)}
    if ends_at is not None:
        figures["codec.certificate_days"] = (ends_at - datetime.now(UTC)).total_seconds() / _DAY_S
    return Answer(figures=figures, names=word((page.getheader("Server") or "").encode(), _LONGEST_NAME))


def _certificate_ends(peer: object) -> datetime | None:
    """End of the certificate that the system showed; None without one, or if it cannot be read."""
    shown = peer.getpeercert(binary_form=True) if isinstance(peer, ssl.SSLSocket) else None
    if shown is None:
        return None
    from cryptography import x509  # noqa: PLC0415 — 10 MB, and only where HTTPS is asked

    try:
        return x509.load_der_x509_certificate(shown).not_valid_after_utc
    except ValueError:
        return None
