"""The site's certificate: whether it fits, for `config check`; whether it ends soon, for the daemon."""

from __future__ import annotations

import logging
import math
from datetime import datetime
from pathlib import Path

import msgspec

from contract import certificates
from contract.catalog import finding, sentence
from contract.certificates import Certificate, CertificateError, Papers
from contract.findings import Finding, Severity
from contract.meetings import Phase
from contract.toml_file import ConfigError
from edge_agent.config import Configuration
from edge_agent.debounce import Policy

log = logging.getLogger(__name__)

WARN_DAYS = 30
"""Ansible renews earlier than this: whoever sees it knows that it has not run."""
SEVERE_DAYS = 7
READ_EVERY_S, READ_AGAIN_S = 86400.0, 60.0
"""And after this pause when it could not be read."""
STEADY = Policy(sightings=20, window=20, clean=1)
"""A clock that jumps for a moment (before NTP has set it) alarms nobody: it must be so for half a minute of looks."""


def papers(configuration: Configuration) -> Papers | None:
    """The files of the site's certificate; None: it has none."""
    center = configuration.center
    if center is None or not center.cert or not center.ca:
        return None
    return Papers(Path(center.ca), Path(center.cert), Path(center.key))


def check(configuration: Configuration, now: datetime) -> str:
    """See that the site's certificate is this site's, fits its key and authority, and holds now.

    Returns:
        A warning in Vietnamese if it ends soon, or empty.

    Raises:
        ConfigError: with file, key and reason.
    """
    center = configuration.center
    if center is not None and center.cert and not center.ca:
        raise ConfigError(f"{configuration.path}: center.ca: missing: without it the certificate is not used and nothing is encrypted")
    files = papers(configuration)
    if files is None:
        return ""
    try:
        certificate = certificates.verify(files, now)
    except CertificateError as error:
        raise ConfigError(f"{configuration.path}: center: {error}") from None
    if certificate.common_name != configuration.site.id:
        raise ConfigError(
            f"{configuration.path}: center.cert: {files.cert}: is the certificate of {certificate.common_name!r}, "
            f"but site.id is {configuration.site.id!r}: give this site its own"
        )
    soon = expiring(certificate, now)
    return "" if soon is None else sentence(soon)


def expiring(certificate: Certificate, now: datetime, phase: Phase = Phase.IDLE) -> Finding | None:
    """The finding that a certificate ends soon, more severe in its last days."""
    days = certificate.days_left(now)
    if days >= WARN_DAYS:
        return None
    severe = days < SEVERE_DAYS
    found = finding(
        "agent.certificate_expiring",
        phase,
        figure=float(max(0, math.floor(days))),
        limit=float(SEVERE_DAYS if severe else WARN_DAYS),
        details={"expires_on": f"{certificate.not_after:%d/%m/%Y}"},
    )
    return msgspec.structs.replace(found, severity=Severity.CRITICAL) if severe else found


class CertificateWatch:
    """Reads the site's certificate at the start, once a day, and when its file was replaced; judges it at every look."""

    def __init__(self, configuration: Configuration) -> None:
        self._papers = papers(configuration)
        self._certificate: Certificate | None = None
        self._read_again_at_s: float | None = None
        self._changed_at_ns = 0

    @property
    def judges(self) -> bool:
        """Whether it can say that all is well: a certificate was read, or none is wanted."""
        return self._certificate is not None or self._papers is None

    def look(self, now: datetime, monotonic_s: float) -> Finding | None:
        """The finding that holds at `now`.

        Args:
            now: Wall clock; a wrong one judges wrongly only for as long as it is wrong.
            monotonic_s: Clock that does not jump, for the pace of reading.
        """
        if self._papers is None:
            return None
        changed_at_ns = _changed_at_ns(self._papers.cert)
        if self._read_again_at_s is None or monotonic_s >= self._read_again_at_s or changed_at_ns != self._changed_at_ns:
            self._changed_at_ns = changed_at_ns
            self._read_again_at_s = monotonic_s + (READ_EVERY_S if self._read(self._papers) else READ_AGAIN_S)
        return None if self._certificate is None else expiring(self._certificate, now)

    def _read(self, files: Papers) -> bool:
        """Read it; in the middle of a renewal it may not fit its key, and the one known before holds on."""
        try:
            self._certificate = certificates.read(files)
        except (CertificateError, OSError) as error:  # SSLError is an OSError
            log.warning("certificate: %s", error)
            return False
        return True


def _changed_at_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
