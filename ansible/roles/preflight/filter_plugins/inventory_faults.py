"""What is wrong with an inventory, found before any host is touched: host, key and reason, in Vietnamese and English."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from jinja2 import Undefined

SITE_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
"""The same as contract.topics.SITE_ID, which a control node does not have; a test holds them together."""
VERSION = re.compile(r"[0-9][A-Za-z0-9.+~-]*")
ADDRESS = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.:-]*[A-Za-z0-9])?")
PLACEHOLDER = re.compile(r"THAY-DOI|change-?me|example|^x+$|^secret$|^password$", re.IGNORECASE)
SHORTEST_SECRET = 12
ROLES = {
    "center": ("diemcau", "preflight", "debian_packages", "identity", "broker", "control_center", "ntp", "firewall"),
    "sites": ("diemcau", "preflight", "debian_packages", "identity", "edge_agent", "ntp", "firewall"),
}
"""Roles that a host of a group gets."""
SECRETS = ("identity_ca_passphrase",)
ALL_ROLES = tuple(dict.fromkeys(role for roles in ROLES.values() for role in roles))
PREFIXES = tuple(f"{role}_" for role in ALL_ROLES)
JUDGED_HERE = frozenset({"ansible_host", "diemcau_center_address", "diemcau_site_id", "diemcau_site_name", "diemcau_site_ssid", *SECRETS})
"""What has sentences of its own; of the rest Ansible's own validation speaks."""


class Fault(NamedTuple):
    """One thing that is wrong.

    Attributes:
        host: Name in the inventory; empty: the inventory as a whole.
        key: The variable.
        vi: Why, in Vietnamese.
        en: Why, in English.
    """

    host: str
    key: str
    vi: str
    en: str

    def __str__(self) -> str:
        return ": ".join(word for word in (self.host, self.key, f"{self.vi} / {self.en}") if word)


Variables = Mapping[str, Any]
Options = Mapping[str, Mapping[str, Any]]


def inventory_faults(
    hostvars: Mapping[str, Variables], groups: Mapping[str, Sequence[str]], roles_folder: str, inventory: str = ""
) -> list[str]:
    """All that is wrong, one sentence each; empty: nothing.

    Args:
        hostvars: Variables by host, as Ansible has them.
        groups: Hosts by group; `center` and `sites` are looked at.
        roles_folder: Where the roles lie, for their argument_specs.yml.
        inventory: Folder of the inventory; its vault.yml files must be encrypted.
    """
    folder = Path(roles_folder)
    specs = {role: _entry(folder / role / "meta" / "argument_specs.yml").get("options", {}) for role in ALL_ROLES}
    given = {name for role in ALL_ROLES for name in _yaml(folder / role / "defaults" / "main.yml")}
    known = tuple(name for spec in specs.values() for name in spec)
    faults = [*_group_faults(groups), *_plain_vaults(inventory)]
    # Each look into hostvars puts all variables of a host together anew: once a host is enough.
    variables = {host: _ours(host, hostvars[host], faults) for group in ROLES for host in groups.get(group, ())}
    for group, roles in ROLES.items():
        for host in groups.get(group, ()):
            faults += _host_faults(host, variables[host], group)
            for role in roles:
                faults += _wrong_types(host, variables[host], specs[role], given)
            faults += _unknown(host, variables[host], known)
    sites = [(host, variables[host]) for host in groups.get("sites", ())]
    faults += _shared("diemcau_site_id", [(host, site.get("diemcau_site_id", host)) for host, site in sites])
    faults += _shared("diemcau_site_ssid", [(host, site.get("diemcau_site_ssid")) for host, site in sites])
    faults += _shared("ansible_host", [(host, _way_in(one)) for host, one in variables.items()])
    return [unicodedata.normalize("NFC", str(fault)) for fault in dict.fromkeys(faults)]


def _ours(host: str, variables: Variables, faults: list[Fault]) -> Variables:
    """What is ours to judge, and where Ansible connects to; what cannot be put together is a fault."""
    read: dict[str, Any] = {}
    for key in variables:
        if key not in {"ansible_host", "ansible_port"} and not key.startswith(PREFIXES):
            continue
        content = variables[key]
        if isinstance(content, Undefined):
            faults.append(Fault(host, key, "không tính được giá trị", str(content._undefined_message)))
        else:
            read[key] = content
    return read


def _way_in(variables: Variables) -> str:
    """Address and, where it is another than SSH's own, port: two machines behind one address differ in it."""
    address, port = str(variables.get("ansible_host", "")), str(variables.get("ansible_port", "22"))
    return address if port == "22" or not address else f"{address}:{port}"


def _yaml(path: Path) -> Mapping[str, Any]:
    """Content of a file; {} if there is none."""
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.exists() else {}


def _entry(path: Path) -> Mapping[str, Any]:
    """A role's main entry point in its argument_specs.yml."""
    entry: Mapping[str, Any] = _yaml(path)["argument_specs"]["main"]
    return entry


def _group_faults(groups: Mapping[str, Sequence[str]]) -> Iterator[Fault]:
    count = len(groups.get("center", ()))
    if count != 1:
        yield Fault("", "center", f"nhóm có {count} máy, phải đúng một máy", f"the group has {count} hosts, exactly one is needed")
    if not groups.get("sites"):
        yield Fault("", "sites", "nhóm chưa có điểm cầu nào", "the group has no site yet")


