"""The link probe: some dozens of packets to each end at once, then figures, ways and findings; seldom a path, by a child."""

from __future__ import annotations

import select
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from contract.catalog import figure, missing
from contract.findings import Finding
from contract.messages import ProbeReport
from contract.readings import Failure, Reading
from probes.interface import Look
from probes.link.duplicates_look import duplicates
from probes.link.judge import judge, off_tslcd, unreachable
from probes.link.limits import LinkLimits, LinkSettings, Target
from probes.link.measure import Sample, Statistics, rtt_ms_of, statistics_of
from probes.link.path_look import Way, paths
from probes.link.source import Heard, Wire, failure_of
from probes.link.standby_look import standby_line
from probes.link.utilisation_look import utilisation
from probes.route import Way as Route
from probes.route import resolve, way_to

ESSENTIAL = "link.loss_percent"
_READ_AS = {
    "link.rtt_ms": "rtt_p50_ms",
    "link.rtt_p95_ms": "rtt_p95_ms",
    "link.rtt_p99_ms": "rtt_p99_ms",
    "link.rtt_max_ms": "rtt_max_ms",
    "link.jitter_ms": "jitter_ms",
    "link.loss_to_percent": "loss_to_percent",
    "link.loss_back_percent": "loss_back_percent",
    "link.reordered_percent": "reordered_percent",
    "link.duplicates": "duplicates",
    "link.longest_burst": "longest_burst",
    "link.mos": "mos",
}
"""Metric → figure of `Statistics`."""


class _Probe(msgspec.Struct):
    seq: int
    sent_ns: int
    rtt_ms: float | None = None
    order: int | None = None
    copies: int = 0
    reflected: int | None = None


class _End:
    """One target during one look; its troubles are its own."""

    def __init__(self, target: Target, settings: LinkSettings) -> None:
        self.target = target
        self.address = ""
        self.way = Route()
        self.wire: Wire | None = None
        self.failure: Failure | None = None
        self.refused = False
        self._probes: dict[int, _Probe] = {}
        self._arrived = 0
        address = resolve(target.host)
        if address is None:
            self.failure = Failure.UNREACHABLE
            return
        self.address = address
        self.way = way_to(address) or Route()
        try:
            self.wire = Wire(target, address, ssid=settings.ssid, dscp=settings.dscp, key=settings.key_for(target))
        except OSError as error:
            self.failure = failure_of(error)

    def send(self, seq: int) -> None:
        if self.wire is not None:
            self._probes[seq] = _Probe(seq, time.time_ns())
            self.failure = self.wire.send(seq) or self.failure

    def hear(self) -> None:
        if self.wire is not None:
            self._take(self.wire.hear())

    def _take(self, heard: Heard) -> None:
        self.refused |= heard.refused
        for seq, left_ns in heard.left:
            if seq in self._probes:
                self._probes[seq].sent_ns = left_ns
        for answer in heard.answers:
            probe = self._probes.get(answer.seq)
            if probe is None:
                continue
            probe.copies += 1
            if probe.copies == 1:
                probe.order, self._arrived = self._arrived, self._arrived + 1
                probe.rtt_ms = rtt_ms_of(probe.sent_ns, answer.received_ns, answer.reply)
                probe.reflected = None if answer.reply is None else answer.reply.seq

    @property
    def answered_all(self) -> bool:
        return self.wire is None or all(probe.copies for probe in self._probes.values())

    def statistics(self) -> Statistics:
        # An answer whose time the clock spoilt (it was set in between) is left out altogether: neither lost nor timed.
        return statistics_of(
            Sample(seq=probe.seq, rtt_ms=probe.rtt_ms, order=probe.order, copies=probe.copies, reflected=probe.reflected)
            for probe in self._probes.values()
            if probe.rtt_ms is not None or not probe.copies
        )

    @property
    def why(self) -> Failure:
        """Why nothing came back."""
        return Failure.REFUSED if self.refused else self.failure or Failure.TIMEOUT


