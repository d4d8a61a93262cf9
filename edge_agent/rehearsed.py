"""The state that a passed rehearsal left behind, and what of it is otherwise half an hour before the meeting (R30).

Only what is set up and stays is compared: picture size, sample rate, speed of ports, devices that are plugged in, the codec's settings.
What merely varies (levels, brightness, round trips) has limits of its own; the camera's view is compared in every look.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import msgspec

from contract.catalog import METRICS, finding, told
from contract.findings import Component, Finding, State
from contract.meetings import Phase
from contract.messages import CheckDone
from contract.readings import Reading
from edge_agent import keep
from edge_agent.agenda import Outlook
from edge_agent.debounce import Policy
from edge_agent.judgement import Judgement

FILE = "rehearsed.json"
SOURCE = "rehearsed"
STEADY = frozenset(
    {
        "cables.full_duplex",
        "cables.hdmi_connected",
        "cables.port_speed_mbps",
        "cables.usb_present",
        "camera.height_px",
        "camera.width_px",
        "codec.call_rate_kbps",
        "codec.full_duplex",
        "codec.picture_lines",
        "codec.picture_sources",
        "codec.port_speed_mbps",
        "microphone.sample_rate_hz",
    }
)
"""Metrics that stay as they were set up."""
_TWICE = Policy(sightings=2, window=2, clean=1)
"""A device that is just starting is looked at again."""


class Rehearsed(msgspec.Struct, frozen=True, kw_only=True):
    """What held when the rehearsal's check had passed.

    Attributes:
        meeting: Whose rehearsal it was.
        at: When, UTC.
        figures: By metric and target, of the components that were well.
    """

    meeting: str
    at: datetime
    figures: dict[str, float]


class RehearsedState:
    """Keeps the state of the last rehearsal in the state directory, and tells what has changed since.

    Args:
        judgement: Hears it.
        directory: State directory.
    """

    def __init__(self, judgement: Judgement, directory: Path) -> None:
        self._judgement, self._path = judgement, directory / FILE
        self._told = False

    def take(self, done: CheckDone) -> None:
        """Keep what a rehearsal's check says, component by component: one that has a fault keeps what was good before."""
        if done.phase is not Phase.REHEARSAL or not done.meeting:
            return
        well = {verdict.component for verdict in done.verdicts if verdict.state is State.OK}
        good = (reading for reading in _steady(done.readings) if _component(reading) in well)
        fresh = {_key(reading): reading.value for reading in good if reading.value is not None}
        before = keep.read(self._path, Rehearsed)
        kept = before.figures if before is not None and before.meeting == done.meeting else {}
        keep.write_struct(self._path, Rehearsed(meeting=done.meeting, at=done.ended_at, figures={**kept, **fresh}))

    def look(self, now: datetime, outlook: Outlook) -> None:
        """Compare in precheck; out of it nothing is told."""
        if outlook.phase is not Phase.PRECHECK:
            if self._told:
                self._judgement.watched(Component.AGENT, SOURCE, [], now)
            self._told = False
            return
        rehearsed = keep.read(self._path, Rehearsed)
        found: list[Finding] = []
        if rehearsed is not None and rehearsed.meeting == outlook.meeting_id:
            readings = [reading for component in Component for reading in self._judgement.readings(component)]
            found = changes(rehearsed, readings, outlook.phase)
        self._told = self._told or bool(found)
        self._judgement.watched(Component.AGENT, SOURCE, found, now, policy=_TWICE)


def changes(rehearsed: Rehearsed, readings: Iterable[Reading], phase: Phase) -> list[Finding]:
    """What is measured now and was otherwise. Pure; what is not measured now is nobody's change."""
    found = []
    for reading in _steady(readings):
        before = rehearsed.figures.get(_key(reading))
        if before is None or reading.value is None or reading.value == before:
            continue
        spec = METRICS[reading.metric]
        part = reading.target or _component(reading).value
        details: dict[str, float | str] = {"part": part, "what_vi": spec.vi, "what_en": spec.en}
        for language in ("vi", "en"):
            details[f"before_{language}"] = told(reading.metric, before, reading.unit, language)
            details[f"now_{language}"] = told(reading.metric, reading.value, reading.unit, language)
        target = " · ".join(filter(None, (reading.metric, reading.target)))
        found.append(finding("agent.changed_since_rehearsal", phase, target=target, since=rehearsed.at, details=details))
    return found


def _steady(readings: Iterable[Reading]) -> list[Reading]:
    return [reading for reading in readings if reading.metric in STEADY]


def _component(reading: Reading) -> Component:
    return Component(reading.metric.partition(".")[0])


def _key(reading: Reading) -> str:
    return f"{reading.metric}|{reading.target}"
