"""The uplink that a site's file describes; its certificates and secrets are read at the start, so that a wrong one stops it."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from contract.toml_file import ConfigError
from edge_agent.config import Configuration, secret
from edge_agent.mqtt import Credentials, Endpoint
from edge_agent.outbox import Outbox
from edge_agent.uplink import Uplink


def credentials(configuration: Configuration) -> Credentials:
    """As whom the site speaks.

    Raises:
        ConfigError: a file is missing, empty, or no PEM.
    """
    center = configuration.center
    assert center is not None
    where = f"{configuration.path}: center"
    for key in ("ca", "cert", "key", "password_file"):
        path = getattr(center, key)
        if path and not Path(path).is_file():
            raise ConfigError(f"{where}.{key}: {path}: there is no such file")
    made = Credentials(
        username=center.username or configuration.site.id,
        password=secret(center.password_file) if center.password_file else "",
        ca=Path(center.ca) if center.ca else None,
        cert=Path(center.cert) if center.cert else None,
        key=Path(center.key) if center.key else None,
    )
    try:
        made.context()
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{where}: ca, cert or key cannot be used: {error}") from None
    return made


def endpoints(configuration: Configuration) -> list[Endpoint]:
    """The ways to the center, the preferred one first."""
    center = configuration.center
    assert center is not None
    ways = [Endpoint(center.host, center.port)]
    if center.standby is not None:
        ways.append(Endpoint(center.standby.host, center.standby.port, name="standby", interface=center.standby.interface))
    return ways


def uplink(
    configuration: Configuration,
    outbox: Outbox,
    *,
    version: str,
    on_agenda: Callable[..., Any],
    on_limits: Callable[..., Any],
    on_command: Callable[..., Any],
) -> Uplink:
    """The uplink, not yet started.

    Args:
        configuration: The site's file; it must have a center.
        outbox: The journal.
        version: Version of the agent, told at birth.
        on_agenda: Called on the uplink's thread with every agenda.
        on_limits: Called likewise with the limits.
        on_command: Called likewise with an order.

    Raises:
        ConfigError: see `credentials`.
    """
    assert configuration.center is not None
    return Uplink(
        outbox,
        endpoints(configuration),
        credentials(configuration),
        version=version,
        keepalive_s=configuration.center.keepalive_s,
        on_agenda=on_agenda,
        on_limits=on_limits,
        on_command=on_command,
    )
