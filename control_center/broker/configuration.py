"""Mosquitto's configuration, access rules and password file: one generator for the demo, the service and Ansible.

Sites may write below their own name, topic by topic, and read what is meant for them; never ``%u/#``, by which a site
could forge its own acknowledgements. On the sites' listener the user name is the client id, else one site could throw
another off with its client id. The broker keeps nothing on disk: its PUBACK is no promise anyway, and every client
tells its retained state again at every connection.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from contract import topics
from contract.messages import MAX_PAYLOAD_BYTES
from contract.topics import Kind

CENTER_USER = "_center"
"""The center's name at the broker; no site can have it, for a site's id begins with a letter or digit."""
PASSWORD_ITERATIONS = 5000
"""Passwords here are long random tokens; more would only make a reconnecting province wait."""


class Purpose(StrEnum):
    """Who connects to a listener."""

    SITES = "sites"
    CENTER = "center"
    """Workers of the center share one name and so need client ids of their own."""


class Identity(StrEnum):
    """By what a listener knows who connects."""

    PASSWORD = "password"  # noqa: S105 — a word, no secret
    CERTIFICATE = "certificate"
    """The certificate's CN is the user name."""


@dataclass(frozen=True)
class ServerTls:
    """Files of a TLS listener (PEM).

    Attributes:
        ca: Certificates that clients' must descend from.
        cert: The broker's own certificate with its chain.
        key: Its private key.
        crl: Certificates that no longer count; None: none are revoked. Mosquitto refuses everybody once it is outdated.
    """

    ca: Path
    cert: Path
    key: Path
    crl: Path | None = None


@dataclass(frozen=True)
class Listener:
    """One port.

    Attributes:
        port: TCP port.
        purpose: Who connects.
        address: Address to listen on.
        tls: TLS 1.3 with these files; None: without.
        identity: By password or by certificate.

    Raises:
        ValueError: if certificates are asked for without TLS.
    """

    port: int
    purpose: Purpose = Purpose.SITES
    address: str = "127.0.0.1"
    tls: ServerTls | None = None
    identity: Identity = Identity.PASSWORD

    def __post_init__(self) -> None:
        if self.identity is Identity.CERTIFICATE and self.tls is None:
            raise ValueError("a listener that knows its clients by certificate needs tls")


@dataclass(frozen=True)
class Plan:
    """All that the broker is told.

    Attributes:
        listeners: The ports.
        passwords: Password by user name (a site's id, or `CENTER_USER`), in the clear or already hashed (``$7$…``).
        run_as: System user to become when started as root; empty: Mosquitto's default.
        max_connections: Per listener; -1: no limit.
    """

    listeners: tuple[Listener, ...]
    passwords: Mapping[str, str] = field(default_factory=dict, repr=False)
    run_as: str = ""
    max_connections: int = -1

    def __post_init__(self) -> None:
        for user in self.passwords:
            if user != CENTER_USER and not topics.SITE_ID.fullmatch(user):
                raise ValueError(f"{user!r} can be no user of the broker: it is no site id")


def access_rules() -> str:
    """Content of the ACL file."""
    root = topics.ROOT
    deep = (Kind.COMPONENT, Kind.COMMAND)
    lines = [f"user {CENTER_USER}", f"topic readwrite {root}/#", ""]
    lines += [f"pattern write {root}/%u/{kind}" + ("/+" if kind in deep else "") for kind in topics.FROM_SITE]
    lines += [f"pattern read {root}/%u/{kind}" + ("/+" if kind in deep else "") for kind in topics.TO_SITE]
    lines += [f"pattern read {topics.center_status()}", f"pattern read {root}/{topics.CENTER}/{Kind.AGENDA}/%u"]
    return "\n".join(lines) + "\n"


def hash_password(password: str, *, salt: bytes | None = None, iterations: int = PASSWORD_ITERATIONS) -> str:
    """Mosquitto's ``$7$`` form: PBKDF2 with SHA-512, 12 bytes of salt, 64 bytes of key."""
    salt = secrets.token_bytes(12) if salt is None else salt
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations, 64)
    return f"$7${iterations}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"


def fits(password: str, hashed: str) -> bool:
    """Whether a password has this ``$7$`` hash."""
    try:
        kind, iterations, salt, _ = hashed.split("$")[1:]
        again = hash_password(password, salt=base64.b64decode(salt, validate=True), iterations=int(iterations))
    except ValueError:
        return False
    return kind == "7" and hmac.compare_digest(again, hashed)


def password_file(passwords: Mapping[str, str], present: str = "") -> str:
    """Content of the password file; a password that fits its hash in the `present` content keeps it."""
    hashes = {user: hashed for user, _, hashed in (line.partition(":") for line in present.splitlines())}

    def hashed(user: str, secret: str) -> str:
        if secret.startswith("$7$"):
            return secret
        return hashes[user] if fits(secret, hashes.get(user, "")) else hash_password(secret)

    return "".join(f"{user}:{hashed(user, secret)}\n" for user, secret in sorted(passwords.items()))


def configuration(plan: Plan, folder: Path) -> str:
    """Content of ``mosquitto.conf`` whose other files lie in `folder`."""
    lines = [
        "# Generated; changes are overwritten.",
        "per_listener_settings false",
        "allow_anonymous false",
        f"acl_file {folder / 'acl'}",
        f"password_file {folder / 'passwords'}",
        "persistence false",
        # At 20 a consumer that acknowledges after its commit would get a few hundred messages a second.
        "max_inflight_messages 1000",
        "max_queued_messages 10000",
        # The center refuses, with a reason, what is a little too large; what is far too large ends here.
        f"max_packet_size {4 * MAX_PAYLOAD_BYTES}",
        "set_tcp_nodelay true",
        "log_dest stderr",
        "log_timestamp_format %Y-%m-%dT%H:%M:%S%z",
        *(f"log_type {word}" for word in ("error", "warning", "notice", "information")),
        "connection_messages true",
        *([f"user {plan.run_as}"] if plan.run_as else []),
    ]
    for listener in plan.listeners:
        lines += ["", *_listener(listener, plan.max_connections)]
    return "\n".join(lines) + "\n"


def _listener(listener: Listener, max_connections: int) -> list[str]:
    lines = [
        f"# {listener.purpose}",
        f"listener {listener.port} {listener.address}",
        "protocol mqtt",
        f"max_connections {max_connections}",
        f"use_username_as_clientid {'true' if listener.purpose is Purpose.SITES else 'false'}",
    ]
    if listener.tls is not None:
        lines += [
            f"cafile {listener.tls.ca}",
            f"certfile {listener.tls.cert}",
            f"keyfile {listener.tls.key}",
            "tls_version tlsv1.3",
            f"require_certificate {'true' if listener.identity is Identity.CERTIFICATE else 'false'}",
        ]
        if listener.identity is Identity.CERTIFICATE:
            lines += ["use_identity_as_username true", *([f"crlfile {listener.tls.crl}"] if listener.tls.crl is not None else [])]
    return lines
