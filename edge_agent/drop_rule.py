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

import msgspec

from contract.findings import Finding
from contract.meetings import Phase
from contract.messages import Interruption
from contract.placing import locate
from edge_agent.end_rule import EndRule, Light
from probes.link.judge import unreachable
from probes.link.limits import LinkLimits

JOIN_S = 1.0
"""Silences that begin within this time of each other are one outage."""
SETTLE_S = 0.5
"""Ends that return within this time of each other return together."""


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
