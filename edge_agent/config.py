"""The site's own file (TOML): wiring and secrets, decoded strictly; a wrong one stops the start with file, key and reason."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from contract import toml_file, topics
from contract.meetings import Phase
from contract.messages import Limits
from contract.toml_file import ConfigError
from edge_agent.agenda import DEFAULT_PERIODS_S, Periods
from probes.link.limits import LinkSettings, Standby
from probes.registry import PROBES

DEFAULT_FILE = Path("/etc/diemcau/edge-agent.toml")
ALWAYS_THERE = frozenset({"cables", "host", "link"})
"""Probes that look even without a table of their own: every site PC has ports, a processor and a network."""


class SiteSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who this site is.

    Attributes:
        id: The site's id: a–z, 0–9 and hyphens, 40 characters at most; also its name at the broker.
        name: What people call it.
    """

    id: str
    name: str

    def __post_init__(self) -> None:
        if not topics.SITE_ID.fullmatch(self.id):
            raise ValueError(f"{self.id!r} is no site id: use a–z, 0–9 and hyphens, 40 characters at most")


class StateSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the agent keeps what must survive a restart.

    Attributes:
        directory: Folder of its own; made if it is missing.
    """

    directory: str = "/var/lib/diemcau"


class StandbySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Second way to the center.

    Attributes:
        host: Broker on the standby link.
        port: Its TCP port.
        interface: Network interface to leave by; empty: whatever the routes say.
    """

    host: str
    port: int = 8883
    interface: str = ""

    def __post_init__(self) -> None:
        _check_port(self.port)


class CenterSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The broker of the control center.

    Attributes:
        host: Name or address of the broker.
        port: Its TCP port.
        username: Name at the broker; empty: the site's id.
        password_file: File whose first line is the password; empty: none.
        ca: Certificates that the broker's must descend from (PEM); empty: no TLS.
        cert: The site's own certificate (PEM); empty: none.
        key: Its private key (PEM).
        keepalive_s: Longest silence on the connection, in seconds.
        standby: Second way, taken while the first is dead.
    """

    host: str
    port: int = 8883
    username: str = ""
    password_file: str = ""
    ca: str = ""
    cert: str = ""
    key: str = ""
    keepalive_s: int = 15
    standby: StandbySettings | None = None

    def __post_init__(self) -> None:
        _check_port(self.port)
        if self.keepalive_s < 2:
            raise ValueError(f"keepalive_s is {self.keepalive_s}, at least 2 are needed")
        if bool(self.cert) != bool(self.key):
            raise ValueError("cert and key come together")


class PageSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The local page for the site's technician.

    Attributes:
        enabled: Whether to serve it.
        host: Address to listen on; the loopback by default, the LAN's only if the room wants it.
        port: TCP port; 0 takes a free one, told in the log and by `edge-agent status`.
    """

    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = 8480

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port is {self.port}, use 0–65535")


class Configuration(NamedTuple):
    """Everything the site's file says, with the defaults filled in.

    Attributes:
        path: The file.
        settings: Per probe, its settings; a probe without a table is "not fitted", unless in `ALWAYS_THERE`.
        limits: Per probe, the file's limits; the center's override them key by key.
        periods: Seconds between two rounds, per phase and probe.
        undeclared: Probes that have no table and so count as not fitted.
    """

    path: Path
    site: SiteSettings
    state: StateSettings
    center: CenterSettings | None
    page: PageSettings
    settings: Mapping[str, msgspec.Struct]
    limits: Mapping[str, msgspec.Struct]
    periods: Periods
    undeclared: tuple[str, ...]

    @property
    def directory(self) -> Path:
        """State directory."""
        return Path(self.state.directory)

    def fitted(self, probe: str) -> bool:
        """Whether the room has what this probe looks at."""
        return bool(getattr(self.settings[probe], "fitted", True))


def _check_port(port: int) -> None:
    if not 1 <= port <= 65535:
        raise ValueError(f"port is {port}, use 1–65535")


def load(path: Path) -> Configuration:
    """Read the site's file.

    Raises:
        ConfigError: with one sentence that names file, key and reason.
    """
    return decode(toml_file.read(path), path)


