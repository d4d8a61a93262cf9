"""Duplicate addresses within a look of the link probe: asked seldom, remembered, told once two looks in a row saw them."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from contract.catalog import finding
from contract.findings import Finding
from contract.meetings import Phase
from contract.readings import Failure
from probes.child import LONGEST_S, ask, command_of
from probes.interface import Look
from probes.link.duplicates import DuplicatesAnswer, DuplicatesRequest
from probes.link.limits import LinkLimits, LinkSettings
from probes.link.path_look import Way
from probes.seldom import ASKED_PHASES, keep, recall, time_to_ask

log = logging.getLogger(__name__)

FILE = "link-duplicates.json"
_SEEN = 2

Ask = Callable[[DuplicatesRequest], DuplicatesAnswer]


class Duplicate(msgspec.Struct, frozen=True, kw_only=True):
    """An address that several devices have: which (this machine aside), since when, and how many looks in a row saw it."""

    macs: tuple[str, ...]
    since: datetime
    looks: int = 1


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What the last look saw, by address."""

    asked_at: datetime
    phase: Phase
    seen: dict[str, Duplicate] = msgspec.field(default_factory=dict)


def ask_child(request: DuplicatesRequest) -> DuplicatesAnswer:
    """The answer of a child of its own."""
    return ask(request, DuplicatesAnswer, command_of("probes.link.duplicates"))


def duplicates(
    ways: Mapping[str, Way], settings: LinkSettings, limits: LinkLimits, look: Look, *, at: datetime, left_s: float, ask: Ask = ask_child
) -> tuple[Finding, ...]:
    """Findings about addresses on the site's cable; what could not be asked keeps what was known.

    Args:
        ways: The ends, by target.
        settings: Other devices on the cable.
        limits: Whether and how often.
        look: Circumstances.
        at: When the look began.
        left_s: Time that the look has left.
        ask: Gets the answer.
    """
    request = request_of(ways, settings.neighbours)
    if not limits.duplicates_enabled or not look.state_directory or request is None:
        return ()
    path = Path(look.state_directory) / FILE
    memory = recall(path, Memory)
    if left_s > LONGEST_S and _due(memory, look.phase, at, limits.path_period_s):
        seen = {} if memory is None else memory.seen
        # The mark is set before: whatever happens to this look, it is not repeated before its time.
        if keep(path, Memory(asked_at=at, phase=look.phase, seen=_sure(seen))):
            memory = Memory(asked_at=at, phase=look.phase, seen=_remembered(seen, request, ask(request), at))
            keep(path, memory)
    return () if memory is None else tuple(_told(memory, look))


def request_of(ways: Mapping[str, Way], neighbours: Iterable[str] = ()) -> DuplicatesRequest | None:
    """Who is asked for: this machine, the router and the ends on the same cable, and neighbours; None without an IPv4 cable."""
    cabled = [way for way in ways.values() if way.source and way.interface not in ("", "lo") and _is_ipv4(way.source)]
    if not cabled:
        return None
    interface, own = cabled[0].interface, cabled[0].source
    others = {*neighbours, *(way.gateway or way.address for way in cabled if way.interface == interface)}
    return DuplicatesRequest(interface=interface, own=own, others=tuple(sorted(others - {own})))


def _is_ipv4(address: str) -> bool:
    return ipaddress.ip_address(address).version == 4


def _due(memory: Memory | None, phase: Phase, at: datetime, period_s: float) -> bool:
    if memory is None:
        return phase in ASKED_PHASES
    suspects = any(one.looks < _SEEN for one in memory.seen.values())
    return time_to_ask(memory.asked_at, memory.phase, phase, at, period_s, suspects=suspects)


def _remembered(seen: Mapping[str, Duplicate], request: DuplicatesRequest, answer: DuplicatesAnswer, at: datetime) -> dict[str, Duplicate]:
    if answer.failure is not None:
        level = logging.INFO if answer.failure is Failure.PERMISSION else logging.WARNING
        log.log(level, "duplicate addresses: %s (%s)", answer.failure, answer.error)
        return _sure(seen)
    found: dict[str, Duplicate] = {}
    for address, macs in answer.owners.items():
        # One stranger is enough at our own address; another one's must have two owners.
        if len(macs) >= (1 if address == request.own else 2):
            before = seen.get(address)
            since, looks = (at, 1) if before is None else (before.since, before.looks + 1)
            found[address] = Duplicate(macs=macs, since=since, looks=looks)
    return found


def _sure(seen: Mapping[str, Duplicate]) -> dict[str, Duplicate]:
    """A suspicion that cannot be cleared up is dropped: it would ask at every look."""
    return {address: one for address, one in seen.items() if one.looks >= _SEEN}


def _told(memory: Memory, look: Look) -> list[Finding]:
    return [
        finding(
            "link.duplicate_address",
            look.phase,
            target=address,
            since=one.since,
            details={"address": address, "devices": ", ".join(one.macs)},
            limits_version=look.limits_version,
        )
        for address, one in _sure(memory.seen).items()
    ]
