"""Commands of the fleet's limits: what is still normal at every site, or at one."""

from __future__ import annotations

import argparse
import tomllib
from datetime import UTC, datetime
from typing import Any

import msgspec

from control_center import commands, tables
from control_center.commands import CommandError
from control_center.limits import table as limits_table
from control_center.store import limits as limits_store
from control_center.store.limits import ALL, LimitsError


def limits_keys(_options: argparse.Namespace) -> int:
    """Show all limits with default and range."""
    tables.limit_keys(limits_table.keys())
    return 0


def limits_show(options: argparse.Namespace) -> int:
    """Show what a site is sent, or what holds for all, as TOML."""
    engine = commands.store_of(options)
    sent = limits_store.of_site(options.site, limits_store.holding(engine))
    if sent is None:
        print("# chưa đặt gì: mọi điểm cầu dùng giá trị mặc định")
        return 0
    print(f"# phiên bản {sent.version}")
    print(_toml(sent.limits))
    return 0


def limits_set(options: argparse.Namespace) -> int:
    """Take the limits of a TOML file: one table per probe."""
    try:
        document = tomllib.loads(options.file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(f"{options.file}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CommandError(f"{options.file}: {error}") from None
    engine, now = commands.store_of(options), datetime.now(UTC)
    before = limits_store.holding(engine).get(options.site)
    try:
        made = limits_store.save(engine, document, scope=options.site, author=options.by, reason=options.reason, at=now)
    except LimitsError as error:
        raise CommandError(*(f"{options.file}: {sentence}" for sentence in error.sentences)) from None
    tables.limit_changes(made, limits_table.changes(before.table if before else {}, made.table))
    return 0


def limits_history(options: argparse.Namespace) -> int:
    """Show who changed what, when and why; the newest first."""
    versions = limits_store.history(commands.store_of(options))
    last: dict[str, dict[str, dict[str, Any]]] = {}
    steps = []
    for version in reversed(versions):
        steps.append((version, limits_table.changes(last.get(version.scope, {}), version.table)))
        last[version.scope] = version.table
    for version, changed in reversed(steps):
        tables.limit_changes(version, changed)
    return 0


def limits_undo(options: argparse.Namespace) -> int:
    """Set again what a version says; a new version, so that nothing is lost."""
    engine = commands.store_of(options)
    wanted = next((one for one in limits_store.history(engine) if one.id == options.number), None)
    if wanted is None:
        raise CommandError(f"no version {options.number}; see `control-center limits history`")
    now, reason = datetime.now(UTC), f"trở lại phiên bản {wanted.id}"
    made = limits_store.save(engine, wanted.table, scope=wanted.scope, author=options.by, reason=reason, at=now)
    print(f"{made.id}\t{made.scope or 'mọi điểm cầu'}\t{made.reason}")
    return 0


def _toml(table: limits_table.Table) -> str:
    lines = []
    for probe, values in table.items():
        lines += [f"[{probe}]", *(f"{name} = {msgspec.json.encode(value).decode()}" for name, value in values.items()), ""]
    return "\n".join(lines).rstrip()


__all__ = ["ALL", "limits_history", "limits_keys", "limits_set", "limits_show", "limits_undo"]
