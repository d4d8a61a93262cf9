"""One end of the link as the watch keeps it: its socket, what is on the way, and the figures since they were last taken."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

import msgspec

from contract.catalog import METRICS
from contract.messages import Rollup
from contract.placing import CENTER
from contract.readings import Failure
from edge_agent.clock_offset import ClockOffset, Offset
from probes.link.limits import Kind, LinkSettings, Target
from probes.link.measure import mean_opinion_score, percentile, rtt_ms_of
from probes.link.source import Answer, Heard, Wire, failure_of
from probes.route import is_address, resolve

LOST_AFTER_S = 2.0
"""An answer that comes later is of no use to anybody."""
REFUSED_FOR_S = 3.0
"""A refusal holds for so long: machines say it once a second at most, however often they are asked (RFC 1812, 4.3.2.8)."""
REOPEN_S = 5.0
"""A silent end's name is resolved and its socket opened again this often: addresses and routes change."""
RESOLVE_S = 60.0
_KEPT_RTTS = 6000
"""Of one span; later ones only count. A minute of the fast rate has 3000."""
_CANNOT_ASK = (Failure.PERMISSION, Failure.UNSUPPORTED)
_SEQ_MASK = {Kind.ICMP: 0xFFFF, Kind.STAMP: 0xFFFFFFFF}


class Probe(msgspec.Struct):
    """A probe on its way; `sent_s` is monotonic, `sent_ns` Unix time, the kernel's once it is known."""

    sent_s: float
    sent_ns: int
    answers: int = 0
    judged: bool = True
    """Whether the drop rule knows of it."""


class _Span(msgspec.Struct):
    """Figures since they were last taken."""

    rtts_ms: list[float] = []
    answered: int = 0
    lost: int = 0
    run: int = 0
    longest: int = 0
    late: int = 0
    duplicates: int = 0
    jitter_ms: float | None = None


class Resolver(threading.Thread):
    """Asks for addresses of names, so that the watch never waits for a name server."""

    def __init__(self, hosts: Iterable[str]) -> None:
        super().__init__(name="link names", daemon=True)
        self.addresses: dict[str, str] = {host: host for host in hosts if is_address(host)}
        self._names = [host for host in hosts if host not in self.addresses]
        self._ended = threading.Event()

    def begin(self) -> None:
        """Start, if there is any name."""
        if self._names:
            self.start()

    def end(self) -> None:
        """Stop; one that hangs in the name server is left behind."""
        self._ended.set()

    def run(self) -> None:
        """Resolve again and again; what is not found keeps its last address."""
        while not self._ended.is_set():
            for name in self._names:
                address = resolve(name)
                if address is not None:
                    self.addresses[name] = address
            self._ended.wait(RESOLVE_S if all(name in self.addresses for name in self._names) else REOPEN_S)


