"""Pure: one end of the link → answers or is silent, by counting the probes whose answer is missing. See `edge_agent.drop_rule`."""

from __future__ import annotations

from collections import deque
from enum import StrEnum

from probes.link.limits import LinkLimits

_FIRST_GRACE_S, _LONGEST_GRACE_S = 1.0, 2.0
"""Before the round trip is known (RFC 6298, 2.1), and at most."""


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
