"""The center's own file (TOML), decoded strictly; a wrong one stops the start with file, key and reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from contract import toml_file

DEFAULT_FILE = Path("/etc/diemcau/control-center.toml")


def _check_port(port: int) -> None:
    if not 0 <= port <= 65535:
        raise ValueError(f"port is {port}, use 0–65535")


def _check_positive(**figures: float) -> None:
    for name, figure in figures.items():
        if figure <= 0:
            raise ValueError(f"{name} is {figure:g}, more than 0 is needed")


class CenterSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the center keeps what must survive a restart.

    Attributes:
        directory: Folder of its own: database, backups, identities, forms, the broker's files; made if it is missing.
        database: SQLAlchemy URL; empty: an SQLite file in the directory.
    """

    directory: str = "/var/lib/diemcau-center"
    database: str = ""


class BrokerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The MQTT broker.

    Attributes:
        managed: Whether the center starts and supervises a Mosquitto with a configuration that it generates.
        host: Address of the broker; the managed one listens there.
        port: TCP port that the sites come to.
        center_port: TCP port of the managed one's listener for the center itself, on the loopback; 0 takes a free one.
        username: The center's name at a broker that is not managed.
        password_file: File whose first line is the center's password at such a broker.
        ca: Certificates that certificates must descend from (PEM); empty: no TLS.
        cert: Certificate (PEM): the managed broker's for the sites, or the center's own at another broker.
        key: Its private key (PEM).
    """

    managed: bool = True
    host: str = "127.0.0.1"
    port: int = 8883
    center_port: int = 0
    username: str = ""
    password_file: str = ""
    ca: str = ""
    cert: str = ""
    key: str = ""

    def __post_init__(self) -> None:
        _check_port(self.port)
        _check_port(self.center_port)
        if self.port == 0:
            raise ValueError("port is 0, the sites need to know it")
        if bool(self.cert) != bool(self.key):
            raise ValueError("cert and key come together")


class StampSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The STAMP reflector (RFC 8762) that notices silent sites.

    Attributes:
        host: Address to listen on.
        port: UDP port; 862 is the standard's, which needs CAP_NET_BIND_SERVICE.
        secret_file: File of the secret from which the sites' keys are drawn, 64 hexadecimal digits; empty: no keys.
        require_keys: Only sealed packets are a sign of life; to be set when all sites have their keys.
    """

    host: str = "127.0.0.1"
    port: int = 8862
    secret_file: str = ""
    require_keys: bool = False

    def __post_init__(self) -> None:
        _check_port(self.port)


class WebSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The board.

    Attributes:
        host: Address to listen on; anywhere but on the loopback nothing is shown until there is an account (``control-center user add``).
        port: TCP port; 0 takes a free one, told in the log.
    """

    host: str = "127.0.0.1"
    port: int = 8470

    def __post_init__(self) -> None:
        _check_port(self.port)


class NotifySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Notices beside the board; off unless there are URLs.

    Attributes:
        urls: Where to (apprise: ``mailto://``, ``json://``, ``syslog://`` …); secrets, never logged.
        least: Least severity that is told: warning or critical.
        escalate_urls: Whom to tell of a critical alarm that nobody has acknowledged; secrets too. Empty: nobody.
        escalate_after_s: After so many seconds.
    """

    urls: tuple[str, ...] = ()
    least: str = "warning"
    escalate_urls: tuple[str, ...] = ()
    escalate_after_s: float = 120.0

    def __post_init__(self) -> None:
        if self.least not in {"warning", "critical"}:
            raise ValueError(f"least is {self.least!r}, use warning or critical")
        _check_positive(escalate_after_s=self.escalate_after_s)


class IncidentSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How incidents are merged.

    Attributes:
        flap_window_s: A fault that comes back within so many seconds is the same incident, counted once more.
        group_sites: From so many sites on, the same fault at once is one cause.
        group_window_s: "At once": begun within so many seconds of each other.
        heartbeat_grace_s: In a meeting, heartbeats may be missing for so many seconds before the agent counts as silent.
    """

    flap_window_s: float = 30.0
    group_sites: int = 3
    group_window_s: float = 3.0
    heartbeat_grace_s: float = 10.0

    def __post_init__(self) -> None:
        _check_positive(flap_window_s=self.flap_window_s, group_window_s=self.group_window_s, heartbeat_grace_s=self.heartbeat_grace_s)
        if self.group_sites < 2:
            raise ValueError(f"group_sites is {self.group_sites}, at least 2 are needed")


class RetentionSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long figures are kept; incidents, checks and forms are kept for ever.

    Attributes:
        minute_days: Figures by the minute, then rolled up to hours.
        hour_days: Figures by the hour.
        at_hour: Hour of the day (Vietnam) at which that is done.
    """

    minute_days: int = 7
    hour_days: int = 1100
    at_hour: int = 2

    def __post_init__(self) -> None:
        _check_positive(minute_days=self.minute_days, hour_days=self.hour_days)
        if self.hour_days < self.minute_days:
            raise ValueError(f"hour_days is {self.hour_days}, less than minute_days")
        if not 0 <= self.at_hour <= 23:
            raise ValueError(f"at_hour is {self.at_hour}, use 0–23")


class NamesSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names that the official papers print; organisations are renamed, so none stands in the code.

    Attributes:
        department: Who runs the system, and gets the registration form (Phụ lục I).
        place: Where it is signed.
        parent: Body above the units that register; empty: dots to be filled in by hand.
        power: The power company that is told of a meeting (9.2).
    """

    department: str = "Sở Thông tin và Truyền thông"
    place: str = "Bình Định"
    parent: str = ""
    power: str = "Công ty Điện lực Bình Định"


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the center's file says, with the defaults filled in."""

    path: Path
    center: CenterSettings = CenterSettings()
    broker: BrokerSettings = BrokerSettings()
    stamp: StampSettings = StampSettings()
    web: WebSettings = WebSettings()
    notify: NotifySettings = NotifySettings()
    incidents: IncidentSettings = IncidentSettings()
    names: NamesSettings = NamesSettings()
    retention: RetentionSettings = RetentionSettings()

    @property
    def directory(self) -> Path:
        """State directory."""
        return Path(self.center.directory)


_TABLES: dict[str, type[msgspec.Struct]] = {
    "center": CenterSettings,
    "broker": BrokerSettings,
    "stamp": StampSettings,
    "web": WebSettings,
    "notify": NotifySettings,
    "incidents": IncidentSettings,
    "names": NamesSettings,
    "retention": RetentionSettings,
}


def load(path: Path) -> Configuration:
    """Read the center's file.

    Raises:
        ConfigError: with one sentence that names file, key and reason.
    """
    return decode(toml_file.read(path), path)


def decode(document: dict[str, Any], path: Path) -> Configuration:
    """Read the tables of the center's file; `path` is only named in errors."""
    toml_file.check_tables(document, tuple(_TABLES), path)
    tables = {key: toml_file.table(table, _TABLES[key], path, key) for key, table in document.items()}
    return Configuration(path=path, **tables)  # type: ignore[arg-type]


SAMPLE = """\
# The control center. Every key stands here with its default; remove what you do not change.

[center]
# Folder of its own: database, backups, identities of the sites, forms, the broker's files.
directory = "/var/lib/diemcau-center"
# SQLAlchemy URL; empty: an SQLite file in the folder.
database = ""

[broker]
# The center starts and supervises a Mosquitto of its own; false: use the one at host and port.
managed = true
host = "127.0.0.1"
port = 8883
# Port of the managed broker's listener for the center, on the loopback; 0 takes a free one.
center_port = 0
# For a broker that is not managed:
username = ""
password_file = ""
# TLS (PEM files); empty: none.
ca = ""
cert = ""
key = ""

[stamp]
# STAMP reflector (RFC 8762), UDP; 862 is the standard's port.
host = "127.0.0.1"
port = 8862
# File of the secret from which the sites' keys are drawn (64 hexadecimal digits); empty: no keys.
secret_file = ""
# Only packets sealed with a site's key are a sign of life; set it when all sites have theirs.
require_keys = false

[web]
# The board; 0 takes a free port.
host = "127.0.0.1"
port = 8470

[notify]
# Notices beside the board (apprise): "mailto://…", "json://…", "syslog://"; none by default.
urls = []
# Least severity that is told: warning or critical.
least = "warning"
# Whom to tell of a critical alarm that nobody has acknowledged, and after how many seconds.
escalate_urls = []
escalate_after_s = 120.0

[incidents]
# A fault that comes back within so many seconds is the same incident, counted once more.
flap_window_s = 30.0
# From so many sites on, the same fault begun within so many seconds is one cause.
group_sites = 3
group_window_s = 3.0
# In a meeting, heartbeats may be missing for so many seconds before the agent counts as silent.
heartbeat_grace_s = 10.0

[names]
# Names that the official papers print: who runs the system, where papers are signed, the body above the units that register
# (empty: dots to be filled in by hand), the power company.
department = "Sở Thông tin và Truyền thông"
place = "Bình Định"
parent = ""
power = "Công ty Điện lực Bình Định"

[retention]
# Figures by the minute are kept for so many days, then rolled up to hours, which are kept for so many; every night at
# this hour (Vietnam). Incidents, checks and forms are kept for ever.
minute_days = 7
hour_days = 1100
at_hour = 2
"""
