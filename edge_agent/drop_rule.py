"""Pure: probes that were answered and probes that were not → suspicion, confirmation, return. No clock, no socket.

In two steps (figures: `probes.link.limits.LinkLimits`):

* an answer is **missing** when it has not come after the grace, which grows with the round trip (RFC 6298, 2);
* **suspected** after `suspect_probes` missing answers in a row, counted from the last probe that was answered: a timer
  alone would take a stall of this very machine for a dead link, counting cannot;
* **confirmed** after `confirm_probes` in a row and `confirm_s` of silence, time in which the watch itself stood still
  ("blind") not counted: a bad moment of the line is over by then;
* **over** once `return_answers` have come. It began when the first unanswered probe was sent and ended when the first
  answered one was.

Ends that fall silent together are one outage. What all of them had sent too late is a delay, not an interruption.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from enum import StrEnum

import msgspec

from contract.findings import Finding
from contract.meetings import Phase
from contract.messages import Interruption
from contract.placing import locate
from probes.link.judge import unreachable
from probes.link.limits import LinkLimits

JOIN_S = 1.0
"""Silences that begin within this time of each other are one outage."""
SETTLE_S = 0.5
"""Ends that return within this time of each other return together."""
_FIRST_GRACE_S, _LONGEST_GRACE_S = 1.0, 2.0
"""Before the round trip is known (RFC 6298, 2.1), and at most."""


class Suspected(msgspec.Struct, frozen=True, kw_only=True):
    """Quiet: something is missing. Told again when further ends join."""

    targets: tuple[str, ...]
    since: datetime
    answered: tuple[str, ...]


class Confirmed(msgspec.Struct, frozen=True, kw_only=True):
    """It is an outage. Told again, with other findings, when ends join or only some have returned.

    Attributes:
        findings: What holds now; replaces those of the confirmation before with the same `since`.
        place: Word of `contract.placing`.
        times: How often it dropped within the flap window, this time included.
    """

    targets: tuple[str, ...]
    since: datetime
    answered: tuple[str, ...]
    findings: tuple[Finding, ...]
    place: str
    times: int = 1


class Returned(msgspec.Struct, frozen=True, kw_only=True):
    """Answers come again.

    Attributes:
        interruption: What is to be recorded; None if every answer came after all, only late.
        findings: Those of the confirmation, which are over; empty if it was never confirmed.
    """

    targets: tuple[str, ...]
    interruption: Interruption | None
    findings: tuple[Finding, ...] = ()


WatchEvent = Suspected | Confirmed | Returned


class Light(StrEnum):
    """State of one end."""

    UNKNOWN = "unknown"
    """Not asked yet."""
    UP = "up"
    SUSPECT = "suspect"
    DOWN = "down"


class EndRule:
    """One end: which of its probes are missing an answer.

    Args:
        limits: The rule's figures.
    """

    def __init__(self, limits: LinkLimits) -> None:
        self.limits = limits
        self.light = Light.UNKNOWN
        self.answered_at_s: float | None = None
        """When the last answer came."""
        self.silent_since_s: float | None = None
        """When the first probe after the last answered one was sent."""
        self.ended_s: float | None = None
        """While it returns: when the first answered probe was sent."""
        self.blind_s = 0.0
        self.missing = 0
        """Answers missing in a row."""
        self._waiting: deque[tuple[float, bool]] = deque()
        self._latest_sent_s = float("-inf")
        self._returns = 0
        self._srtt_s: float | None = None
        self._rttvar_s = 0.0

    @property
    def grace_s(self) -> float:
        """Time after which an answer is missing."""
        floor_s = self.limits.grace_ms / 1000
        if self._srtt_s is None:
            return _FIRST_GRACE_S
        return min(max(floor_s, self._srtt_s + 4 * self._rttvar_s + floor_s / 2), _LONGEST_GRACE_S)

    def sent(self, at_s: float, *, refused: bool = False) -> None:
        """A probe was sent; `refused`: the machine's own network would not take it, so no answer can come."""
        if self.silent_since_s is None:
            self.silent_since_s = at_s
        self._waiting.append((at_s, refused))

    def answered(self, sent_s: float, received_s: float) -> None:
        """An answer came to the probe sent at `sent_s`."""
        self._time(max(0.0, received_s - sent_s))
        self.answered_at_s = max(received_s, self.answered_at_s or received_s)
        if sent_s <= self._latest_sent_s:
            return  # late or twice: the later probe's answer has said more
        self._latest_sent_s = sent_s
        while self._waiting and self._waiting[0][0] <= sent_s:
            self._waiting.popleft()
        if self.light in (Light.SUSPECT, Light.DOWN):
            if self.ended_s is None:
                self.ended_s = sent_s
            self._returns += 1
            self.missing = 0
            if self._returns < self.limits.return_answers:
                return
        self._whole()

    def stalled(self, for_s: float) -> None:
        """The watch itself stood still for so long, and knows nothing of that time."""
        if self.silent_since_s is not None:
            self.blind_s += for_s

    def look(self, now_s: float) -> Light:
        """Judge at `now_s`, after all that had come was told."""
        while self._waiting and (self._waiting[0][1] or now_s - self._waiting[0][0] >= self.grace_s):
            self._waiting.popleft()
            self.missing += 1
        if self.ended_s is not None and self.missing >= self.limits.suspect_probes:
            self.ended_s, self._returns = None, 0  # it did not return after all
        if self.silent_since_s is None or self.missing < self.limits.suspect_probes:
            return self.light
        if self.light is not Light.DOWN:
            self.light = Light.SUSPECT
        if self.missing >= self.limits.confirm_probes and self.silence_s(now_s) >= self.limits.confirm_s:
            self.light = Light.DOWN
        return self.light

    def silence_s(self, now_s: float) -> float:
        """How long no probe has been answered, blind time not counted."""
        return 0.0 if self.silent_since_s is None else now_s - self.silent_since_s - self.blind_s

    def _whole(self) -> None:
        self.light = Light.UP
        self.missing, self._returns, self.blind_s = 0, 0, 0.0
        self.ended_s = None
        self.silent_since_s = self._waiting[0][0] if self._waiting else None

    def _time(self, rtt_s: float) -> None:
        """Smoothed round trip and its variation, RFC 6298, 2.2 and 2.3."""
        if self._srtt_s is None:
            self._srtt_s, self._rttvar_s = rtt_s, rtt_s / 2
        else:
            self._rttvar_s += (abs(self._srtt_s - rtt_s) - self._rttvar_s) / 4
            self._srtt_s += (rtt_s - self._srtt_s) / 8