def decode(document: dict[str, Any], path: Path) -> Configuration:
    """Read the tables of a site's file; `path` is only named in errors."""
    known = sorted({"site", "state", "center", "page", "rounds", "limits", *PROBES})
    toml_file.check_tables(document, known, path)
    if "site" not in document:
        raise ConfigError(f"{path}: site: the table [site] with id and name is missing")
    limits = document.get("limits", {})
    for probe in limits:
        if probe not in PROBES:
            raise ConfigError(f"{path}: limits.{probe}: no such probe (known: {', '.join(PROBES)})")
    center = toml_file.table(document["center"], CenterSettings, path, "center") if "center" in document else None
    settings = {name: _settings(document.get(name), name, path) for name in PROBES}
    settings["link"] = _with_standby(settings["link"], center)
    return Configuration(
        path=path,
        site=toml_file.table(document["site"], SiteSettings, path, "site"),
        state=toml_file.table(document.get("state", {}), StateSettings, path, "state"),
        center=center,
        page=toml_file.table(document.get("page", {}), PageSettings, path, "page"),
        settings=settings,
        limits={name: toml_file.table(limits.get(name, {}), entry.limits, path, f"limits.{name}") for name, entry in PROBES.items()},
        periods=_periods(document.get("rounds", {}), path),
        undeclared=tuple(name for name in PROBES if name not in document and name not in ALWAYS_THERE),
    )


def _with_standby(link: msgspec.Struct, center: CenterSettings | None) -> msgspec.Struct:
    """The link probe tries the standby line that the uplink would take."""
    if not isinstance(link, LinkSettings) or link.standby is not None or center is None or center.standby is None:
        return link
    way = center.standby
    return msgspec.structs.replace(link, standby=Standby(host=way.host, port=way.port, interface=way.interface, ca=center.ca))


def _settings(table: dict[str, Any] | None, name: str, path: Path) -> msgspec.Struct:
    entry = PROBES[name]
    if table is None and name not in ALWAYS_THERE and "fitted" in entry.settings.__struct_fields__:
        table = {"fitted": False}
    return toml_file.table(table or {}, entry.settings, path, name)


def _periods(rounds: dict[str, Any], path: Path) -> Periods:
    """Defaults with what ``[rounds.<phase>] <probe>_s = seconds`` says put over them."""
    periods = {phase: dict(DEFAULT_PERIODS_S[phase]) for phase in Phase}
    for phase, table in rounds.items():
        if phase not in list(Phase) or not isinstance(table, dict):
            raise ConfigError(f"{path}: rounds.{phase}: no such phase (known: {', '.join(Phase)})")
        for key, seconds in table.items():
            probe = key.removesuffix("_s")
            if probe not in PROBES or not key.endswith("_s"):
                raise ConfigError(f"{path}: rounds.{phase}.{key}: unknown key (known: {', '.join(f'{name}_s' for name in PROBES)})")
            if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0.2 <= seconds <= 86400:
                raise ConfigError(f"{path}: rounds.{phase}.{key}: must be seconds from 0.2 to 86400, not {seconds!r}")
            periods[Phase(phase)][probe] = float(seconds)
    return periods


def merge_limits(configuration: Configuration, sent: Limits) -> Mapping[str, msgspec.Struct]:
    """The file's limits with the center's put over them, key by key.

    Raises:
        ConfigError: what was sent does not fit; then the old ones hold on.
    """
    merged = dict(configuration.limits)
    for name, table in sent.limits.items():
        if name in PROBES:
            base = msgspec.to_builtins(configuration.limits[name])
            merged[name] = toml_file.table({**base, **table}, PROBES[name].limits, Path(f"limits {sent.version} from the center"), name)
    return merged


def secret(path: str) -> str:
    """First line of a file that holds a secret; never to be printed.

    Raises:
        ConfigError: the file cannot be read or is empty.
    """
    try:
        line = Path(path).read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the secret cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}") from None
    if not line:
        raise ConfigError(f"{path}: the secret's first line is empty")
    return line
