"""What a PEM certificate is worth, found out with the standard library alone.

The certificate shakes hands with itself in memory: one end shows it, the other asks for it and verifies it as a broker (or a
site) would. That proves more than parsing would, and spares the daemon a library of its own (docs/decisions/0008).
"""

from __future__ import annotations

import contextlib
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL; Python has no name for it."""
_FLIGHTS = 4
"""TLS 1.3 needs two turns of each end; the rest lets a refusal arrive."""


class CertificateError(Exception):
    """A certificate cannot be used: one sentence that names the file and the reason."""


class Papers(NamedTuple):
    """Files by which one end of a connection proves who it is (PEM).

    Attributes:
        ca: Certificates that `cert` must descend from.
        cert: The certificate, with its chain if it has one.
        key: Its private key, not encrypted.
        crl: Revocation list of the same authority; None: none.
    """

    ca: Path
    cert: Path
    key: Path
    crl: Path | None = None


class Certificate(NamedTuple):
    """What a certificate says.

    Attributes:
        common_name: CN of its subject; empty: none.
        not_before, not_after: Between which instants it holds, UTC.
        names: DNS names and addresses that it also holds for.
    """

    common_name: str
    not_before: datetime
    not_after: datetime
    names: tuple[str, ...] = ()

    def days_left(self, now: datetime) -> float:
        """Days until it ends; negative when it has."""
        return (self.not_after - now).total_seconds() / 86400


def read(papers: Papers, *, server: bool = False) -> Certificate:
    """Read a certificate whose key and authority fit; whether it holds *now* is not asked.

    Args:
        papers: The files; `crl` is not looked at.
        server: It is a broker's; else a client's.

    Raises:
        CertificateError: a file cannot be read, is no PEM, or does not belong to the others.
    """
    return _certificate(_shake_hands(papers._replace(crl=None), server=server, timeless=True))


def verify(papers: Papers, now: datetime, *, server: bool = False) -> Certificate:
    """Read a certificate and see that it would be believed now, by the machine's clock.

    Raises:
        CertificateError: as in `read`, or it holds not yet or no more, or the revocation list names it or is outdated.
    """
    said = read(papers, server=server)
    clock = f"this machine's clock says {now:%Y-%m-%d %H:%M} UTC"
    if now < said.not_before:
        raise CertificateError(f"{papers.cert}: is not valid before {said.not_before:%Y-%m-%d %H:%M} UTC; {clock}: set the clock")
    if now >= said.not_after:
        raise CertificateError(f"{papers.cert}: has expired on {said.not_after:%Y-%m-%d %H:%M} UTC; {clock}: renew the certificate")
    _shake_hands(papers, server=server, timeless=False)
    return said


def _shake_hands(papers: Papers, *, server: bool, timeless: bool) -> dict[str, Any]:
    """Show the certificate to a verifier in memory; what the verifier has read."""
    shows = _showing(papers, server=server)
    asks = _asking(papers, server=server, timeless=timeless)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = (asks if server else shows).wrap_bio(to_client, to_server, server_side=False)
    host = (shows if server else asks).wrap_bio(to_server, to_client, server_side=True)
    try:
        for _ in range(_FLIGHTS):
            for end in (client, host):
                with contextlib.suppress(ssl.SSLWantReadError):
                    end.do_handshake()
    except ssl.SSLCertVerificationError as error:
        raise CertificateError(_why(papers, error)) from None
    except ssl.SSLError as error:
        raise CertificateError(f"{papers.cert}: cannot be used for TLS 1.3: {error.reason or error}") from None
    return (client if server else host).getpeercert() or {}


def _showing(papers: Papers, *, server: bool) -> ssl.SSLContext:
    for path, kind in ((papers.cert, "CERTIFICATE"), (papers.key, "PRIVATE KEY")):
        _see_that_it_holds(path, kind)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        context.load_cert_chain(papers.cert, papers.key, password="")  # an encrypted key must not ask the terminal
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise CertificateError(f"{papers.key}: is not the key of {papers.cert}") from None
        raise CertificateError(f"{papers.cert} and {papers.key}: cannot be used: {error.reason or 'the PEM is broken'}") from None
    except OSError as error:
        raise CertificateError(f"{papers.key}: cannot be used: {error.strerror or error}") from None
    return context


def _asking(papers: Papers, *, server: bool, timeless: bool) -> ssl.SSLContext:
    _see_that_it_holds(papers.ca, "CERTIFICATE")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT if server else ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if not server:
        context.load_cert_chain(papers.cert, papers.key, password="")  # a host must show one; nobody looks at it here
    context.check_hostname, context.verify_mode = False, ssl.CERT_REQUIRED
    _load(context, papers.ca)
    if timeless:
        context.verify_flags |= _NO_CHECK_TIME
    if papers.crl is not None:
        _see_that_it_holds(papers.crl, "X509 CRL")
        _load(context, papers.crl)
        context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
    return context


def _load(context: ssl.SSLContext, path: Path) -> None:
    try:
        context.load_verify_locations(path)
    except ssl.SSLError as error:
        raise CertificateError(f"{path}: the PEM is broken: {error.reason or error}") from None


def _see_that_it_holds(path: Path, kind: str) -> None:
    try:
        text = path.read_text(encoding="ascii")
    except OSError as error:
        raise CertificateError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        text = ""
    if f"{kind}-----" not in text:
        raise CertificateError(f"{path}: holds no PEM of kind {kind}")


def _why(papers: Papers, error: ssl.SSLCertVerificationError) -> str:
    """One sentence out of OpenSSL's words."""
    words = error.verify_message
    if any(word in words for word in ("local issuer", "self-signed", "self signed", "signature failure")):
        return f"{papers.cert}: was not signed by {papers.ca}"
    if "CRL" in words:
        return f"{papers.crl}: {words}: make the revocation list anew, by the authority of {papers.ca}"
    if "revoked" in words:
        return f"{papers.cert}: is revoked by {papers.crl}"
    if "expired" in words or "not yet valid" in words:
        return f"{papers.ca}: {words}, or a certificate between it and {papers.cert}"
    return f"{papers.cert}: {words}"


def _certificate(peer: dict[str, Any]) -> Certificate:
    subject = {name: word for part in peer.get("subject", ()) for name, word in part}
    return Certificate(
        common_name=subject.get("commonName", ""),
        not_before=_instant(peer["notBefore"]),
        not_after=_instant(peer["notAfter"]),
        names=tuple(name for _, name in peer.get("subjectAltName", ())),
    )


def _instant(text: str) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)