class WatchedEnd:
    """One end; only the watch's thread sends and hears, anybody may take the figures.

    Args:
        target: How it is asked.
        settings: The site's.
        resolver: Knows its address.
    """

    def __init__(self, target: Target, settings: LinkSettings, resolver: Resolver) -> None:
        self.target = target
        self.wire: Wire | None = None
        self.failure: Failure | None = None
        """Why it could not be asked the last time."""
        self.rtt_ms: float | None = None
        self.due_s = 0.0
        self.interval_s = 0.0
        self._settings = settings
        self._key = settings.key_for(target)
        self._resolver = resolver
        self._announced_s = 0.0
        self._until_slow = 0
        self._seq = 0
        self._latest = -1
        self._refused_until_s = 0.0
        self._opened_s = float("-inf")
        self._probes: dict[int, Probe] = {}
        self._span = _Span()
        self._clock = ClockOffset()
        self._lock = threading.Lock()

    # Pace

    def pace(self, interval_s: float, announce: int = 10) -> None:
        """Ask this often from now on; a slower rate begins after it was announced for a while, so that nobody misses us."""
        slower = interval_s > self.interval_s > 0
        if not slower:
            self.interval_s = interval_s
        self._announced_s = interval_s
        self._until_slow = announce if slower else 0

    @property
    def can_ask(self) -> bool:
        """Whether this machine lets us ask at all; if not, silence says nothing."""
        return self.failure not in _CANNOT_ASK

    # Sending and hearing

    def keep_open(self, now_s: float, *, silent: bool) -> bool:
        """Have a socket, a new one now and then while the end is silent; whether the old one is gone."""
        address = self._resolver.addresses.get(self.target.host)
        fits = self.wire is not None and self.wire.address == address
        if (fits and not silent) or now_s - self._opened_s < (REOPEN_S if self.wire is not None or not self.can_ask else 1.0):
            return False
        self._opened_s = now_s
        self.close()
        if address is None:
            self.failure = Failure.UNREACHABLE
            return True
        try:
            self.wire = Wire(self.target, address, ssid=self._settings.ssid, dscp=self._settings.dscp, key=self._key)
            self.failure = None
        except OSError as error:
            self.failure = failure_of(error)
        return True

    def close(self) -> None:
        """Give the socket back."""
        if self.wire is not None:
            self.wire.close()
            self.wire = None

    def send(self, now_s: float) -> tuple[bool, bool]:
        """Send one probe; whether the drop rule shall know of it, and whether the network refused to take it."""
        self._seq = (self._seq + 1) & _SEQ_MASK[self.target.kind]
        judged = now_s >= self._refused_until_s and self.can_ask
        probe = Probe(now_s, time.time_ns(), judged=judged)
        with self._lock:
            self._expire(now_s)
            self._probes[self._seq] = probe
        if self._until_slow:
            self._until_slow -= 1
            if not self._until_slow:
                self.interval_s = self._announced_s
        if self.wire is None:
            return judged, True
        failure = self.wire.send(self._seq, next_within_ms=self._tells())
        if failure in (None, Failure.BUSY):
            return judged, False
        # EPERM while sending is this machine's own firewall, a dead way like any other; only for want of a socket is it "may not ask".
        self.failure = Failure.UNREACHABLE
        return judged, True

    def say_goodbye(self) -> None:
        """Tell the center that the silence that follows is meant."""
        if self.wire is not None and self.target.name == CENTER and self.target.kind is Kind.STAMP:
            self._seq = (self._seq + 1) & 0xFFFFFFFF
            self.wire.send(self._seq, next_within_ms=0)

    def hear(self, now_s: float) -> list[tuple[float, float]]:
        """Take what has come; when those were sent, and came, that the drop rule shall know of (monotonic seconds)."""
        if self.wire is None:
            return []
        heard = self.wire.hear()
        known: list[tuple[float, float]] = []
        with self._lock:
            for seq, left_ns in heard.left:
                probe = self._probes.get(seq)
                if probe is not None:
                    probe.sent_ns = left_ns
            ahead_ns = time.time_ns() - int(now_s * 1e9)
            for answer in heard.answers:
                probe = self._take(answer)
                if probe is not None:
                    came_s = (answer.received_ns - ahead_ns) / 1e9
                    known.append((probe.sent_s, min(now_s, max(probe.sent_s, came_s))))
        return known + self._take_refusal(heard, now_s)

    def _take(self, answer: Answer) -> Probe | None:
        probe = self._probes.get(answer.seq)
        if probe is None:
            return None
        probe.answers += 1
        span = self._span
        if probe.answers > 1:
            span.duplicates += 1
            return None
        self.failure = None
        behind = (self._latest - answer.seq) & _SEQ_MASK[self.target.kind]
        if self._latest >= 0 and 0 < behind < 1000:
            span.late += 1
        else:
            self._latest = answer.seq
        self._time(rtt_ms_of(probe.sent_ns, answer.received_ns, answer.reply))
        if answer.reply is not None:
            self._clock.add(probe.sent_ns, answer.reply.received_ns, answer.reply.sent_ns, answer.received_ns)
        return probe

    def _time(self, rtt_ms: float | None) -> None:
        span = self._span
        span.answered += 1
        if rtt_ms is None:
            return
        if self.rtt_ms is not None:
            span.jitter_ms = (span.jitter_ms or 0.0) + (abs(rtt_ms - self.rtt_ms) - (span.jitter_ms or 0.0)) / 16
        self.rtt_ms = rtt_ms
        if len(span.rtts_ms) < _KEPT_RTTS:
            span.rtts_ms.append(rtt_ms)

    def _take_refusal(self, heard: Heard, now_s: float) -> list[tuple[float, float]]:
        """The machine is there, its service is not: the way is whole, which is all the drop rule wants to know."""
        if not heard.refused:
            return []
        self._refused_until_s = now_s + REFUSED_FOR_S
        self.failure = Failure.REFUSED
        with self._lock:
            asked = [probe.sent_s for probe in self._probes.values() if probe.judged]
        return [(asked[-1], now_s)] if asked else []

    def _tells(self) -> int | None:
        """What the center is promised; others are sent what the RFC has and no more."""
        return max(1, round(self._announced_s * 1000)) if self.target.name == CENTER and self.target.kind is Kind.STAMP else None

    def _expire(self, now_s: float) -> None:
        """Settle the probes that are too old to be answered."""
        span = self._span
        while self._probes:
            seq, probe = next(iter(self._probes.items()))
            if now_s - probe.sent_s < LOST_AFTER_S:
                return
            del self._probes[seq]
            if probe.answers:
                span.run = 0
            elif probe.judged:
                span.lost += 1
                span.run += 1
                span.longest = max(span.longest, span.run)

    # Figures

    def clock_offset(self) -> Offset | None:
        """Our clock minus the end's; None where nothing is known."""
        with self._lock:
            return self._clock.now

    def loss_percent(self) -> float | None:
        """Loss since the figures were last taken; None without a probe that was settled."""
        settled = self._span.answered + self._span.lost
        return 100 * self._span.lost / settled if settled else None

    def take_rollups(self) -> list[Rollup]:
        """Figures since the last time."""
        with self._lock:
            span, self._span = self._span, _Span()
        name, settled = self.target.label, span.answered + span.lost
        if not settled:
            return []
        loss_percent = 100 * span.lost / settled
        ordered = sorted(span.rtts_ms)
        p50_ms = percentile(ordered, 50)
        lines = [
            _one("link.loss_percent", name, loss_percent, settled),
            _one("link.longest_burst", name, span.longest, settled),
            _one("link.duplicates", name, span.duplicates, settled),
        ]
        if span.answered:
            lines.append(_one("link.reordered_percent", name, 100 * span.late / span.answered, span.answered))
        if span.jitter_ms is not None:
            lines.append(_one("link.jitter_ms", name, span.jitter_ms, span.answered))
        if p50_ms is not None:
            mos = mean_opinion_score(p50_ms / 2 + 2 * (span.jitter_ms or 0.0), loss_percent)
            lines.append(_one("link.mos", name, mos, settled))
        rtt = Rollup(
            metric="link.rtt_ms",
            unit="ms",
            target=name,
            count=len(ordered),
            missing=span.lost,
            minimum=ordered[0] if ordered else None,
            p50=p50_ms,
            p95=percentile(ordered, 95),
            p99=percentile(ordered, 99),
            maximum=percentile(ordered, 100),
        )
        return [rtt, *lines]


def _one(metric: str, target: str, figure: float, count: int) -> Rollup:
    """A figure of the whole span."""
    rounded = round(figure, 6)
    unit = METRICS[metric].unit
    return Rollup(
        metric=metric, unit=unit, target=target, count=count, minimum=rounded, p50=rounded, p95=rounded, p99=rounded, maximum=rounded
    )
