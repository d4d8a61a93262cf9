"""A commented sample of the site's file, and its JSON schema, drawn from the types so that neither can be out of date."""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from typing import Any

import msgspec

from contract.meetings import Phase
from edge_agent.agenda import DEFAULT_PERIODS_S
from edge_agent.config import CenterSettings, PageSettings, SiteSettings, StandbySettings, StateSettings
from probes.cables.limits import NutUps
from probes.camera.ptz_limits import PtzSettings
from probes.codec.limits import ApiSettings, Expected
from probes.link.limits import Standby, SwitchPort
from probes.registry import PROBES
from probes.snmp_access import SnmpAccess

EXAMPLES: dict[str, Any] = {
    "site.id": "hoai-nhon",
    "site.name": "Thị xã Hoài Nhơn",
    "center.host": "trung-tam.example",
    "center.standby.host": "du-phong.example",
    "codec.snmp.community_file": "/etc/diemcau/secrets/snmp.community",
    "codec.api.maker": "room_os",
    "codec.api.user": "giamsat",
    "codec.api.password_file": "/etc/diemcau/secrets/codec.password",
    "link.standby.host": "du-phong.example",
    "link.switch.host": "192.0.2.2",
    "link.switch.port": "GigabitEthernet0/24",
    "link.switch.snmp.community_file": "/etc/diemcau/secrets/snmp.community",
    "camera.ptz.protocol": "visca",
    "camera.ptz.host": "192.0.2.10",
    "camera.ptz.presets": [{"name": "Toàn cảnh", "key": "1"}, {"name": "Chủ tọa", "key": "2"}],
}
"""Values of keys that have no default."""
NESTED: dict[str, dict[str, type[msgspec.Struct]]] = {
    "camera": {"ptz": PtzSettings},
    "codec": {"snmp": SnmpAccess, "api": ApiSettings, "expected": Expected},
    "cables": {"ups": NutUps},
    "link": {"standby": Standby, "switch": SwitchPort, "switch.snmp": SnmpAccess},
}
"""Tables within a probe's table, each of which may be missing."""
WIDTH = 110


def text() -> str:
    """Sample of the whole file; passes `edge-agent config check` as it is."""
    parts = [
        "# Tệp của một điểm cầu. Thời gian tính bằng giây (…_s); bí mật nằm trong tệp riêng.",
        "# Kiểm tra: edge-agent config check --config TỆP",
        "",
        *_table("site", SiteSettings),
        *_table("state", StateSettings),
        *_table("center", CenterSettings, leave_out=("standby",)),
        *_commented(_table("center.standby", StandbySettings)),
        *_table("page", PageSettings),
    ]
    for name, entry in PROBES.items():
        inner = NESTED.get(name, {})
        parts += _table(name, entry.settings, leave_out=tuple(key.rpartition(".")[2] for key in inner))
        for key, kind in inner.items():
            parts += _commented(_table(f"{name}.{key}", kind, leave_out=("snmp",)))
    parts += ["# How often each probe looks, per phase.", *_rounds()]
    for name, entry in PROBES.items():
        lines = _table(f"limits.{name}", entry.limits)
        parts += [lines[0], *_commented(lines[1:])] if entry.limits.__struct_fields__ else []
    return "\n".join(parts).rstrip() + "\n"


def schema() -> str:
    """JSON schema of the file."""
    limits = msgspec.defstruct("Limits", [(name, entry.limits | None, None) for name, entry in PROBES.items()], forbid_unknown_fields=True)
    periods = [(f"{name}_s", float | None, None) for name in PROBES]
    phase = msgspec.defstruct("Periods", periods, forbid_unknown_fields=True)
    rounds = msgspec.defstruct("Rounds", [(each.value, phase | None, None) for each in Phase], forbid_unknown_fields=True)
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = [("site", SiteSettings)]
    fields += [("state", StateSettings, StateSettings()), ("center", CenterSettings | None, None), ("page", PageSettings, PageSettings())]
    fields += [(name, entry.settings | None, None) for name, entry in PROBES.items()]
    fields += [("rounds", rounds | None, None), ("limits", limits | None, None)]
    return json.dumps(msgspec.json.schema(msgspec.defstruct("SiteFile", fields, forbid_unknown_fields=True)), ensure_ascii=False, indent=2)


def _rounds() -> list[str]:
    lines: list[str] = []
    for phase in Phase:
        lines.append(f"[rounds.{phase}]")
        lines += [f"{name}_s = {_toml(float(DEFAULT_PERIODS_S[phase].get(name, 60.0)))}" for name in PROBES]
        lines.append("")
    return lines


def _table(name: str, kind: type[msgspec.Struct], leave_out: tuple[str, ...] = ()) -> list[str]:
    words = described(kind)
    lines = [f"[{name}]"]
    for field in msgspec.structs.fields(kind):
        if field.name in leave_out:
            continue
        comment = words.get(field.name, "")
        lines += textwrap.wrap(comment, WIDTH, initial_indent="# ", subsequent_indent="# ") if comment else []
        default = field.default if field.default is not msgspec.NODEFAULT else None
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        value = _toml(EXAMPLES.get(f"{name}.{field.name}", msgspec.to_builtins(default)))
        lines.append(f"{field.encode_name} = {value}" if value else f"# {field.encode_name} =")
    return [*lines, ""]


def _commented(lines: list[str]) -> list[str]:
    return [f"#{line}" if line and not line.startswith("#") else line for line in lines]


def described(kind: type[msgspec.Struct]) -> dict[str, str]:
    """What each field is: from the ``Attributes`` of the docstring, else from its `msgspec.Meta`."""
    document = inspect.getdoc(kind) or ""
    section = document.partition("Attributes:\n")[2].partition("\n\n")[0]
    words: dict[str, str] = {}
    for names, comment in re.findall(r"^    (\w[\w, ]*):[ \n]+(.*?)(?=^    \w|\Z)", section, re.MULTILINE | re.DOTALL):
        for name in names.split(", "):
            words[name] = " ".join(comment.split())
    properties = msgspec.json.schema(kind)["$defs"][kind.__name__].get("properties", {})
    for name, property_ in properties.items():
        words.setdefault(name, property_.get("description", ""))
    return words


def _toml(value: Any) -> str:
    """A value as TOML; empty for None, which TOML cannot say."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items() if each is not None) + "}"
    raise TypeError(f"{type(value).__name__} has no place in a site's file")
