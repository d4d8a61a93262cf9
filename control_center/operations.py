"""Commands that Ansible gives: the broker's files, and whether a site is heard now."""

from __future__ import annotations

import argparse
import grp
import json
import os
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from contract.certificates import CertificateError, Papers, verify
from contract.toml_file import ConfigError
from contract.topics import SITE_ID
from control_center import config
from control_center.board.health import SiteHealth, shortcoming
from control_center.broker import files
from control_center.broker.configuration import CENTER_USER, Identity, Listener, Plan, Purpose, ServerTls
from control_center.commands import CommandError

BROKER_GROUP = "mosquitto"
"""Who may read the broker's files beside root."""
ASK_EVERY_S = 1.0
ANSWER_S = 5.0
WARN_DAYS = 30
HEALTHY, NOT_HEALTHY, COULD_NOT_ASK = 0, 1, 2
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 — to ask, not to listen


def broker_write(options: argparse.Namespace) -> int:
    """Write the broker's files; certificates that it would choke on are refused first."""
    crl = options.crl.resolve() if options.crl else None
    papers = Papers(options.ca.resolve(), options.cert.resolve(), options.key.resolve(), crl)
    now = datetime.now(UTC)
    try:
        certificate = verify(papers, now, server=True)
    except CertificateError as error:
        raise CommandError(str(error)) from None
    if certificate.days_left(now) < WARN_DAYS:
        print(f"control-center: warning: {papers.cert}: expires on {certificate.not_after:%Y-%m-%d}, renew it", file=sys.stderr)
    tls = ServerTls(ca=papers.ca, cert=papers.cert, key=papers.key, crl=papers.crl)
    sites = Listener(port=options.sites_port, address=options.sites_address, tls=tls, identity=Identity.CERTIFICATE)
    center = Listener(port=options.center_port, purpose=Purpose.CENTER)
    plan = Plan(listeners=(sites, center), passwords={CENTER_USER: _password(options.center_password_file)})
    try:
        changed = files.write(plan, options.folder.resolve(), group=_group(), dry=options.check)
    except OSError as error:
        raise CommandError(f"{error.filename or options.folder}: {error.strerror}") from None
    print(json.dumps({"changed": changed}))
    return 0


def _password(path: Path) -> str:
    try:
        password = path.read_text(encoding="utf-8").partition("\n")[0].strip()
    except OSError as error:
        raise CommandError(f"{path}: the password cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(f"{path}: the password cannot be read: it is not UTF-8") from None
    if not password:
        raise CommandError(f"{path}: its first line is empty, a password is needed there")
    return password


def _group() -> int | None:
    """Only root can give files to the broker's user; anybody else tries it out and keeps them."""
    if os.geteuid() != 0:
        return None
    try:
        return grp.getgrnam(BROKER_GROUP).gr_gid
    except KeyError:
        raise CommandError(f"there is no group {BROKER_GROUP!r}: apt install mosquitto") from None


def site_health(options: argparse.Namespace) -> int:
    """Ask the running center whether it hears a site's agent now."""
    try:
        web = config.load(options.config).web
    except ConfigError as error:
        raise CommandError(str(error)) from None
    if web.port == 0:
        raise CommandError(f"{options.config}: web.port is 0, a free port that nobody but the center knows: give it a number")
    if not SITE_ID.fullmatch(options.id):
        raise CommandError(f"{options.id!r} is no site id: use a–z, 0–9 and hyphens, 40 characters at most")
    host = _LOOPBACK.get(web.host, web.host)
    url = f"http://{f'[{host}]' if ':' in host else host}:{web.port}/api/site/{options.id}"
    until = time.monotonic() + options.wait
    while True:
        status, said, reason = _ask(url, options)
        if status == HEALTHY or time.monotonic() >= until:
            break
        time.sleep(min(ASK_EVERY_S, max(0.0, until - time.monotonic())))
    if options.json and said is not None:
        answer = {"healthy": status == HEALTHY, "reason": reason, **msgspec.to_builtins(said)}
        print(json.dumps(answer, ensure_ascii=False))
    if reason:
        print(f"control-center: {options.id}: {reason}", file=sys.stderr)
    elif said is not None and not options.json:
        print(f"{said.site}: healthy, version {said.version}, heard {said.heartbeat_age_s:.1f} s ago")
    return status


def _ask(url: str, options: argparse.Namespace) -> tuple[int, SiteHealth | None, str]:
    """Exit status, what the center said, and what is wrong."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=ANSWER_S) as answer:
            said = msgspec.json.decode(answer.read(), type=SiteHealth)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 404:
            return COULD_NOT_ASK, None, "the center knows no such site; see `control-center site list`"
        return COULD_NOT_ASK, None, f"the center answers {url} with status {error.code}"
    except (OSError, msgspec.DecodeError) as error:
        return (
            COULD_NOT_ASK,
            None,
            f"the center does not answer at {url}: {getattr(error, 'reason', error)}; does `control-center run` run?",
        )
    reason = shortcoming(said, version=options.version, since=options.since)
    return (NOT_HEALTHY if reason else HEALTHY), said, reason
