"""One look from the command line, without the daemon."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from contract.findings import Component
from contract.meetings import Phase
from contract.messages import CheckReport, Limits, ProbeReport
from contract.toml_file import ConfigError
from contract.verdicts import verdict_of
from edge_agent import keep
from edge_agent.child import run_probe
from edge_agent.config import Configuration, merge_limits
from probes.interface import Look
from probes.registry import PROBES

_FILE_DEADLINE_S = 600.0
"""A recording is read as fast as it can be, and may be long."""


async def check_once(configuration: Configuration, phase: Phase) -> CheckReport:
    """Run every probe of the site once, side by side, and judge."""
    began_at = datetime.now(UTC)
    kept = keep.read(configuration.directory / "limits.json", Limits)
    limits = configuration.limits if kept is None else merge_limits(configuration, kept)
    version = "" if kept is None else kept.version

    async def run(name: str) -> ProbeReport:
        look = Look(
            phase=phase,
            deadline_s=PROBES[name].deadline_s,
            state_directory=str(configuration.directory) if configuration.directory.is_dir() else "",
            limits_version=version,
        )
        return await run_probe(name, configuration.settings[name], limits[name], look)

    reports = await asyncio.gather(*(run(name) for name in PROBES))
    ended_at = datetime.now(UTC)
    findings = [found for report in reports for found in report.findings]
    verdicts = [verdict_of(Component(report.probe), report.readings, report.findings, ended_at) for report in reports]
    own = [found for found in findings if found.component == Component.AGENT]
    if own:
        verdicts.append(verdict_of(Component.AGENT, (), own, ended_at))
    return CheckReport(
        site=configuration.site.id,
        phase=phase,
        began_at=began_at,
        ended_at=ended_at,
        verdicts=tuple(verdicts),
        readings=tuple(reading for report in reports for reading in report.readings),
    )


async def probe_once(name: str, settings: msgspec.Struct, phase: Phase) -> ProbeReport:
    """Run one probe once, with the built-in limits."""
    entry = PROBES[name]
    deadline_s = _FILE_DEADLINE_S if _is_file(settings) else entry.deadline_s
    return await run_probe(name, settings, entry.limits(), Look(phase=phase, deadline_s=deadline_s))


def _is_file(settings: msgspec.Struct) -> bool:
    from pathlib import Path  # noqa: PLC0415

    source = getattr(settings, "source", "")
    try:
        return isinstance(source, str) and bool(source) and Path(source).is_file()
    except OSError:
        return False


def settings_for(name: str, *, source: str | None, reference: str | None, targets: list[str]) -> msgspec.Struct:
    """Settings of a probe from the command line's words.

    Raises:
        ConfigError: the probe has no such setting, or refuses it.
    """
    kind = PROBES[name].settings
    fields = kind.__struct_fields__
    chosen: dict[str, Any] = {}
    for key, word in (("source", source), ("reference", reference)):
        if word is not None:
            if key not in fields:
                raise ConfigError(f"probe {name}: --{key}: this probe has no {key}")
            if not _is_text(word):
                raise ConfigError(f"probe {name}: --{key}: tên tệp không phải chữ UTF-8, hãy đổi tên tệp (not a UTF-8 name)")
            if _names_a_file(word) and _is_missing(word):
                raise ConfigError(f"probe {name}: --{key}: không có tệp {word} (no such file)")
            chosen[key] = word
    if targets:
        if "targets" not in fields:
            raise ConfigError(f"probe {name}: --target: this probe has no targets")
        chosen["targets"] = targets
    try:
        return msgspec.convert(chosen, type=kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"probe {name}: {error}") from None


def _is_text(word: str) -> bool:
    """Whether it can be handed on as text: a name in another encoding cannot."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_missing(word: str) -> bool:
    """Whether there is no such file; of one that may not be looked at, the probe says so."""
    try:
        Path(word).stat()
    except PermissionError:
        return False
    except OSError:
        return True
    return False


_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,3}$")


def _names_a_file(word: str) -> bool:
    """Whether a source given by hand is meant as a file: it has a folder or a file's ending, and is neither an address nor a device."""
    return "://" not in word and not word.startswith("/dev/") and ("/" in word or _ENDING.search(word) is not None)
