"""One meeting told by both ends through the real incident engine and the real store, read back as the form's words."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy.orm import Session

from contract.catalog import FAULTS, FormEffect, finding
from contract.findings import State
from contract.meetings import Phase, Role
from contract.messages import Cleared, Event, Interruption, Onset
from contract.readings import Failure
from control_center.incidents.engine import Engine
from control_center.incidents.model import Incident, SilenceSignal
from control_center.incidents.rules import Duty
from control_center.logbook import collect
from control_center.logbook.draft import draft_row
from control_center.logbook.evidence import SiteEvidence
from control_center.logbook.form import Tick
from control_center.store import incidents, registry
from control_center.store.database import open_store, upgrade
from control_center.store.journal import EventRow


class Center:
    """Stores what comes and hands it to the engine, as the service does."""

    def __init__(self, directory: Path, story: Any) -> None:
        self.story = story
        self.store = open_store(directory)
        upgrade(self.store, directory / "backups", story.at("07:00:00"))
        names = {"tinh": "Văn phòng UBND tỉnh", "hoai-nhon": "UBND thị xã Hoài Nhơn"}
        registry.save_sites(self.store, [registry.Site(id=site, name=name, ssid=0) for site, name in names.items()])
        parts = tuple(registry.MeetingSite(site=site, role=Role.MAIN if site == "tinh" else Role.BRANCH) for site in names)
        record = registry.MeetingRecord(
            id="hop-1", title="Giao ban", organizer="UBND tỉnh", plan=story.plan, sites=parts, registered_at=story.at("07:00:00", day=18)
        )
        registry.save_meeting(self.store, record)
        self.engine = Engine()
        self.engine.duties({site: Duty(meeting="hop-1", phase=Phase.LIVE) for site in names}, story.at("08:00:00"))
        self._seq = 0

    def note(self, changed: list[Incident], at: Any) -> None:
        incidents.save(self.store, changed, at)

    def hear(self, site: str, event: Event, at: Any, *, ahead: timedelta = timedelta()) -> str:
        """An event comes in from a site whose clock is ahead; its instants are already by that clock. Returns its id."""
        self._seq += 1
        row = EventRow(
            site=site,
            boot="b1",
            seq=self._seq,
            type=str(event.__struct_config__.tag),
            meeting="hop-1",
            time=at + ahead,
            clock_offset_ms=ahead / timedelta(milliseconds=1),
            received_at=at,
            data=msgspec.json.encode(event).decode(),
        )
        with Session(self.store) as session, session.begin():
            session.add(row)
        self.note(self.engine.event(site, event, at=at, offset_ms=ahead / timedelta(milliseconds=1)), at)
        return f"{site}:b1:{self._seq}"


@pytest.mark.req("R36", "R39", "R48")
def test_a_meeting_with_a_drop_a_howl_and_an_unchecked_camera_reads_as_it_happened(tmp_path: Path, story: Any) -> None:
    at, center = story.at, Center(tmp_path, story)
    ahead = timedelta(seconds=60)

    def site_clock(clock: str) -> Any:
        return at(clock) + ahead

    # The branch's link is cut at 09:12:03.2; the center sees it from packets, the branch backfills the exact span.
    for kind, clock in (("suspected", "09:12:03.7"), ("confirmed", "09:12:04.4")):
        signal = SilenceSignal(site="hoai-nhon", kind=kind, at=at(clock), silent_since=at("09:12:03.3"))
        center.note(center.engine.silence(signal), at(clock))
    back = SilenceSignal(
        site="hoai-nhon", kind="returned", at=at("09:12:25.6"), silent_since=at("09:12:03.3"), returned_at=at("09:12:25.5")
    )
    center.note(center.engine.silence(back), at("09:12:25.6"))
    gap = Interruption(
        began_at=site_clock("09:12:03.2"),
        ended_at=site_clock("09:12:25.4"),
        duration_s=22.2,
        targets=("mcu", "center"),
        answered=("gateway",),
        confirmed=True,
        meeting="hop-1",
    )
    gap_id = center.hear("hoai-nhon", gap, at("09:12:27"), ahead=ahead)

    # The main site howls for fourteen seconds.
    howl = finding(
        "microphone.howling",
        Phase.LIVE,
        target="1",
        figure=-12.0,
        unit="dBFS",
        frequency_hz=2512.0,
        since=at("09:20:00"),
        details={"growth_db_per_s": 18.0, "growth_limit_db_per_s": 6.0, "notch_db": 6.0},
    )
    center.hear("tinh", Onset(finding=howl, phase=Phase.LIVE, meeting="hop-1"), at("09:20:01"))
    over = Cleared(
        code="microphone.howling", component="microphone", target="1", began_at=at("09:20:00"), ended_at=at("09:20:14"), meeting="hop-1"
    )
    center.hear("tinh", over, at("09:20:14"))

    # Checks after the meeting; the branch's camera is held by the conferencing system.
    center.hear("tinh", story.check().event, at("10:02:00"))
    busy = story.check(story.verdict("camera", state=State.UNKNOWN, why=Failure.BUSY))
    center.hear("hoai-nhon", busy.event, at("10:02:00"))

    form = collect(center.store, "hop-1", at=at("10:16:00"))
    center.store.dispose()
    main, branch = form.main[0], form.branches[0]
    assert main.tick is branch.tick is Tick.WRONG
    assert [line.tick for line in main.lines] == [Tick.NORMAL] * 5
    assert main.description[0].startswith("Hú, rít từ 09:20:00 đến 09:20:14 (14 giây): ")
    assert "2512\u00a0Hz" in main.description[0]
    assert branch.description == ("Mất kết nối đường TSLCD từ 09:12:03 đến 09:12:25 (22 giây).",)
    assert [line.tick for line in branch.lines] == [Tick.NEITHER, *[Tick.NORMAL] * 4]
    assert branch.lines[0].note == "Chưa kiểm tra: thiết bị đang được hệ thống họp sử dụng"
    assert gap_id in branch.basis.evidence
    assert any(one.endswith("link.down") for one in branch.basis.evidence)


@pytest.mark.parametrize("code", sorted(FAULTS))
def test_every_fault_of_the_catalog_makes_a_whole_sentence_with_and_without_its_figures(story: Any, code: str) -> None:
    bare = story.incident(code, "09:00:00", "09:00:30")
    figures = {"figure": 3.0, "limit": 2.0, "unit": "ms", "frequency_hz": 500.0, "target": "cổng 1"}
    full = story.incident(code, "09:00:00", "09:00:30", **figures)
    for incident in (bare, full):
        row = draft_row(story.meeting, SiteEvidence(site="tinh", name="A", incidents=(incident,)))
        told = FAULTS[code].effect in (FormEffect.DAMAGED, FormEffect.TOLD)
        assert bool(row.description) or not told
        for sentence in row.description:
            assert sentence.endswith(".")
            assert not set("[]{}") & set(sentence)
            assert "từ 09:00:00 đến 09:00:30 (30 giây)" in sentence
