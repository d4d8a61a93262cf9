"""The register of sites in and out as TOML, for Ansible and for people.

A file holds ``[[site]]`` tables, each with ``[[site.contact]]`` tables, and ``[[contact]]`` tables for all sites.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
from sqlalchemy import Engine

from contract import topics
from control_center.store import registry
from control_center.store.registry import Contact, ContactRole, Site


class ExchangeError(Exception):
    """A file of sites cannot be used: one sentence with file, key and reason."""


class _Contact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    role: ContactRole = ContactRole.SITE
    phone: str = ""
    email: str = ""
    unit: str = ""


Source = Literal["own", "vcs", "hdmi_tap", "mixer_tap", "none"]


class _Site(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    name: str
    ssid: int = 0
    unit: str = ""
    address: str = ""
    room: str = ""
    host: str = ""
    capabilities: dict[Literal["camera", "microphone", "codec", "cables"], Source] = {}
    contact: tuple[_Contact, ...] = ()

    def __post_init__(self) -> None:
        if not topics.SITE_ID.fullmatch(self.id):
            raise ValueError(f"id {self.id!r} is no site id: use a–z, 0–9 and hyphens, 40 characters at most")
        if not self.name.strip():
            raise ValueError(f"name of {self.id!r} is empty")
        if not 0 <= self.ssid <= registry.MAX_SSID:
            raise ValueError(f"ssid of {self.id!r} is {self.ssid}, use 1 to {registry.MAX_SSID}, or leave it out")


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    site: tuple[_Site, ...] = ()
    contact: tuple[_Contact, ...] = ()


def import_file(engine: Engine, path: Path) -> list[Site]:
    """Add or replace the sites and contacts of a file; sites that it does not name stay.

    Raises:
        ExchangeError: and then nothing was changed.
    """
    try:
        wanted = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File)
    except OSError as error:
        raise ExchangeError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ExchangeError(f"{path}: is not UTF-8 (byte {error.start})") from None
    except tomllib.TOMLDecodeError as error:
        raise ExchangeError(f"{path}: is not TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise ExchangeError(f"{path}: {_place(str(error))}") from None
    ids = [one.id for one in wanted.site]
    twice = next((one for one in ids if ids.count(one) > 1), None)
    if twice is not None:
        raise ExchangeError(f"{path}: site: {twice!r} stands there twice")
    try:
        saved = registry.save_sites(engine, (_site(one) for one in wanted.site))
    except ValueError as error:
        raise ExchangeError(f"{path}: site: {error}") from None
    for one in wanted.site:
        registry.replace_contacts(engine, one.id, [_contact(contact, one.id) for contact in one.contact])
    if wanted.contact:
        registry.replace_contacts(engine, "", [_contact(contact, "") for contact in wanted.contact])
    return saved


def _place(message: str) -> str:
    """``key: reason`` out of msgspec's words."""
    match = re.search(r" - at `\$\.?(?P<key>[^`]*)`$", message)
    return message if match is None else f"{match['key'] or 'file'}: {message[: match.start()]}"


def _site(one: _Site) -> Site:
    return Site(
        id=one.id,
        name=one.name.strip(),
        ssid=one.ssid,
        unit=one.unit,
        address=one.address,
        room=one.room,
        host=one.host,
        capabilities={str(component): str(source) for component, source in one.capabilities.items()},
    )


def _contact(one: _Contact, site: str) -> Contact:
    return Contact(role=one.role, name=one.name, phone=one.phone, site=site, email=one.email, unit=one.unit)


def export_text(sites: Iterable[Site], contacts: Sequence[Contact]) -> str:
    """The register as a file that `import_file` reads back to the same."""
    lines = ["# Danh bạ điểm cầu"]
    for one in sites:
        lines += ["", "[[site]]", *_keys(one, leave_out=("capabilities",))]
        if one.capabilities:
            lines += ["[site.capabilities]", *(f"{name} = {_text(source)}" for name, source in sorted(one.capabilities.items()))]
        for contact in contacts:
            if contact.site == one.id:
                lines += ["[[site.contact]]", *_keys(contact, leave_out=("site",))]
    for contact in contacts:
        if not contact.site:
            lines += ["", "[[contact]]", *_keys(contact, leave_out=("site",))]
    return "\n".join(lines) + "\n"


def _keys(struct: msgspec.Struct, leave_out: Sequence[str]) -> list[str]:
    fields = msgspec.to_builtins(struct)
    return [f"{name} = {_text(content)}" for name, content in fields.items() if name not in leave_out]


def _text(content: Any) -> str:
    """A number or text as TOML writes it; JSON's escapes are TOML's, except for DEL."""
    return json.dumps(content, ensure_ascii=False).replace("\x7f", "\\u007f")