class _Outage:
    """Ends that fell silent together."""

    def __init__(self, began_s: float) -> None:
        self.began_s = began_s
        self.silent: set[str] = set()
        self.confirmed = False
        self.findings: tuple[Finding, ...] = ()
        self.back: dict[str, tuple[float, float, float]] = {}
        """Of those that have returned: when they fell silent, when that ended, and how long they were blind."""
        self.settles_at_s = 0.0
        self.told: tuple[bool, frozenset[str]] = (False, frozenset())


class DropRule:
    """All ends of one site.

    Args:
        names: Of the ends.
        limits: The rule's figures.
        utc: Wall time of an instant of the monotonic clock.
    """

    def __init__(self, names: Iterable[str], limits: LinkLimits, utc: Callable[[float], datetime]) -> None:
        self.limits = limits
        self.ends = {name: EndRule(limits) for name in names}
        self.phase = Phase.IDLE
        self.meeting = ""
        self._utc = utc
        self._outages: list[_Outage] = []
        self._spans: dict[str, tuple[float, float, float]] = {}
        self._drops: deque[float] = deque(maxlen=1000)

    @property
    def hurried(self) -> bool:
        """An answer is missing, or has just come again, and it is not decided yet what that means: ask fast."""
        return any(end.ended_s is not None or (end.missing > 0 and end.light is not Light.DOWN) for end in self.ends.values())

    @property
    def open(self) -> bool:
        """Whether an outage, or a suspicion of one, lasts."""
        return bool(self._outages)

    def limit(self, limits: LinkLimits) -> None:
        """Judge by other figures from now on."""
        self.limits = limits
        for end in self.ends.values():
            end.limits = limits

    def drops(self, now_s: float) -> int:
        """How many outages were confirmed within the flap window."""
        return sum(now_s - at_s <= self.limits.flap_window_s for at_s in self._drops)

    def standing(self) -> tuple[Finding, ...]:
        """Findings of the outages that are confirmed and last."""
        return tuple(found for outage in tuple(self._outages) for found in outage.findings)

    def answered(self, name: str, sent_s: float, received_s: float) -> None:
        """An answer of one end came; a return is kept for `look` to tell."""
        end = self.ends[name]
        silent_since_s, ended_s, blind_s = end.silent_since_s, end.ended_s, end.blind_s
        before = end.light
        end.answered(sent_s, received_s)
        if before in (Light.SUSPECT, Light.DOWN) and end.light is Light.UP and silent_since_s is not None:
            self._spans[name] = (silent_since_s, ended_s if ended_s is not None else sent_s, blind_s)

    def stalled(self, for_s: float) -> None:
        """The watch stood still; tell it after what had come meanwhile."""
        for end in self.ends.values():
            end.stalled(for_s)

    def look(self, now_s: float) -> list[WatchEvent]:
        """Judge all ends at `now_s`, after all that had come was told."""
        for end in self.ends.values():
            end.look(now_s)
        self._gather(now_s)
        events: list[WatchEvent] = []
        for outage in list(self._outages):
            events += self._told(outage, now_s)
        return events

    def _gather(self, now_s: float) -> None:
        """Put silent ends into outages, and those that have returned out of them."""
        for name, span in self._spans.items():
            for outage in self._outages:
                if name in outage.silent:
                    outage.silent.discard(name)
                    outage.settles_at_s = outage.settles_at_s if outage.back else now_s + SETTLE_S
                    outage.back[name] = span
        self._spans.clear()
        held = {name for outage in self._outages for name in outage.silent}
        for name, end in self.ends.items():
            if end.light in (Light.SUSPECT, Light.DOWN) and name not in held and end.silent_since_s is not None:
                self._outage_of(end.silent_since_s).silent.add(name)

    def _outage_of(self, began_s: float) -> _Outage:
        for outage in self._outages:
            if abs(outage.began_s - began_s) <= JOIN_S and not outage.back:
                if not outage.confirmed:  # told with its begin, by which it is known from then on
                    outage.began_s = min(outage.began_s, began_s)
                return outage
        outage = _Outage(began_s)
        self._outages.append(outage)
        return outage

    def _told(self, outage: _Outage, now_s: float) -> Iterable[WatchEvent]:
        """What is new about one outage."""
        if outage.back and (not outage.silent or now_s >= outage.settles_at_s):
            yield from self._return(outage)
            if not outage.silent:
                self._outages.remove(outage)
                return
        down = not outage.back and any(self.ends[name].light is Light.DOWN for name in outage.silent)
        if outage.back or (down, frozenset(outage.silent)) == outage.told:
            return
        outage.told = (down, frozenset(outage.silent))
        silent, answered, since = tuple(sorted(outage.silent)), self._answered_since(outage), self._utc(outage.began_s)
        outage.findings = self._findings(outage, silent, answered, now_s) if down else ()
        if outage.findings:
            if not outage.confirmed:
                outage.confirmed = True
                self._drops.append(now_s)
            place, times = locate(silent, answered), max(1, self.drops(now_s))
            yield Confirmed(targets=silent, since=since, answered=answered, findings=outage.findings, place=place, times=times)
        elif not outage.confirmed:
            yield Suspected(targets=silent, since=since, answered=answered)

    def _findings(self, outage: _Outage, silent: tuple[str, ...], answered: tuple[str, ...], now_s: float) -> tuple[Finding, ...]:
        silent_s = max(self.ends[name].silence_s(now_s) for name in silent)
        return unreachable(silent, answered, self.phase, silent_s=silent_s, limit_s=self.limits.confirm_s, since=self._utc(outage.began_s))

    def _answered_since(self, outage: _Outage) -> tuple[str, ...]:
        """Ends that have answered since the outage began, and go on doing so."""
        return tuple(
            sorted(
                name
                for name, end in self.ends.items()
                if name not in outage.silent
                and name not in outage.back
                and end.light is Light.UP
                and end.answered_at_s is not None
                and end.answered_at_s >= outage.began_s
            )
        )

    def _return(self, outage: _Outage) -> Iterable[WatchEvent]:
        """Those that are back, as one interruption; what they are a part of goes on for the others."""
        answered = self._answered_since(outage)
        targets = tuple(sorted(outage.back))
        began_s = min(began for began, _, _ in outage.back.values())
        ended_s = max(ended for _, ended, _ in outage.back.values())
        blind_s = min(ended_s - began_s, max(blind for _, _, blind in outage.back.values()))
        interruption = None
        if ended_s > began_s:
            interruption = Interruption(
                began_at=self._utc(began_s),
                ended_at=self._utc(ended_s),
                duration_s=round(ended_s - began_s, 6),
                targets=targets,
                answered=answered,
                confirmed=outage.confirmed,
                blind_s=round(blind_s, 6),
                meeting=self.meeting,
            )
        yield Returned(targets=targets, interruption=interruption, findings=outage.findings)
        outage.back.clear()
        outage.findings, outage.told = (), (False, frozenset())


__all__ = ["Confirmed", "DropRule", "EndRule", "Light", "Returned", "Suspected", "WatchEvent"]