def _plain_vaults(inventory: str) -> Iterator[Fault]:
    for path in sorted(Path(inventory).rglob("vault.y*ml")) if inventory else ():
        if not path.read_text(encoding="utf-8").startswith("$ANSIBLE_VAULT"):
            yield Fault(
                "",
                str(path.relative_to(inventory)),
                f"chưa mã hóa; chạy: ansible-vault encrypt {path}",
                f"is not encrypted; run: ansible-vault encrypt {path}",
            )


def _host_faults(host: str, variables: Variables, group: str) -> Iterator[Fault]:
    yield from _address(host, "ansible_host", variables)
    yield from _address(host, "diemcau_center_address", variables)
    version = str(variables.get("diemcau_version", ""))
    if version and not VERSION.fullmatch(version):
        yield Fault(host, "diemcau_version", f"{version!r} không phải số phiên bản", f"{version!r} is no version, write for example 0.1.0")
    if group == "sites":
        yield from _site_faults(host, variables)
    for key in SECRETS:
        yield from _secret(host, key, variables)


def _address(host: str, key: str, variables: Variables) -> Iterator[Fault]:
    address = variables.get(key)
    if not address:
        yield Fault(host, key, "chưa có địa chỉ", "is missing; give a name or an address")
    elif not isinstance(address, str) or not ADDRESS.fullmatch(address):
        yield Fault(host, key, f"{address!r} không phải tên máy hay địa chỉ", f"{address!r} is neither a name nor an address")


def _site_faults(host: str, variables: Variables) -> Iterator[Fault]:
    site = variables.get("diemcau_site_id", host)
    if not isinstance(site, str) or not SITE_ID.fullmatch(site):
        yield Fault(
            host,
            "diemcau_site_id",
            f"{site!r} không hợp lệ: chỉ dùng a–z, 0–9 và dấu gạch nối, tối đa 40 ký tự",
            f"{site!r} is no site id: use a–z, 0–9 and hyphens, 40 characters at most",
        )
    name = variables.get("diemcau_site_name")
    if not isinstance(name, str) or not name.strip():
        yield Fault(host, "diemcau_site_name", "chưa có tên điểm cầu", "is missing; write what people call the site")
    ssid = variables.get("diemcau_site_ssid")
    if not isinstance(ssid, int) or isinstance(ssid, bool) or not 1 <= ssid <= 65535:
        yield Fault(host, "diemcau_site_ssid", f"là {ssid!r}, phải là số từ 1 đến 65535", f"is {ssid!r}, use a number from 1 to 65535")


def _secret(host: str, key: str, variables: Variables) -> Iterator[Fault]:
    secret = variables.get(key)
    if not secret:
        yield Fault(
            host,
            key,
            "chưa có; chép vault.yml.example thành vault.yml, sửa rồi mã hóa bằng ansible-vault",
            "is missing; copy vault.yml.example to vault.yml, edit it and encrypt it with ansible-vault",
        )
    elif PLACEHOLDER.search(str(secret)):
        yield Fault(host, key, "vẫn là chữ mẫu, hãy đặt mật khẩu riêng", "is still the placeholder, set a secret of your own")
    elif len(str(secret)) < SHORTEST_SECRET:
        yield Fault(host, key, f"quá ngắn, cần ít nhất {SHORTEST_SECRET} ký tự", f"is too short, use {SHORTEST_SECRET} characters or more")


def _wrong_types(host: str, variables: Variables, options: Options, given: Container[str]) -> Iterator[Fault]:
    """What Ansible's own validation says of each variable, key by key; a `given` one has a default."""
    for key, option in options.items():
        if key in JUDGED_HERE:
            continue
        if key not in variables:
            if option.get("required") and key not in given:
                yield Fault(host, key, "chưa khai báo", "is missing")
            continue
        result = ArgumentSpecValidator({key: _without_words(option)}).validate({key: variables[key]})
        for message in result.error_messages:
            yield Fault(host, key, "sai kiểu hoặc giá trị", message)


def _without_words(option: Mapping[str, Any]) -> dict[str, Any]:
    """An option as the validator wants it: without descriptions and defaults, at every depth."""
    bare = {name: content for name, content in option.items() if name not in {"description", "default", "version_added"}}
    if "options" in bare:
        bare["options"] = {name: _without_words(inner) for name, inner in bare["options"].items()}
    return bare


def _unknown(host: str, variables: Variables, known: Sequence[str]) -> Iterator[Fault]:
    for key in variables:
        if not key.startswith(PREFIXES) or key in known:
            continue
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.75)
        vi, en = (f"; có phải {near[0]}?", f"; did you mean {near[0]}?") if near else ("", "")
        yield Fault(host, key, f"không có biến này{vi}", f"there is no such variable{en}")


def _shared(key: str, own: Sequence[tuple[str, Any]]) -> Iterator[Fault]:
    """What two hosts have although each needs its own."""
    first: dict[Any, str] = {}
    for host, figure in own:
        if figure in (None, ""):
            continue
        other = first.setdefault(figure, host)
        if other != host:
            yield Fault(
                host,
                key,
                f"{figure} trùng với {other}, mỗi máy phải có một giá trị riêng",
                f"{figure} is also {other}'s, give each its own",
            )


class FilterModule:
    """Where Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Filters by name."""
        return {"inventory_faults": inventory_faults}
