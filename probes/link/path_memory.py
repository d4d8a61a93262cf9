"""What is known of the paths from look to look: pure rules, and the file in the state directory.

A path is compared with the one that was there first. Only an address that differs from what answered to the same TTL before
is a change, and only if the next look sees it again. A hop that is silent, or was, is none: routers limit and refuse such
answers as they like (mtr#239). The new path becomes the usual one once it has been told for a day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from contract.meetings import Phase
from probes.link.path_protocol import Hop, PathAnswer
from probes.seldom import ASKED_PHASES, keep, recall, time_to_ask

FILE = "link-path.json"
TOLD_FOR = timedelta(days=1)
STALE_AFTER = timedelta(days=1)
"""What is older is not shown any more."""
_SEEN = 2
"""A change must be seen in so many looks in a row."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Where a path left its usual way.

    Attributes:
        ttl: First hop that differs.
        before, now: Who answered there, and who does.
        since: Of the look that saw it first.
        looks: How many looks in a row saw the path changed.
    """

    ttl: int
    before: str
    now: str
    since: datetime
    looks: int = 1

    @property
    def sure(self) -> bool:
        """Whether it is more than one look's word."""
        return self.looks >= _SEEN


class Remarked(msgspec.Struct, frozen=True, kw_only=True):
    """Where packets lost their mark: from this hop on every header that came back bears another one."""

    ttl: int
    address: str
    sent: int
    seen: int
    since: datetime


class Narrowed(msgspec.Struct, frozen=True, kw_only=True):
    """The path carries only smaller packets than it did, or than video needs.

    Attributes:
        octets: What it carries.
        expected: What it carried, or should.
        told_by: Router that says so; empty where none does.
        since: Of the look that saw it first.
        looks: How many looks in a row saw it.
    """

    octets: int
    expected: int
    told_by: str
    since: datetime
    looks: int = 1

    @property
    def sure(self) -> bool:
        """Whether it is more than one look's word: all packets of one size may have been lost."""
        return self.looks >= _SEEN


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """One target.

    Attributes:
        address: Whose path it is; another address begins anew.
        asked_at: Of the last look, also of one that failed.
        phase: Phase of it.
        usual: Addresses that answer to each TTL, from 1; empty where nobody ever did.
        answer: The last look.
        change: Whether and where the path differs from the usual one.
        remarked: Whether and where the mark was changed.
        usual_mtu: Octets of the largest packet that the path usually carries; 0: not known yet.
        narrowed: Whether it carries less now.
    """

    address: str
    asked_at: datetime
    phase: Phase
    answer: PathAnswer
    usual: tuple[frozenset[str], ...] = ()
    change: Change | None = None
    remarked: Remarked | None = None
    usual_mtu: int = 0
    narrowed: Narrowed | None = None

    @property
    def suspects(self) -> bool:
        """Whether there is a change that only one look has seen."""
        return any(one is not None and not one.sure for one in (self.change, self.narrowed))


def due(memory: Memory | None, address: str, phase: Phase, now: datetime, period_s: float) -> bool:
    """Whether it is time to ask for a path again."""
    if memory is None or memory.address != address:
        return phase in ASKED_PHASES
    return time_to_ask(memory.asked_at, memory.phase, phase, now, period_s, suspects=memory.suspects)


