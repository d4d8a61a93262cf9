"""Settings of the conferencing system within a look of the codec probe: asked every five minutes, compared with what was approved (R29)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from contract.catalog import figure, finding, missing
from contract.findings import Component, Finding
from contract.meetings import Phase
from contract.messages import Device
from contract.readings import Failure, Reading
from probes.codec.by_hand import looked_up
from probes.codec.compare import WORDS, Difference, differences, unread
from probes.codec.drivers import DRIVERS, Api, ApiError
from probes.codec.facts import Facts
from probes.codec.limits import CodecLimits, CodecSettings, Expected, Maker
from probes.interface import Look
from probes.seldom import keep, recall

log = logging.getLogger(__name__)

FILE = "codec-settings.json"
LONGEST_S = 5.0
_SEEN = 2
"""What is told must have been read twice: a system that is just starting says many a thing."""
_JUDGED = frozenset({Phase.REHEARSAL, Phase.PRECHECK, Phase.LIVE})
"""Out of meetings a system sleeps and its sources are unplugged."""
_ALWAYS = frozenset({"address", "call_rate_kbps", "content_rate_kbps", "echo_cancelling", "software"})
"""Settings that are set and stay, also while it sleeps."""
_CODES = {"picture_sources": "codec.no_second_source", "height_lines": "codec.not_hd"}
_READ_AS = {
    "codec.picture_sources": "picture_sources",
    "codec.picture_lines": "height_lines",
    "codec.call_rate_kbps": "call_rate_kbps",
    "codec.in_call": "in_call",
    "codec.microphones_muted": "microphones_muted",
}


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What the system said last.

    Attributes:
        host: Which system.
        asked_at: When, UTC.
        facts: Its own words; None if it did not tell.
        failure: Why not.
        found: Differences of the last answer.
        seen: How many answers in a row had these.
        since: When the first of them came.
    """

    host: str
    asked_at: datetime
    facts: Facts | None = None
    failure: Failure | None = None
    found: tuple[Difference, ...] = ()
    seen: int = 0
    since: datetime | None = None


Ask = Callable[[CodecSettings, float], Facts]


def ask_maker(settings: CodecSettings, timeout_s: float) -> Facts:
    """Ask by the maker's interface.

    Raises:
        ApiError: it did not tell.
    """
    assert settings.api is not None
    return DRIVERS[settings.api.maker](Api(settings.host, settings.api, timeout_s))


def settings_of(
    settings: CodecSettings, limits: CodecLimits, look: Look, *, at: datetime, left_s: float, alive: bool, ask: Ask = ask_maker
) -> tuple[tuple[Reading, ...], tuple[Finding, ...]]:
    """Readings and findings of the settings; the system is asked when it is time.

    Args:
        settings: How to ask, and what was approved.
        limits: How often.
        look: Circumstances.
        at: When the look began.
        left_s: Time that the look has left.
        alive: Whether the system answers at all; what is off is not asked.
        ask: Asks it.
    """
    if not look.state_directory or (settings.api is None and settings.expected is None):
        return (), ()
    expected = settings.expected or Expected()
    if settings.api is None or settings.api.maker is Maker.NONE:
        return (), tuple(_by_hand(Facts(), expected, look, settings.host, at))
    path = Path(look.state_directory) / FILE
    memory = recall(path, Memory)
    if memory is not None and memory.host != settings.host:
        memory = None
    if alive and left_s > 1.0 and _due(memory, at, limits.settings_period_s):
        memory = _asked(memory, settings, at, timeout_s=min(LONGEST_S, left_s - 0.5), ask=ask)
        keep(path, memory)
    if memory is None or memory.facts is None or not alive:
        why = Failure.SKIPPED if memory is None or not alive else memory.failure or Failure.BAD_DATA
        return tuple(missing(metric, why, at=at, target=settings.host) for metric in _READ_AS), ()
    return tuple(_readings(memory)), (
        *_changed(memory, look),
        *_by_hand(memory.facts, expected, look, settings.host, at),
    )


