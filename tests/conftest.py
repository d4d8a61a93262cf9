"""Rules of the whole suite: who may run what, and where a test's requirement numbers live; an authority that signs certificates."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import settings

# The gate tries the same examples every time, so that it fails for a change and never by luck; the soak tries new ones.
settings.register_profile("gate", derandomize=True)
settings.register_profile("soak", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    not_root = pytest.mark.skip(reason="needs root: network namespaces or raw sockets")
    for item in items:
        if item.get_closest_marker("root") and os.geteuid() != 0:
            item.add_marker(not_root)


class Pair(NamedTuple):
    """A certificate and its key, as files."""

    cert: Path
    key: Path
    serial: int


class Authority:
    """A certificate authority as the role `identity` makes one: P-256, one certificate per site, a revocation list."""

    def __init__(self, folder: Path, name: str = "diemcau test") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.ca, self.crl = folder / "ca.crt", folder / "crl.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._revoked: list[int] = []
        self._lists = 0
        now = datetime.now(UTC)
        built = self._builder(self._name, self._key.public_key(), now - timedelta(days=3000), now + timedelta(days=3000))
        built = built.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        _write(self.ca, built.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        self.revoke()

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, begins: datetime, ends: datetime) -> x509.CertificateBuilder:
        named = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key)
        return named.serial_number(x509.random_serial_number()).not_valid_before(begins).not_valid_after(ends)

    def issue(self, name: str, *, server: bool = False, begins_days: float = -1, ends_days: float = 365, file: str = "") -> Pair:
        """Certificate of `name`, valid between so many days from now; a broker's also for 127.0.0.1 and localhost."""
        now = datetime.now(UTC)
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        built = self._builder(subject, key.public_key(), now + timedelta(days=begins_days), now + timedelta(days=ends_days))
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        built = built.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        if server:
            built = built.add_extension(x509.SubjectAlternativeName(names), critical=False)
        signed = built.sign(self._key, hashes.SHA256())
        pair = Pair(self.folder / f"{file or name}.crt", self.folder / f"{file or name}.key", signed.serial_number)
        _write(pair.cert, signed.public_bytes(serialization.Encoding.PEM))
        kind = serialization.PrivateFormat.PKCS8
        _write(pair.key, key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()))
        return pair

    def revoke(self, *serials: int, ends_days: float = 365) -> None:
        """Put these on the revocation list too, which is valid for so many days."""
        self._revoked += serials
        self._lists += 1
        # Two lists of the same second are alike to OpenSSL, which keeps the first.
        at = datetime.now(UTC) - timedelta(days=400) + timedelta(seconds=self._lists)
        built = x509.CertificateRevocationListBuilder().issuer_name(self._name)
        built = built.last_update(at).next_update(datetime.now(UTC) + timedelta(days=ends_days))
        for serial in self._revoked:
            built = built.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at).build())
        _write(self.crl, built.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


def _write(path: Path, content: bytes) -> None:
    unfinished = path.with_name(path.name + ".new")
    unfinished.write_bytes(content)
    unfinished.replace(path)


MakeAuthority = Callable[..., Authority]


@pytest.fixture(scope="session")
def make_authority() -> MakeAuthority:
    """Makes an authority in a folder."""
    return Authority
