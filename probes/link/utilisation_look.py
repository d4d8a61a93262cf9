"""The port's utilisation within a look of the link probe: every five minutes a child asks the switch, also in a meeting."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from contract.catalog import figure, finding, missing
from contract.findings import Finding
from contract.readings import Failure, Reading
from probes.child import LONGEST_S
from probes.interface import Look
from probes.link.limits import LinkLimits, LinkSettings, SwitchPort
from probes.link.utilisation import LEAST_SAMPLES, SAMPLE_S, SPAN, Counters, Sample, kept, percentile_95, sample_of
from probes.seldom import keep, recall
from probes.snmp import RowQuestion, SnmpAnswer, SnmpRequest, ask_in_child

log = logging.getLogger(__name__)

FILE = "link-utilisation.json"
_UPTIME = "1.3.6.1.2.1.1.3.0"
_IF_DESCR, _IF_NAME, _IF_ALIAS = "1.3.6.1.2.1.2.2.1.2", "1.3.6.1.2.1.31.1.1.1.1", "1.3.6.1.2.1.31.1.1.1.18"
_HC_IN, _HC_OUT, _HIGH_SPEED = "1.3.6.1.2.1.31.1.1.1.6", "1.3.6.1.2.1.31.1.1.1.10", "1.3.6.1.2.1.31.1.1.1.15"
_TICKS_PER_S = 100
_DAY_SAMPLES = 86_400 / SAMPLE_S
_WAYS = ("in", "out")


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the port.

    Attributes:
        port: Which; another one begins anew.
        asked_at: When the switch was asked last, UTC.
        counters: What it said then; None if it did not answer.
        samples: Of the last seven days.
        failure: Why it did not answer.
    """

    port: SwitchPort
    asked_at: datetime
    counters: Counters | None = None
    samples: tuple[Sample, ...] = ()
    failure: Failure | None = None


Ask = Callable[[SnmpRequest], SnmpAnswer]


def utilisation(
    settings: LinkSettings, limits: LinkLimits, look: Look, *, at: datetime, left_s: float, ask: Ask = ask_in_child
) -> tuple[tuple[Reading, ...], tuple[Finding, ...]]:
    """Readings and findings of the port; the switch is asked when it is time.

    Args:
        settings: Which port, and what the line carries by contract.
        limits: How full it may be.
        look: Circumstances.
        at: When the look began.
        left_s: Time that the look has left.
        ask: Asks the switch.
    """
    port = settings.switch
    if port is None or not look.state_directory:
        return (), ()
    path = Path(look.state_directory) / FILE
    memory = recall(path, Memory)
    if memory is not None and memory.port != port:
        memory = None
    if left_s > LONGEST_S and (memory is None or not 0 <= (at - memory.asked_at).total_seconds() < SAMPLE_S):
        memory = _remembered(memory, port, settings.capacity_mbps, ask(_request(port)), at)
        keep(path, memory)
    if memory is None:
        return tuple(missing(f"link.port_{way}_percent", Failure.SKIPPED, at=at, target=port.label) for way in _WAYS), ()
    return tuple(_readings(memory)), tuple(_full(memory, limits, look))


def _request(port: SwitchPort) -> SnmpRequest:
    return SnmpRequest(
        host=port.host,
        access=port.snmp,
        timeout_s=1.0,
        objects=(_UPTIME,),
        row=RowQuestion(name=port.port, found_in=(_IF_NAME, _IF_DESCR, _IF_ALIAS), columns=(_HC_IN, _HC_OUT, _HIGH_SPEED)),
    )


def _remembered(memory: Memory | None, port: SwitchPort, capacity_mbps: float | None, said: SnmpAnswer, at: datetime) -> Memory:
    samples = () if memory is None else kept(memory.samples, at)
    numbers = {oid: value for oid, value in said.values.items() if isinstance(value, int)}
    failure = said.failure
    if failure is None and not {_UPTIME, _HC_IN, _HC_OUT} <= numbers.keys():
        failure = Failure.UNSUPPORTED  # a switch without 64-bit counters: 32 bits run over in 34 s at 1 Gbit/s
    if failure is not None:
        log.warning("switch %s, port %s: %s %s", port.host, port.port, failure, said.error)
        return Memory(port=port, asked_at=at, samples=samples, failure=failure)
    counters = Counters(
        uptime_s=numbers[_UPTIME] / _TICKS_PER_S,
        in_octets=numbers[_HC_IN],
        out_octets=numbers[_HC_OUT],
        speed_mbps=float(numbers.get(_HIGH_SPEED, 0)),
    )
    before = None if memory is None else memory.counters
    sample = None if before is None else sample_of(before, counters, capacity_mbps, at)
    return Memory(port=port, asked_at=at, counters=counters, samples=samples if sample is None else (*samples, sample))


def _readings(memory: Memory) -> Iterator[Reading]:
    name, last = memory.port.label, memory.samples[-1] if memory.samples else None
    fresh = last is not None and last.at == memory.asked_at
    for way in _WAYS:
        metric = f"link.port_{way}_percent"
        if last is not None and fresh:
            yield figure(metric, getattr(last, f"{way}_percent"), at=last.at, target=name)
        else:
            yield missing(metric, memory.failure or Failure.SKIPPED, at=memory.asked_at, target=name)
        if len(memory.samples) >= LEAST_SAMPLES:
            yield figure(f"link.port_{way}_p95_percent", _p95(memory, way), at=memory.samples[-1].at, target=name)


def _p95(memory: Memory, way: str) -> float:
    return percentile_95([getattr(sample, f"{way}_percent") for sample in memory.samples])


def _full(memory: Memory, limits: LinkLimits, look: Look) -> Iterator[Finding]:
    if len(memory.samples) < LEAST_SAMPLES:
        return
    for way in _WAYS:
        percent = _p95(memory, way)
        if percent > limits.port_p95_percent:
            yield finding(
                "link.port_full",
                look.phase,
                target=f"{memory.port.label} {_arrow(way, uplink=memory.port.uplink)}",
                figure=round(percent, 1),
                limit=limits.port_p95_percent,
                unit="%",
                since=memory.samples[0].at,
                details={"days": round(min(SPAN.days, len(memory.samples) / _DAY_SAMPLES), 1)},
                limits_version=look.limits_version,
            )


def _arrow(way: str, *, uplink: bool) -> str:
    """↑ from the site, ↓ to it: what comes into the switch by the provider's port goes to the site, by a site's port it leaves it."""
    return "↓" if (way == "in") is uplink else "↑"