def device_of(settings: CodecSettings, look: Look, names: str) -> tuple[Device, ...]:
    """The system for the inventory: by its maker's interface where it tells, else by what it calls itself."""
    memory = recall(Path(look.state_directory) / FILE, Memory) if look.state_directory else None
    facts = memory.facts if memory is not None and memory.host == settings.host else None
    model, firmware = (names, "") if facts is None else (facts.product or names, facts.software or "")
    return (Device(component=Component.CODEC, name="VCS", model=model, address=settings.host, firmware=firmware),)


def _due(memory: Memory | None, at: datetime, period_s: float) -> bool:
    """A difference that was read once is looked at again at once."""
    if memory is None or (memory.found and memory.seen < _SEEN):
        return True
    return not 0 <= (at - memory.asked_at).total_seconds() < period_s


def _asked(memory: Memory | None, settings: CodecSettings, at: datetime, *, timeout_s: float, ask: Ask) -> Memory:
    expected = settings.expected or Expected()
    try:
        facts = ask(settings, timeout_s)
    except ApiError as error:
        log.warning("the codec %s does not tell its settings: %s (%s)", settings.host, error.failure, error)
        return Memory(host=settings.host, asked_at=at, failure=error.failure)
    found = tuple(differences(facts, expected))
    again = memory is not None and found and memory.found == found
    return Memory(
        host=settings.host,
        asked_at=at,
        facts=facts,
        found=found,
        seen=memory.seen + 1 if memory is not None and again else 1,
        since=memory.since if memory is not None and again else at,
    )


def _readings(memory: Memory) -> Iterator[Reading]:
    for metric, field in _READ_AS.items():
        said = getattr(memory.facts, field)
        if said is None:
            yield missing(metric, Failure.UNSUPPORTED, at=memory.asked_at, target=memory.host)
        else:
            yield figure(metric, float(said), at=memory.asked_at, target=memory.host)


def _changed(memory: Memory, look: Look) -> Iterator[Finding]:
    if memory.seen < _SEEN:
        return
    for one in memory.found:
        if look.phase in _JUDGED or one.setting in _ALWAYS:
            yield _finding(one, look, memory.host, memory.since or memory.asked_at)


def _finding(one: Difference, look: Look, host: str, since: datetime) -> Finding:
    code = _CODES.get(one.setting)
    if code is not None:
        return finding(
            code,
            look.phase,
            target=host,
            figure=float(one.actual),
            limit=float(one.expected),
            since=since,
            limits_version=look.limits_version,
        )
    details: dict[str, float | str] = {"setting": WORDS[one.setting], "expected": one.expected, "actual": one.actual}
    # One system, several settings: each is a fault of its own.
    return finding(
        "codec.settings_changed",
        look.phase,
        target=f"{host} · {WORDS[one.setting]}",
        since=since,
        details=details,
        limits_version=look.limits_version,
    )


def _by_hand(facts: Facts, expected: Expected, look: Look, host: str, at: datetime) -> Iterator[Finding]:
    """What a person must look at before a meeting, or has looked at and found otherwise."""
    if look.phase not in (Phase.REHEARSAL, Phase.PRECHECK):
        return
    asked, seen = unread(facts, expected), looked_up(look.state_directory, at)
    for setting in asked:
        if setting in seen and not seen[setting].right:
            wanted, by = getattr(expected, setting), seen[setting].by
            yield _finding(Difference(setting=setting, expected=str(wanted), actual=f"≠ ({by})"), look, host, seen[setting].at)
    open_ones = [setting for setting in asked if setting not in seen]
    if open_ones:
        details: dict[str, float | str] = {
            "settings": ", ".join(WORDS[setting] for setting in open_ones),
            "names": " ".join(open_ones),
        }
        yield finding("codec.settings_unread", look.phase, target=host, since=at, details=details, limits_version=look.limits_version)
