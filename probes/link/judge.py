"""Figures against limits → findings; pure. Both the probe's looks and the watch's outages are judged here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import msgspec

from contract.catalog import finding
from contract.findings import Finding, Severity
from contract.meetings import Phase
from contract.placing import CENTER, GATEWAY, MCU, locate
from probes.interface import Look
from probes.link.limits import LinkLimits
from probes.link.measure import Statistics, surely_above
from probes.link.path_memory import Memory

PLACED = (GATEWAY, MCU, CENTER)
FEW = 5
"""Fewer answers than this say nothing about latency or jitter."""


def unreachable(
    silent: Collection[str], answered: Collection[str], phase: Phase, *, silent_s: float, limit_s: float, since: datetime | None = None
) -> tuple[Finding, ...]:
    """What it means that some ends are silent while others answer: one finding for the outage, not one for each end.

    A gateway that does not answer while something behind it does merely refuses echoes: no finding.
    Ends with a name of their own (a standby line, a host to be compared) are told one by one.
    """
    gone, there = frozenset(silent), frozenset(answered)
    codes: list[tuple[str, str]] = []
    if GATEWAY in gone and not there:
        codes.append(("link.gateway_unreachable", ""))
    elif {MCU, CENTER} <= gone:
        codes.append(("link.down", ""))
    elif MCU in gone:
        codes.append(("link.mcu_unreachable", ""))
    elif CENTER in gone:
        codes.append(("link.center_unreachable", ""))
    if GATEWAY not in gone or there:
        codes += [("link.down", name) for name in sorted(gone - set(PLACED))]
    details: dict[str, float | str] = {
        "silent": ", ".join(sorted(gone)),
        "answered": ", ".join(sorted(there)),
        "place": locate(gone, there),
    }
    return tuple(
        finding(code, phase, target=target, figure=round(silent_s, 3), limit=limit_s, unit="s", since=since, details=details)
        for code, target in codes
    )


def judge(looks: Mapping[str, Statistics], limits: LinkLimits, look: Look) -> tuple[Finding, ...]:
    """Quality of each end that answers; one that does not is `unreachable`'s business."""
    found: list[Finding] = []
    for target, figures in looks.items():
        if figures.received == 0:
            continue
        found += [
            finding(code, look.phase, target=target, figure=figure, limit=limit, unit=unit)
            for code, figure, limit, unit in _above(figures, limits)
        ]
    return tuple(msgspec.structs.replace(one, limits_version=look.limits_version) for one in _graver(found, limits, look.phase))


def off_tslcd(ways: Mapping[str, str], expected: str, look: Look) -> tuple[Finding, ...]:
    """Ends (the gateway aside) whose way leaves by another interface than the dedicated network's.

    Args:
        ways: Interface by which each target is reached.
        expected: Interface of the line; empty: nothing is expected.
        look: Circumstances.
    """
    return tuple(
        finding(
            "link.off_tslcd",
            look.phase,
            target=target,
            details={"interface": interface, "expected": expected},
            limits_version=look.limits_version,
        )
        for target, interface in ways.items()
        if expected and interface not in ("", expected) and target != GATEWAY
    )


def path_findings(memories: Mapping[str, Memory], look: Look) -> tuple[Finding, ...]:
    """Paths that two looks in a row saw leave their usual way or carry less, and marks that were changed on the way."""
    found: list[Finding] = []
    for target, memory in memories.items():
        change, mark, narrowed = memory.change, memory.remarked, memory.narrowed
        if change is not None and change.sure:
            details: dict[str, float | str] = {"hop": change.ttl, "before": change.before, "now": change.now}
            found.append(finding("link.path_changed", look.phase, target=target, since=change.since, details=details))
        if mark is not None:
            details = {"hop": mark.ttl, "address": mark.address}
            found.append(
                finding(
                    "link.dscp_changed", look.phase, target=target, figure=mark.seen, limit=mark.sent, since=mark.since, details=details
                )
            )
        if narrowed is not None and narrowed.sure:
            found.append(
                finding(
                    "link.mtu_reduced",
                    look.phase,
                    target=target,
                    figure=narrowed.octets,
                    limit=narrowed.expected,
                    unit="byte",
                    since=narrowed.since,
                    details={"address": narrowed.told_by or "—"},
                )
            )
    return tuple(msgspec.structs.replace(one, limits_version=look.limits_version) for one in found)


def _above(figures: Statistics, limits: LinkLimits) -> Iterable[tuple[str, float, float, str]]:
    if figures.received >= FEW and figures.rtt_p50_ms is not None and figures.rtt_p50_ms / 2 > limits.latency_ms:
        yield "link.high_latency", figures.rtt_p50_ms / 2, limits.latency_ms, "ms"
    if figures.received >= FEW and figures.jitter_ms is not None and figures.jitter_ms > limits.jitter_ms:
        yield "link.high_jitter", figures.jitter_ms, limits.jitter_ms, "ms"
    if surely_above(figures.lost, figures.sent, limits.loss_percent):
        yield "link.loss", figures.loss_percent, limits.loss_percent, "%"
    reordered = round(figures.reordered_percent * figures.received / 100)
    if surely_above(reordered, figures.received, limits.reordered_percent):
        yield "link.reordering", figures.reordered_percent, limits.reordered_percent, "%"


def _graver(found: Iterable[Finding], limits: LinkLimits, phase: Phase) -> Iterable[Finding]:
    """Heavy loss in a live meeting is more than a warning: people cannot follow any more."""
    for one in found:
        heavy = one.code == "link.loss" and one.figure is not None and one.figure > limits.critical_loss_percent
        yield msgspec.structs.replace(one, severity=Severity.CRITICAL) if heavy and phase is Phase.LIVE else one