def run(settings: LinkSettings, limits: LinkLimits, look: Look) -> ProbeReport:
    """Ask every end of the link; a look takes `probes` × `probe_interval_ms` and the wait for the last answers."""
    began_at, began_s = datetime.now(UTC), time.monotonic()
    if not settings.fitted or not settings.targets:
        failure = Failure.NOT_FITTED if not settings.fitted else Failure.SKIPPED
        readings: tuple[Reading, ...] = (missing(ESSENTIAL, failure, at=began_at),)
        return ProbeReport(probe="link", began_at=began_at, duration_s=0.0, readings=readings)
    ends = [_End(target, settings) for target in settings.ends]
    try:
        _exchange(ends, limits, began_s + look.deadline_s * 0.8)
    finally:
        for end in ends:
            if end.wire is not None:
                end.wire.close()
    figures = {end.target.label: end.statistics() for end in ends}
    readings = tuple(reading for end in ends for reading in _readings(end, figures[end.target.label], began_at))
    ways = {
        end.target.label: Way(address=end.address, interface=end.way.interface, source=end.way.source, gateway=end.way.gateway)
        for end in ends
    }
    hops, of_paths = paths(ways, settings, limits, look, at=began_at, left_s=began_s + look.deadline_s - time.monotonic())
    of_addresses = duplicates(ways, settings, limits, look, at=began_at, left_s=began_s + look.deadline_s - time.monotonic())
    line, of_line = standby_line(settings, limits, look, at=began_at, left_s=began_s + look.deadline_s - time.monotonic())
    port, of_port = utilisation(settings, limits, look, at=began_at, left_s=began_s + look.deadline_s - time.monotonic())
    found = (
        *_silences(ends, figures, limits, look, began_at),
        *judge(figures, limits, look),
        *off_tslcd({end.target.label: end.way.interface for end in ends}, settings.interface, look),
        *of_paths,
        *of_addresses,
        *of_line,
        *of_port,
    )
    return ProbeReport(
        probe="link",
        began_at=began_at,
        duration_s=time.monotonic() - began_s,
        readings=(*readings, *hops, *line, *port),
        findings=found,
        source=", ".join(f"{end.target.label} {end.target.kind} {end.target.host} {end.way.interface}".rstrip() for end in ends),
    )


def _exchange(ends: Sequence[_End], limits: LinkLimits, until_s: float) -> None:
    """Send to all ends in one beat, and listen until all have answered or the wait is over."""
    poll = select.poll()
    by_number: dict[int, _End] = {}
    for end in ends:
        if end.wire is not None:
            by_number[end.wire.fileno()] = end
            poll.register(end.wire.fileno(), select.POLLIN)
    begins_s, beat_s = time.monotonic(), limits.probe_interval_ms / 1000
    count = max(2, min(limits.probes, int((until_s - begins_s - limits.probe_wait_ms / 1000) / beat_s)))
    for seq in range(count):
        for end in ends:
            end.send(seq)
        _listen(poll, by_number, begins_s + (seq + 1) * beat_s)
    until_s = min(until_s, time.monotonic() + limits.probe_wait_ms / 1000)
    while time.monotonic() < until_s and not all(end.answered_all for end in ends):
        _listen(poll, by_number, min(until_s, time.monotonic() + 0.02))
    for end in ends:
        end.hear()


def _listen(poll: select.poll, ends: Mapping[int, _End], until_s: float) -> None:
    while (left_s := until_s - time.monotonic()) > 0:
        for number, _ in poll.poll(max(1, int(left_s * 1000))):
            ends[number].hear()


def _readings(end: _End, figures: Statistics, at: datetime) -> Iterable[Reading]:
    """An end that never answered was still measured: all its packets are lost; one that could not be asked was not."""
    name = end.target.label
    if figures.received == 0 and (end.wire is None or end.why in (Failure.REFUSED, Failure.PERMISSION)):
        yield missing(ESSENTIAL, end.why, at=at, target=name)
        return
    yield figure(ESSENTIAL, figures.loss_percent, at=at, target=name)
    if figures.received == 0:
        yield missing("link.rtt_ms", end.why, at=at, target=name)
        return
    for metric, field in _READ_AS.items():
        amount = getattr(figures, field)
        if amount is not None:
            yield figure(metric, amount, at=at, target=name)


def _silences(ends: Iterable[_End], figures: Mapping[str, Statistics], limits: LinkLimits, look: Look, at: datetime) -> Iterable[Finding]:
    """Ends that did not answer at all, told as one outage.

    A refusal is an answer: the machine is there, its service is not. What could not be asked (no permission for the
    socket, no such name) says nothing about the link, except that an unknown name is as good as unreachable.
    """
    silent, answered = set(), set()
    for end in ends:
        if figures[end.target.label].received or end.refused:
            answered.add(end.target.label)
        elif end.why in (Failure.TIMEOUT, Failure.UNREACHABLE):
            silent.add(end.target.label)
    spent_s = (limits.probes * limits.probe_interval_ms + limits.probe_wait_ms) / 1000
    for one in unreachable(silent, answered, look.phase, silent_s=spent_s, limit_s=limits.confirm_s, since=at):
        yield msgspec.structs.replace(one, limits_version=look.limits_version)