def remember(memory: Memory | None, address: str, phase: Phase, answer: PathAnswer, at: datetime, *, least_mtu: int = 0) -> Memory:
    """What is known after one more look; one that measured nothing changes nothing but its own time.

    Args:
        memory: What was known.
        address: Whose path it is.
        phase: Of the look.
        answer: What the look brought.
        at: When.
        least_mtu: Octets that a packet must be able to have, whatever is usual.
    """
    if memory is None or memory.address != address:
        memory = Memory(address=address, asked_at=at, phase=phase, answer=answer)
        known: tuple[frozenset[str], ...] = ()
    else:
        known = memory.usual
    if answer.failure is not None:
        # A suspicion that cannot be cleared up is dropped: it would ask at every look.
        change = memory.change if memory.change is not None and memory.change.sure else None
        narrowed = memory.narrowed if memory.narrowed is not None and memory.narrowed.sure else None
        return msgspec.structs.replace(memory, asked_at=at, phase=phase, answer=answer, change=change, narrowed=narrowed)
    change = _change(known, answer.hops, memory.change, at)
    if change is not None and change.sure and at - change.since >= TOLD_FOR:
        known, change = (), None
    if change is None:
        known = _learn(known, answer.hops)
    remarked = _remarked(answer, memory.remarked, at)
    narrowed = _narrowed(memory, answer, at, least_mtu)
    if narrowed is not None and narrowed.sure and at - narrowed.since >= TOLD_FOR:
        usual_mtu = narrowed.octets
        narrowed = narrowed if narrowed.octets < least_mtu else None
    else:
        usual_mtu = max(memory.usual_mtu, answer.mtu or 0)
    return Memory(
        address=address,
        asked_at=at,
        phase=phase,
        answer=answer,
        usual=known,
        change=change,
        remarked=remarked,
        usual_mtu=usual_mtu,
        narrowed=narrowed,
    )


def _narrowed(memory: Memory, answer: PathAnswer, at: datetime, least_mtu: int) -> Narrowed | None:
    before = memory.narrowed
    if answer.mtu is None:
        return before if before is not None and before.sure else None
    expected = max(memory.usual_mtu, least_mtu)
    if answer.mtu >= expected:
        return None
    since, looks = (at, 1) if before is None else (before.since, before.looks + 1)
    return Narrowed(octets=answer.mtu, expected=expected, told_by=answer.mtu_told_by, since=since, looks=looks)


def _change(usual: Sequence[frozenset[str]], hops: Sequence[Hop], before: Change | None, at: datetime) -> Change | None:
    for known, hop in zip(usual, hops, strict=False):
        if known and hop.addresses and known.isdisjoint(hop.addresses):
            since, looks = (at, 1) if before is None else (before.since, before.looks + 1)
            return Change(ttl=hop.ttl, before=", ".join(sorted(known)), now=hop.address or "", since=since, looks=looks)
    return None


def _learn(usual: Sequence[frozenset[str]], hops: Sequence[Hop]) -> tuple[frozenset[str], ...]:
    """What answered now belongs to the usual path: hops that were silent before, and balanced ones."""
    nobody: frozenset[str] = frozenset()
    length = max(len(usual), len(hops))
    return tuple(
        (usual[index] if index < len(usual) else nobody) | (hops[index].addresses if index < len(hops) else nobody)
        for index in range(length)
    )


def _remarked(answer: PathAnswer, before: Remarked | None, at: datetime) -> Remarked | None:
    """First of the last hops in a row that saw another mark; one odd hop that is followed by right ones quotes badly.

    Packets that were sent without a mark have none to lose.
    """
    marked = [hop for hop in answer.hops if hop.dscp is not None]
    if answer.dscp == 0:
        return None
    if not marked:
        return before if before is not None and before.sent == answer.dscp else None
    first: Hop | None = None
    for hop in reversed(marked):
        if hop.dscp == answer.dscp:
            break
        first = hop
    if first is None or first.dscp is None:
        return None
    since = before.since if before is not None and before.sent == answer.dscp else at
    return Remarked(ttl=first.ttl, address=first.address or "", sent=answer.dscp, seen=first.dscp, since=since)


def read(directory: str) -> dict[str, Memory]:
    """What is remembered, by target; nothing if the file is not there or cannot be read."""
    return recall(Path(directory) / FILE, dict[str, Memory]) or {}


def write(directory: str, memories: Mapping[str, Memory]) -> bool:
    """Replace the file in one step; whether it was written."""
    return keep(Path(directory) / FILE, memories)
