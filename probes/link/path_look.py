"""The paths within a look of the link probe: at most one is asked, seldom; of all is told what is remembered."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

import msgspec

from contract.catalog import figure, missing
from contract.findings import Finding
from contract.placing import CENTER, MCU
from contract.readings import Failure, Reading
from probes.child import LONGEST_S, ask, command_of
from probes.interface import Look
from probes.link.judge import path_findings
from probes.link.limits import LinkLimits, LinkSettings
from probes.link.path_memory import STALE_AFTER, Memory, due, read, remember, write
from probes.link.path_protocol import PathAnswer, PathRequest

log = logging.getLogger(__name__)

Ask = Callable[[PathRequest], PathAnswer]


def ask_child(request: PathRequest) -> PathAnswer:
    """The path, by a child of its own."""
    return ask(request, PathAnswer, command_of("probes.link.path"))


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """One end as the link probe found it.

    Attributes:
        address: Its numeric address.
        interface: By which it is reached.
        source: This machine's address there.
        gateway: Router on the way; empty: it is on the same cable, or nothing is known.
    """

    address: str
    interface: str
    source: str = ""
    gateway: str = ""


def paths(
    ways: Mapping[str, Way], settings: LinkSettings, limits: LinkLimits, look: Look, *, at: datetime, left_s: float, ask: Ask = ask_child
) -> tuple[tuple[Reading, ...], tuple[Finding, ...]]:
    """Readings and findings of the paths to the center and the MCU.

    Nothing is asked without a state directory that can be written: there would be no telling when it was asked last.

    Args:
        ways: The ends, by target.
        settings: Mark of the packets and interface.
        limits: Whether and how often.
        look: Circumstances.
        at: When the look began.
        left_s: Time that the look has left.
        ask: Gets the answer.
    """
    wanted = {name: way for name, way in ways.items() if name in (CENTER, MCU) and _has_a_path(way)}
    if not limits.path_enabled or not look.state_directory or not wanted:
        return (), ()
    memories = read(look.state_directory)
    late = [name for name, way in wanted.items() if due(memories.get(name), way.address, look.phase, at, limits.path_period_s)]
    if late and left_s > LONGEST_S:
        # One in each look, so that a look stays short: the one that has waited longest.
        name = min(late, key=lambda one: memories[one].asked_at.timestamp() if one in memories else 0.0)
        request = PathRequest(
            host=wanted[name].address,
            max_hops=limits.path_max_hops,
            wait_ms=limits.path_wait_ms,
            dscp=settings.dscp,
            interface=settings.interface,
        )
        memories = _ask_one(name, request, memories, limits, look, at=at, ask=ask)
    held = {
        name: memory
        for name, memory in memories.items()
        if name in wanted and memory.address == wanted[name].address and at - memory.asked_at < STALE_AFTER
    }
    readings = tuple(reading for name, memory in held.items() for reading in _readings(name, memory))
    return readings, path_findings(held, look)


def _has_a_path(way: Way) -> bool:
    """Whether there is a hop to be asked: IPv4, and not this machine itself."""
    try:
        address = ipaddress.ip_address(way.address)
    except ValueError:
        return False
    return address.version == 4 and not address.is_loopback and way.interface != "lo"


def _ask_one(
    name: str, request: PathRequest, memories: dict[str, Memory], limits: LinkLimits, look: Look, *, at: datetime, ask: Ask
) -> dict[str, Memory]:
    before = memories.get(name)
    # The mark is set before: whatever happens to this look, it is not repeated before its time.
    begun = remember(before, request.host, look.phase, PathAnswer(failure=Failure.SKIPPED), at)
    if not write(look.state_directory, {**memories, name: begun}):
        return memories
    answer = ask(request)
    if answer.failure is not None:
        log.info("path to %s: %s (%s)", name, answer.failure, answer.error)
    known = {**memories, name: remember(before, request.host, look.phase, answer, at, least_mtu=limits.path_least_mtu)}
    write(look.state_directory, known)
    return known


def _readings(name: str, memory: Memory) -> Iterator[Reading]:
    answer = memory.answer
    if answer.failure is not None or not answer.reached:
        yield missing("link.hops", answer.failure or Failure.TIMEOUT, at=memory.asked_at, target=name)
    else:
        yield figure("link.hops", answer.hops[-1].ttl, at=memory.asked_at, target=name)
    marks = [hop.dscp for hop in answer.hops if hop.dscp is not None]
    if marks:
        yield figure("link.dscp_arrived", marks[-1], at=memory.asked_at, target=name)
    if answer.mtu is not None:
        yield figure("link.mtu_octets", answer.mtu, at=memory.asked_at, target=name)
